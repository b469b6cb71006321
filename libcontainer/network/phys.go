// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

// findPhys notes the devices of a phys card; they are moved once every card's
// script ran, as LXC does it.
func (u *up) findPhys(c *nic.Card, rec *cardRecord, name string) error {
	links, err := u.physLinks(c.Link)
	if err != nil {
		return err
	}
	for i, link := range links {
		a := link.Attrs()
		if a.Flags&net.FlagLoopback != 0 {
			return fmt.Errorf("link %s: a loopback device can not be moved", a.Name)
		}
		p := physRecord{Name: a.Name, MTU: a.MTU, MAC: a.HardwareAddr.String(), Inside: a.Name, Wiphy: wiphyOf(a.Name)}
		// Of several devices the card's settings are for the last.
		if i == len(links)-1 {
			p.Inside = name
		}
		rec.Phys = append(rec.Phys, p)
	}
	return nil
}

// physLinks are the devices a phys card's link means, in the order of their index.
func (u *up) physLinks(link string) ([]netlink.Link, error) {
	prefix, many := strings.CutSuffix(link, "+")
	if !many {
		l, err := u.hostLink(link)
		return []netlink.Link{l}, err
	}
	all, err := u.ns.host.LinkList()
	if err != nil {
		return nil, fmt.Errorf("link %s: list devices of the host: %w", link, err)
	}
	all = slices.DeleteFunc(all, func(l netlink.Link) bool { return !strings.HasPrefix(l.Attrs().Name, prefix) })
	if len(all) == 0 {
		return nil, fmt.Errorf("link %s: no device of the host has a name that begins with %s", link, prefix)
	}
	slices.SortFunc(all, func(a, b netlink.Link) int { return a.Attrs().Index - b.Attrs().Index })
	return all, nil
}

// movePhys takes the card's devices into the container.
func (u *up) movePhys(c *nic.Card, rec *cardRecord) error {
	for i := range rec.Phys {
		p := &rec.Phys[i]
		link, err := u.hostLink(p.Name)
		if err != nil {
			return err
		}
		var inside netlink.Link
		if p.Wiphy >= 0 {
			inside, err = moveWiphy(u.ns.hostSide(), u.ns.insideSide(), p.Wiphy, p.Name, p.Inside)
		} else {
			inside, err = relocate(u.ns.hostSide(), u.ns.insideSide(), link, p.Inside)
		}
		if err != nil {
			return fmt.Errorf("link %w", err)
		}
		p.Inside, p.InsideIndex = inside.Attrs().Name, inside.Attrs().Index
		if err := u.rec.write(); err != nil {
			return err
		}
		if i < len(rec.Phys)-1 {
			continue
		}
		if c.MTU != 0 {
			if err := u.ns.inside.LinkSetMTU(inside, c.MTU); err != nil {
				return fmt.Errorf("%s: set mtu %d: %w", p.Inside, c.MTU, err)
			}
		}
		if c.HardwareAddr != "" {
			mac, err := net.ParseMAC(c.HardwareAddr)
			if err != nil {
				return fmt.Errorf("hwaddr: %w", err)
			}
			if err := u.ns.inside.LinkSetHardwareAddr(inside, mac); err != nil {
				return fmt.Errorf("%s: set hwaddr %s: %w", p.Inside, mac, err)
			}
		}
	}
	return nil
}

// errGone means that there is nothing to bring back, now or later.
var errGone = errors.New("not in the container any more: the container moved or deleted it")

