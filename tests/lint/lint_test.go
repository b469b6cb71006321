// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each rule has a file that breaks it, and one beside it that does not.
func TestRules(t *testing.T) {
	tests := []struct {
		name, file, source string
		want               string // part of the problem; empty: none
	}{
		{"netlink outside network", "libcontainer/state/a.go", `import _ "github.com/vishvananda/netlink"`, "which only libcontainer/network/... may"},
		{"netlink in network", "libcontainer/network/nic/a.go", `import _ "github.com/vishvananda/netlink"`, ""},
		{"cgroups library below its package", "libcontainer/a.go", `import _ "github.com/opencontainers/cgroups/fs2"`, "which only"},
		{"cli in the library", "libcontainer/a.go", `import _ "github.com/urfave/cli/v2"`, "no command line"},
		{"cli in main", "a.go", `import _ "github.com/urfave/cli/v2"`, ""},
		{"seccomp library in compile", "libcontainer/compile/a.go", `import _ "github.com/seccomp/libseccomp-golang"`, "which only seccomp may"},
		{"lxc importing libcontainer", "lxc/network/a.go", `import _ "kist/libcontainer/spec"`, "any runtime"},
		{"compile importing os", "libcontainer/compile/a.go", `import _ "os"`, "pure function"},
		{"a test of compile importing os", "libcontainer/compile/a_test.go", `import _ "os"`, ""},
		{"launch importing compile", "libcontainer/launch/a.go", `import _ "kist/libcontainer/compile"`, "any program"},
		{"os/exec in hooks", "libcontainer/hooks/a.go", `import _ "os/exec"`, "probe process"},
		{"spec importing ours", "libcontainer/spec/a.go", `import _ "kist/libcontainer/state"`, "nothing of ours"},
		{"spec importing what is below it", "libcontainer/spec/a.go", `import _ "kist/libcontainer/spec/internal/x"`, ""},
		{"cgo", "libcontainer/host/a.go", `import "C"`, "which only"},
		{"package util", "libcontainer/util/a.go", "//", "says nothing"},
		{"suffix", "libcontainer/host/a_linux.go", "//", "Linux only"},
		{"init", "libcontainer/host/a.go", "func init() {}", "before main"},
		{"method init", "libcontainer/host/a.go", "type t int\nfunc (t) init() {}", ""},
		{"map at start", "seccomp/a.go", "var m = map[string]int{}", "map is built"},
		{"array at start", "seccomp/a.go", "var m = [2]int{}", ""},
		{"call at start", "libcontainer/a.go", `import "regexp"` + "\nvar r = regexp.MustCompile(``)", "call of regexp.MustCompile"},
		{"errors at start", "libcontainer/a.go", `import "errors"` + "\nvar e = errors.New(``)", ""},
		{"sleep", "libcontainer/a.go", `import "time"` + "\nfunc f() { time.Sleep(1) }", "time.Sleep"},
		{"sleep in cgroups", "libcontainer/cgroups/a.go", `import "time"` + "\nfunc f() { time.Sleep(1) }", ""},
		{"system call in program", "libcontainer/program/a.go", `import "golang.org/x/sys/unix"` + "\nfunc f() { unix.Getpid() }", "is pure"},
		{"constant and type in program", "libcontainer/program/a.go", `import "golang.org/x/sys/unix"` + "\nvar x = unix.SYS_CLONE\nfunc f() any { return unix.Errno(1) }", ""},
		{"long file", "libcontainer/a.go", strings.Repeat("//\n", maxLines), "lines, more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, test.file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(filepath.Dir(path))
			if filepath.Dir(path) == root {
				name = "main"
			}
			if err := os.WriteFile(path, []byte("package "+name+"\n\n"+test.source+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			problems, err := checkTree(root)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(problems, "\n")
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
