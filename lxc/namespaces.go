// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// namespaceType returns OCI's word for LXC's.
func namespaceType(word string) specs.LinuxNamespaceType {
	switch strings.ToLower(word) {
	case "user":
		return specs.UserNamespace
	case "mnt":
		return specs.MountNamespace
	case "pid":
		return specs.PIDNamespace
	case "uts":
		return specs.UTSNamespace
	case "ipc":
		return specs.IPCNamespace
	case "net":
		return specs.NetworkNamespace
	case "cgroup":
		return specs.CgroupNamespace
	case "time":
		return specs.TimeNamespace
	}
	return ""
}

func checkNamespaces(value string, _ Version) error {
	for _, w := range strings.Fields(value) {
		if namespaceType(w) == "" {
			return fmt.Errorf("unknown namespace %q; known are user mnt pid uts ipc net cgroup time", w)
		}
	}
	return nil
}

func checkNamespaceShare(value string, _ Version) error {
	if value == "" {
		return fmt.Errorf("names no process, container or file")
	}
	return nil
}

// translateNamespaces decides which namespaces are new, joined or the host's.
func (t *translation) translateNamespaces() error {
	isNew := map[specs.LinuxNamespaceType]bool{
		specs.MountNamespace: true, specs.PIDNamespace: true, specs.UTSNamespace: true, specs.IPCNamespace: true,
		specs.NetworkNamespace: !t.cards.HostNetwork,
		specs.UserNamespace:    t.userns,
		// The kernel's cgroup namespace is younger than LXC 1.x, whose
		// containers saw the host's paths.
		specs.CgroupNamespace: t.version.atLeast(2, 0, 0),
	}
	if err := t.translateTime(isNew); err != nil {
		return err
	}
	clone, keep := t.live("lxc.namespace.clone"), t.live("lxc.namespace.keep")
	if len(clone) > 0 && len(keep) > 0 {
		return refuse(keep[0].Directive, "cannot be combined with lxc.namespace.clone of %s", clone[0].Position())
	}
	if len(clone) > 0 {
		wanted := map[specs.LinuxNamespaceType]bool{}
		for _, s := range clone {
			for _, w := range strings.Fields(s.Value) {
				wanted[namespaceType(w)] = true
			}
		}
		for ns := range isNew {
			isNew[ns] = wanted[ns] && (isNew[ns] || ns != specs.UserNamespace)
		}
		if wanted[specs.UserNamespace] && !t.userns {
			return refuse(clone[0].Directive, "a new user namespace needs lxc.idmap lines; without maps no id exists in it")
		}
	}
	for _, s := range keep {
		for _, w := range strings.Fields(s.Value) {
			isNew[namespaceType(w)] = false
		}
	}
	for _, s := range append(append([]*setting(nil), clone...), keep...) {
		s.entry.keep()
	}
	if t.userns && !isNew[specs.UserNamespace] {
		for _, s := range t.live("lxc.idmap") {
			s.entry.say(Approximated, "not applied: the user namespace stays the host's")
		}
		t.userns = false
		t.spec.Linux.UIDMappings, t.spec.Linux.GIDMappings = nil, nil
	}
	joined, err := t.sharedNamespaces()
	if err != nil {
		return err
	}
	// user first, so that the others belong to it.
	for _, ns := range [...]specs.LinuxNamespaceType{specs.UserNamespace, specs.PIDNamespace, specs.NetworkNamespace,
		specs.IPCNamespace, specs.UTSNamespace, specs.MountNamespace, specs.CgroupNamespace, specs.TimeNamespace} {
		if path, ok := joined[ns]; ok {
			t.spec.Linux.Namespaces = append(t.spec.Linux.Namespaces, specs.LinuxNamespace{Type: ns, Path: path})
		} else if isNew[ns] {
			t.spec.Linux.Namespaces = append(t.spec.Linux.Namespaces, specs.LinuxNamespace{Type: ns})
		}
	}
	if !t.hasNamespace(specs.MountNamespace) {
		s := append(append([]*setting(nil), clone...), keep...)[0]
		return refuse(s.Directive, "the container would share the host's mount namespace, so that its mounts would be the host's; OCI runtimes refuse this: add mnt to the new namespaces")
	}
	return nil
}

func (t *translation) hasNamespace(ns specs.LinuxNamespaceType) bool {
	for _, n := range t.spec.Linux.Namespaces {
		if n.Type == ns {
			return true
		}
	}
	return false
}

func (t *translation) translateTime(isNew map[specs.LinuxNamespaceType]bool) error {
	for _, c := range [...]struct{ key, clock string }{{"lxc.time.offset.boot", "boottime"}, {"lxc.time.offset.monotonic", "monotonic"}} {
		s := t.last(c.key)
		if s == nil {
			continue
		}
		off, err := parseTimeOffset(s.Value)
		if err != nil {
			return refuse(s.Directive, "%s", err)
		}
		if t.spec.Linux.TimeOffsets == nil {
			t.spec.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{}
		}
		t.spec.Linux.TimeOffsets[c.clock] = off
		isNew[specs.TimeNamespace] = true
		s.entry.keep()
	}
	return nil
}

// sharedNamespaces resolves lxc.namespace.share.*: a file is joined by path, a
// process or container has to be found when the container starts.
func (t *translation) sharedNamespaces() (map[specs.LinuxNamespaceType]string, error) {
	joined := map[specs.LinuxNamespaceType]string{}
	for _, s := range t.live("lxc.namespace.share.*") {
		ns := namespaceType(s.rest)
		if ns == "" {
			return nil, refuse(s.Directive, "unknown namespace %q; known are user mnt pid uts ipc net cgroup time", s.rest)
		}
		if ns == specs.MountNamespace {
			return nil, refuse(s.Directive, "a container cannot join a mount namespace and have its own root filesystem; use `kist exec` to run something in another container")
		}
		file := procNamespace(ns)
		switch _, err := strconv.Atoi(s.Value); {
		case err == nil:
			joined[ns] = "/proc/" + s.Value + "/ns/" + file
			s.entry.say(Approximated, "joins %s: process ids change, a file below /run that bind-mounts the namespace is lasting", joined[ns])
		case filepath.IsAbs(s.Value) && t.isFile(s.Value):
			joined[ns] = s.Value
			s.entry.keep()
		default:
			// lxcpath/NAME and NAME both mean a container; kist knows it
			// by its ID.
			id := filepath.Base(s.Value)
			joined[ns] = "/run/kist/" + id + "/ns/" + file
			t.annotate(AnnotationSharePrefix+strings.ToLower(s.rest), id)
			s.entry.say(Extension, "joins the %s namespace of the container %s, which kist looks up by its ID at start", ns, id)
		}
	}
	return joined, nil
}

// isFile reports whether an absolute path names a namespace file rather than a
// container below some lxcpath.
func (t *translation) isFile(path string) bool {
	if info, err := t.host.Stat(path); err == nil {
		return info.Kind != KindDirectory
	}
	return strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/run/netns/") || strings.HasPrefix(path, "/var/run/netns/")
}

// procNamespace is the name below /proc/PID/ns.
func procNamespace(ns specs.LinuxNamespaceType) string {
	switch ns {
	case specs.NetworkNamespace:
		return "net"
	case specs.MountNamespace:
		return "mnt"
	}
	return string(ns)
}
