// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestDropRootMount(t *testing.T) {
	rt := &Runtime{Root: t.TempDir()}
	if err := rt.dropRootMount("absent"); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	path := rt.rootMount("c")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := rt.dropRootMount("c"); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("is still there: %v", err)
	}
	// What is in it may be somebody's root filesystem.
	kept := filepath.Join(path, "bin")
	if err := os.MkdirAll(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := rt.dropRootMount("c"); !errors.Is(err, unix.ENOTEMPTY) {
		t.Errorf("a directory with something in it: %v, want ENOTEMPTY", err)
	}
	if _, err := os.Lstat(kept); err != nil {
		t.Errorf("was emptied: %v", err)
	}
}

func TestHasForeignRoot(t *testing.T) {
	for _, c := range []struct {
		name string
		list []specs.LinuxNamespace
		want bool
	}{
		{"own", []specs.LinuxNamespace{{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}}, false},
		{"joined", []specs.LinuxNamespace{{Type: specs.MountNamespace, Path: "/proc/1/ns/mnt"}}, true},
		{"the host's", []specs.LinuxNamespace{{Type: specs.PIDNamespace}}, true},
	} {
		if got := hasForeignRoot(&specs.Spec{Linux: &specs.Linux{Namespaces: c.list}}); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if !hasForeignRoot(&specs.Spec{}) {
		t.Error("without linux: false, want true")
	}
}

func TestCheckSysctl(t *testing.T) {
	const host = "/proc/self/ns/"
	for _, c := range []struct {
		sysctl string
		ns     specs.LinuxNamespace
		ok     bool
	}{
		{"net.ipv4.ip_forward", specs.LinuxNamespace{Type: specs.NetworkNamespace}, true},
		{"net.ipv4.ip_forward", specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: host + "net"}, false},
		{"net.ipv4.ip_forward", specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: host + "ipc"}, true}, // setns refuses it
		{"kernel.msgmax", specs.LinuxNamespace{Type: specs.IPCNamespace, Path: host + "ipc"}, false},
		{"fs.mqueue.queues_max", specs.LinuxNamespace{Type: specs.IPCNamespace, Path: host + "ipc"}, false},
		{"kernel.msgmax", specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: host + "net"}, true},
		{"kernel/domainname", specs.LinuxNamespace{Type: specs.UTSNamespace, Path: host + "uts"}, false},
	} {
		cr := &creation{spec: &specs.Spec{Linux: &specs.Linux{
			Sysctl: map[string]string{c.sysctl: "1"}, Namespaces: []specs.LinuxNamespace{c.ns}}}}
		if err := cr.checkSysctl(); (err == nil) != c.ok {
			t.Errorf("%s, %s namespace %q: %v", c.sysctl, c.ns.Type, c.ns.Path, err)
		}
	}
}
