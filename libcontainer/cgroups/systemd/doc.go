// SPDX-License-Identifier: Apache-2.0

// Package systemd asks systemd for transient units over D-Bus: start, change,
// attach to, stop. It speaks just as much of the protocol as these few calls
// need, over one blocking socket, straight to systemd's private socket where
// possible and else through the bus.
//
// It runs in kist's own process on the host. Nothing is connected before the
// first call, and nothing is sent but what the cgroups package asks for.
//
// Why not the usual libraries: only hosts with the systemd driver need this, but
// every kist command would pay for linking a general D-Bus implementation
// (reflection, net, crypto/rand), some 100 microseconds at each start.
//
// The package must not log, must not start goroutines and must not know about
// cgroup files.
package systemd
