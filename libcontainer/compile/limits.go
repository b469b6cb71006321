// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
	"kist/libcontainer/spec"
)

// limits sets the resource limits, as late as the process can do it itself:
// nsexec needs descriptors, memory and its program's size in files until then,
// and a limit on processes is compared with those of the new user when the ids
// change. By then it has no privilege any more: the parent has raised what was
// below (package libcontainer, raiseRlimits), and all that is left is to lower.
// What follows is under the limits: nothing but capset, prctl, the filter and
// execve.
func (p *process) limits() error {
	for i := range p.Process.Rlimits {
		l := &p.Process.Rlimits[i]
		cause := program.Cause{Pointer: p.Pointer + "/rlimits", Index: i}
		n, ok := spec.RlimitNumber(l.Type)
		if !ok {
			return errorf(cause, "unknown limit %q", l.Type)
		}
		if n == unix.RLIMIT_NOFILE && LimitsAfterListener(p.Filter) {
			continue
		}
		p.b.For(cause)
		p.b.Call(unix.SYS_PRLIMIT64, program.I(0), program.I(n), p.b.Words(l.Soft, l.Hard).V(), program.Null)
	}
	return nil
}

// LimitsAfterListener says whether the parent sets RLIMIT_NOFILE, when it gets
// the listener of the filter: that is the last descriptor which nsexec makes,
// and by then the filter may refuse prlimit(2).
func LimitsAfterListener(f *Filter) bool { return f != nil && f.Notify }
