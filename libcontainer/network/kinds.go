// SPDX-License-Identifier: Apache-2.0

package network

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Kinds are the kinds of devices that containers have or stand on, by their names
// in `ip link add … type KIND`.
var Kinds = [...]string{"veth", "bridge", "macvlan", "ipvlan", "vlan", "dummy"}

// TryKind makes devices of a kind in the network namespace of the calling thread,
// which should be a new one that ends with it: nothing is removed.
func TryKind(kind string) error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: open: %w", err)
	}
	defer h.Close()
	attrs := func(suffix string) netlink.LinkAttrs {
		a := netlink.NewLinkAttrs()
		a.Name = kind + suffix
		return a
	}
	// A card for what sits on one: a veth pair is in every kernel that runs containers.
	on := func() (netlink.LinkAttrs, error) {
		a := attrs("0")
		parent := &netlink.Veth{LinkAttrs: attrs("-on"), PeerName: kind + "-peer"}
		if err := h.LinkAdd(parent); err != nil {
			return a, fmt.Errorf("veth to put it on: %w", err)
		}
		link, err := h.LinkByName(parent.Name)
		if err != nil {
			return a, fmt.Errorf("veth to put it on: %w", err)
		}
		a.ParentIndex = link.Attrs().Index
		return a, nil
	}
	var link netlink.Link
	var a netlink.LinkAttrs
	switch kind {
	case "veth":
		link = &netlink.Veth{LinkAttrs: attrs("0"), PeerName: kind + "1"}
	case "bridge":
		link = &netlink.Bridge{LinkAttrs: attrs("0")}
	case "dummy":
		link = &netlink.Dummy{LinkAttrs: attrs("0")}
	case "macvlan":
		a, err = on()
		link = &netlink.Macvlan{LinkAttrs: a, Mode: netlink.MACVLAN_MODE_PRIVATE}
	case "ipvlan":
		a, err = on()
		link = &netlink.IPVlan{LinkAttrs: a, Mode: netlink.IPVLAN_MODE_L2}
	case "vlan":
		a, err = on()
		link = &netlink.Vlan{LinkAttrs: a, VlanId: 1, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}
	default:
		return fmt.Errorf("%s: not a kind of device", kind)
	}
	if err != nil {
		return err
	}
	return h.LinkAdd(link)
}
