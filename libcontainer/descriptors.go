// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// descriptors are those that the caller passes on to the process: the block
// of LISTEN_FDS (sd_listen_fds(3)) first, then that of --preserve-fds.
type descriptors struct {
	preserve []int
	listen   int // how many of them are LISTEN_FDS
}

// maxPreserve bounds a count that comes from the environment.
const maxPreserve = 1024

func (d *descriptors) collect(preserve int, p *specs.Process) error {
	// LISTEN_FDS is for us only if LISTEN_PID says so; Podman puts both into
	// config.json as well, and then has the descriptors in --preserve-fds.
	if os.Getenv("LISTEN_PID") == strconv.Itoa(os.Getpid()) && !hasEnv(p.Env, "LISTEN_FDS") {
		n, err := strconv.Atoi(os.Getenv("LISTEN_FDS"))
		if err != nil || n < 0 || n > maxPreserve {
			return fmt.Errorf("LISTEN_FDS %q: must be a number from 0 to %d", os.Getenv("LISTEN_FDS"), maxPreserve)
		}
		d.listen = n
	}
	if preserve < 0 || preserve > maxPreserve {
		return fmt.Errorf("--preserve-fds %d: must be from 0 to %d", preserve, maxPreserve)
	}
	for fd := 3; fd < 3+d.listen+preserve; fd++ {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return fmt.Errorf("unable to stat preserved-fd %d (of %d): descriptor is not open: %w", fd-3, d.listen+preserve, err)
		}
		d.preserve = append(d.preserve, fd)
	}
	return nil
}

// extra gives the variables that tell the process of its descriptors.
func (d *descriptors) extra() []string {
	if d.listen == 0 {
		return nil
	}
	return []string{"LISTEN_FDS=" + strconv.Itoa(d.listen), "LISTEN_PID=1"}
}

func hasEnv(env []string, name string) bool {
	for _, e := range env {
		if strings.HasPrefix(e, name+"=") {
			return true
		}
	}
	return false
}
