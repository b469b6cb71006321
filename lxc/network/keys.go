// SPDX-License-Identifier: Apache-2.0

package network

import (
	"fmt"
	"strconv"
	"strings"
)

// key is a network key taken apart.
type key struct {
	// legacy is the spelling lxc.network.*.
	legacy bool
	// index is N, or -1 if the key has none.
	index int
	// sub is what follows, in the modern spelling; empty for the keys that clear.
	sub string
}

func (k key) example() string {
	if k.legacy {
		return "lxc.network.link"
	}
	return "lxc.net.0.link"
}

// split takes a key apart.
func (c *collector) split(s string) (key, error) {
	k := key{index: -1}
	rest, ok := strings.CutPrefix(s, "lxc.network")
	if ok {
		k.legacy = true
	} else if rest, ok = strings.CutPrefix(s, "lxc.net"); !ok {
		return k, fmt.Errorf("not a network key")
	}
	if rest == "" {
		return k, nil
	}
	if rest[0] != '.' {
		return k, fmt.Errorf("unknown network key")
	}
	rest = rest[1:]
	first, after, dotted := strings.Cut(rest, ".")
	if first != "" && strings.Trim(first, "0123456789") == "" {
		n, err := strconv.ParseInt(first, 10, 32)
		if err != nil || n == 1<<31-1 {
			return k, fmt.Errorf("card number %s: too large", first)
		}
		k.index, rest = int(n), after
		if !dotted {
			return k, nil
		}
	} else if !k.legacy {
		return k, fmt.Errorf("no card number: write lxc.net.0.%s", rest)
	}
	sub, ok := c.subKey(rest, k.legacy)
	if !ok {
		return k, fmt.Errorf("unknown network key")
	}
	k.sub = sub
	return k, nil
}

// subKey finds a key in its list. Up to 4.0.6 an entry that the key begins with
// was enough, so that lxc.network.hwaddress is hwaddr.
func (c *collector) subKey(s string, legacy bool) (string, bool) {
	exactly := c.atLeast(4, 0, 7)
	match := func(entry string) bool {
		return s == entry || !exactly && strings.HasPrefix(s, entry)
	}
	if legacy {
		for _, entry := range [...]string{
			"type", "flags", "link", "name", "macvlan.mode", "veth.pair", "script.up", "script.down",
			"hwaddr", "mtu", "vlan.id", "ipv4.gateway", "ipv4", "ipv6.gateway", "ipv6",
		} {
			if match(entry) {
				if entry == "ipv4" || entry == "ipv6" {
					entry += ".address"
				}
				return entry, true
			}
		}
		return "", false
	}
	for _, entry := range [...]string{
		"flags", "hwaddr", "ipv4.address", "ipv4.gateway", "ipv6.address", "ipv6.gateway",
		"ipvlan.isolation", "ipvlan.mode", "l2proxy", "link", "macvlan.mode", "mtu", "name",
		"script.down", "script.up", "type", "veth.ipv4.route", "veth.ipv6.route", "veth.mode",
		"veth.n_rxqueues", "veth.n_txqueues", "veth.pair", "veth.vlan.id", "veth.vlan.tagged.id", "vlan.id",
	} {
		if match(entry) {
			return entry, true
		}
	}
	return "", false
}

// subKeysOf lists the keys a JSON pointer into a card may be about, the likeliest
// first.
func subKeysOf(pointer string) []string {
	part := func(n int) string {
		fields := strings.Split(pointer, "/")
		if n < len(fields) {
			return fields[n]
		}
		return ""
	}
	switch part(1) {
	case "hardwareAddr":
		return []string{"hwaddr"}
	case "ipv4", "ipv6":
		return []string{part(1) + ".address"}
	case "gateway4":
		return []string{"ipv4.gateway"}
	case "gateway6":
		return []string{"ipv6.gateway"}
	case "veth":
		switch part(2) {
		case "routes":
			return []string{"veth.ipv4.route", "veth.ipv6.route"}
		case "vlan", "tagged":
			return []string{"veth.vlan.id", "veth.vlan.tagged.id"}
		}
		return []string{"veth." + part(2)}
	case "macvlan", "ipvlan", "vlan":
		return []string{part(1) + "." + part(2)}
	}
	return []string{part(1)}
}
