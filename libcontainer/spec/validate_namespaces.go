// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"maps"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// hasNamespace tells whether the container has its own namespace of a type,
// new or joined by path. That a joined one is not the host's is checked when
// it is opened.
func hasNamespace(l *specs.Linux, kind specs.LinuxNamespaceType) bool {
	_, ok := namespace(l, kind)
	return ok
}

// namespace gives the path of a namespace, empty for a new one, and whether
// the type is listed.
func namespace(l *specs.Linux, kind specs.LinuxNamespaceType) (path string, ok bool) {
	for _, n := range l.Namespaces {
		if n.Type == kind {
			return n.Path, true
		}
	}
	return "", false
}

// validateNamespaces checks /linux/namespaces.
func validateNamespaces(list []specs.LinuxNamespace) error {
	for i, n := range list {
		switch n.Type {
		case specs.PIDNamespace, specs.NetworkNamespace, specs.MountNamespace, specs.IPCNamespace,
			specs.UTSNamespace, specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace:
		case "":
			return invalid(at(i, "type"), "is required")
		default:
			return invalid(at(i, "type"), "unknown namespace type %s", quoted(string(n.Type)))
		}
		for _, other := range list[:i] {
			if other.Type == n.Type {
				return invalid(at(i), "duplicate namespace of type %s", n.Type)
			}
		}
		if n.Path == "" {
			continue
		}
		if err := validateAbsolute(n.Path); err != nil {
			return within(err, i, "path")
		}
		if err := validateText(n.Path); err != nil {
			return within(err, i, "path")
		}
	}
	return nil
}

// maxMappings is the number of extents the kernel takes in a uid_map
// (UID_GID_MAP_MAX_EXTENTS).
const maxMappings = 340

// validateUserNamespace checks the id mappings against the user namespace.
// For a joined namespace mappings are optional; whether they equal the
// namespace's own is checked when it is opened.
func validateUserNamespace(l *specs.Linux) error {
	path, ok := namespace(l, specs.UserNamespace)
	for _, m := range [...]struct {
		name string
		list []specs.LinuxIDMapping
	}{{"uidMappings", l.UIDMappings}, {"gidMappings", l.GIDMappings}} {
		switch {
		case len(m.list) > 0 && !ok:
			return invalid(at(m.name), "needs a user namespace; add {\"type\": \"user\"} to /linux/namespaces")
		case len(m.list) == 0 && ok && path == "":
			return invalid(at(m.name), "is required for a new user namespace")
		}
		if err := validateMappings(m.list); err != nil {
			return within(err, m.name)
		}
	}
	return nil
}

// validateMappings checks a list of id mappings by the kernel's rules for
// uid_map: no empty, overflowing or overlapping range on either side.
func validateMappings(list []specs.LinuxIDMapping) error {
	if len(list) > maxMappings {
		return invalid("", "more than %d entries", maxMappings)
	}
	overlap := func(a, b, sizeA, sizeB uint32) bool {
		return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
	}
	for i, m := range list {
		switch {
		case m.Size == 0:
			return invalid(at(i, "size"), "must be greater than 0")
		case uint64(m.ContainerID)+uint64(m.Size) > maxID+1:
			return invalid(at(i), "containerID %d and size %d go beyond the last id %d", m.ContainerID, m.Size, uint32(maxID))
		case uint64(m.HostID)+uint64(m.Size) > maxID+1:
			return invalid(at(i), "hostID %d and size %d go beyond the last id %d", m.HostID, m.Size, uint32(maxID))
		}
		for j, o := range list[:i] {
			if overlap(m.ContainerID, o.ContainerID, m.Size, o.Size) {
				return invalid(at(i), "overlaps entry %d in the container's ids", j)
			}
			if overlap(m.HostID, o.HostID, m.Size, o.Size) {
				return invalid(at(i), "overlaps entry %d in the host's ids", j)
			}
		}
	}
	return nil
}

