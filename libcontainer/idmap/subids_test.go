// SPDX-License-Identifier: Apache-2.0

package idmap

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestSubordinateRanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "subuid")
	text := "# comment\nalice:100000:65536\nbob:1:2\n1000:300000:10\nalice:x:1\nalice:5\nalice:7:0\nalice:4294967296:1\n1000:400000:1"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		uid  int
		want []Range
	}{
		{"alice", 1000, []Range{{100000, 65536}, {300000, 10}, {400000, 1}}},
		{"", 1000, []Range{{300000, 10}, {400000, 1}}},
		{"bob", 1001, []Range{{1, 2}}},
		{"carol", 1002, nil},
	} {
		got, err := SubordinateRanges(file, test.name, test.uid)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%s: %s", test.name, d)
		}
	}
	if got, err := SubordinateRanges(file+"-none", "alice", 1000); got != nil || err != nil {
		t.Errorf("no file: %v, %v", got, err)
	}
}

func FuzzRanges(f *testing.F) {
	f.Add("alice:100000:65536\n", "alice", 1000)
	f.Add("::\n:1:\n", "", 0)
	f.Fuzz(func(t *testing.T, data, name string, uid int) {
		for _, r := range parseRanges(data, name, uid) {
			if r.Size == 0 {
				t.Error("an empty range")
			}
		}
	})
}

func TestLacking(t *testing.T) {
	sub := []Range{{100000, 65536}, {165536, 10}}
	for _, c := range []struct {
		maps   []specs.LinuxIDMapping
		ranges []Range
		want   string
	}{
		{ids(0, 1000, 1), nil, ""},
		{ids(0, 1000, 1, 1, 100000, 65536), sub, ""},
		{ids(0, 1000, 2), sub, "ann has 100000-165535, 165536-165545 in /etc/subuid: map what is there, or let the administrator give more: usermod --add-subuids 1000-1001 ann"},
		{ids(0, 99999, 2), sub[:1], "ann has 100000-165535 in /etc/subuid: map what is there, or let the administrator give more: usermod --add-subuids 99999-100000 ann"},
		{ids(0, 165535, 2), sub, "ann has 100000-165535, 165536-165545 in"},
		{ids(0, 1000, 1, 1, 100000, 65536), nil, "ann has no range in /etc/subuid: map what is there, or let the administrator give more: usermod --add-subuids 100000-165535 ann"},
	} {
		got := lackingOf(c.maps, c.ranges, "/etc/subuid", "ann", 1000)
		if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%v of %v: %q, not %q", c.maps, c.ranges, got, c.want)
		}
	}
	if got := lackingOf(ids(0, 5, 1), nil, "/etc/subgid", "ann", 1000); !strings.HasSuffix(got, "usermod --add-subgids 5-5 ann") {
		t.Error(got)
	}
}

func TestHelperPrivilege(t *testing.T) {
	path := t.TempDir() + "/helper"
	if err := os.WriteFile(path, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := HelperPrivilege(path); got != "" {
		t.Errorf("an ordinary program: %q", got)
	}
	if got := helperAdvice(path, ids(0, 1000, 1)); !strings.Contains(got, "chmod u+s "+path) {
		t.Errorf("advice: %q", got)
	}
	needRoot(t)
	if err := os.Chmod(path, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	if got := HelperPrivilege(path); got != "set-user-id root" {
		t.Errorf("set-user-ID: %q", got)
	}
}
