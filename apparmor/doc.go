// SPDX-License-Identifier: Apache-2.0

// Package apparmor knows the AppArmor of this host: whether it is on, which
// profiles the kernel has, and how one gets there. It has the profile that
// kist ships, kist-default, and makes the profiles of imported LXC containers
// whose configuration says lxc.apparmor.profile = generated.
//
// It runs in the kist process, on the host. Questions are answered by files of
// the kernel below /sys/kernel/security/apparmor; a profile is compiled and
// loaded by the distribution's apparmor_parser, the only program that knows
// which policy format the kernel takes, and removed without it. The transition
// of a container's process into its profile is not made here: it is an
// instruction of the program that nsexec executes (compile/process.go).
//
// A container that names no profile never gets here: nothing of this package
// may run before somebody asks for a profile. It must not import other
// packages of kist, and must not decide what a container is confined by.
package apparmor
