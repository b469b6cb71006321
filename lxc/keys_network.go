// SPDX-License-Identifier: Apache-2.0

package lxc

// networkRows lists the keys of network cards. Package network gives them their
// meaning and the class of each line; these rows say which spellings exist when.
func networkRows() []row {
	hook := "the container's network cards are made by hooks that call kist, under any runtime"
	n := func(names, text string) row { return row{names, netKey, Exact, nil, text, hook} }
	return []row{
		n("lxc.net.N.type 2.1-, lxc.network.type 0.1-2.1", "kind of the card: none, empty, veth, macvlan, ipvlan, vlan, phys; a new card in the legacy spelling"),
		n("lxc.net.N.flags 2.1-, lxc.network.flags 0.1-2.1", "any text, usually up: the card and lo are brought up"),
		n("lxc.net.N.link 2.1-, lxc.network.link 0.1-2.1", "host device or bridge the card is attached to"),
		n("lxc.net.N.l2proxy 3.2-", "1: proxy ARP and NDP on the link, for ipvlan in l3 mode and veth routers"),
		n("lxc.net.N.mtu 2.1-, lxc.network.mtu 0.6.4-2.1", "MTU of the card"),
		n("lxc.net.N.name 2.1-, lxc.network.name 0.1-2.1", "name inside; default eth0, eth1, …"),
		n("lxc.net.N.hwaddr 2.1-, lxc.network.hwaddr 0.1-2.1", "MAC address; every x is replaced by a random digit once"),
		n("lxc.net.N.ipv4.address 2.1-, lxc.network.ipv4 0.1-2.1", "IPv4 address[/prefix] [broadcast]"),
		n("lxc.net.N.ipv4.gateway 2.1-, lxc.network.ipv4.gateway 0.8-2.1", "default IPv4 route: an address, auto (address of the link) or dev (no gateway)"),
		n("lxc.net.N.ipv6.address 2.1-, lxc.network.ipv6 0.1-2.1", "IPv6 address[/prefix], prefix 64 by default"),
		n("lxc.net.N.ipv6.gateway 2.1-, lxc.network.ipv6.gateway 0.8-2.1", "default IPv6 route: an address, auto or dev"),
		n("lxc.net.N.script.up 2.1-, lxc.network.script.up 0.7.3-2.1", "shell command line run on the host when the card exists"),
		n("lxc.net.N.script.down 2.1-, lxc.network.script.down 0.9-2.1", "shell command line run on the host when the container is gone"),
		n("lxc.net.N.veth.pair 2.1-, lxc.network.veth.pair 0.6.5-2.1", "name of the host's end of a veth pair"),
		n("lxc.net.N.veth.mode 3.2-", "bridge, or router: host routes and proxy ARP instead of a bridge"),
		n("lxc.net.N.veth.ipv4.route 3.2-", "IPv4 route on the host to the container's end"),
		n("lxc.net.N.veth.ipv6.route 3.2-", "IPv6 route on the host to the container's end"),
		n("lxc.net.N.veth.vlan.id 5.0-", "untagged VLAN of the bridge port, or none"),
		n("lxc.net.N.veth.vlan.tagged.id 5.0-", "tagged VLAN of the bridge port"),
		n("lxc.net.N.veth.n_rxqueues 5.0-", "receive queues of the veth pair"),
		n("lxc.net.N.veth.n_txqueues 5.0-", "transmit queues of the veth pair"),
		n("lxc.net.N.macvlan.mode 2.1-, lxc.network.macvlan.mode 0.6.5-2.1", "private, vepa, bridge or passthru"),
		n("lxc.net.N.ipvlan.mode 3.2-", "l3, l3s or l2 (the default, as LXC 5 makes it)"),
		n("lxc.net.N.ipvlan.isolation 3.2-", "bridge, private or vepa"),
		n("lxc.net.N.vlan.id 2.1-, lxc.network.vlan.id 0.6.5-2.1", "VLAN number of a vlan card"),
		n("lxc.net.N 2.1-, lxc.network.N 1.1-2.1", "empty value: drops that card"),
		n("lxc.net 2.1-, lxc.network 1.1-2.1", "empty value: drops all cards"),
	}
}
