// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"sync"

	"golang.org/x/sys/unix"
)

// Mode is the cgroup layout of the host.
type Mode int

const (
	// V1 has one hierarchy per controller below /sys/fs/cgroup.
	V1 Mode = iota
	// Hybrid is V1 plus a controller-less v2 hierarchy at
	// /sys/fs/cgroup/unified.
	Hybrid
	// V2 has the one unified hierarchy at /sys/fs/cgroup.
	V2
)

const (
	mountRoot   = "/sys/fs/cgroup"
	hybridMount = mountRoot + "/unified"
)

// String returns "v1", "hybrid" or "v2".
func (m Mode) String() string {
	switch m {
	case V1:
		return "v1"
	case Hybrid:
		return "hybrid"
	case V2:
		return "v2"
	}
	return "unknown"
}

// Detect tells which layout the host has. It costs one statfs(2) on v2 and two
// otherwise, and a host without any cgroup mount is reported as V1: New then
// fails with the reason. It is asked for once in a process: list loads a cgroup
// for every container.
func Detect() Mode { return detected() }

var detected = sync.OnceValue(detect)

func detect() Mode {
	if isCgroup2(mountRoot) {
		return V2
	}
	if isCgroup2(hybridMount) {
		return Hybrid
	}
	return V1
}

func isCgroup2(path string) bool {
	st, err := statfs(path)
	return err == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

func statfs(path string) (unix.Statfs_t, error) {
	var st unix.Statfs_t
	for {
		err := unix.Statfs(path, &st)
		if !errors.Is(err, unix.EINTR) {
			return st, err
		}
	}
}
