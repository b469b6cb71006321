// SPDX-License-Identifier: Apache-2.0

package program

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs; look, then run with -update (-want +got):\n%s", path, d)
	}
}

func syncName(code int) string {
	if code == 10 {
		return "ready"
	}
	return "other"
}

func TestPrint(t *testing.T) {
	opts := PrintOptions{SyncName: syncName}
	for _, p := range []*Program{setupProgram(t), processProgram(t)} {
		var b bytes.Buffer
		if err := p.Print(&b, opts); err != nil {
			t.Fatal(err)
		}
		golden(t, p.Name+".txt", b.Bytes())
		golden(t, p.Name+".json", p.JSON(opts))
	}
}

// What was reached is printed with its times, the rest is not.
func TestPrintTrace(t *testing.T) {
	p := setupProgram(t)
	rec := make([]byte, recorderSize+len(p.Insns)*traceSize)
	for i, v := range []int64{1000000, 1001500, 0, 1002000, 1002001, -int64(unix.EPERM), 0, 0, 0, 1010000, 1020000, 7} {
		binary.LittleEndian.PutUint64(rec[recorderSize+8*i:], uint64(v))
	}
	var b bytes.Buffer
	if err := p.Print(&b, PrintOptions{Trace: rec}); err != nil {
		t.Fatal(err)
	}
	golden(t, "trace.txt", b.Bytes())
	var doc struct {
		Instructions []struct{ Begin, End, Result int64 }
	}
	if err := json.Unmarshal(p.JSON(PrintOptions{Trace: rec}), &doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Instructions[1]; got.Begin != 1002000 || got.End != 1002001 || got.Result != -1 {
		t.Errorf("instruction 1: %+v", got)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestPrintWriteError(t *testing.T) {
	if err := setupProgram(t).Print(full{}, PrintOptions{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestFormat has an instruction for every form of argument.
func TestFormat(t *testing.T) {
	for _, tt := range []struct {
		want  string
		build func(*Builder)
	}{
		{`openat2($3, "a\"b", {flags=O_WRONLY|O_CREAT|O_CLOEXEC, mode=0640, resolve=RESOLVE_NO_MAGICLINKS|RESOLVE_IN_ROOT})`,
			func(b *Builder) { b.Openat2(Reg(3).FD(), `a"b`, unix.O_WRONLY|unix.O_CREAT, 0o640, InRoot) }},
		{`mount_setattr($3, "", AT_EMPTY_PATH|AT_RECURSIVE, {set=MOUNT_ATTR_RDONLY, clr=MOUNT_ATTR__ATIME, propagation=MS_PRIVATE})`,
			func(b *Builder) {
				b.MountSetattr(Reg(3).FD(), true, unix.MOUNT_ATTR_RDONLY, unix.MOUNT_ATTR__ATIME, unix.MS_PRIVATE)
			}},
		{`mount_setattr($3, "", AT_EMPTY_PATH, {})`, func(b *Builder) { b.MountSetattr(Reg(3).FD(), false, 0, 0, 0) }},
		{`mknodat($3, "x", S_IFBLK|0600, 8:1)`, func(b *Builder) { b.Mknodat(Reg(3).FD(), "x", unix.S_IFBLK|0o600, unix.Mkdev(8, 1)) }},
		{`clone(CLONE_PARENT|SIGCHLD, NULL, NULL, NULL, NULL)`, func(b *Builder) { b.Fork() }},
		{`setns(7, CLONE_NEWNS|CLONE_NEWPID)`, func(b *Builder) { b.Setns(Number(7), unix.CLONE_NEWNS|unix.CLONE_NEWPID) }},
		{`close($sync)`, func(b *Builder) { b.Close(SyncSlot) }},
		{`capset(v3, {effective=none, permitted=all, inheritable=all except CAP_CHOWN|CAP_CHECKPOINT_RESTORE})`, func(b *Builder) {
			const all = 1<<(unix.CAP_LAST_CAP+1) - 1
			b.Capset(0, all, all&^(1<<unix.CAP_CHOWN)&^(1<<unix.CAP_CHECKPOINT_RESTORE))
		}},
		{`capset(v3, {effective=CAP_BPF, permitted=CAP_63, inheritable=none})`, func(b *Builder) { b.Capset(1<<unix.CAP_BPF, 1<<63, 0) }},
		{`setgroups(2, [10, 20])`, func(b *Builder) { b.Call(unix.SYS_SETGROUPS, I(2), b.Words(10|20<<32).V()) }},
		{`setgroups(0, NULL)`, func(b *Builder) { b.Call(unix.SYS_SETGROUPS, I(0), Null) }},
		{`setresuid(-1, 0, 1000)`, func(b *Builder) { b.Call(unix.SYS_SETRESUID, I(-1), I(0), I(1000)) }},
		{`seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG|0x80, {len=2})`, func(b *Builder) { b.Seccomp(make([]byte, 16), 0x82) }},
		{`execve("/x", ["a", "b"], [])`, func(b *Builder) { b.Execve("/x", b.Strings([]string{"a", "b"}), b.Strings(nil)) }},
		{`execve("/x", ["1", "2", "3", "4", "5", "6", "7", "8", ...], [])`, func(b *Builder) {
			b.Execve("/x", b.Strings(strings.Split("1 2 3 4 5 6 7 8 9 10", " ")), b.Strings(nil))
		}},
		{`write($2, "` + strings.Repeat("y", shortText) + `"...)`, nil},
		{`ioctl($2, SIOCSIFFLAGS, "lo")`, func(b *Builder) {
			b.Call(unix.SYS_IOCTL, Reg(2).V(), I(unix.SIOCSIFFLAGS), b.Bytes(append([]byte("lo"), make([]byte, 38)...)).V())
		}},
		{`ioctl($2, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC)`, func(b *Builder) {
			b.Call(unix.SYS_IOCTL, Reg(2).V(), I(unix.TIOCGPTPEER), I(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC))
		}},
		{`ioctl(0, TIOCSCTTY, 0)`, func(b *Builder) { b.Call(unix.SYS_IOCTL, I(0), I(unix.TIOCSCTTY), I(0)) }},
		{`socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)`, func(b *Builder) {
			b.Call(unix.SYS_SOCKET, I(unix.AF_INET), I(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), I(0))
		}},
		{`accept4(5, NULL, NULL, SOCK_CLOEXEC)`, func(b *Builder) { b.Call(unix.SYS_ACCEPT4, I(5), Null, Null, I(unix.SOCK_CLOEXEC)) }},
		{`keyctl(KEYCTL_JOIN_SESSION_KEYRING, "box")`, func(b *Builder) {
			b.Call(unix.SYS_KEYCTL, I(unix.KEYCTL_JOIN_SESSION_KEYRING), b.Str("box").V())
		}},
		{`prctl(PR_SET_NAME, "n")`, func(b *Builder) { b.SetName("n") }},
		{`prctl(PR_SET_DUMPABLE, 0)`, func(b *Builder) { b.Prctl(unix.PR_SET_DUMPABLE, I(0)) }},
		{`prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL)`, func(b *Builder) {
			b.Prctl(unix.PR_CAP_AMBIENT, I(unix.PR_CAP_AMBIENT_RAISE), I(unix.CAP_KILL), I(0), I(0))
		}},
		{`sched_setaffinity(0, 8, {0-2,5,63})`, func(b *Builder) {
			b.Call(unix.SYS_SCHED_SETAFFINITY, I(0), I(8), b.Words(0b100111|1<<63).V())
		}},
		{`set_mempolicy(MPOL_BIND|MPOL_F_STATIC_NODES, {1}, 65)`, func(b *Builder) {
			b.Call(unix.SYS_SET_MEMPOLICY, I(2|1<<15), b.Words(2).V(), I(65))
		}},
		{`prlimit64(0, RLIMIT_NOFILE, {soft=3, hard=unlimited}, NULL)`, func(b *Builder) {
			b.Call(unix.SYS_PRLIMIT64, I(0), I(unix.RLIMIT_NOFILE), b.Words(3, 1<<64-1).V(), Null)
		}},
		{`personality(PER_LINUX32)`, func(b *Builder) { b.Call(unix.SYS_PERSONALITY, I(8)) }},
		{`unlinkat($2, "x", AT_REMOVEDIR)`, func(b *Builder) { b.Call(unix.SYS_UNLINKAT, Reg(2).V(), b.Str("x").V(), I(unix.AT_REMOVEDIR)) }},
		{`mount("a", "b", NULL, 0x1000, NULL)`, func(b *Builder) { b.Call(unix.SYS_MOUNT, b.Str("a").V(), b.Str("b").V(), Null, I(0x1000), Null) }},
		{`syscall_479(1, $2)`, func(b *Builder) { b.Call(479, I(1), Reg(2).V()) }},
		{`syscall_65535(1)`, func(b *Builder) { b.Call(0xffff, I(1)) }},
		{`load int @0x10`, func(b *Builder) { b.Load(16, 4) }},
		{`store long @0x10 = $4`, func(b *Builder) { b.Store(16, Reg(4).V(), 8) }},
		{`check @0x10 & 0xff == 2 else EINVAL`, func(b *Builder) { b.Check(16, 0xff, 2, unix.EINVAL) }},
		{`check never else ENOENT`, func(b *Builder) { b.Check(16, 0, 1, unix.ENOENT) }},
		{`jump 1`, func(b *Builder) { l := b.NewLabel(); b.Jump(l); b.Bind(l) }},
		{`jump 1 if $3`, func(b *Builder) { l := b.NewLabel(); b.JumpIf(3, l); b.Bind(l) }},
		{`sync 4 value=-2 fd=$3`, func(b *Builder) { b.Sync(4, I(-2), Reg(3).FD()) }},
		{`tell 1 value=$3`, func(b *Builder) { b.Tell(1, Reg(3).V()) }},
	} {
		b := NewBuilder("format", 0, 5)
		if tt.build == nil {
			b.Write(Reg(2).FD(), strings.Repeat("y", shortText+1))
			tt.want = strings.Replace(tt.want, "...)", `..., 201)`, 1)
		} else {
			tt.build(b)
		}
		b.Exit(0)
		if got := finish(t, b).Format(0); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestFormatOutside(t *testing.T) {
	p := setupProgram(t)
	for _, i := range []int{-1, len(p.Insns), 1 << 40} {
		if got := p.Format(i); !strings.Contains(got, "not in the program") {
			t.Errorf("%d: %s", i, got)
		}
	}
}

// Every call of the table has a name and is found by it; no two share one.
func TestSignatures(t *testing.T) {
	names := map[string]bool{}
	for nr := range signatures {
		s := &signatures[nr]
		if s.name == "" {
			continue
		}
		if names[s.name] {
			t.Errorf("%s: twice in the table", s.name)
		}
		names[s.name] = true
		if got := SyscallName(uint16(nr)); got != s.name {
			t.Errorf("%d: %s, want %s", nr, got, s.name)
		}
		for a := 1; a < MaxArgs; a++ {
			if s.args[a] != argNone && s.args[a-1] == argNone {
				t.Errorf("%s: a gap in the arguments", s.name)
			}
		}
	}
}

func FuzzPrint(f *testing.F) {
	addRandomSeeds(f)
	f.Fuzz(func(t *testing.T, insns, blob []byte, base int64, pointers uint8) {
		p := randomProgram(insns, blob, base, pointers)
		p.Causes = []Cause{{Pointer: "/\"\x80", Index: 3}}
		var b bytes.Buffer
		opts := PrintOptions{SyncName: syncName, Trace: blob}
		if err := p.Print(&b, opts); err != nil {
			t.Fatal(err)
		}
		if err := p.Print(&b, PrintOptions{}); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(b.Bytes(), []byte("\n")); n < len(p.Insns) {
			t.Errorf("%d lines for %d instructions", n, len(p.Insns))
		}
		var doc struct{ Instructions []json.RawMessage }
		if err := json.Unmarshal(p.JSON(opts), &doc); err != nil || len(doc.Instructions) != len(p.Insns) {
			t.Errorf("JSON with %d of %d instructions: %v", len(doc.Instructions), len(p.Insns), err)
		}
	})
}
