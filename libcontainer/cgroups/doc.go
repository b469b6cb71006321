// SPDX-License-Identifier: Apache-2.0

// Package cgroups puts a container into its cgroup: it decides the path,
// makes the directories, writes the limits, attaches processes, and later
// freezes, kills, measures and removes what it made. It knows cgroup v1, the
// hybrid layout and v2, each driven directly or through systemd.
//
// It runs in kist's own process on the host, never inside a container.
//
// The order of calls at create, and what may run before what:
//
//	c, err := New(config)      // paths only; nothing is touched
//	…state is written: it names c.Paths() before they exist…
//	c.Create()                 // directories
//	if c.BornInto() {          // v2, cgroupfs
//		c.Set(); fd := c.OpenDir()   // clone3(CLONE_INTO_CGROUP, fd)
//	} else {                   // v1, hybrid, systemd
//		c.Attach(pid); c.Set()       // or, on v1: c.Set(), then the child
//	}                              // writes "0" into each of c.ProcsFiles()
//
// Who owns a cgroup is written on the cgroup itself: Create leaves an extended
// attribute with the container's id on every directory it makes. Kill, Freeze
// and Destroy look for that mark first, so that neither a forged state file nor
// a careless cgroupsPath can turn them against a cgroup that kist did not make.
//
// The package must not parse /proc/self/mountinfo on a host with the usual
// mount points, must not log, and must not wait by polling where the kernel
// offers a notification.
package cgroups
