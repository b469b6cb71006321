// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInnerPath(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", "/id"},
		{"/a/b", "/a/b"},
		{"a/b", "/a/b"},
		{"//a//b/", "/a/b"},
		{"/a/./b", "/a/b"},
		{"/a/..b", "/a/..b"},
		{"system.slice:x:y", "/system.slice:x:y"},
		{"/", ""},
		{".", ""},
		{"..", ""},
		{"/../../x", ""},
		{"/a/..", ""},
		{"/a\nb", ""},
		{"/a\x00b", ""},
		{"/" + strings.Repeat("a", 256), ""},
		{strings.Repeat("/a", 3000), ""},
	} {
		got, err := innerPath(Config{ID: "id", Path: tc.in})
		if (err != nil) != (tc.want == "") || got != tc.want {
			t.Errorf("%.40q: %q, %v; want %q", tc.in, got, err, tc.want)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "/linux/cgroupsPath: ") {
			t.Errorf("%.40q: error without pointer: %v", tc.in, err)
		}
	}
}

func TestParseMountinfo(t *testing.T) {
	data := `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /cg/cpu\040set rw,relatime shared:5 - cgroup cgroup rw,cpuset
33 31 0:30 / /cg/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
34 31 0:30 / /other rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:31 / /cg/systemd rw - cgroup cgroup rw,xattr,name=systemd
36 31 0:32 / /cg/unified rw - cgroup2 cgroup2 rw
garbage
37 31 0:33 / /x - ext4
`
	want := []hierarchy{
		{"cpuset", "/cg/cpu set", false}, {"cpu", "/cg/cpu", false}, {"cpuacct", "/cg/cpu", true}, {"name=systemd", "/cg/systemd", false},
	}
	if d := cmp.Diff(want, parseMountinfo(data), cmp.AllowUnexported(hierarchy{})); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestParseProcCgroup(t *testing.T) {
	got, err := parseProcCgroup("12:cpu,cpuacct:/a:b\n1:name=systemd:/x (deleted)\n0::/y\n")
	want := map[string]string{"cpu": "/a:b", "cpuacct": "/a:b", "name=systemd": "/x", "": "/y"}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	for _, bad := range []string{"x\n", "1:cpu\n", "1:cpu:relative\n"} {
		if _, err := parseProcCgroup(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestUnitNames(t *testing.T) {
	for in, want := range map[string]string{
		"-.slice": "/", "a.slice": "/a.slice", "a-b.slice": "/a.slice/a-b.slice",
		"a-b-c.slice": "/a.slice/a-b.slice/a-b-c.slice",
		".slice":      "", "a": "", "-a.slice": "", "a-.slice": "", "a--b.slice": "", "a/b.slice": "", "": "",
	} {
		if got, err := expandSlice(in); got != want || (err != nil) != (want == "") {
			t.Errorf("expandSlice(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
}

func FuzzPaths(f *testing.F) {
	for _, s := range []string{"/a/b", "..", "a:b:c", "/", "\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := innerPath(Config{ID: "id", Path: s})
		if err == nil {
			if err := checkBelow(mountRoot, mountRoot+p); err != nil {
				t.Errorf("%q gives %q: %v", s, p, err)
			}
		}
		_, _ = parseProcCgroup(s)
		_ = parseMountinfo(s)
		_, _ = expandSlice(s)
		if b, err := listToBits(s); err == nil && len(b) > 1<<13 {
			t.Errorf("%q gives %d bytes", s, len(b))
		}
	})
}
