// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseSignal(t *testing.T) {
	for _, tt := range []struct {
		text string
		want unix.Signal
		ok   bool
	}{
		{"SIGTERM", unix.SIGTERM, true}, {"kill", unix.SIGKILL, true}, {"9", unix.SIGKILL, true}, {"0", 0, true},
		{"SIGPWR", unix.SIGPWR, true}, {"SIGRTMIN", 34, true}, {"SIGRTMIN+3", 37, true}, {"rtmax-1", 63, true}, {"64", 64, true},
		{"65", 0, false}, {"SIGRTMIN+31", 0, false}, {"SIGRTMIN-1", 0, false}, {"SIGRTMAX+1", 0, false}, {"SIGRTMIN3", 0, false},
		{"SIGRTMIN+", 0, false}, {"SIGRTMIN++3", 0, false}, {"", 0, false}, {"SIGNONE", 0, false}, {"-1", 0, false},
	} {
		got, err := ParseSignal(tt.text)
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%q: %d, %v; want %d", tt.text, got, err, tt.want)
		}
	}
}

func TestBlocks(t *testing.T) {
	const systemd = "Name:\tsystemd\nSigBlk:\t7be3c0fe28014a03\nSigIgn:\t0000000000001000\n"
	for _, tt := range []struct {
		status string
		sig    int
		want   bool
	}{
		{systemd, 37, true}, // SIGRTMIN+3
		{systemd, 13, false},
		{"Name:\tinit\nSigBlk:\t0000000000000000\n", 37, false},
		{"Name:\tinit\n", 37, false},
		{"SigBlk:\tnonsense\n", 37, false},
	} {
		if got := blocks([]byte(tt.status), tt.sig); got != tt.want {
			t.Errorf("%d in %q: %v", tt.sig, tt.status, got)
		}
	}
}

func TestUnescape(t *testing.T) {
	for _, tt := range []struct {
		typed, want string
		leave       bool
	}{
		{"ls\n", "ls\n", false},
		{"\x01q", "", true},
		{"a\x01qb", "a", true},
		{"\x01\x01", "\x01", false},
		{"\x01x", "\x01x", false},
		{"\x01\x01q", "\x01q", false},
	} {
		var escaped, leave bool
		keys := ""
		for i := range len(tt.typed) { // also when it comes byte by byte
			keys += string(unescape([]byte{tt.typed[i]}, &escaped, &leave))
			if leave {
				break
			}
		}
		if keys != tt.want || leave != tt.leave {
			t.Errorf("%q: %q, leave %v", tt.typed, keys, leave)
		}
	}
}

func TestChooseTerminal(t *testing.T) {
	k := &Keeper{TTYs: []int{7, 8}, users: []int{-1, 5}}
	for _, tt := range []struct {
		asked string
		want  int
		why   string
	}{
		{"0", 0, ""}, {"1", 0, ""}, {"2", 0, "in use"}, {"3", 0, "there is no tty 3"}, {"-1", 0, "there is no tty"}, {"x", 0, "there is no tty"},
	} {
		got, why := k.choose(tt.asked)
		if got != tt.want || (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
			t.Errorf("%q: %d, %q", tt.asked, got, why)
		}
	}
	k.users[0] = 6
	if _, why := k.choose("0"); !strings.Contains(why, "all 2 terminals") {
		t.Errorf("none is free, but: %q", why)
	}
}

func TestConsoleLog(t *testing.T) {
	for _, rotate := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "log")
		k := &Keeper{Logfile: path, Size: 10, Rotate: rotate}
		if err := k.openLog(); err != nil {
			t.Fatal(err)
		}
		k.logOut([]byte("12345678"))
		k.logOut([]byte("abcd"))
		unix.Close(k.log)
		got, err := os.ReadFile(path)
		if err != nil || string(got) != "abcd" {
			t.Errorf("rotate %v: log is %q, %v", rotate, got, err)
		}
		old, err := os.ReadFile(path + ".1")
		if rotate != (err == nil) || rotate && string(old) != "12345678" {
			t.Errorf("rotate %v: old log is %q, %v", rotate, old, err)
		}
	}
}

func TestConsoleLogIsNoLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	k := &Keeper{Logfile: filepath.Join(dir, "log")}
	if err := k.openLog(); err == nil {
		t.Error("a link is followed")
	}
}

func TestRandomUUID(t *testing.T) {
	want := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	a, b := randomUUID(), randomUUID()
	if !want.MatchString(a) || a == b {
		t.Errorf("%s, %s", a, b)
	}
}

func TestWithLower(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"lowerdir=,upperdir=/u", `lowerdir=/a\:b,upperdir=/u`},
		{"lowerdir=:/l2,upperdir=/u", `lowerdir=/a\:b:/l2,upperdir=/u`},
		{"upperdir=/u", "upperdir=/u"},
	} {
		if got := withLower(tt.data, "/a:b"); got != tt.want {
			t.Errorf("%s: %s", tt.data, got)
		}
	}
}

func TestDiskTypes(t *testing.T) {
	types, err := diskTypes()
	if err != nil {
		t.Fatal(err)
	}
	for _, fs := range types {
		if fs == "proc" || fs == "nodev" || fs == "tmpfs" {
			t.Errorf("%s does not lie on a device", fs)
		}
	}
	if len(types) == 0 {
		t.Error("none")
	}
}
