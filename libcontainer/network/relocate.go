// SPDX-License-Identifier: Apache-2.0

package network

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// side is one end of a move.
type side struct {
	handle *netlink.Handle
	fd     int
	name   string // "the host" or "the container", for messages
}

func (n *namespaces) hostSide() side   { return side{n.host, n.hostFD, "the host"} }
func (n *namespaces) insideSide() side { return side{n.inside, n.insideFD, "the container"} }

// relocate moves a device and renames it; a %d in the name is numbered by the
// kernel. It returns the device on the other side.
//
// The device travels under a name nobody has, because the kernel would refuse
// the move when its present name is taken on the other side, and because its
// index may change on the way, so that only the name finds it again. Moving
// takes it down and drops its addresses.
func relocate(from, to side, link netlink.Link, name string) (netlink.Link, error) {
	old := link.Attrs().Name
	transit, err := transitName()
	if err != nil {
		return nil, err
	}
	if err := sendAway(from, to, link, transit); err != nil {
		return nil, fmt.Errorf("%s: move to %s: %w", old, to.name, needAdmin(err))
	}
	moved, err := to.handle.LinkByName(transit)
	if err == nil {
		if err = to.handle.LinkSetName(moved, name); err == nil {
			return to.handle.LinkByIndex(moved.Attrs().Index)
		}
		err = fmt.Errorf("%s: rename to %s in %s: %w", old, name, to.name, err)
		// Leave nothing half done: back to where it was, as it was called.
		if backErr := sendAway(to, from, moved, old); backErr != nil {
			err = fmt.Errorf("%w; and it is still in %s as %s, since moving it back was refused: %w", err, to.name, transit, backErr)
		}
		return nil, err
	}
	return nil, fmt.Errorf("%s: find in %s after the move: %w", old, to.name, err)
}

// sendAway renames a device and gives it to the other namespace. If that is refused
// the device has its name again, and is down.
func sendAway(from, to side, link netlink.Link, name string) error {
	if link.Attrs().Flags&net.FlagUp != 0 {
		if err := from.handle.LinkSetDown(link); err != nil {
			return err
		}
	}
	if err := from.handle.LinkSetName(link, name); err != nil {
		return err
	}
	if err := from.handle.LinkSetNsFd(link, to.fd); err != nil {
		// The name was changed already.
		_ = from.handle.LinkSetName(link, link.Attrs().Name)
		return err
	}
	return nil
}

func transitName() (string, error) {
	var b [5]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("random name: %w", err)
	}
	return "kist" + hex.EncodeToString(b[:]), nil
}

// permanentAddresses lists the addresses of a device that somebody gave it and
// that mean something outside of its link: what linux.netDevices preserves.
func permanentAddresses(h *netlink.Handle, link netlink.Link) ([]netlink.Addr, error) {
	all, err := h.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("%s: list addresses: %w", link.Attrs().Name, err)
	}
	kept := all[:0]
	for _, a := range all {
		if a.Flags&unix.IFA_F_PERMANENT != 0 && a.Scope == unix.RT_SCOPE_UNIVERSE {
			kept = append(kept, a)
		}
	}
	return kept, nil
}

// giveAddresses adds addresses as another device, or the same one elsewhere, had them.
func giveAddresses(h *netlink.Handle, link netlink.Link, addrs []netlink.Addr) error {
	name := link.Attrs().Name
	for _, a := range addrs {
		// The kernel sets these flags itself: the one says that there is no
		// lifetime, the others how far duplicate detection got.
		a.Flags &^= unix.IFA_F_PERMANENT | unix.IFA_F_TENTATIVE | unix.IFA_F_DADFAILED | unix.IFA_F_SECONDARY
		a.Label = "" // it holds the old name
		a.ValidLft, a.PreferedLft = 0, 0
		if nl.GetIPFamily(a.IP) == unix.AF_INET && a.Broadcast == nil {
			// netlink would make one up where the device had none.
			a.Broadcast = net.IPv4zero
		}
		if err := h.AddrAdd(link, &a); err != nil {
			return fmt.Errorf("%s: add address %s: %w", name, a.IPNet, err)
		}
	}
	return nil
}
