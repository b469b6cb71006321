// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// corpus finds the real configurations that are kept outside the repository.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("KIST_LXC_CORPUS")
	if dir == "" {
		dir = "../../shared/lxc-corpus"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no folder of real configurations at %s (set KIST_LXC_CORPUS)", dir)
	}
	return dir
}

// corpusRefusals says which of the real files are refused, and at which line; all
// others import. LXC refuses the same ones, except for templates: it takes a
// marker for a name, or skips its line.
func corpusRefusals() map[string]string {
	const marker, pve = "template marker", "Proxmox"
	return map[string]string{
		"07": "4 " + marker, "09": "5 " + marker, "20": "1 " + marker, "22": "12 " + marker,
		"30": "1 " + pve, "32": "3 " + pve, "34": "1 " + pve, "36": "1 " + pve, "38": "1 " + pve, "42": "1 " + pve, "c7": "1 " + pve,
		"70": "1 " + marker, "72": "1 " + marker, "78": "2 " + marker, "87": "1 " + marker, "89": "5 " + marker,
		"81": "2 longer than", "93": "8 no LXC knows", "95": "1 " + marker, "97": "4 " + marker, "99": "2 " + marker,
		"a6": "39 unknown word", "c1": "29 " + marker, "c5": "3 " + marker, "c9": "1 " + marker, "d6": "1 unknown namespace",
		"e1": "1 " + marker, "e3": "3 " + marker, "e5": "5 no LXC knows", "e7": "2 " + marker, "e9": "12 " + marker,
		"m1": "82 " + marker, "m3": "54 " + marker, "m5": "74 " + marker, "m7": "2 " + marker, "m9": "2 " + marker,
	}
}

func TestCorpus(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.conf*"))
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files in %s: %v", len(files), dir, err)
	}
	refusals := corpusRefusals()
	for _, file := range files {
		id := filepath.Base(file)[:2]
		if strings.HasSuffix(file, ".fstab.tmpl") || id == "l6" || id == "l8" {
			continue // an fstab and two seccomp policies
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			// A machine without LXC, with the files the configurations name.
			h := &fakeHost{env: map[string]string{"TERM": "xterm"}, files: map[string]string{
				"/var/lib/lxc/c1/config":             string(data),
				"/etc/lxc/default.conf":              "lxc.network.type = empty\n",
				"/etc/lxc/fstab.empty":               "",
				"/lxc/template/client/fstab":         "",
				"/var/lib/lxc/common.conf":           "lxc.network.type = veth\nlxc.network.flags = up\n",
				"/var/lib/lxc/j-dev-lutrainit/fstab": "",
			}}
			res, err := Import(Options{Config: "/var/lib/lxc/c1", Host: h, Random: sameDigits{}})
			want, refused := refusals[id]
			if !refused {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				for _, e := range res.Report {
					if e.Class == "" || e.Effect == "" {
						t.Errorf("%s %s: nothing became of it", e.Position(), e.Key)
					}
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("imported, want it refused at line %s (%v)", want, err)
			}
			if got := strconv.Itoa(e.Line); !strings.HasPrefix(want, got+" ") || !strings.Contains(e.Msg, want[len(got)+1:]) {
				t.Errorf("refused with %v, want line %s", err, want)
			}
			if res.Spec != nil {
				t.Error("a refused import has a spec")
			}
		})
	}
}
