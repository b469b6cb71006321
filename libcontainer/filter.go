// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/spec"
	"kist/seccomp"
)

func decodeSeccomp(raw []byte) (*specs.LinuxSeccomp, error) { return spec.DecodeSeccomp(raw) }

// checkFilter refuses a filter that nsexec itself could not live with: what
// must still be called after it is loaded is tried out here, so that the user
// reads which call it is, and not a mysterious EPERM or a silent death.
func checkFilter(f *seccomp.Filter, p *specs.Process, reaper bool) error {
	calls := []seccomp.Call{{Name: "execve", Number: unix.SYS_EXECVE}}
	if reaper {
		calls = append(calls, seccomp.Call{Name: "execveat", Number: unix.SYS_EXECVEAT})
	}
	if !p.NoNewPrivileges {
		calls = append(calls,
			seccomp.Call{Name: "capset", Number: unix.SYS_CAPSET},
			seccomp.Call{Name: "prctl(PR_CAP_AMBIENT)", Number: unix.SYS_PRCTL, Args: [6]uint64{unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL}})
	}
	if f.Notify {
		calls = append(calls,
			seccomp.Call{Name: "sendmsg", Number: unix.SYS_SENDMSG},
			seccomp.Call{Name: "recvmsg", Number: unix.SYS_RECVMSG},
			seccomp.Call{Name: "close", Number: unix.SYS_CLOSE})
	}
	denied, err := seccomp.Allows(f.BPF, calls)
	if err != nil {
		return err
	}
	for _, d := range denied {
		if d.Call.Number == unix.SYS_EXECVE && d.Verdict.Asks() {
			continue // somebody is asked about the container's own execve: a profile's right
		}
		return fmt.Errorf("config.json: /linux/seccomp: %w, which kist needs after loading the filter", d)
	}
	return nil
}
