// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

// attach connects the host's end of a veth: to a bridge, by routes, or to nothing
// (mode bridge without a link, which LXC calls p2p).
func (u *up) attach(c *nic.Card, rec *cardRecord, host netlink.Link) error {
	if c.Veth.Mode == nic.VethBridge && c.Link != "" {
		if err := u.attachBridge(c, rec, host); err != nil {
			return err
		}
	}
	if err := u.ns.host.LinkSetUp(host); err != nil {
		return fmt.Errorf("%s: set up: %w", rec.HostEnd, err)
	}
	routes := slices.Clone(c.Veth.Routes)
	if c.Veth.Mode == nic.VethRouter {
		for _, a := range slices.Concat(c.IPv4, c.IPv6) {
			if !a.Prefix.Addr().IsUnspecified() {
				routes = append(routes, netip.PrefixFrom(a.Prefix.Addr(), a.Prefix.Addr().BitLen()))
			}
		}
		if err := forwardOn(c, rec.HostEnd); err != nil {
			return err
		}
	}
	for _, r := range routes {
		route := &netlink.Route{LinkIndex: host.Attrs().Index, Dst: ipNet(r)}
		if r.Addr().Is4() {
			route.Scope = netlink.SCOPE_LINK
		}
		if err := u.ns.host.RouteAdd(route); err != nil {
			return fmt.Errorf("route %s through %s on the host: %w", r, rec.HostEnd, err)
		}
	}
	return nil
}

func (u *up) attachBridge(c *nic.Card, rec *cardRecord, host netlink.Link) error {
	bridge, err := u.hostLink(c.Link)
	if err != nil {
		return err
	}
	// A port of a bridge has no business with addresses of its own; with IPv6
	// on, the container could talk to the host past the bridge's filters.
	if err := writeSysctl("ipv6/conf/"+rec.HostEnd+"/disable_ipv6", "1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if bridge.Type() != "bridge" {
		if vswitchPath() == "" {
			return fmt.Errorf("link %s: is a device of type %s, not a bridge (and for Open vSwitch there is no ovs-vsctl)", c.Link, bridge.Type())
		}
		return u.attachVSwitch(c, rec)
	}
	if err := u.ns.host.LinkSetMaster(host, bridge); err != nil {
		return fmt.Errorf("%s: attach to bridge %s: %w", rec.HostEnd, c.Link, err)
	}
	return u.setVLANs(c, rec, bridge, host)
}

// setVLANs makes the bridge port a member of VLANs.
func (u *up) setVLANs(c *nic.Card, rec *cardRecord, bridge, host netlink.Link) error {
	if c.Veth.VLAN == nil && len(c.Veth.Tagged) == 0 {
		return nil
	}
	br, ok := bridge.(*netlink.Bridge)
	if !ok || br.VlanFiltering == nil || !*br.VlanFiltering {
		return fmt.Errorf("veth.vlan: bridge %s does not filter VLANs (ip link set %[1]s type bridge vlan_filtering 1)", c.Link)
	}
	if c.Veth.VLAN != nil {
		def := uint16(1)
		if br.VlanDefaultPVID != nil {
			def = *br.VlanDefaultPVID
		}
		if def != 0 && int(def) != *c.Veth.VLAN {
			if err := u.ns.host.BridgeVlanDel(host, def, false, false, false, true); err != nil && !errors.Is(err, unix.ENOENT) {
				return fmt.Errorf("veth.vlan.id: take %s out of VLAN %d: %w", rec.HostEnd, def, err)
			}
		}
		if id := *c.Veth.VLAN; id != nic.VLANNone {
			if err := u.ns.host.BridgeVlanAdd(host, uint16(id), true, true, false, true); err != nil {
				return fmt.Errorf("veth.vlan.id: put %s into VLAN %d: %w", rec.HostEnd, id, err)
			}
		}
	}
	for _, id := range c.Veth.Tagged {
		if err := u.ns.host.BridgeVlanAdd(host, uint16(id), false, false, false, true); err != nil {
			return fmt.Errorf("veth.vlan.tagged.id: put %s into VLAN %d: %w", rec.HostEnd, id, err)
		}
	}
	return nil
}

func (u *up) attachVSwitch(c *nic.Card, rec *cardRecord) error {
	rec.OpenVSwitch = true
	if err := u.rec.write(); err != nil {
		return err
	}
	args := vswitchPort(c, rec.HostEnd)
	if args == nil {
		return errors.New("veth.vlan.id: none: Open vSwitch knows no port without an untagged VLAN, except one with tagged VLANs")
	}
	return vswitch(args...)
}

// vswitchPort is the command that adds a port with its VLANs; nil if there is none.
func vswitchPort(c *nic.Card, port string) []string {
	args := []string{"--may-exist", "add-port", c.Link, port}
	mode := ""
	if v := c.Veth.VLAN; v != nil && *v != nic.VLANNone {
		args = append(args, fmt.Sprintf("tag=%d", *v))
		mode = "access"
	} else if v != nil && len(c.Veth.Tagged) == 0 {
		return nil
	}
	if len(c.Veth.Tagged) > 0 {
		trunks := "trunks="
		for i, id := range c.Veth.Tagged {
			if i > 0 {
				trunks += ","
			}
			trunks += fmt.Sprint(id)
		}
		args = append(args, trunks)
		if mode == "access" {
			mode = "native-untagged"
		} else {
			mode = "trunk"
		}
	}
	if mode != "" {
		args = append(args, "vlan_mode="+mode)
	}
	return args
}

