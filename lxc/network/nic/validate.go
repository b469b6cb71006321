// SPDX-License-Identifier: Apache-2.0

package nic

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// maxName is the longest name of a network device: IFNAMSIZ without the NUL.
const maxName = 15

// MaxVLAN is the highest number of a VLAN; 4095 is reserved by 802.1Q.
const MaxVLAN = 4094

// Validate checks what can be checked without a host. Errors begin with the JSON
// pointer of the value that is wrong.
func (s *Set) Validate() error {
	if s.Format != Format {
		return fmt.Errorf("/format: %d: this kist reads %d", s.Format, Format)
	}
	if s.HookVersion != 0 && s.HookVersion != 1 {
		return fmt.Errorf("/hookVersion: %d: neither 0 nor 1", s.HookVersion)
	}
	if s.Container == "" || strings.ContainsAny(s.Container, "\x00\n") {
		return errors.New("/container: a name must be given")
	}
	names := make(map[string]int, len(s.Cards))
	for i := range s.Cards {
		c := &s.Cards[i]
		if err := c.Validate(); err != nil {
			return fmt.Errorf("/cards/%d%w", i, err)
		}
		if c.Name == "" || strings.Contains(c.Name, "%") {
			continue
		}
		if j, taken := names[c.Name]; taken {
			return fmt.Errorf("/cards/%d/name: %q is also the name of card %d", i, c.Name, j)
		}
		names[c.Name] = i
	}
	return nil
}

// Validate checks one card by itself. Errors begin with the rest of a JSON
// pointer, "/name: …".
func (c *Card) Validate() error {
	if err := c.checkKind(); err != nil {
		return err
	}
	if c.Index < 0 {
		return fmt.Errorf("/index: %d: negative", c.Index)
	}
	if c.Link != "" {
		link := c.Link
		if c.Type == Phys {
			link = strings.TrimSuffix(link, "+")
		}
		if err := CheckName(link); err != nil {
			return fmt.Errorf("/link: %w", err)
		}
	}
	if c.Name != "" {
		if err := CheckName(c.Name); err != nil {
			return fmt.Errorf("/name: %w", err)
		}
		if err := CheckPattern(c.Name); err != nil {
			return fmt.Errorf("/name: %w", err)
		}
		if c.Name == "lo" && c.Type != Empty && c.Type != None {
			return errors.New("/name: lo: the loopback device has this name already")
		}
	}
	if c.HardwareAddr != "" {
		if mac, err := net.ParseMAC(c.HardwareAddr); err != nil || len(mac) != 6 {
			return fmt.Errorf("/hardwareAddr: %q: not six octets in hexadecimal, such as 00:16:3e:01:02:03", c.HardwareAddr)
		}
	}
	if c.MTU < 0 || c.MTU > 1<<31-1 {
		return fmt.Errorf("/mtu: %d: out of range", c.MTU)
	}
	if err := c.checkAddresses(); err != nil {
		return err
	}
	if err := c.checkGateway(c.Gateway4, true, len(c.IPv4)); err != nil {
		return fmt.Errorf("/gateway4: %w", err)
	}
	if err := c.checkGateway(c.Gateway6, false, len(c.IPv6)); err != nil {
		return fmt.Errorf("/gateway6: %w", err)
	}
	if strings.Contains(c.ScriptUp+c.ScriptDown, "\x00") {
		return errors.New("/scriptUp: a NUL byte in a command line")
	}
	return nil
}

func (c *Card) checkKind() error {
	if (c.Veth != nil) != (c.Type == TypeVeth) || (c.Macvlan != nil) != (c.Type == TypeMacvlan) ||
		(c.IPVlan != nil) != (c.Type == TypeIPVlan) || (c.Vlan != nil) != (c.Type == TypeVlan) {
		return fmt.Errorf("/type: %q: exactly the section of the card's own type must be there", c.Type)
	}
	needsLink := false
	switch c.Type {
	case None:
	case Empty:
		if c.Name != "" && c.Name != "lo" {
			return fmt.Errorf("/name: %q: a card of type empty is lo", c.Name)
		}
		if len(c.IPv4)+len(c.IPv6) > 0 {
			return errors.New("/type: empty: has no card that could have an address")
		}
	case TypeVeth:
		if err := c.Veth.check(c.Link); err != nil {
			return fmt.Errorf("/veth%w", err)
		}
	case TypeMacvlan:
		needsLink = true
		if !oneOf(c.Macvlan.Mode, "private", "vepa", "bridge", "passthru") {
			return fmt.Errorf("/macvlan/mode: %q: none of private, vepa, bridge, passthru", c.Macvlan.Mode)
		}
	case TypeIPVlan:
		needsLink = true
		if !oneOf(c.IPVlan.Mode, "l3", "l3s", "l2") {
			return fmt.Errorf("/ipvlan/mode: %q: none of l3, l3s, l2", c.IPVlan.Mode)
		}
		if !oneOf(c.IPVlan.Isolation, "bridge", "private", "vepa") {
			return fmt.Errorf("/ipvlan/isolation: %q: none of bridge, private, vepa", c.IPVlan.Isolation)
		}
	case TypeVlan:
		needsLink = true
		if c.Vlan.ID < 0 || c.Vlan.ID > MaxVLAN {
			return fmt.Errorf("/vlan/id: %d: not from 0 to %d", c.Vlan.ID, MaxVLAN)
		}
	case Phys:
		needsLink = true
	default:
		return fmt.Errorf("/type: %q: none of none, empty, veth, macvlan, ipvlan, vlan, phys", c.Type)
	}
	if needsLink && c.Link == "" {
		return fmt.Errorf("/link: a card of type %s needs the device of the host that it is made from", c.Type)
	}
	return nil
}

