// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// withParser makes a root with a parser that notes how it is called, prints and
// ends as told.
func withParser(t *testing.T, script string) (Host, func() string) {
	t.Helper()
	h := fake(t, map[string]string{
		enabledFile:                         "Y\n",
		securityFS + "/features/x":          "",
		securityFS + "/policy/namespaces/":  "",
		securityFS + "/.remove":             "",
		"/proc/":                            "",
		"/var/cache/":                       "",
		"/usr/sbin/" + parserName:           "#!/bin/sh\necho \"$@\" >>" + t.TempDir() + "/unused\n",
		"/usr/local/sbin/not-" + parserName: "",
		"/etc/apparmor.d/abi/3.0":           "",
	})
	calls := h.Root + "/calls"
	script = "#!/bin/sh\necho \"$@\" >>" + calls + "\n" + script
	if err := os.WriteFile(h.path("/usr/sbin", parserName), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(h.path("/usr/sbin", parserName), 0o755); err != nil {
		t.Fatal(err)
	}
	return h, func() string {
		b, _ := os.ReadFile(calls)
		_ = os.Remove(calls)
		return strings.ReplaceAll(string(b), h.Root, "")
	}
}

func TestReady(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	h, _ := withParser(t, "")
	if err := h.Ready(); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct{ remove, want string }{
		{"/usr/sbin/" + parserName, "not installed"},
		{securityFS + "/features", "mount -t securityfs"},
		{enabledFile, "not enabled"},
	} {
		if err := os.RemoveAll(h.path(tt.remove)); err != nil {
			t.Fatal(err)
		}
		if err := h.Ready(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("without %s: %v", tt.remove, err)
		}
	}
}

func TestLoad(t *testing.T) {
	h, called := withParser(t, "")
	from, err := h.LoadDefault()
	if err != nil || from != "the profile that kist brings" {
		t.Fatal(from, err)
	}
	const kept = "/var/cache/kist/apparmor/kist-default"
	if got := called(); got != "--replace --write-cache --cache-loc=/var/cache/kist/apparmor/compiled "+kept+"\n" {
		t.Errorf("called with %q", got)
	}
	text, err := h.GeneratedText(DefaultName)
	if err != nil || text != shipped {
		t.Error(text, err)
	}
	// The same text keeps its file, which the parser's cache is compared with.
	before, _ := os.Stat(h.path(kept))
	if err := h.LoadText(DefaultName, shipped); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(h.path(kept)); !os.SameFile(before, after) {
		t.Error("the file was written again")
	}
	if err := h.LoadText(DefaultName, "other"); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(h.path(kept)); os.SameFile(before, after) {
		t.Error("a changed text was not kept")
	}
	called()
	// The administrator's version goes first.
	if err := os.WriteFile(h.path(PolicyDir, DefaultName), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if from, err = h.LoadDefault(); err != nil || !strings.HasSuffix(from, PolicyDir+"/kist-default") {
		t.Error(from, err)
	}
	if got := called(); got != "--replace --write-cache /etc/apparmor.d/kist-default\n" {
		t.Errorf("called with %q", got)
	}
	if is, same := h.Installed(); !is || same {
		t.Error(is, same)
	}
	// Where nothing can be kept: the text comes by a descriptor.
	if err := os.RemoveAll(h.path("/var")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path("/var"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h2, called := withParser(t, `cat "$3"`+"\nexit 1\n")
	_ = os.RemoveAll(h2.path("/var"))
	_ = os.WriteFile(h2.path("/var"), nil, 0o644)
	if err := h2.LoadText("x", "by descriptor"); err == nil || !strings.HasSuffix(err.Error(), "by descriptor") {
		t.Error(err)
	}
	if got := called(); !strings.HasPrefix(got, "--replace --skip-cache /proc/") {
		t.Errorf("called with %q", got)
	}
}

func TestParserFails(t *testing.T) {
	for script, want := range map[string]string{
		"echo 'syntax error,' >&2; echo 'line 3'; exit 1": "syntax error, line 3",
		"exit 7":                       "ended with status 0x700",
		"kill -9 $$":                   "ended with status 0x9",
		"yes | head -c 100000; exit 1": "y y y",
	} {
		h, _ := withParser(t, script+"\n")
		err := h.LoadText("x", "")
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 6000 {
			t.Errorf("%s: %v", script, err)
		}
	}
	h, _ := withParser(t, "")
	if err := os.WriteFile(h.path("/usr/sbin", parserName), []byte("#!/nonexistent\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := h.LoadText("x", ""); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
}

func TestMakeTake(t *testing.T) {
	h, called := withParser(t, "")
	c := &Container{Generated: Generated{"lxc-a_</r>", "lxc-a_<-r>"}}
	if err := h.Make(c); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(called(), "/lxc-a_<-r>\n") {
		t.Error("the profile was not loaded")
	}
	space := h.namespace("lxc-a_<-r>")
	if !exists(space) {
		t.Error("the namespace was not made")
	}
	if err := h.Make(c); err != nil { // a rest of a killed create
		t.Error(err)
	}
	for range 2 {
		if err := h.Take(c.Generated); err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(h.path(securityFS, ".remove")); string(b) != "lxc-a_</r>" {
			t.Errorf("removed %q", b)
		}
		if exists(space) {
			t.Error("the namespace is still there")
		}
	}
	if err := h.Take(Generated{}); err != nil {
		t.Error(err)
	}
}

func TestUnloadInUse(t *testing.T) {
	h, _ := withParser(t, "")
	if err := os.MkdirAll(h.path("/proc/42/attr"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.path("/proc/42/attr/current"), []byte("kist-default (enforce)\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := h.Unload(DefaultName); err == nil || !strings.Contains(err.Error(), "confines 1 processes (pid 42)") {
		t.Error(err)
	}
	if b, _ := os.ReadFile(h.path(securityFS, ".remove")); len(b) > 0 {
		t.Errorf("removed %q", b)
	}
	if err := h.Unload("other"); err != nil {
		t.Error(err)
	}
}
