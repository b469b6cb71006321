// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLex: whatever the bytes, every line ends as a directive with a key that
// begins with lxc., as an ignored line, or as one error with a position.
func FuzzLex(f *testing.F) {
	for _, s := range []string{"", "lxc.uts.name = a\n", "# c\n\tlxc.a=''\r\nx: y", "lxc.x", "lxc.hook.start = sh -c \"$A\"", "lxc.a = {X}@Y@%(z)s", "a = b"} {
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, data string, legacy bool) {
		v := modernDefault()
		if legacy {
			v = Version{1, 0, 0}
		}
		lines, err := lex("f", []byte(data), v)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Line < 1 || e.Line > strings.Count(data, "\n")+1 {
				t.Fatalf("error without a line of the file: %v", err)
			}
			return
		}
		last := 0
		for _, l := range lines {
			if l.Line <= last {
				t.Fatalf("line %d after %d", l.Line, last)
			}
			last = l.Line
			if !l.ignored && !strings.HasPrefix(l.Key, "lxc.") || l.ignored && l.Key != "" {
				t.Fatalf("key %q, ignored %v", l.Key, l.ignored)
			}
			if strings.ContainsAny(l.Key+l.Value, "\n\x00") || strings.Trim(l.Key, " \t") != l.Key {
				t.Fatalf("untrimmed %q = %q", l.Key, l.Value)
			}
		}
	})
}

// FuzzFstab: a line that is accepted has a target and a type, and LXC's own
// options never reach the kernel.
func FuzzFstab(f *testing.F) {
	for _, s := range []string{"a b c", "/a\\040 b none bind,optional,create=dir 0 0", "x y tmpfs size=1,idmap=container,relative", "# x", "a b c rootcontext=1,,defaults"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseFstabLine(s)
		if err != nil || l == nil {
			return
		}
		if l.Target == "" {
			t.Fatalf("%q: %+v", s, l)
		}
		for _, o := range append(append([]string{}, l.Flags...), l.Data...) {
			if o == "" || o == "optional" || o == "relative" || o == "defaults" || strings.HasPrefix(o, "create=") || strings.HasPrefix(o, "idmap=") {
				t.Fatalf("%q: option %q is left", s, o)
			}
		}
		for _, flag := range l.Flags {
			if mountFlag(flag) != flag {
				t.Fatalf("%q: %q is no flag", s, flag)
			}
		}
	})
}

// FuzzIDMap: an accepted map fits in 32 bits and prints back to itself.
func FuzzIDMap(f *testing.F) {
	for _, s := range []string{"u 0 100000 65536", "g 1000 1000 1", "U 0 0 1", "u 0 0 0", "u 4294967295 1 1", "b 0 1 2", "u 0 1 2 # x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		group, m, err := parseIDMap(s, modernDefault())
		if err != nil {
			if !strings.Contains(err.Error(), ": ") {
				t.Fatalf("%q: no cause in %v", s, err)
			}
			return
		}
		kind := "u"
		if group {
			kind = "g"
		}
		fields := strings.Fields(s)
		if len(fields) != 4 || fields[0] != kind || m.Size == 0 ||
			uint64(m.HostID)+uint64(m.Size) > 1<<32 || uint64(m.ContainerID)+uint64(m.Size) > 1<<32 {
			t.Fatalf("%q: %v %+v", s, group, m)
		}
	})
}

// FuzzDeviceRule: an accepted rule is all, a path, or a type with access.
func FuzzDeviceRule(f *testing.F) {
	for _, s := range []string{"a", "c 1:3 rwm", "b *:* m", "/dev/kvm rw # x", "a *:* rmw", "c 1:3 rr", "c 1 r", "c -1:0 r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseDeviceRule(s)
		if err != nil {
			return
		}
		switch {
		case r.All:
			if strings.TrimSpace(s) != "a" {
				t.Fatalf("%q is all", s)
			}
		case r.Path != "":
			if r.Path[0] != '/' || !validAccess(r.Access) {
				t.Fatalf("%q: %+v", s, r)
			}
		default:
			if !strings.Contains("abc", r.Type) || len(r.Type) != 1 || !validAccess(r.Access) ||
				r.Major != nil && *r.Major < 0 || r.Minor != nil && *r.Minor < 0 {
				t.Fatalf("%q: %+v", s, r)
			}
		}
	})
}

// FuzzImport: no configuration panics, and each ends either as a spec with every
// line decided or as an error of the known type.
func FuzzImport(f *testing.F) {
	f.Add("lxc.uts.name = a\nlxc.net.0.type = veth\n", "")
	f.Add("lxc.utsname = a\nlxc.network.type = veth\nlxc.cgroup.memory.limit_in_bytes = 1G", "1.0")
	f.Add("lxc.include = /usr/share/lxc/config/common.conf\nlxc.rootfs.path = overlay:a:b\nlxc.mount.auto = proc sys cgroup:rw:force", "4.0")
	f.Add("lxc.idmap = u 0 1 2\nlxc.mount.entry = a b none bind,idmap=container\nlxc.time.offset.boot = 9223372036854775807h", "6")
	cases, err := filepath.Glob("testdata/golden/*/config")
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		data, err := os.ReadFile(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data), "")
	}
	f.Fuzz(func(t *testing.T, config, version string) {
		h := configHost(config)
		h.files["/f"] = config
		r, err := importText(t, h, version)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			if strings.Contains(err.Error(), "bug of kist") {
				t.Fatal(err)
			}
			return
		}
		data, err := r.ConfigJSON()
		if err != nil || !json.Valid(data) {
			t.Fatalf("config.json: %v", err)
		}
		for _, e := range r.Report {
			if e.Class == "" || e.Class == Refused {
				t.Fatalf("%s %s: class %q", e.Position(), e.Key, e.Class)
			}
		}
	})
}
