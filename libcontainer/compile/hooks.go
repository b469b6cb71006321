// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/host"
	"kist/libcontainer/program"
)

// Reveals says whether nsexec lets itself be looked at while hooks run in the
// container's namespaces. An ordinary user may join those of a process only if
// that can be traced (ptrace(2), PTRACE_MODE_READ), and nsexec cannot. It can
// afford to while nobody lives in these namespaces but its parent's hooks, and
// nobody comes without its parent: never in a user or pid namespace that has
// been joined.
func Reveals(list []specs.LinuxNamespace, f *host.Facts) bool {
	if f.Euid == 0 {
		return false
	}
	created := false
	for i := range list {
		switch list[i].Type {
		case specs.UserNamespace:
			created = list[i].Path == ""
			if !created {
				return false
			}
		case specs.PIDNamespace:
			if list[i].Path != "" {
				return false
			}
		}
	}
	return created
}

// syncHooks is a sync point at which hooks may run.
func syncHooks(b *program.Builder, code int, reveal bool) {
	if reveal {
		b.Prctl(unix.PR_SET_DUMPABLE, program.I(1))
	}
	b.Sync(code, program.I(0), program.None)
	if reveal {
		b.Prctl(unix.PR_SET_DUMPABLE, program.I(0))
	}
}
