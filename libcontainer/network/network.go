// SPDX-License-Identifier: Apache-2.0

// Package network moves and makes network devices for a container: the devices of
// linux.netDevices (MoveDevices), and the cards of an imported LXC container
// (Up and Down, for the hooks `kist lxc-net`).
//
// It runs in the host's network namespace, in the runtime's own process or in a
// hook, and works on the container's namespace through netlink sockets that are
// opened inside it. Nothing is executed in there, no thread stays there, and the
// container's processes cannot reach anything of ours. Bringing up the loopback
// device of a new namespace is not done here: that is one ioctl of the program
// that sets up the container.
//
// This is the only package that imports vishvananda/netlink. It must not decide
// what a card should be (kist/lxc/network/nic says it), and must not run in a
// process that joined the container.
package network

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// namespaces are the two sides of the work.
type namespaces struct {
	// host and inside are rtnetlink sockets in the two namespaces.
	host, inside *netlink.Handle
	// insideFD is the container's namespace, hostFD the host's.
	insideFD, hostFD int
}

// ErrHostNetwork means that the container has no network namespace of its own, so
// that moving a device there would change nothing but its name on the host.
var ErrHostNetwork = errors.New("the container shares the host's network namespace")

// openNamespaces opens both sides. The fd stays the caller's.
func openNamespaces(insideFD int) (*namespaces, error) {
	hostFD, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/proc/thread-self/ns/net: open: %w", err)
	}
	n := &namespaces{insideFD: insideFD, hostFD: hostFD}
	same, err := sameFile(hostFD, insideFD)
	if err == nil && same {
		err = ErrHostNetwork
	}
	if err == nil {
		if n.host, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
			err = fmt.Errorf("netlink: open in the host's network namespace: %w", err)
		}
	}
	if err == nil {
		if n.inside, err = netlink.NewHandleAt(netns.NsHandle(insideFD), unix.NETLINK_ROUTE); err != nil {
			err = fmt.Errorf("netlink: open in the container's network namespace: %w", needAdmin(err))
		}
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *namespaces) close() {
	if n.host != nil {
		n.host.Close()
	}
	if n.inside != nil {
		n.inside.Close()
	}
	_ = unix.Close(n.hostFD)
}

func sameFile(a, b int) (bool, error) {
	var sa, sb unix.Stat_t
	if err := unix.Fstat(a, &sa); err != nil {
		return false, fmt.Errorf("network namespace: stat: %w", err)
	}
	if err := unix.Fstat(b, &sb); err != nil {
		return false, fmt.Errorf("network namespace: stat: %w", err)
	}
	return sa.Dev == sb.Dev && sa.Ino == sb.Ino, nil
}

// needAdmin adds to a refusal what is missing.
func needAdmin(err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%w (needs CAP_NET_ADMIN and CAP_SYS_ADMIN over both namespaces; rootless, devices can not be made or moved)", err)
	}
	return err
}

// isNotFound reports that a device is not there.
func isNotFound(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing) || errors.Is(err, unix.ENODEV)
}
