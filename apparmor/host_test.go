// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fake makes a root with these files; a name that ends in a slash is a directory.
func fake(t *testing.T, files map[string]string) Host {
	t.Helper()
	h := Host{Root: t.TempDir()}
	for name, text := range files {
		path := filepath.Join(h.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func TestEnabled(t *testing.T) {
	for text, want := range map[string]bool{"Y\n": true, "N\n": false, "": false} {
		if got := fake(t, map[string]string{enabledFile: text}).Enabled(); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if fake(t, nil).Enabled() {
		t.Error("enabled without the module")
	}
}

func TestFeatures(t *testing.T) {
	h := fake(t, map[string]string{
		securityFS + "/features/domain/stack": "yes\n",
		securityFS + "/.ns_stacked":           "no\n",
		securityFS + "/profiles":              "kist-default (enforce)\nodd (name) (complain)\n:ns:x (kill)\n",
		"/proc/thread-self/attr/current":      "unconfined\n",
		"/proc/7/attr/apparmor/current":       "lxc-a//&kist-default (enforce)\n",
		"/proc/7/attr/current":                "other (enforce)\n",
		"/proc/8/attr/current":                "kist-default (enforce)\n",
		"/proc/9/attr/current":                "kist-default2 (enforce)\n",
		"/proc/10/status":                     "",
		"/proc/self-is-no-pid":                "",
	})
	if !h.Mounted() || !h.Stacks() || h.Namespaced() {
		t.Error(h.Mounted(), h.Stacks(), h.Namespaced())
	}
	label, err := h.Label()
	if err != nil || label != "unconfined" {
		t.Errorf("%q, %v", label, err)
	}
	profiles, err := h.Profiles()
	if diff := cmp.Diff([]Profile{{"kist-default", "enforce"}, {"odd (name)", "complain"}, {":ns:x", "kill"}}, profiles); diff != "" || err != nil {
		t.Error(err, diff)
	}
	pids, err := h.Processes("kist-default")
	if diff := cmp.Diff([]string{"7", "8"}, pids); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := parseProfiles("nonsense\n"); err == nil {
		t.Error("a line without a mode is taken")
	}
	nothing := fake(t, map[string]string{"/proc/": ""})
	if nothing.Mounted() || nothing.Stacks() || nothing.Namespaced() {
		t.Error("a kernel without AppArmor has features of it")
	}
	if _, err := nothing.Label(); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

// The kernel's own answers are tested in tests/bats/apparmor.bats.
func TestCheck(t *testing.T) {
	if err := fake(t, nil).Check("x"); err != nil {
		t.Errorf("where nobody can be asked: %v", err)
	}
	h := fake(t, map[string]string{securityFS + "/.access": ""})
	for label, want := range map[string]string{"a": "a", "&a": "a", "a//&b": "b", ":n:a//&b": ":n:b", "a//&:n:": ":n:", ":n:a//&:m:b//&c": ":m:c"} {
		if err := os.WriteFile(h.path(securityFS, ".access"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := h.Check(label); err != nil {
			t.Fatal(err)
		}
		// The last of the queries; one before it is not longer.
		asked, _ := os.ReadFile(h.path(securityFS, ".access"))
		if !strings.HasPrefix(string(asked), "label\x00"+want+"\x00\x02/") {
			t.Errorf("%s: query %q", label, asked)
		}
	}
	if err := os.Remove(h.path(securityFS, ".access")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", h.path(securityFS, ".access")); err != nil {
		t.Fatal(err)
	}
	if err := h.Check("a"); !errors.Is(err, unix.ENOSPC) || errors.Is(err, ErrNotLoaded) {
		t.Error(err)
	}
}

func FuzzProfiles(f *testing.F) {
	f.Add("a (enforce)\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseProfiles(text)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, p := range list {
			b.WriteString(p.Name + " (" + p.Mode + ")\n")
		}
		if strings.TrimSuffix(b.String(), "\n") != strings.TrimSuffix(text, "\n") {
			t.Errorf("%q reads as %q", text, b.String())
		}
	})
}
