// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// capabilities are the names of the capabilities at their number.
var capabilities = [...]string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
	"CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN",
	"CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
	"CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
}

// CapabilityNumber gives the number of a capability named as in config.json
// ("CAP_KILL"). Whether the running kernel has it is another question.
func CapabilityNumber(name string) (number int, ok bool) {
	i := slices.Index(capabilities[:], name)
	return i, i >= 0
}

// Warnings lists what in the configuration has no effect or is about to be
// removed from the specification, one line each, beginning with a JSON
// pointer. Unlike the faults found by Validate these do not keep the container
// from running, and nothing is granted because of them.
func (c *Config) Warnings() []string {
	s := c.Spec
	var w []string
	if s.Process == nil {
		w = append(w, "/process: missing: the container can be created, but not started")
	} else {
		for _, text := range ProcessWarnings(s.Process) {
			w = append(w, "/process"+text)
		}
	}
	for i := range s.Mounts {
		for _, text := range mountWarnings(&s.Mounts[i]) {
			w = append(w, at("mounts", i)+text)
		}
	}
	if s.Linux != nil {
		for i, d := range s.Linux.Devices {
			if d.Type == "p" && (d.Major != 0 || d.Minor != 0) {
				w = append(w, at("linux", "devices", i)+": the number of a FIFO is ignored: it has none")
			}
		}
		if r := s.Linux.Resources; r != nil && r.Memory != nil && r.Memory.UseHierarchy != nil && !*r.Memory.UseHierarchy {
			w = append(w, "/linux/resources/memory/useHierarchy: false ignored: limits count for the whole hierarchy since Linux 5.11")
		}
	}
	return w
}

// mountWarnings gives the warnings for one mount, with pointers that begin at
// it.
func mountWarnings(m *specs.Mount) []string {
	var w []string
	if m.Destination != "" && m.Destination[0] != '/' {
		w = append(w, "/destination: a relative path is deprecated; taken from \"/\"")
	}
	if slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind") {
		for i, o := range m.Options {
			if strings.Contains(o, "=") {
				w = append(w, at("options", i)+": "+quoted(o)+" ignored: a bind mount shows a filesystem that has its options already")
			}
		}
	}
	return w
}

// ProcessWarnings gives the warnings for a process, with pointers that begin
// at it.
func ProcessWarnings(p *specs.Process) []string {
	c := p.Capabilities
	if c == nil {
		return nil
	}
	var w []string
	for _, set := range [...]struct {
		name string
		list []string
	}{
		{"bounding", c.Bounding}, {"effective", c.Effective}, {"inheritable", c.Inheritable}, {"permitted", c.Permitted}, {"ambient", c.Ambient},
	} {
		var beyond []string
		for i, name := range set.list {
			_, known := CapabilityNumber(name)
			switch {
			case !known:
				w = append(w, at("capabilities", set.name, i)+": unknown capability "+quoted(name)+" ignored")
			case set.name == "effective" && !slices.Contains(c.Permitted, name),
				set.name == "ambient" && (!slices.Contains(c.Permitted, name) || len(c.Inheritable) > 0 && !slices.Contains(c.Inheritable, name)):
				beyond = append(beyond, name)
			}
		}
		// Without any inheritable one there is no warning: so buildah writes every container since inheritable sets
		// turned out to be a mistake (CVE-2022-27651), and its users would read this at every step of a build.
		if len(beyond) > 0 {
			text := at("capabilities", set.name) + ": " + strings.Join(beyond, ", ") + " ignored: not in the permitted set"
			if set.name == "ambient" {
				text = at("capabilities", set.name) + ": " + strings.Join(beyond, ", ") + " ignored: not in both the permitted and the inheritable set"
			}
			w = append(w, text)
		}
	}
	return w
}