func (v *Veth) check(link string) error {
	if v.Mode != VethBridge && v.Mode != VethRouter {
		return fmt.Errorf("/mode: %q: neither bridge nor router", v.Mode)
	}
	if v.Pair != "" {
		if err := CheckName(v.Pair); err != nil {
			return fmt.Errorf("/pair: %w", err)
		}
		if strings.Contains(v.Pair, "%") {
			return fmt.Errorf("/pair: %q: the host's end needs a name, not a pattern", v.Pair)
		}
	}
	for i, r := range v.Routes {
		if !r.IsValid() || r != r.Masked() {
			return fmt.Errorf("/routes/%d: %s: bits are set beyond the prefix, the kernel refuses such a route", i, r)
		}
	}
	if v.VLAN != nil && *v.VLAN != VLANNone && (*v.VLAN < 0 || *v.VLAN > MaxVLAN) {
		return fmt.Errorf("/vlan: %d: not from 0 to %d", *v.VLAN, MaxVLAN)
	}
	for i, id := range v.Tagged {
		if id < 0 || id > MaxVLAN {
			return fmt.Errorf("/tagged/%d: %d: not from 0 to %d", i, id, MaxVLAN)
		}
	}
	if (v.VLAN != nil || len(v.Tagged) > 0) && (v.Mode != VethBridge || link == "") {
		return errors.New("/vlan: VLANs belong to a bridge port: mode bridge and a link are needed")
	}
	if v.RxQueues < 0 || v.TxQueues < 0 || v.RxQueues > 4096 || v.TxQueues > 4096 {
		return errors.New("/rxQueues: queue counts are from 1 to 4096")
	}
	return nil
}

func (c *Card) checkAddresses() error {
	for i, a := range c.IPv4 {
		if !a.Prefix.IsValid() || !a.Prefix.Addr().Is4() {
			return fmt.Errorf("/ipv4/%d: %q: not an IPv4 address with prefix", i, a.Prefix)
		}
		if a.Broadcast.IsValid() && !a.Broadcast.Is4() {
			return fmt.Errorf("/ipv4/%d/broadcast: %q: not an IPv4 address", i, a.Broadcast)
		}
	}
	for i, a := range c.IPv6 {
		if !a.Prefix.IsValid() || !a.Prefix.Addr().Is6() || a.Prefix.Addr().Zone() != "" {
			return fmt.Errorf("/ipv6/%d: %q: not an IPv6 address with prefix", i, a.Prefix)
		}
		if a.Broadcast.IsValid() {
			return fmt.Errorf("/ipv6/%d/broadcast: IPv6 has none", i)
		}
	}
	return nil
}

func (c *Card) checkGateway(gw string, v4 bool, addresses int) error {
	if gw == "" {
		return nil
	}
	if gw == GatewayAuto {
		if c.Link == "" {
			return errors.New("auto: is the address of the link, and there is no link")
		}
		if !oneOf(string(c.Type), string(TypeVeth), string(TypeMacvlan), string(TypeIPVlan)) {
			return fmt.Errorf("auto: not for a card of type %s: its link has no address that could be the gateway", c.Type)
		}
	} else if gw != GatewayDevice {
		a, err := netip.ParseAddr(gw)
		if err != nil || a.Is4() != v4 || a.Zone() != "" {
			return fmt.Errorf("%q: neither an address of the family, nor auto, nor dev", gw)
		}
	}
	if c.Type == None || c.Type == Empty {
		return nil // there is no card, and LXC does not look at it
	}
	if !c.Up {
		return errors.New("needs flags = up: a card that is down has no routes")
	}
	if addresses == 0 {
		return errors.New("needs an address of the same family on the card")
	}
	return nil
}

// CheckName says what is wrong with the name of a network device, if anything.
func CheckName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%q: not a name of a network device", name)
	case len(name) > maxName:
		return fmt.Errorf("%q: longer than the %d bytes a network device's name can have", name, maxName)
	}
	// The kernel's own rule: no slash, colon or white space.
	for i := 0; i < len(name); i++ {
		switch b := name[i]; {
		case b == '/' || b == ':' || b == ' ' || b == 0 || (b >= '\t' && b <= '\r') || b == 0xa0:
			return fmt.Errorf("%q: a network device's name has no slash, colon, blank or NUL", name)
		}
	}
	return nil
}

// CheckPattern says whether the percent signs of a name make a pattern that the
// kernel numbers: a single %d.
func CheckPattern(name string) error {
	if n := strings.Count(name, "%"); n > 1 || (n == 1 && !strings.Contains(name, "%d")) {
		return fmt.Errorf("%q: the only pattern in a name is one %%d", name)
	}
	return nil
}

// Number puts n in the place of the pattern's %d.
func Number(pattern string, n int) string {
	return strings.Replace(pattern, "%d", strconv.Itoa(n), 1)
}

func oneOf(s string, values ...string) bool {
	for _, v := range values {
		if s == v {
			return true
		}
	}
	return false
}
