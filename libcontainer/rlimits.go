// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/spec"
)

// setRlimits sets the limits from outside and late: a small RLIMIT_NOFILE
// must not starve the set-up.
func setRlimits(pid int, limits []specs.POSIXRlimit) error {
	for i := range limits {
		l := &limits[i]
		n, ok := spec.RlimitNumber(l.Type)
		if !ok {
			return fmt.Errorf("config.json: /process/rlimits/%d/type: unknown limit %q", i, l.Type)
		}
		if err := unix.Prlimit(pid, n, &unix.Rlimit{Cur: l.Soft, Max: l.Hard}, nil); err != nil {
			hint := ""
			if err == unix.EPERM {
				hint = " (raising a hard limit needs CAP_SYS_RESOURCE)"
			}
			return fmt.Errorf("config.json: /process/rlimits/%d: prlimit %s soft %d hard %d: %w%s", i, l.Type, l.Soft, l.Hard, err, hint)
		}
	}
	return nil
}
