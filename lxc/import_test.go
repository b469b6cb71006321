// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLocate: the first argument is a file, a container's directory or a name.
func TestLocate(t *testing.T) {
	h := &fakeHost{files: map[string]string{
		"/etc/lxc/lxc.conf":        "lxc.bdev.lvm.vg = x\nlxc.lxcpath = /srv/lxc/\n",
		"/var/lib/lxc/web/config":  "lxc.uts.name = var\n",
		"/srv/lxc/db/config":       "lxc.uts.name = srv\n",
		"/other/db/config":         "lxc.uts.name = other\n",
		"/tmp/sample.conf":         "lxc.uts.name = sample\n",
		"/tmp/it's/config":         "lxc.uts.name = bad\n",
		"/home/u/etc/lxc/lxc.conf": "lxcpath = /other\n",
	}}
	for _, c := range []struct {
		o                     Options
		config, name, lxcPath string
	}{
		{Options{Config: "/var/lib/lxc/web"}, "/var/lib/lxc/web/config", "web", "/var/lib/lxc"},
		{Options{Config: "/var/lib/lxc/web/config"}, "/var/lib/lxc/web/config", "web", "/var/lib/lxc"},
		{Options{Config: "db"}, "/srv/lxc/db/config", "db", "/srv/lxc"},
		{Options{Config: "db", LXCPath: "/other"}, "/other/db/config", "db", "/other"},
		{Options{Config: "db", SystemConfig: "/home/u/etc/lxc/lxc.conf"}, "/other/db/config", "db", "/other"},
		{Options{Config: "/tmp/sample.conf"}, "/tmp/sample.conf", "sample", "/srv/lxc"},
		{Options{Config: "/tmp/sample.conf", Name: "n"}, "/tmp/sample.conf", "n", "/srv/lxc"},
	} {
		c.o.Host = h
		im, err := newImporter(c.o)
		if err != nil {
			t.Errorf("%+v: %v", c.o, err)
			continue
		}
		if im.config != c.config || im.name != c.name || im.lxcPath != c.lxcPath {
			t.Errorf("%s: %s, %s, %s", c.o.Config, im.config, im.name, im.lxcPath)
		}
	}
	for config, want := range map[string]string{
		"":               "no configuration named",
		"nobody":         "not defined",
		"/no/such":       "no such file",
		"/tmp/it's":      "not usable as a name",
		"/etc/lxc":       "no such file", // a directory without a config
		"/tmp/it's/none": "no such file",
	} {
		if _, err := Import(Options{Config: config, Host: h}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", config, err, want)
		}
	}
}

func TestDetect(t *testing.T) {
	for config, want := range map[string]string{
		"lxc.utsname = a":                                  "2.0.11",
		"lxc.uts.name = a":                                 "6.0.6",
		"lxc.utsname = a\nlxc.pty.max = 1":                 "2.1.1",
		"lxc.arch = amd64":                                 "6.0.6",
		"lxc.network.hwaddress = 00:16:3e:00:00:01":        "2.0.11",
		"lxc.rootfs.nonsense = a\nlxc.uts.name = b":        "6.0.6",
		"lxc.kmsg = 0\nlxc.include = /modern":              "2.1.1",
		"lxc.kmsg = 0\nlxc.include = /x/lxc/config/a.conf": "2.0.11",
		"# lxc.utsname = a":                                "6.0.6",
	} {
		h := configHost(config)
		h.files["/modern"] = "lxc.uts.name = x"
		h.files["/x/lxc/config/a.conf"] = "lxc.uts.name = x"
		im, err := newImporter(Options{Config: "/var/lib/lxc/c1", Host: h})
		if err != nil {
			t.Fatal(err)
		}
		if im.version.String() != want {
			t.Errorf("%q is read as %s because %s, want %s", config, im.version, im.detected, want)
		}
	}
	for s, want := range map[string]string{"2": "2", "4.0": "4.0", "1.0.8": "1.0.8"} {
		if v, err := ParseVersion(s); err != nil || v.String() != want {
			t.Errorf("%s: %s, %v", s, v, err)
		}
	}
	for _, s := range []string{"", "0.5", "8", "2.x", "1.2.3.4", "-1"} {
		if v, err := ParseVersion(s); err == nil {
			t.Errorf("%q is %s", s, v)
		}
	}
}