// bringBack moves a device to the host again and makes it what it was. The
// container may have renamed it, so its index counts.
func bringBack(n *namespaces, p physRecord) error {
	link, err := n.inside.LinkByName(p.Inside)
	if p.InsideIndex != 0 {
		link, err = n.inside.LinkByIndex(p.InsideIndex)
	}
	if err != nil {
		if isNotFound(err) {
			if _, err := n.host.LinkByName(p.Name); err == nil {
				return nil // it never left, or is back already
			}
			return fmt.Errorf("%s: %w", p.Name, errGone)
		}
		return fmt.Errorf("%s: find in the container: %w", p.Name, err)
	}
	name := p.Name
	if _, err := n.host.LinkByName(name); err == nil {
		// Somebody took the name meanwhile. A device under another name is
		// better than one that stays in a dead namespace.
		name = name[:min(len(name), 11)] + "_%d"
		fmt.Fprintf(os.Stderr, "%s: the name was taken on the host meanwhile, the device comes back as %s\n", p.Name, name)
	}
	var back netlink.Link
	if p.Wiphy >= 0 {
		back, err = moveWiphy(n.insideSide(), n.hostSide(), p.Wiphy, link.Attrs().Name, name)
	} else {
		back, err = relocate(n.insideSide(), n.hostSide(), link, name)
	}
	if err != nil {
		return err
	}
	if p.MTU != back.Attrs().MTU {
		if err := n.host.LinkSetMTU(back, p.MTU); err != nil {
			return fmt.Errorf("%s: set mtu %d again: %w", p.Name, p.MTU, err)
		}
	}
	if mac, err := net.ParseMAC(p.MAC); err == nil && back.Attrs().HardwareAddr.String() != p.MAC {
		if err := n.host.LinkSetHardwareAddr(back, mac); err != nil {
			return fmt.Errorf("%s: set hardware address %s again: %w", p.Name, mac, err)
		}
	}
	return nil
}

// wiphyOf is the number of the wireless device that a device belongs to, -1 if it
// is not wireless.
func wiphyOf(name string) int {
	data, err := os.ReadFile("/sys/class/net/" + name + "/phy80211/index")
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return -1
	}
	return n
}

// From the kernel's linux/nl80211.h.
const (
	nl80211CmdSetWiphyNetns = 49
	nl80211AttrWiphy        = 1
	nl80211AttrNetnsFD      = 219
)

// moveWiphy moves a wireless device: the kernel lets it change namespaces only as a
// whole, with every interface of it, and through nl80211.
func moveWiphy(from, to side, wiphy int, old, name string) (netlink.Link, error) {
	family, err := netlink.GenlFamilyGet("nl80211")
	if err != nil {
		return nil, fmt.Errorf("%s: move to %s: nl80211: %w", old, to.name, err)
	}
	req := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_ACK)
	req.AddData(&nl.Genlmsg{Command: nl80211CmdSetWiphyNetns, Version: nl.GENL_CTRL_VERSION})
	req.AddData(nl.NewRtAttr(nl80211AttrWiphy, nl.Uint32Attr(uint32(wiphy))))
	req.AddData(nl.NewRtAttr(nl80211AttrNetnsFD, nl.Uint32Attr(uint32(to.fd))))
	// The request must come from the namespace the device is in.
	socket, err := nl.GetNetlinkSocketAt(netns.NsHandle(from.fd), netns.None(), unix.NETLINK_GENERIC)
	if err != nil {
		return nil, fmt.Errorf("%s: netlink: open in %s: %w", old, from.name, needAdmin(err))
	}
	defer socket.Close()
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_GENERIC: {Socket: socket}}
	if _, err := req.Execute(unix.NETLINK_GENERIC, 0); err != nil {
		return nil, fmt.Errorf("%s: move phy%d to %s: %w", old, wiphy, to.name, needAdmin(err))
	}
	link, err := to.handle.LinkByName(old)
	if err != nil {
		return nil, fmt.Errorf("%s: find in %s after the move: %w", old, to.name, err)
	}
	if name == old {
		return link, nil
	}
	if err := errors.Join(to.handle.LinkSetDown(link), to.handle.LinkSetName(link, name)); err != nil {
		return nil, fmt.Errorf("%s: rename to %s in %s: %w", old, name, to.name, err)
	}
	return to.handle.LinkByIndex(link.Attrs().Index)
}