// validateMapped checks that the process's ids exist in a new user namespace.
// The kernel would refuse setuid with EINVAL, the unclearest of its answers.
func validateMapped(u *specs.User, l *specs.Linux) error {
	if path, ok := namespace(l, specs.UserNamespace); !ok || path != "" {
		return nil
	}
	mapped := func(list []specs.LinuxIDMapping, id uint32) bool {
		for _, m := range list {
			if id >= m.ContainerID && id-m.ContainerID < m.Size {
				return true
			}
		}
		return false
	}
	if !mapped(l.UIDMappings, u.UID) {
		return invalid("/uid", "%d is not mapped by /linux/uidMappings", u.UID)
	}
	if !mapped(l.GIDMappings, u.GID) {
		return invalid("/gid", "%d is not mapped by /linux/gidMappings", u.GID)
	}
	for i, gid := range u.AdditionalGids {
		if !mapped(l.GIDMappings, gid) {
			return invalid(at("additionalGids", i), "%d is not mapped by /linux/gidMappings", gid)
		}
	}
	return nil
}

// validateTimeOffsets checks /linux/timeOffsets. The kernel takes offsets only
// for a time namespace that no process has entered.
func validateTimeOffsets(l *specs.Linux) error {
	if len(l.TimeOffsets) == 0 {
		return nil
	}
	switch path, ok := namespace(l, specs.TimeNamespace); {
	case !ok:
		return invalid("", "needs a time namespace; add {\"type\": \"time\"} to /linux/namespaces")
	case path != "":
		return invalid("", "needs a new time namespace, not one joined by path")
	}
	for _, clock := range slices.Sorted(maps.Keys(l.TimeOffsets)) {
		offset := l.TimeOffsets[clock]
		if clock != "monotonic" && clock != "boottime" {
			return invalid(at(clock), "unknown clock (known: monotonic, boottime)")
		}
		if offset.Nanosecs >= 1e9 {
			return invalid(at(clock, "nanosecs"), "must be less than 1000000000, found %d", offset.Nanosecs)
		}
	}
	return nil
}

// validateNetDevices checks /linux/netDevices: pairs of a name on the host and
// a name in the container.
func validateNetDevices(l *specs.Linux) error {
	if len(l.NetDevices) == 0 {
		return nil
	}
	if !hasNamespace(l, specs.NetworkNamespace) {
		return invalid("", "needs a network namespace; add {\"type\": \"network\"} to /linux/namespaces")
	}
	taken := make(map[string]string, len(l.NetDevices))
	for _, host := range slices.Sorted(maps.Keys(l.NetDevices)) {
		device := l.NetDevices[host]
		if !validInterface(host) || strings.Contains(host, "%") {
			return invalid(at(host), "not a network device's name")
		}
		name := device.Name
		if name == "" {
			name = host
		} else if !validInterface(name) {
			return invalid(at(host, "name"), "not a network device's name: %s", quoted(name))
		}
		if i := strings.IndexByte(name, '%'); i >= 0 {
			// The kernel fills in the first free number: no clash possible.
			if !strings.HasPrefix(name[i:], "%d") || strings.Count(name, "%") != 1 {
				return invalid(at(host, "name"), "may contain '%%' only once and as \"%%d\", found %s", quoted(name))
			}
			continue
		}
		if other, clash := taken[name]; clash {
			return invalid(at(host), "would have the same name %s as %s", quoted(name), quoted(other))
		}
		taken[name] = host
	}
	return nil
}

// validInterface tells whether the kernel takes s as the name of a network
// interface.
func validInterface(s string) bool {
	if s == "" || len(s) > 15 || s == "." || s == ".." {
		return false
	}
	for i := 0; i < len(s); i++ {
		// The kernel refuses Latin-1's no-break space (0xa0) as a space too.
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == '/' || s[i] == ':' || s[i] == 0xa0 {
			return false
		}
	}
	return true
}
