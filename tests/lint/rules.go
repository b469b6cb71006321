// SPDX-License-Identifier: Apache-2.0

package main

// owners says which directories alone may import a library. Test files may
// import what they like.
var owners = []struct {
	library string   // import path, or a prefix of it that ends in a slash
	dirs    []string // a directory, or a tree that ends in /...
}{
	{"github.com/seccomp/libseccomp-golang", []string{"seccomp"}},
	{"C", []string{"."}}, // for sysmon.go; cgo is there for libseccomp-golang anyway
	{"github.com/opencontainers/cgroups", []string{"libcontainer/cgroups/..."}},
	{"github.com/opencontainers/cgroups/", []string{"libcontainer/cgroups/..."}},
	{"github.com/vishvananda/netlink", []string{"libcontainer/network/..."}},
	{"github.com/vishvananda/netns", []string{"libcontainer/network/..."}},
	{"github.com/containerd/console", []string{"libcontainer/console"}},
	{"github.com/urfave/cli/v2", []string{"."}},
	{"github.com/checkpoint-restore/", []string{"libcontainer/criu"}},
	{"github.com/cilium/ebpf", []string{"libcontainer/cgroups/..."}},
	{"github.com/cilium/ebpf/", []string{"libcontainer/cgroups/..."}},
	{"github.com/coreos/go-systemd/", []string{"libcontainer/cgroups/..."}},
	{"github.com/godbus/dbus/", []string{"libcontainer/cgroups/..."}},
	{"github.com/opencontainers/selinux/", []string{"libcontainer/host", "selinux"}},
	{"unsafe", []string{
		"libcontainer/...", "seccomp", "apparmor", "tests/cmd/...",
	}},
}

// forbidden says what a package must never import, directly.
var forbidden = []struct {
	dir     string
	imports []string
	why     string
}{
	{"lxc/...", []string{"kist/libcontainer", "kist/libcontainer/"}, "an imported bundle must run under any runtime"},
	{"libcontainer/...", []string{"github.com/urfave/cli/v2"}, "the library has no command line"},
	{"libcontainer/spec", []string{"kist/", "os/exec"}, "the description of a container depends on nothing of ours"},
	{"libcontainer/program", []string{"kist/", "os", "syscall", "net", "os/exec"}, "a program is data"},
	{"libcontainer/compile", []string{"os", "os/exec", "syscall", "net", "io/ioutil", "kist/libcontainer/launch", "kist/libcontainer/state", "kist/libcontainer/cgroups"}, "compiling is a pure function"},
	{"libcontainer/launch", []string{"kist/libcontainer/spec", "kist/libcontainer/compile", "os/exec"}, "it runs any program"},
	{"libcontainer/state", []string{"kist/libcontainer/compile", "kist/libcontainer/launch", "kist/libcontainer/spec", "os/exec"}, "the record is read by commands that need nothing else"},
	{"libcontainer", []string{"os/exec"}, "its first use clones a probe process"},
	{"libcontainer/hooks", []string{"os/exec"}, "its first use clones a probe process"},
	{"libcontainer/console", []string{"os/exec", "kist/"}, "it knows terminals only"},
	{"libcontainer/cgroups/...", []string{"os/exec", "kist/libcontainer/compile", "kist/libcontainer/launch", "kist/libcontainer/spec", "kist/seccomp"}, "a host-side part knows its subject only"},
	{"libcontainer/network/...", []string{"os/exec", "kist/libcontainer/compile", "kist/libcontainer/launch", "kist/libcontainer/cgroups", "kist/seccomp"}, "a host-side part knows its subject only"},
	{"seccomp", []string{"kist/libcontainer/compile", "kist/libcontainer/launch", "kist/libcontainer/spec", "os/exec"}, "a profile is compiled from itself"},
	{"apparmor", []string{"kist/", "os/exec"}, "it knows the host's AppArmor, not containers"},
	{"...", []string{"github.com/sirupsen/logrus", "github.com/pkg/errors", "golang.org/x/net/", "net/http", "encoding/gob", "plugin"}, "heavy, or an initialiser with work"},
}

// pure are the packages that must not make system calls: of
// golang.org/x/sys/unix they may call only what computes.
var pure = []string{"libcontainer/program", "libcontainer/compile", "libcontainer/spec"}

// computes are what a pure package may use of x/sys/unix beside constants and
// types.
var computes = []string{"ErrnoName", "SignalName", "SignalNum", "Major", "Minor", "Mkdev", "BytePtrFromString", "ByteSliceFromString"}

// hot are the trees in which a package-level variable must not be built at
// start, and in which nothing sleeps.
var hot = []string{"libcontainer/...", "seccomp", "apparmor", "."}

// mayWait are trees that may sleep: nothing tells of the end of a freeze or of
// the last process of a cgroup v1.
var mayWait = []string{"libcontainer/cgroups"}

// badNames are package names that say nothing.
var badNames = []string{"util", "utils", "common", "helpers", "helper", "misc", "shared"}
