// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
)

// namespaceTypes lists the types of a container's namespaces, for its record.
func namespaceTypes(list []specs.LinuxNamespace) []string {
	types := make([]string, len(list))
	for i := range list {
		types[i] = string(list[i].Type)
	}
	return types
}

// namespaceFlags is the inverse: what setns(2) is to join. A namespace that
// was joined from the caller's own is joined again without harm, except that
// the kernel refuses to enter the user namespace one is in.
func namespaceFlags(types []string) uint64 {
	var flags uint64
	for _, t := range types {
		flags |= compile.CloneFlag(specs.LinuxNamespaceType(t))
	}
	return flags
}

func findNamespace(list []specs.LinuxNamespace, t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	for i := range list {
		if list[i].Type == t {
			return &list[i]
		}
	}
	return nil
}

// entersUserNS says whether the container has a user namespace that is not
// the caller's as a matter of course: a new one, or that of a path.
func (c *creation) entersUserNS() bool {
	return findNamespace(c.spec.Linux.Namespaces, specs.UserNamespace) != nil
}

func createsNamespace(list []specs.LinuxNamespace, t specs.LinuxNamespaceType) bool {
	ns := findNamespace(list, t)
	return ns != nil && ns.Path == ""
}

// hasForeignRoot says whether the container's root is not that of its mount
// namespace: who joins one that the container has joined itself, or the host's,
// has the root of that one, and must change to the container's.
func hasForeignRoot(s *specs.Spec) bool {
	return s.Linux == nil || !createsNamespace(s.Linux.Namespaces, specs.MountNamespace)
}

// checkSysctl refuses sysctls of a namespace that is to be joined and is the
// host's own: they would change the host.
func (c *creation) checkSysctl() error {
	for name := range c.spec.Linux.Sysctl {
		kind := compile.SysctlNamespace(name)
		ns := findNamespace(c.spec.Linux.Namespaces, kind)
		if ns == nil || ns.Path == "" {
			continue // package spec has seen to it
		}
		var own, theirs unix.Stat_t
		if unix.Stat("/proc/self/ns/"+procName(kind), &own) != nil || unix.Stat(ns.Path, &theirs) != nil {
			continue // joining it will fail, and say why
		}
		if own.Ino == theirs.Ino && own.Dev == theirs.Dev {
			return fmt.Errorf("config.json: /linux/sysctl/%s: needs a private %s namespace, %s is the host's", name, kind, ns.Path)
		}
	}
	return nil
}

// procName is a namespace's name below /proc/PID/ns.
func procName(t specs.LinuxNamespaceType) string {
	switch t {
	case specs.NetworkNamespace:
		return "net"
	case specs.MountNamespace:
		return "mnt"
	}
	return string(t)
}

func hookKinds(h *specs.Hooks) []string {
	if h == nil {
		return nil
	}
	var kinds []string
	for _, k := range []struct {
		name  string
		hooks []specs.Hook
	}{
		{"prestart", h.Prestart}, //nolint:staticcheck // deprecated, not gone
		{"createRuntime", h.CreateRuntime},
		{"createContainer", h.CreateContainer},
		{"startContainer", h.StartContainer},
		{"poststart", h.Poststart},
		{"poststop", h.Poststop},
	} {
		if len(k.hooks) > 0 {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

func netDeviceNames(devices map[string]specs.LinuxNetDevice) map[string]string {
	if len(devices) == 0 {
		return nil
	}
	names := make(map[string]string, len(devices))
	for host, d := range devices {
		names[host] = host
		if d.Name != "" {
			names[host] = d.Name
		}
	}
	return names
}
