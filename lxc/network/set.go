// SPDX-License-Identifier: Apache-2.0

package network

import (
	"fmt"
	"net/netip"
	"strings"

	"kist/lxc/directive"
	"kist/lxc/network/nic"
)

// ipvlanMode is the mode of an ipvlan that says none. LXC's manual says l3; what
// LXC 5 makes is l2 (tests/lxc/cases, net-ipvlan-default).
const ipvlanMode = "l2"

// set applies a line to its card. An empty value clears.
func (c *collector) set(k *card, sub string, i int, d directive.Directive) error {
	v := d.Value
	switch sub {
	case "type":
		return c.setType(k, v)
	case "flags":
		k.Up = v != ""
		if v != "" && v != "up" {
			c.say(i, Exact, "LXC takes any text for up: the card is brought up")
		}
		return nil
	case "link":
		k.Link = v
		return ifName(v)
	case "name":
		k.Name = v
		return ifName(v)
	case "l2proxy":
		if v != "" && v != "0" && v != "1" {
			return fmt.Errorf("%q: neither 0 nor 1", v)
		}
		k.L2Proxy = v == "1"
		return nil
	case "mtu":
		return c.setNumber(&k.MTU, v, 0, 1<<31-1)
	case "hwaddr":
		return c.setHardwareAddr(k, i, v)
	case "ipv4.address":
		return c.addIPv4(k, i, v)
	case "ipv6.address":
		return c.addIPv6(k, v)
	case "ipv4.gateway":
		return c.setGateway(&k.Gateway4, v, true)
	case "ipv6.gateway":
		return c.setGateway(&k.Gateway6, v, false)
	case "script.up":
		k.ScriptUp = v
		return nil
	case "script.down":
		k.ScriptDown = v
		return nil
	}
	return c.setKind(k, sub, i, v)
}

// ifName checks only what LXC checks while loading; nic.Validate does the rest.
func ifName(s string) error {
	if s == "" || strings.HasSuffix(s, "+") {
		return nil
	}
	return nic.CheckName(s)
}

func (c *collector) setType(k *card, v string) error {
	k.typed = true
	k.Veth, k.Macvlan, k.IPVlan, k.Vlan = nil, nil, nil, nil
	k.Type = nic.Type(v)
	switch k.Type {
	case "":
		k.Type = nic.Empty
	case nic.TypeVeth:
		k.Veth = &nic.Veth{Mode: nic.VethBridge}
	case nic.TypeMacvlan:
		k.Macvlan = &nic.Macvlan{Mode: "private"}
	case nic.TypeIPVlan:
		if !c.atLeast(3, 2, 0) {
			return fmt.Errorf("%q: came with LXC 3.2", v)
		}
		k.IPVlan = &nic.IPVlan{Mode: ipvlanMode, Isolation: "bridge"}
	case nic.TypeVlan:
		k.Vlan = &nic.Vlan{}
	case nic.None, nic.Empty, nic.Phys:
	default:
		return fmt.Errorf("%q: none of none, empty, veth, macvlan, ipvlan, vlan, phys", v)
	}
	return nil
}

// setKind applies the keys that belong to one type only.
func (c *collector) setKind(k *card, sub string, i int, v string) error {
	kind, rest, _ := strings.Cut(sub, ".")
	if string(k.Type) != kind {
		if !c.atLeast(2, 1, 0) {
			c.say(i, Exact, "no effect: the card is of type %s", k.Type)
			return nil
		}
		return fmt.Errorf("the card is of type %s at this line; the type must come first", k.Type)
	}
	switch sub {
	case "macvlan.mode":
		k.Macvlan.Mode = orDefault(v, "private")
		return k.check()
	case "ipvlan.mode":
		k.IPVlan.Mode = orDefault(v, ipvlanMode)
		return k.check()
	case "ipvlan.isolation":
		k.IPVlan.Isolation = orDefault(v, "bridge")
		return k.check()
	case "vlan.id":
		return c.setNumber(&k.Vlan.ID, v, 0, nic.MaxVLAN)
	case "veth.pair":
		k.Veth.Pair = v
		return ifName(v)
	case "veth.mode":
		k.Veth.Mode = nic.VethMode(orDefault(v, string(nic.VethBridge)))
		if k.Veth.Mode != nic.VethBridge && k.Veth.Mode != nic.VethRouter {
			return fmt.Errorf("%q: neither bridge nor router", v)
		}
		return nil
	case "veth.n_rxqueues":
		return c.setNumber(&k.Veth.RxQueues, v, 1, 4096)
	case "veth.n_txqueues":
		return c.setNumber(&k.Veth.TxQueues, v, 1, 4096)
	}
	return c.setVeth(k, rest, v)
}

