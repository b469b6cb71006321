// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"kist/libcontainer/network"
)

// moveNetDevices moves the host's network devices into the container.
func (c *creation) moveNetDevices() error {
	defer c.rt.Trace.phase("network devices")()
	path := "/proc/" + strconv.Itoa(c.session.Pid) + "/ns/net"
	ns, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == unix.EACCES {
		// Who may not open it, for want of CAP_SYS_PTRACE, could not move a device either.
		return fmt.Errorf("config.json: /linux/netDevices: moving devices of the host needs CAP_NET_ADMIN there: %w", unix.EPERM)
	}
	if err != nil {
		return fmt.Errorf("%s: open: %w", path, err)
	}
	defer unix.Close(ns)
	moved, err := network.MoveDevices(ns, c.spec.Linux.NetDevices)
	if err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	// A name may have been a pattern: now it is known.
	for _, m := range moved {
		c.state.NetDevices[m.Host] = m.Container
	}
	return nil
}