// TestInstalledFiles: what LXC installs is taken from the importer's own memory
// where the host's file is absent or of another generation, and only then.
func TestInstalledFiles(t *testing.T) {
	const path = "/usr/share/lxc/config/common.conf"
	for _, c := range []struct {
		version, host string
		class         Class
		tty           string
	}{
		{"2.0", "", Approximated, "4"},
		{"2.0", "lxc.tty.max = 9\nlxc.uts.name = x\n", Approximated, "4"},
		{"2.0", "lxc.tty = 9\n", Exact, "9"},
		{"6.0", "lxc.tty.max = 9\n", Exact, "9"},
		{"6.0", "lxc.tty = 9\n", Approximated, "4"},
	} {
		h := configHost("lxc.include = " + path + "\n")
		if c.host != "" {
			h.files[path] = c.host
		}
		r, err := importText(t, h, c.version)
		if err != nil {
			t.Errorf("%s with %q: %v", c.version, c.host, err)
			continue
		}
		if r.Report[0].Class != c.class || r.Spec.Annotations[AnnotationTTYMax] != c.tty {
			t.Errorf("%s with %q: %s, %s ttys", c.version, c.host, r.Report[0].Class, r.Spec.Annotations[AnnotationTTYMax])
		}
	}
	// Every file in every series must be readable by that series itself.
	for _, v := range []string{"1.0", "1.1", "2.0.8", "2.0.9", "2.0.11", "2.1", "3.0.0", "4.0.2", "4.0.12", "6.0", "7.0"} {
		version, err := ParseVersion(v)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, base := range []string{"common", "userns", "nesting", "oci.common", "alpine.common", "archlinux.common", "centos.common",
			"debian.common", "fedora.common", "gentoo.common", "gentoo.moresecure", "openwrt.common", "opensuse.common", "oracle.common",
			"plamo.common", "sabayon.common", "slackware.common", "sparclinux.common", "ubuntu.common", "ubuntu-cloud.common",
			"voidlinux.common", "ubuntu.lucid", "ubuntu-cloud.lucid", "ubuntu.userns", "ubuntu-cloud.userns", "debian.userns", "voidlinux.userns"} {
			if shipped(base+".conf", "/usr/share/lxc/config", version) == "" {
				continue
			}
			n++
			if _, err := importText(t, configHost("lxc.include = /usr/share/lxc/config/"+base+".conf\n"), v); err != nil {
				t.Errorf("%s of %s: %v", base, v, err)
			}
		}
		if n < 9 {
			t.Errorf("%s: only %d files", v, n)
		}
	}
}

