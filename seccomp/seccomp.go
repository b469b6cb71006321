// SPDX-License-Identifier: Apache-2.0

// Package seccomp turns the seccomp profile of a container (/linux/seccomp in config.json) into a BPF program, and keeps
// compiled programs in a cache.
//
// It runs in the parent, in the host's namespaces. nsexec installs the program with one seccomp(2) call inside the
// container; nothing of this package runs there.
//
// A profile is compiled in two steps. Analysis (profile.go) checks every field and resolves actions and names, the latter
// with libseccomp, which has the tables of all architectures (libseccomp.go is the only file that uses it); generation
// (program.go) makes the program.
//
// Why libseccomp does not generate it as well: where several rules with conditions are about one call, version 2.5.4
// merges them into a tree that applies rules whose conditions do not hold (comparisons of 64-bit values; a random test
// against a reference found it within a second). It cannot compile rules for calls that are newer than itself. And for
// the profile of a container engine (testdata/engine.json) it makes 1330 instructions in 20 ms, where 412 in 1 ms do; the
// kernel takes 700 µs to install the one and 240 µs for the other, at every start of a container.
//
// A hit in the cache does neither: the raw JSON text is compared with the one stored in the entry, so that not even the
// profile is decoded.
//
// The package must not load a filter into the process that it runs in, and nothing else may import libseccomp-golang.
package seccomp

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Filter is a seccomp program and how to install it.
type Filter struct {
	// BPF is an array of struct sock_filter in the machine's byte order, at most 4096 of them.
	BPF []byte
	// Flags are those for seccomp(2) with SECCOMP_SET_MODE_FILTER; SECCOMP_FILTER_FLAG_NEW_LISTENER is among them if and
	// only if Notify is set.
	Flags uint
	// Notify tells that the program has SCMP_ACT_NOTIFY rules. Installing it yields a file descriptor, which SendListener
	// hands to the agent that listens at ListenerPath.
	Notify bool
	// ListenerPath and ListenerMetadata are the profile's listenerPath and listenerMetadata.
	ListenerPath, ListenerMetadata string
	// Warnings names what in the profile has no effect or another one than its text suggests, one sentence each,
	// beginning with a JSON pointer.
	Warnings []string
}

// Options are what the filter depends on besides the profile. They are part of the key of a cache entry.
type Options struct {
	// RefuseUnknown makes the name of a system call that no kernel has an error instead of a warning.
	RefuseUnknown bool
	// Build is the version and commit of the program. A cache entry written by another build is not used.
	Build string
}

// listenerName names the file descriptor in the message to a seccomp agent (runtime-spec, config-linux.md: containerProcessState).
const listenerName = specs.SeccompFdName

// ErrUnsupported is what Compile and Load return when the program was built without libseccomp.
var ErrUnsupported = errors.New("seccomp: this kist was built without libseccomp (cgo and the build tag seccomp); " +
	"remove /linux/seccomp from config.json to run without a filter")

// Compile translates a profile. The profile is not changed.
func Compile(p *specs.LinuxSeccomp, opts Options) (*Filter, error) {
	if !Supported {
		return nil, ErrUnsupported
	}
	r, err := analyse(p, opts, nativeArchs(), lookup)
	if err != nil {
		return nil, err
	}
	flags, err := filterFlags(p, r)
	if err != nil {
		return nil, err
	}
	program := generate(r)
	if len(program) > maxInstructions {
		return nil, tooLong(len(program))
	}
	return &Filter{
		BPF:              encode(program),
		Flags:            flags,
		Notify:           r.notify,
		ListenerPath:     p.ListenerPath,
		ListenerMetadata: p.ListenerMetadata,
		Warnings:         r.warnings,
	}, nil
}
