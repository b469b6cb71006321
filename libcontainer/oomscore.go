// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// writeOOMScore sets /process/oomScoreAdj. A user without privilege may not
// lower it; engines then send the value that it has already.
func writeOOMScore(pid int, p *specs.Process) error {
	if p.OOMScoreAdj == nil {
		return nil
	}
	path := "/proc/" + strconv.Itoa(pid) + "/oom_score_adj"
	want := strconv.Itoa(*p.OOMScoreAdj)
	err := os.WriteFile(path, []byte(want), 0)
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		if have, e := os.ReadFile(path); e == nil && string(have) == want+"\n" {
			return nil
		}
		return fmt.Errorf("config.json: /process/oomScoreAdj: %w (lowering it needs CAP_SYS_RESOURCE)", err)
	}
	if err != nil {
		return fmt.Errorf("config.json: /process/oomScoreAdj: %w", err)
	}
	return nil
}

// passOOMScore takes the value on for as long as nsexec is started, which
// inherits it: nsexec cannot be traced, so its file is root's, and a user could
// not raise the value there. The function it returns takes it back. What it
// cannot do is reported by writeOOMScore.
func passOOMScore(p *specs.Process, privileged bool) func() {
	const own = "/proc/self/oom_score_adj"
	if privileged || p.OOMScoreAdj == nil {
		return nothing
	}
	old, err := os.ReadFile(own)
	if err != nil || os.WriteFile(own, []byte(strconv.Itoa(*p.OOMScoreAdj)), 0) != nil {
		return nothing
	}
	return func() { _ = os.WriteFile(own, old, 0) }
}
