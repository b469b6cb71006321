// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"errors"
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxSysctl bounds a sysctl's value: the kernel takes one page in one write.
const maxSysctl = 4095

// SysctlPath gives the path of a sysctl below /proc/sys.
//
// As in sysctl(8) the first separator decides: in "net/ipv4/conf/eth0.100/mtu"
// the dot belongs to an interface's name. A name that uses '.' as separator
// cannot contain '/': runtimes disagree what it would mean.
func SysctlPath(name string) (string, error) {
	separator := byte('.')
	if i := strings.IndexAny(name, "./"); i >= 0 {
		separator = name[i]
	}
	for component := range strings.SplitSeq(name, string(separator)) {
		if component == "" || component == "." || component == ".." {
			return "", errors.New("invalid name: empty or relative component")
		}
		for i := 0; i < len(component); i++ {
			if c := component[i]; !alphanumeric(c) && c != '_' && c != '-' && c != '.' {
				return "", errors.New("invalid name: use components of [A-Za-z0-9_-] joined by '.', or by '/' if one contains a dot")
			}
		}
	}
	if separator == '.' {
		return strings.ReplaceAll(name, ".", "/"), nil
	}
	return name, nil
}

// validateSysctl checks /linux/sysctl. Only what belongs to a namespace of the
// container may be written; anything else would change the host. A network
// namespace joined by path is compared with the host's when it is opened.
func validateSysctl(l *specs.Linux) error {
	var paths map[string]string
	for _, name := range slices.Sorted(maps.Keys(l.Sysctl)) {
		value := l.Sysctl[name]
		path, err := SysctlPath(name)
		if err != nil {
			return invalid(at(name), "%s", err)
		}
		if need, why := sysctlNamespace(path); need == "" {
			return invalid(at(name), "%s", why)
		} else if !hasNamespace(l, need) {
			return invalid(at(name), "needs a private %s namespace; add {\"type\": \"%s\"} to /linux/namespaces", need, need)
		}
		if len(value) > maxSysctl {
			return invalid(at(name), "value longer than %d bytes", maxSysctl)
		}
		if strings.Contains(value, "\n") {
			return invalid(at(name), "value contains a line break")
		}
		if other, dup := paths[path]; dup {
			return invalid(at(name), "is the same setting as %s", quoted(other))
		}
		if paths == nil {
			paths = make(map[string]string, len(l.Sysctl))
		}
		paths[path] = name
	}
	return nil
}

// sysctlNamespace gives the type of namespace a sysctl belongs to, or why it
// cannot be set.
func sysctlNamespace(path string) (kind specs.LinuxNamespaceType, why string) {
	switch path {
	case "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
		"kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced":
		return specs.IPCNamespace, ""
	case "kernel/domainname":
		return specs.UTSNamespace, ""
	case "kernel/hostname":
		return "", "use the property /hostname instead"
	}
	top, _, below := strings.Cut(path, "/")
	if below {
		switch {
		case strings.HasPrefix(path, "fs/mqueue/"):
			return specs.IPCNamespace, ""
		case top == "net":
			return specs.NetworkNamespace, ""
		case top == "user":
			return specs.UserNamespace, ""
		}
	}
	return "", "not namespaced: setting it would change the host"
}