func TestSet(t *testing.T) {
	h := configHost("lxc.utsname = a\nlxc.console = /dev/tty9\n")
	r, err := importText(t, h, "", "lxc.utsname=b,c", "lxc.console.path = none")
	if err != nil {
		t.Fatal(err)
	}
	if r.Spec.Hostname != "b,c" || r.Spec.Process.Terminal {
		t.Errorf("hostname %s, terminal %v", r.Spec.Hostname, r.Spec.Process.Terminal)
	}
	if e := r.Report[0]; e.Class != Exact || !strings.Contains(e.Effect, "<--set>:1") {
		t.Errorf("the replaced line says %s", e.Effect)
	}
	for _, bad := range []string{"lxc.utsname", "x=y", "=", "lxc.nothing=1"} {
		if _, err := importText(t, h, "", bad); err == nil || !strings.Contains(err.Error(), "<--set>:1") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestMissingCapabilities: what the host lacks, the container cannot have.
func TestMissingCapabilities(t *testing.T) {
	h := configHost("lxc.cap.keep = chown kill sys_time\n")
	h.files["/proc/self/status"] = "Name:\tx\nCapBnd:\t0000000000000021\nCapAmb:\t0\n"
	r, err := importText(t, h, "6")
	if err != nil {
		t.Fatal(err)
	}
	if got := at(t, r, "/process/capabilities/bounding"); got != `["CAP_CHOWN","CAP_KILL"]` {
		t.Error(got)
	}
	if !slices.ContainsFunc(r.Report, func(e *Entry) bool { return e.Key == "lxc.cap" && strings.Contains(e.Effect, "sys_time") }) {
		t.Error("the missing one is not reported")
	}
}

func TestStrict(t *testing.T) {
	r := mustImport(t, "lxc.uts.name = a\nlxc.tty.max = 1\nlxc.rootfs.path = /x\n", "6")
	if err := Strict(r.Report); err != nil {
		t.Errorf("exact and extension lines: %v", err)
	}
	r = mustImport(t, "lxc.uts.name = a\nlxc.start.auto = 1\nlxc.start.delay = 1\n", "6")
	if err := Strict(r.Report); err == nil || !strings.Contains(err.Error(), "config:2: lxc.start.auto: host-side") || !strings.Contains(err.Error(), "2 are not") {
		t.Errorf("host-side lines: %v", err)
	}
}

func TestPrint(t *testing.T) {
	report := []*Entry{
		{File: "/c", Line: 3, Key: "lxc.arch", Value: "x", Class: Exact, Effect: "done"},
		{Key: "lxc.net", Class: HostSide, Effect: "evil\x1b[2Jname\u202e"},
	}
	var b bytes.Buffer
	if err := PrintTable(&b, report, false); err != nil {
		t.Fatal(err)
	}
	want := "LINE       KEY       CLASS         WHAT BECAME OF IT\n" +
		"/c:3       lxc.arch  exact         done\n" +
		"(default)  lxc.net   host-side     evil?[2Jname?\n"
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
	b.Reset()
	if err := PrintTable(&b, report, true); err != nil || !strings.Contains(b.String(), "\x1b[32mexact         \x1b[0mdone") {
		t.Errorf("%v %q", err, b.String())
	}
	b.Reset()
	if err := PrintJSON(&b, &Result{Name: "n", Config: "/c", Version: Version{6, 0, 6}, Report: report}, &Error{File: "/c", Line: 3, Msg: "m"}); err != nil {
		t.Fatal(err)
	}
	var d Document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	if d.Format != 1 || d.Imported || d.Error != "/c:3: m" || d.Version != "6.0.6" || len(d.Entries) != 2 || *d.Entries[0] != *report[0] {
		t.Errorf("%+v", d)
	}
}

func TestWrite(t *testing.T) {
	r := mustImport(t, "lxc.net.0.type = veth\n", "6")
	dir := filepath.Join(t.TempDir(), "a", "bundle")
	for range 2 { // the second time over the first
		if err := r.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"config.json": 0o600, "lxc-net.json": 0o600, "rootfs": os.ModeDir | 0o755} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil || st.Mode() != mode {
			t.Errorf("%s: %v %v", name, st, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("left over: %v %v", entries, err)
	}
	foreign := t.TempDir()
	file := filepath.Join(foreign, "config.json")
	if err := os.WriteFile(file, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Write(foreign); err == nil || !strings.Contains(err.Error(), "not the work of") {
		t.Errorf("a foreign bundle: %v", err)
	}
	if data, _ := os.ReadFile(file); string(data) != "{}" {
		t.Error("a foreign bundle was overwritten")
	}
}

// TestOSHost checks the real machine's answers.
func TestOSHost(t *testing.T) {
	var h OSHost
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.conf"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := h.ReadFile(filepath.Join(dir, "a.conf")); err != nil || string(data) != "x" {
		t.Errorf("%q %v", data, err)
	}
	if _, err := h.ReadFile(dir); err == nil {
		t.Error("a directory was read as a file")
	}
	if err := os.Truncate(filepath.Join(dir, "a.conf"), maxFileSize+1); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ReadFile(filepath.Join(dir, "a.conf")); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
	if names, err := h.ReadDir(dir); err != nil || len(names) != 1 || names[0] != "a.conf" {
		t.Errorf("%v %v", names, err)
	}
	for path, want := range map[string]FileInfo{dir: {Kind: KindDirectory}, filepath.Join(dir, "a.conf"): {Kind: KindRegular},
		"/dev/null": {Kind: KindChar, Major: 1, Minor: 3}, "/dev/zero": {Kind: KindChar, Major: 1, Minor: 5}} {
		if got, err := h.Stat(path); err != nil || got != want {
			t.Errorf("%s: %+v %v", path, got, err)
		}
	}
	if _, err := h.Stat(filepath.Join(dir, "none")); !os.IsNotExist(err) {
		t.Errorf("an absent file: %v", err)
	}
}