// forwardOn lets the host route between a router-mode veth and the rest.
func forwardOn(c *nic.Card, host string) error {
	if len(c.IPv4) > 0 {
		if err := writeSysctl("ipv4/conf/"+host+"/forwarding", "1"); err != nil {
			return err
		}
	}
	if len(c.IPv6) == 0 {
		return nil
	}
	// Per device, IPv6 forwards only if it does so at all; setting it for all
	// would make the host stop listening to router advertisements.
	if all, err := readSysctl("ipv6/conf/all/forwarding"); err != nil {
		return err
	} else if all != "1" && c.Gateway6 != "" {
		return errors.New("veth.mode router with an IPv6 gateway needs net.ipv6.conf.all.forwarding=1 on the host")
	}
	if err := writeSysctl("ipv6/conf/"+host+"/forwarding", "1"); err != nil {
		return err
	}
	return writeSysctl("ipv6/conf/"+host+"/proxy_ndp", "1")
}

// proxyGateways makes the host answer on a router-mode veth for the addresses that
// the container takes for its gateways. It comes after the container's end is up:
// losing the carrier, the kernel forgets what it answers for.
func (u *up) proxyGateways(c *nic.Card, rec *cardRecord) error {
	if c.Type != nic.TypeVeth || c.Veth.Mode != nic.VethRouter {
		return nil
	}
	for _, gw := range [...]string{c.Gateway4, c.Gateway6} {
		if gw == "" || gw == nic.GatewayAuto || gw == nic.GatewayDevice {
			continue
		}
		if err := u.proxy(rec.HostIndex, netlink.NTF_PROXY, gw); err != nil {
			return fmt.Errorf("answer for gateway %s on %s: %w", gw, rec.HostEnd, err)
		}
	}
	return nil
}

// proxyAddresses makes the host answer on the link for the card's addresses.
func (u *up) proxyAddresses(c *nic.Card, rec *cardRecord) error {
	if !c.L2Proxy || c.Link == "" || len(c.IPv4)+len(c.IPv6) == 0 {
		return nil
	}
	link, err := u.hostLink(c.Link)
	if err != nil {
		return err
	}
	var need []string
	if len(c.IPv4) > 0 {
		need = append(need, "ipv4/conf/"+c.Link+"/forwarding")
	}
	if len(c.IPv6) > 0 {
		need = append(need, "ipv6/conf/"+c.Link+"/forwarding", "ipv6/conf/"+c.Link+"/proxy_ndp")
	}
	for _, path := range need {
		if v, err := readSysctl(path); err != nil {
			return fmt.Errorf("l2proxy: %w", err)
		} else if v != "1" {
			return fmt.Errorf("l2proxy: needs net/%s=1 on the host", path)
		}
	}
	for _, a := range slices.Concat(c.IPv4, c.IPv6) {
		ip := a.Prefix.Addr().String()
		present, err := u.hasProxy(link.Attrs().Index, a.Prefix.Addr())
		if err != nil {
			return fmt.Errorf("l2proxy: %w", err)
		}
		if present {
			continue // somebody else's, which must outlive the container
		}
		rec.Proxies = append(rec.Proxies, ip)
		if err := u.rec.write(); err != nil {
			return err
		}
		if err := u.proxy(link.Attrs().Index, netlink.NTF_PROXY, ip); err != nil {
			return fmt.Errorf("l2proxy: answer for %s on %s: %w", ip, c.Link, err)
		}
		if c.Type == nic.TypeIPVlan {
			// The kernel answers only for what it would route elsewhere than
			// back out of the link; an ipvlan's address it does not route at all.
			if err := u.loopRoute(a.Prefix.Addr()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *up) hasProxy(index int, ip netip.Addr) (bool, error) {
	family := unix.AF_INET
	if ip.Is6() {
		family = unix.AF_INET6
	}
	list, err := u.ns.host.NeighProxyList(index, family)
	if err != nil {
		return false, fmt.Errorf("list proxy entries: %w", err)
	}
	for _, n := range list {
		if n.LinkIndex == index && n.IP.Equal(ip.AsSlice()) {
			return true, nil
		}
	}
	return false, nil
}

func (u *up) proxy(index, flags int, ip string) error {
	n, err := proxyEntry(index, flags, ip)
	if err != nil {
		return err
	}
	return u.ns.host.NeighSet(n)
}

func proxyEntry(index, flags int, ip string) (*netlink.Neigh, error) {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return nil, err
	}
	family := unix.AF_INET
	if a.Is6() {
		family = unix.AF_INET6
	}
	return &netlink.Neigh{LinkIndex: index, Family: family, Flags: flags, IP: net.IP(a.AsSlice())}, nil
}

func (u *up) loopRoute(a netip.Addr) error {
	lo, err := u.hostLink("lo")
	if err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: ipNet(netip.PrefixFrom(a, a.BitLen()))}
	if a.Is4() {
		route.Scope = netlink.SCOPE_LINK
	}
	if err := u.ns.host.RouteAdd(route); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("l2proxy: route %s to lo: %w", a, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: net.IP(p.Addr().AsSlice()), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// hostNet is the network of a single address.
func hostNet(ip net.IP) *net.IPNet {
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(8*len(ip), 8*len(ip))}
}
