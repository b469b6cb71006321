// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// overProc are the files of procfs that a mount may cover. Mounts anywhere
// else below /proc are refused: over /proc/self/attr or /proc/sys they would
// redirect what the runtime itself writes there for the container. The list
// serves lxcfs and is the one that users have from runc.
var overProc = [...]string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime", "/proc/loadavg",
	"/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
}

// validateMount checks a mount's destination, source and mappings. The grammar
// of options belongs to package compile, which knows what they mean. A
// destination that only turns out to be inside /proc through a symbolic link
// of the image is refused when it is resolved.
func validateMount(m *specs.Mount) error {
	if err := validateDestination(m); err != nil {
		return within(err, "destination")
	}
	if err := validatePath(m.Source); err != nil {
		return within(err, "source")
	}
	if isBind(m) && m.Source == "" && !slices.Contains(m.Options, "remount") {
		return invalid("/source", "is required for a bind mount")
	}
	if err := validateText(m.Type); err != nil {
		return within(err, "type")
	}
	if (len(m.UIDMappings) == 0) != (len(m.GIDMappings) == 0) {
		return invalid("", "uidMappings and gidMappings must be given together")
	}
	if err := validateMappings(m.UIDMappings); err != nil {
		return within(err, "uidMappings")
	}
	if err := validateMappings(m.GIDMappings); err != nil {
		return within(err, "gidMappings")
	}
	return nil
}

// isBind tells whether a mount is a bind mount. The options decide; the type
// is not looked at, as in all runtimes.
func isBind(m *specs.Mount) bool {
	return slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

func validateDestination(m *specs.Mount) error {
	if m.Destination == "" {
		return invalid("", "is required")
	}
	if err := validatePath(m.Destination); err != nil {
		return err
	}
	if hasDotDot(m.Destination) {
		return invalid("", "must not contain \"..\", found %s", quoted(m.Destination))
	}
	switch where := clean(m.Destination); {
	case where == "/":
		return invalid("", "a mount on \"/\" would hide the container's root file system")
	case where == "/proc":
		// A bind mount of a real procfs is possible; its source is checked
		// when it is opened.
		if m.Type != "proc" && !isBind(m) {
			return invalid("", "only a file system of type proc may be mounted on /proc, found type %s", quoted(m.Type))
		}
	case strings.HasPrefix(where, "/proc/") && !slices.Contains(overProc[:], where):
		return invalid("", "mounting inside /proc is not allowed (allowed: %s)", strings.Join(overProc[:], ", "))
	}
	return nil
}
