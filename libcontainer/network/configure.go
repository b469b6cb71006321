// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

// configure gives a device inside the container its addresses, state and routes.
func (u *up) configure(c *nic.Card, name string) error {
	h := u.ns.inside
	link, err := h.LinkByName(name)
	if err != nil {
		return fmt.Errorf("%s: find in the container: %w", name, err)
	}
	for _, a := range c.IPv4 {
		if a.Prefix.Addr().IsUnspecified() {
			continue // the kernel takes 0.0.0.0 and does nothing
		}
		addr := &netlink.Addr{IPNet: ipNet(a.Prefix)}
		if a.Broadcast.IsValid() {
			addr.Broadcast = net.IP(a.Broadcast.AsSlice())
		}
		if err := h.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("%s: add address %s: %w", name, a.Prefix, err)
		}
	}
	for _, a := range c.IPv6 {
		if err := h.AddrAdd(link, &netlink.Addr{IPNet: ipNet(a.Prefix)}); err != nil {
			return fmt.Errorf("%s: add address %s: %w", name, a.Prefix, err)
		}
	}
	if !c.Up {
		return nil
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("%s: set up: %w", name, err)
	}
	if err := u.gateway(link, c.Gateway4, true); err != nil {
		return fmt.Errorf("%s: ipv4.gateway %s: %w", name, c.Gateway4, err)
	}
	if err := u.gateway(link, c.Gateway6, false); err != nil {
		return fmt.Errorf("%s: ipv6.gateway %s: %w", name, c.Gateway6, err)
	}
	return nil
}

// gateway adds the default route. A gateway that no route leads to gets one first,
// straight through the device.
func (u *up) gateway(link netlink.Link, gw string, v4 bool) error {
	if gw == "" {
		return nil
	}
	everywhere := netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	if v4 {
		everywhere = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(everywhere)}
	if gw == nic.GatewayDevice {
		return second(u.ns.inside.RouteAdd(route))
	}
	a, err := netip.ParseAddr(gw)
	if err != nil {
		return err
	}
	route.Gw = net.IP(a.AsSlice())
	if err := u.ns.inside.RouteAdd(route); err == nil || errors.Is(err, unix.EEXIST) {
		return second(err)
	}
	direct := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(netip.PrefixFrom(a, a.BitLen()))}
	if v4 {
		direct.Scope = netlink.SCOPE_LINK
	}
	if err := u.ns.inside.RouteAdd(direct); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("add a route to it: %w", err)
	}
	return second(u.ns.inside.RouteAdd(route))
}

// second explains the usual reason for a default route that can not be added.
func second(err error) error {
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w (another card has set the default route already; LXC refuses two of them too)", err)
	}
	return err
}

// resolveAuto puts the first address of the link in the place of auto. It comes
// before anything is made, since without that address nothing will do.
func (u *up) resolveAuto(c *nic.Card) error {
	if c.Gateway4 != nic.GatewayAuto && c.Gateway6 != nic.GatewayAuto {
		return nil
	}
	link, err := u.hostLink(c.Link)
	if err != nil {
		return err
	}
	for _, f := range [...]struct {
		gw     *string
		family int
		key    string
	}{{&c.Gateway4, netlink.FAMILY_V4, "ipv4"}, {&c.Gateway6, netlink.FAMILY_V6, "ipv6"}} {
		if *f.gw != nic.GatewayAuto {
			continue
		}
		addrs, err := u.ns.host.AddrList(link, f.family)
		if err != nil {
			return fmt.Errorf("link %s: list addresses: %w", c.Link, err)
		}
		if len(addrs) == 0 {
			return fmt.Errorf("%s.gateway auto: link %s has no such address", f.key, c.Link)
		}
		*f.gw = addrs[0].IP.String()
	}
	return nil
}

// loopback brings lo up or down: LXC has it up exactly if some card is up, and OCI
// runtimes have it up always.
func (u *up) loopback(on bool) error {
	lo, err := u.ns.inside.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lo: find in the container: %w", err)
	}
	set := u.ns.inside.LinkSetDown
	if on {
		set = u.ns.inside.LinkSetUp
	}
	if err := set(lo); err != nil {
		return fmt.Errorf("lo: set state: %w", err)
	}
	return nil
}
