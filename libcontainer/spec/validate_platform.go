// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"math/bits"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// validateLinux checks /linux except the seccomp profile.
func validateLinux(l *specs.Linux) error {
	if err := validateNamespaces(l.Namespaces); err != nil {
		return within(err, "namespaces")
	}
	if err := validateUserNamespace(l); err != nil {
		return err
	}
	if err := validateTimeOffsets(l); err != nil {
		return within(err, "timeOffsets")
	}
	if err := validateSysctl(l); err != nil {
		return within(err, "sysctl")
	}
	if err := validateNetDevices(l); err != nil {
		return within(err, "netDevices")
	}
	if err := validateDevices(l.Devices); err != nil {
		return within(err, "devices")
	}
	if l.Resources != nil {
		if err := ValidateResources(l.Resources); err != nil {
			return within(err, "resources")
		}
	}
	if err := validateCgroupsPath(l.CgroupsPath); err != nil {
		return within(err, "cgroupsPath")
	}
	if err := validateRootfs(l); err != nil {
		return err
	}
	if l.IntelRdt != nil {
		if err := validateIntelRdt(l.IntelRdt); err != nil {
			return within(err, "intelRdt")
		}
	}
	if l.MemoryPolicy != nil {
		if err := validateMemoryPolicy(l.MemoryPolicy); err != nil {
			return within(err, "memoryPolicy")
		}
	}
	if l.Personality != nil {
		if err := validatePersonality(l.Personality); err != nil {
			return within(err, "personality")
		}
	}
	return nil
}

// validateCgroupsPath checks /linux/cgroupsPath, a path or the three parts
// slice:prefix:name for systemd.
func validateCgroupsPath(path string) error {
	if hasDotDot(path) {
		return invalid("", "must not contain \"..\" components, found %s", quoted(path))
	}
	if err := validateText(path); err != nil {
		return err
	}
	return validatePath(path)
}

// validateRootfs checks the properties that change the root file system after
// the mounts.
func validateRootfs(l *specs.Linux) error {
	switch l.RootfsPropagation {
	case "", "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable":
	default:
		return invalid("/rootfsPropagation", "must be shared, slave, private or unbindable, or one of these after an \"r\", found %s", quoted(l.RootfsPropagation))
	}
	for _, p := range [...]struct {
		name  string
		paths []string
	}{{"maskedPaths", l.MaskedPaths}, {"readonlyPaths", l.ReadonlyPaths}} {
		for i, path := range p.paths {
			if err := validateAbsolute(path); err != nil {
				return within(err, p.name, i)
			}
			if hasDotDot(path) {
				return invalid(at(p.name, i), "must not contain \"..\", found %s", quoted(path))
			}
		}
	}
	for i, path := range l.MaskedPaths {
		if clean(path) == "/" {
			return invalid(at("maskedPaths", i), "masking \"/\" would hide the container's root file system")
		}
	}
	// The label becomes part of a mount's options, context="LABEL".
	if strings.ContainsAny(l.MountLabel, `"'\`) {
		return invalid("/mountLabel", "contains a quote or backslash: %s", quoted(l.MountLabel))
	}
	if err := validateText(l.MountLabel); err != nil {
		return within(err, "mountLabel")
	}
	return nil
}

// validateIntelRdt checks /linux/intelRdt. closID becomes a directory's name
// in resctrl.
func validateIntelRdt(r *specs.LinuxIntelRdt) error {
	if id := r.ClosID; id != "" && id != "/" {
		switch {
		case id == "." || id == ".." || strings.Contains(id, "/") || len(id) > 255:
			return invalid("/closID", "must be \"/\" or a directory's name, found %s", quoted(id))
		case id == "info" || id == "mon_groups" || id == "mon_data":
			return invalid("/closID", "%s is a directory of resctrl itself", quoted(id))
		}
		if err := validateText(id); err != nil {
			return within(err, "closID")
		}
	}
	for i, line := range r.Schemata {
		if line == "" {
			return invalid(at("schemata", i), "must not be empty")
		}
		if err := validateText(line); err != nil {
			return within(err, "schemata", i)
		}
	}
	// l3CacheSchema may have several lines: older engines put all of the
	// schemata there.
	if err := validateText(r.MemBwSchema); err != nil {
		return within(err, "memBwSchema")
	}
	return nil
}

// validateMemoryPolicy checks the rules of set_mempolicy(2).
func validateMemoryPolicy(p *specs.LinuxMemoryPolicy) error {
	const (
		none = iota // nodes must be empty
		some        // nodes must not be empty
		any
	)
	var nodes int
	switch p.Mode {
	case specs.MpolDefault, specs.MpolLocal:
		nodes = none
	case specs.MpolBind, specs.MpolInterleave, specs.MpolWeightedInterleave, specs.MpolPreferredMany:
		nodes = some
	case specs.MpolPreferred: // without nodes: the local one
		nodes = any
	case "":
		return invalid("/mode", "is required")
	default:
		return invalid("/mode", "unknown mode %s", quoted(string(p.Mode)))
	}
	count := 0
	if p.Nodes != "" {
		mask, err := ParseList(p.Nodes, MaxNodes)
		if err != nil {
			return invalid("/nodes", "%s: %s", quoted(p.Nodes), err)
		}
		for _, word := range mask {
			count += bits.OnesCount64(word)
		}
	}
	switch {
	case nodes == none && count > 0:
		return invalid("/nodes", "must be empty for %s", p.Mode)
	case nodes == some && count == 0:
		return invalid("/nodes", "is required for %s", p.Mode)
	}
	for i, flag := range p.Flags {
		switch flag {
		case specs.MpolFNumaBalancing:
			if p.Mode != specs.MpolBind && p.Mode != specs.MpolPreferredMany {
				return invalid(at("flags", i), "%s is not possible with %s", flag, p.Mode)
			}
		case specs.MpolFStaticNodes, specs.MpolFRelativeNodes:
			if count == 0 {
				return invalid(at("flags", i), "%s is not possible without nodes", flag)
			}
		default:
			return invalid(at("flags", i), "unknown flag %s", quoted(string(flag)))
		}
	}
	if slices.Contains(p.Flags, specs.MpolFStaticNodes) && slices.Contains(p.Flags, specs.MpolFRelativeNodes) {
		return invalid("/flags", "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other")
	}
	return nil
}

// validatePersonality checks /linux/personality. The specification defines no
// flags, so none can be applied.
func validatePersonality(p *specs.LinuxPersonality) error {
	switch p.Domain {
	case specs.PerLinux, specs.PerLinux32:
	case "":
		return invalid("/domain", "is required")
	default:
		return invalid("/domain", "must be LINUX or LINUX32, found %s", quoted(string(p.Domain)))
	}
	if len(p.Flags) > 0 {
		return invalid("/flags/0", "unknown flag %s: the specification defines none", quoted(string(p.Flags[0])))
	}
	return nil
}
