// SPDX-License-Identifier: Apache-2.0

package idmap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
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
