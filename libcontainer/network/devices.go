// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netlink"
)

// Moved is a device that was moved into a container.
type Moved struct {
	// Host is the name it had, Container the name it has now.
	Host, Container string
}

// taken is what is needed to undo a move.
type taken struct {
	Moved
	wasUp bool
	addrs []netlink.Addr
}

// MoveDevices moves the devices of linux.netDevices into the network namespace
// open as netns, in the order of their names on the host. Each is renamed, gets
// back its permanent addresses of global scope, and is set up (config-linux.md,
// "Network Devices"). A name that is taken in the container is an error unless it
// is a pattern with %d.
//
// Either all devices are moved or none: after an error those moved already are
// back on the host, with name, addresses and state.
func MoveDevices(netns int, devices map[string]specs.LinuxNetDevice) ([]Moved, error) {
	if len(devices) == 0 {
		return nil, nil
	}
	ns, err := openNamespaces(netns)
	if err != nil {
		return nil, fmt.Errorf("/linux/netDevices: %w", err)
	}
	defer ns.close()
	names := make([]string, 0, len(devices))
	for name := range devices {
		names = append(names, name)
	}
	slices.Sort(names)
	var done []taken
	for _, name := range names {
		want := devices[name].Name
		if want == "" {
			want = name
		}
		t, err := ns.take(name, want)
		if t != nil {
			done = append(done, *t)
		}
		if err != nil {
			errs := []error{fmt.Errorf("/linux/netDevices/%s: %w", name, err)}
			for _, t := range slices.Backward(done) {
				if err := ns.giveBack(t); err != nil {
					errs = append(errs, fmt.Errorf("/linux/netDevices/%s: undo: %w", t.Host, err))
				}
			}
			return nil, errors.Join(errs...)
		}
	}
	moved := make([]Moved, len(done))
	for i, t := range done {
		moved[i] = t.Moved
	}
	return moved, nil
}

// take moves one device. It returns what was taken even with an error, if the
// device is in the container by then.
func (n *namespaces) take(name, want string) (*taken, error) {
	link, err := n.host.LinkByName(name)
	if err != nil {
		if isNotFound(err) {
			return nil, errors.New("no such device on the host")
		}
		return nil, fmt.Errorf("find on the host: %w", err)
	}
	if link.Attrs().Flags&net.FlagLoopback != 0 {
		return nil, errors.New("a loopback device can not be moved")
	}
	addrs, err := permanentAddresses(n.host, link)
	if err != nil {
		return nil, err
	}
	wasUp := link.Attrs().Flags&net.FlagUp != 0
	inside, err := relocate(n.hostSide(), n.insideSide(), link, want)
	if err != nil {
		// It is on the host again, but the attempt cost it its addresses.
		if link, findErr := n.host.LinkByName(name); findErr == nil {
			err = errors.Join(err, revive(n.host, link, addrs, wasUp))
		}
		return nil, err
	}
	t := &taken{Moved{name, inside.Attrs().Name}, wasUp, addrs}
	return t, revive(n.inside, inside, addrs, true)
}

// revive gives a moved device its addresses and state. Addresses come second:
// IPv6 ones would not survive on a device that is down.
func revive(h *netlink.Handle, link netlink.Link, addrs []netlink.Addr, up bool) error {
	if up {
		if err := h.LinkSetUp(link); err != nil {
			return fmt.Errorf("%s: set up: %w", link.Attrs().Name, err)
		}
	}
	present, err := permanentAddresses(h, link)
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(addrs), func(a netlink.Addr) bool {
		return slices.ContainsFunc(present, func(b netlink.Addr) bool { return a.IPNet.String() == b.IPNet.String() })
	})
	return giveAddresses(h, link, missing)
}

func (n *namespaces) giveBack(t taken) error {
	link, err := n.inside.LinkByName(t.Container)
	if err != nil {
		return fmt.Errorf("find in the container: %w", err)
	}
	back, err := relocate(n.insideSide(), n.hostSide(), link, t.Host)
	if err != nil {
		return err
	}
	return revive(n.host, back, t.addrs, t.wasUp)
}
