// SPDX-License-Identifier: Apache-2.0

package network

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"kist/lxc/network/nic"
)

// setNumber reads a number; empty means 0. Before 3.0 LXC stopped at the first
// character that is no digit, later it refuses it.
func (c *collector) setNumber(n *int, v string, least, most int) error {
	*n = 0
	if v == "" {
		return nil
	}
	got, ok := c.number(v)
	if !ok || got < uint64(least) || got > uint64(most) {
		return fmt.Errorf("%q: not a number from %d to %d", v, least, most)
	}
	*n = int(got)
	return nil
}

func (c *collector) number(v string) (uint64, bool) {
	digits := len(v) - len(strings.TrimLeft(v, "0123456789"))
	base := 10
	if c.atLeast(3, 0, 0) {
		if strings.HasPrefix(v, "0x") || strings.HasPrefix(v, "0X") {
			v, base = v[2:], 16
		} else if digits < len(v) {
			return 0, false
		} else if len(v) > 1 && v[0] == '0' {
			base = 8
		}
	} else if v = v[:digits]; v == "" {
		return 0, false
	}
	n, err := strconv.ParseUint(v, base, 32)
	return n, err == nil
}

// addIPv4 reads `address[/prefix] [broadcast]`.
func (c *collector) addIPv4(k *card, i int, v string) error {
	if v == "" {
		k.IPv4 = nil
		return nil
	}
	rest, broadcast, hasBroadcast := strings.Cut(v, " ")
	text, length, hasLength := strings.Cut(rest, "/")
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return fmt.Errorf("%q: not an IPv4 address", text)
	}
	var bits int
	if hasLength {
		if err := c.setNumber(&bits, length, 0, 32); err != nil || length == "" {
			return fmt.Errorf("prefix %q: not a number from 0 to 32", length)
		}
	} else if bits = classPrefix(a); bits < 0 {
		return fmt.Errorf("%q: write the prefix: the address is in none of the classes A, B and C", text)
	} else {
		c.say(i, Exact, "the prefix is /%d, by the address's class", bits)
	}
	address := nic.Address{Prefix: netip.PrefixFrom(a, bits)}
	if hasBroadcast {
		if address.Broadcast, err = netip.ParseAddr(broadcast); err != nil || !address.Broadcast.Is4() {
			return fmt.Errorf("broadcast %q: not an IPv4 address", broadcast)
		}
	}
	k.IPv4 = append(k.IPv4, address)
	if a.IsUnspecified() {
		c.say(i, Exact, "no effect, as in LXC: the kernel adds no address 0.0.0.0")
	}
	return nil
}

// classPrefix is the length of the network part by class, -1 without a class.
func classPrefix(a netip.Addr) int {
	switch first := a.As4()[0]; {
	case first < 128:
		return 8
	case first < 192:
		return 16
	case first < 224:
		return 24
	}
	return -1
}

// addIPv6 reads `address[/prefix]`.
func (c *collector) addIPv6(k *card, v string) error {
	if v == "" {
		k.IPv6 = nil
		return nil
	}
	text, length, hasLength := strings.Cut(v, "/")
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return fmt.Errorf("%q: not an IPv6 address", text)
	}
	bits := 64
	if hasLength {
		if err := c.setNumber(&bits, length, 0, 128); err != nil || length == "" {
			return fmt.Errorf("prefix %q: not a number from 0 to 128", length)
		}
	}
	k.IPv6 = append(k.IPv6, nic.Address{Prefix: netip.PrefixFrom(a, bits)})
	return nil
}

// setHardwareAddr replaces every x by a random digit, once and for all, and reads
// the address as LXC does: one or two digits per octet, missing octets are 0.
func (c *collector) setHardwareAddr(k *card, i int, v string) error {
	k.HardwareAddr = ""
	if v == "" {
		return nil
	}
	filled, random, err := c.fillRandom(v)
	if err != nil {
		return err
	}
	var mac net.HardwareAddr
	rest := filled
	for len(mac) < 6 && rest != "" {
		digits := 0
		for digits < 2 && digits < len(rest) && isHex(rest[digits]) {
			digits++
		}
		octet, err := strconv.ParseUint(rest[:digits], 16, 8)
		if err != nil {
			return fmt.Errorf("%q: not a hardware address such as 00:16:3e:01:02:03 or 00:16:3e:xx:xx:xx", v)
		}
		mac = append(mac, byte(octet))
		rest = strings.TrimPrefix(rest[digits:], ":")
	}
	if rest != "" {
		return fmt.Errorf("%q: more than the six octets of a hardware address", v)
	}
	missing := 6 - len(mac)
	mac = append(mac, make([]byte, missing)...)
	if mac[0]&1 != 0 {
		return fmt.Errorf("%q: a multicast address, which no card can have (the first octet must be even)", v)
	}
	k.HardwareAddr = mac.String()
	switch {
	case random:
		c.say(i, Exact, "%s, chosen now and kept in %s", mac, nic.FileName)
	case missing > 0:
		c.say(i, Exact, "%s: missing octets are 0, as in LXC", mac)
	}
	return nil
}

// fillRandom replaces the x digits. The second digit stays even, so that the
// address is one of a card and not of a group.
func (c *collector) fillRandom(v string) (string, bool, error) {
	n := strings.Count(v, "x") + strings.Count(v, "X")
	if n == 0 {
		return v, false, nil
	}
	digits := make([]byte, n)
	if _, err := io.ReadFull(c.Random, digits); err != nil {
		return "", false, fmt.Errorf("random digits: read: %w", err)
	}
	out := []byte(v)
	for i, b := range out {
		if b != 'x' && b != 'X' {
			continue
		}
		d := digits[0] & 0xf
		digits = digits[1:]
		if i == 1 {
			d &^= 1
		}
		out[i] = "0123456789abcdef"[d]
	}
	return string(out), true, nil
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