func (c *collector) setVeth(k *card, rest, v string) error {
	switch rest {
	case "ipv4.route", "ipv6.route":
		v4 := rest == "ipv4.route"
		if v == "" {
			kept := k.Veth.Routes[:0:0]
			for _, r := range k.Veth.Routes {
				if r.Addr().Is4() != v4 {
					kept = append(kept, r)
				}
			}
			k.Veth.Routes = kept
			return nil
		}
		r, err := netip.ParsePrefix(v)
		if err != nil || r.Addr().Is4() != v4 {
			return fmt.Errorf("%q: not a network with prefix, such as 192.0.2.0/24 or 2001:db8::/32", v)
		}
		if r != r.Masked() {
			return fmt.Errorf("%q: bits are set beyond the prefix; the kernel refuses the route, write %s", v, r.Masked())
		}
		k.Veth.Routes = append(k.Veth.Routes, r)
	case "vlan.id":
		k.Veth.VLAN = nil
		if v == "" {
			return nil
		}
		id := nic.VLANNone
		if v != "none" {
			if err := c.setNumber(&id, v, 0, nic.MaxVLAN); err != nil {
				return err
			}
		}
		k.Veth.VLAN = &id
	case "vlan.tagged.id":
		if v == "" {
			k.Veth.Tagged = nil
			return nil
		}
		var id int
		if err := c.setNumber(&id, v, 0, nic.MaxVLAN); err != nil {
			return err
		}
		k.Veth.Tagged = append(k.Veth.Tagged, id)
	}
	return nil
}

// check reports only what is wrong with the section of the card's type.
func (k *card) check() error {
	probe := nic.Card{Type: k.Type, Link: "x", Veth: k.Veth, Macvlan: k.Macvlan, IPVlan: k.IPVlan, Vlan: k.Vlan}
	if err := probe.Validate(); err != nil {
		_, text, _ := strings.Cut(err.Error(), ": ")
		return fmt.Errorf("%s", text)
	}
	return nil
}

func (c *collector) setGateway(gw *string, v string, v4 bool) error {
	switch v {
	case "", nic.GatewayAuto:
		*gw = v
		return nil
	case nic.GatewayDevice:
		if !c.atLeast(3, 2, 0) {
			return fmt.Errorf("dev: came with LXC 3.2")
		}
		*gw = v
		return nil
	}
	a, err := netip.ParseAddr(v)
	if err != nil || a.Zone() != "" || a.Is4() != v4 {
		return fmt.Errorf("%q: neither an address of the family, nor auto, nor dev", v)
	}
	*gw = a.String()
	return nil
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// remark completes what is said about a card's lines once all of it is known.
func (c *collector) remark(k *card) {
	if i, ok := k.setBy["l2proxy"]; ok && k.L2Proxy {
		if k.Link == "" {
			c.say(i, Exact, "no effect, as in LXC: there is no link to answer on")
		} else {
			c.say(i, Exact, "answers on %s for the card's addresses; as with LXC the host must have net.ipv4.conf.%[1]s.forwarding=1, for IPv6 net.ipv6.conf.%[1]s.forwarding=1 and proxy_ndp=1", k.Link)
		}
	}
	if i, ok := k.setBy["script.up"]; ok && k.ScriptUp != "" {
		c.say(i, Exact, "run on the host by the createRuntime hook, when the host's end exists")
	}
	if i, ok := k.setBy["script.down"]; ok && k.ScriptDown != "" {
		c.say(i, Approximated, "run on the host by the poststop hook; of the LXC_*_NS variables only LXC_NET_NS is there, since the container's other namespaces are gone by then")
	}
	if i, ok := k.setBy["link"]; ok && k.Type == nic.Empty {
		c.say(i, Exact, "no effect, as in LXC: the card is of type empty")
	}
}
