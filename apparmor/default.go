// SPDX-License-Identifier: Apache-2.0

package apparmor

import _ "embed"

// DefaultName is the name of the profile that kist ships.
const DefaultName = "kist-default"

// shipped is what `make install` puts into PolicyDir: pinned to the feature
// set of AppArmor 3.0, which every parser since knows.
//
//go:embed kist-default
var shipped string

// Default is the text of kist-default for a parser.
func Default(d Dialect) string { return d.adapt(shipped) }

// namespacedSysctls are below /proc/sys and belong to a namespace that the
// container has of its own: network, IPC, UTS and pid. Each is cut where no
// other sysctl begins so: fs/mqueue, kernel/domainname, kernel/hostname,
// kernel/ns_last_pid.
func namespacedSysctls() []string {
	return []string{"fs/mq*", "kernel/dom*", "kernel/hos*", "kernel/msg*", "kernel/ns_*", "kernel/sem*", "kernel/shm*", "net/*"}
}

// procDirs are below /proc and not the host's: those of processes, and the
// sysctls, which have rules of their own.
func procDirs() []string { return []string{"[0-9]*", "sys/*"} }
