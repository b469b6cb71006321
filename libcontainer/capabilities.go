// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"log/slog"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/compile"
	"kist/libcontainer/host"
)

// withheld gives the capabilities that nsexec cannot grant because kist is
// without them itself: it runs in a container, or under a bounding set. The
// specification wants a warning for those that are asked for, and a container
// that runs without them.
//
// Whoever enters a user namespace, a new one or another's, has them all.
func withheld(facts *host.Facts, entersUserNS bool) uint64 {
	if entersUserNS {
		return 0
	}
	return facts.NoCaps
}

// warnWithheld names the capabilities that the process asks for in vain.
func warnWithheld(log *slog.Logger, p *specs.Process, mask uint64) {
	if mask == 0 || p.Capabilities == nil {
		return
	}
	var asked uint64
	for _, set := range [...][]string{p.Capabilities.Bounding, p.Capabilities.Permitted, p.Capabilities.Inheritable} {
		for _, name := range set {
			if c := compile.CapabilityNumber(name); c >= 0 {
				asked |= 1 << c
			}
		}
	}
	for _, name := range compile.CapabilityNames(63) {
		if c := compile.CapabilityNumber(name); asked&mask&(1<<c) != 0 {
			log.Warn("/process/capabilities: " + name + " is not granted: it is not in the bounding set of kist itself")
		}
	}
}
