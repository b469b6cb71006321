// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/spec"
)

// raiseRlimits raises from outside, with the caller's privilege, what is below
// the limits that the process is to have. It lowers none: nsexec would be
// starved of the descriptors and memory that it still needs, and sets the
// limits themselves when it is done (package compile, limits).
func raiseRlimits(pid int, limits []specs.POSIXRlimit) error {
	for i := range limits {
		l := &limits[i]
		n, ok := spec.RlimitNumber(l.Type)
		if !ok {
			return fmt.Errorf("config.json: /process/rlimits/%d/type: unknown limit %q", i, l.Type)
		}
		var now unix.Rlimit
		err := unix.Prlimit(pid, n, nil, &now)
		if want := (unix.Rlimit{Cur: max(now.Cur, l.Soft), Max: max(now.Max, l.Hard)}); err == nil && want != now {
			err = unix.Prlimit(pid, n, &want, nil)
		}
		if err != nil {
			return rlimitError(i, l, err)
		}
	}
	return nil
}

// limitFiles sets RLIMIT_NOFILE where nsexec could not: see
// compile.LimitsAfterListener.
func limitFiles(pid int, limits []specs.POSIXRlimit) error {
	for i := range limits {
		l := &limits[i]
		if n, ok := spec.RlimitNumber(l.Type); !ok || n != unix.RLIMIT_NOFILE {
			continue
		}
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil); err != nil {
			return rlimitError(i, l, err)
		}
	}
	return nil
}

func rlimitError(i int, l *specs.POSIXRlimit, err error) error {
	hint := ""
	if err == unix.EPERM {
		hint = " (raising a hard limit needs CAP_SYS_RESOURCE, and files have a limit of their own in fs.nr_open)"
	}
	return fmt.Errorf("config.json: /process/rlimits/%d: prlimit %s soft %d hard %d: %w%s", i, l.Type, l.Soft, l.Hard, err, hint)
}
