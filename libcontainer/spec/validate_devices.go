// SPDX-License-Identifier: Apache-2.0

package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The kernel's dev_t has 12 bits for the major and 20 for the minor number.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// validateDevices checks /linux/devices.
func validateDevices(list []specs.LinuxDevice) error {
	for i := range list {
		d := &list[i]
		if err := validateDevice(d); err != nil {
			return within(err, i)
		}
		// A second node of the same path cannot be made. Engines do list one
		// twice, which is harmless while both mean the same.
		for j := range list[:i] {
			if o := &list[j]; o.Path == d.Path && (o.Type != d.Type || o.Major != d.Major || o.Minor != d.Minor) {
				return invalid(at(i), "differs from entry %d, which has the same path %s", j, quoted(d.Path))
			}
		}
	}
	return nil
}

func validateDevice(d *specs.LinuxDevice) error {
	if err := validateAbsolute(d.Path); err != nil {
		return within(err, "path")
	}
	if d.Path == "/" || d.Path != clean(d.Path) {
		return invalid("/path", "must be a clean absolute path, found %s", quoted(d.Path))
	}
	if err := validateText(d.Path); err != nil {
		return within(err, "path")
	}
	switch d.Type {
	case "b", "c", "u":
		if d.Major < 0 || d.Major > maxMajor {
			return invalid("/major", "must be from 0 to %d, found %d", maxMajor, d.Major)
		}
		if d.Minor < 0 || d.Minor > maxMinor {
			return invalid("/minor", "must be from 0 to %d, found %d", maxMinor, d.Minor)
		}
	case "p": // without a number; one that is given anyway is warned of
	case "":
		return invalid("/type", "is required")
	default:
		return invalid("/type", "must be c, b, u or p, found %s", quoted(d.Type))
	}
	// Podman writes st_mode with the file type's bits. They say nothing new
	// and are ignored.
	const fileType = 0o170000
	if d.FileMode != nil && *d.FileMode&^fileType > 0o777 {
		return invalid("/fileMode", "must be from 0 to 511 (octal 0777), found %d", uint32(*d.FileMode))
	}
	return nil
}

// validateDeviceRules checks /linux/resources/devices.
func validateDeviceRules(rules []specs.LinuxDeviceCgroup) error {
	for i, r := range rules {
		switch r.Type {
		case "", "a", "b", "c":
		default:
			return invalid(at(i, "type"), "must be a, b or c, found %s", quoted(r.Type))
		}
		// -1 is what engines write for "any".
		if r.Major != nil && (*r.Major < -1 || *r.Major > maxMajor) {
			return invalid(at(i, "major"), "must be from 0 to %d, or -1 for any, found %d", maxMajor, *r.Major)
		}
		if r.Minor != nil && (*r.Minor < -1 || *r.Minor > maxMinor) {
			return invalid(at(i, "minor"), "must be from 0 to %d, or -1 for any, found %d", maxMinor, *r.Minor)
		}
		if r.Access == "" {
			return invalid(at(i, "access"), "is required: some of r, w and m")
		}
		seen := [256]bool{}
		for j := 0; j < len(r.Access); j++ {
			c := r.Access[j]
			if c != 'r' && c != 'w' && c != 'm' || seen[c] {
				return invalid(at(i, "access"), "must be some of r, w and m, found %s", quoted(r.Access))
			}
			seen[c] = true
		}
	}
	return nil
}
