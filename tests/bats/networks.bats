#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Network devices: those of linux.netDevices, which are moved into the container, and the cards of containers imported
# from LXC, each kind in every mode. What kist does is seen from inside by ip(8) of the host. Kinds that this kernel
# lacks are skipped; tests/vm has a kernel with all of them. How they compare with LXC's own is for tests/lxc/compare.

load helpers

setup() {
	prepare
	ip link add kt0 address 02:97:00:00:01:00 type veth peer name kt1
	ip link set kt0 up
	ip link set kt1 up
}

teardown() {
	clean || return
	local name
	for name in kt0 ktd0 ktd1 ktv ktv7 moved; do
		ip link delete "$name" 2>/dev/null || true
	done
	# Whatever else is here now is something that kist has forgotten.
	[ "$(ip -o link | grep -cv ' lo: ')" = 0 ] || fail "left: $(ip -o link)"
}

# has_kind KIND: the kernel has network devices of it. needs KIND: the test cannot do without.
has_kind() {
	case $1 in
	dummy) unshare -n ip link add type dummy 2>/dev/null ;;
	vlan) unshare -n sh -c 'ip link add type veth && ip link add link veth0 name v type vlan id 1' 2>/dev/null ;;
	*) unshare -n sh -c 'ip link add type veth && ip link add link veth0 name v type "$1"' sh "$1" 2>/dev/null ;;
	esac
}
needs() { has_kind "$1" || skip "this kernel has no network devices of kind $1"; }

# inside COMMAND...: of the host, in the container's network.
inside() { nsenter --net="/proc/$(pid)/ns/net" "$@"; }
device() { inside ip -d -o addr show "$@"; }
card() { inside ip -d -o link show "$@" | tr -s ' '; }

# moves JSON: the container's linux.netDevices.
moves() { config '.linux.netDevices = $d' --argjson d "$1"; }

# bats test_tags=vm
@test "netDevices: a dummy device moves, renamed, with its permanent addresses" {
	needs dummy
	ip link add ktd0 address 02:97:00:00:00:02 mtu 1400 type dummy
	ip addr add 192.0.2.1/24 brd + dev ktd0
	ip addr add 192.0.2.2/32 dev ktd0 valid_lft 1000 preferred_lft 1000
	ip link set ktd0 up
	ip addr add 2001:db8::1/64 dev ktd0 nodad
	moves '{"ktd0": {"name": "lan0"}}'
	run -0 running
	run -0 device lan0
	has "inet 192.0.2.1/24 brd 192.0.2.255 scope global lan0" "inet6 2001:db8::1/64 scope global"
	lacks 192.0.2.2/32
	run -0 card lan0
	has "mtu 1400" ",UP" "link/ether 02:97:00:00:00:02" dummy
	run ! ip link show ktd0
	# As every virtual device it goes with the namespace.
	run -0 kist delete -f "$CT"
	run ! ip link show ktd0
}

@test "netDevices: several, one with a pattern for its name" {
	needs dummy
	ip link add ktd0 type dummy
	ip link add ktd1 type dummy
	moves '{"ktd0": {}, "ktd1": {"name": "net%d"}}'
	run -0 running
	run -0 device
	has "ktd0" "net0"
	run -0 kist state "$CT"
}

@test "netDevices: all or nothing" {
	needs dummy
	ip link add ktd0 type dummy
	ip addr add 192.0.2.1/24 dev ktd0
	ip link set ktd0 up
	ip link add ktd1 type dummy
	moves '{"ktd0": {"name": "same"}, "ktd1": {"name": "lo"}}'
	run -1 kist run "$CT"
	has /linux/netDevices/ktd1 "rename to lo"
	run -0 ip -o addr show ktd0
	has "inet 192.0.2.1/24"
	run -0 ip -o link show ktd0
	has ",UP"
	moves '{"ktd0": {}, "nosuch": {}}'
	run -1 kist run "$CT"
	has /linux/netDevices/nosuch "no such device"
	run -0 ip -o addr show ktd0
	has "inet 192.0.2.1/24"
}

@test "netDevices: a vlan and an ipvlan of the host move, and work on" {
	needs vlan
	needs ipvlan
	ip link add link kt0 name ktv7 type vlan id 7
	ip addr add 192.0.2.7/24 dev ktv7
	ip link add link kt0 name ktv type ipvlan mode l2
	moves '{"ktv7": {"name": "tagged"}, "ktv": {}}'
	run -0 running
	run -0 card
	has "tagged@" "vlan protocol 802.1Q id 7" "ktv@" "ipvlan mode l2"
	run -0 device tagged
	has "inet 192.0.2.7/24"
	# The other end of the pair, with the same tag.
	ip link add link kt1 name moved type vlan id 7
	ip addr add 192.0.2.8/24 dev moved
	ip link set moved up
	run -0 inside ping -c 1 -W 5 192.0.2.8
}

# imported LINE...: a container of an LXC configuration with these lines, running; its report is in $LOG.report.
imported() {
	mkdir -p lxc/rootfs
	cp -al "$TEMPLATE/rootfs/." lxc/rootfs
	{
		printf '%s\n' "lxc.rootfs.path = $BUNDLE/lxc/rootfs" "lxc.uts.name = $CT" "lxc.init.cmd = /bin/sleep 1000" "lxc.mount.auto = proc" "lxc.console.path = none"
		printf 'lxc.net.0.%s\n' "$@"
	} >lxc/config
	kist import --name "$CT" --report "$LOG.report" lxc/config lxc/bundle >"$LOG" || fail "import: $(cat "$LOG" "$LOG.report")"
	detached create -b lxc/bundle "$CT" && kist start "$CT"
}

# bats test_tags=vm
@test "lxc vlan: on a device of the host, with its id" {
	needs vlan
	run -0 imported "type = vlan" "link = kt0" "vlan.id = 42" "flags = up" "name = lan" "mtu = 1400" "ipv4.address = 192.0.2.2/24" "hwaddr = 02:97:00:00:01:42"
	run -0 device lan
	has "inet 192.0.2.2/24"
	run -0 card lan
	has "lan@" "vlan protocol 802.1Q id 42" "mtu 1400" "02:97:00:00:01:42" ",UP"
	ip link add link kt1 name moved type vlan id 42
	ip addr add 192.0.2.3/24 dev moved
	ip link set moved up
	run -0 inside ping -c 1 -W 5 192.0.2.3
	run -0 kist delete -f "$CT"
	! ip -d -o link | grep -v moved | grep -q 'id 42' || fail "left: $(ip -d -o link)"
}

@test "lxc vlan: ids at the ends, one that is none, one that is taken" {
	needs vlan
	local id
	for id in 1 4094; do
		run -0 imported "type = vlan" "link = kt0" "vlan.id = $id" "flags = up"
		run -0 card eth0
		has "id $id "
		run -0 kist delete -f "$CT"
		rm -rf lxc
	done
	run ! imported "type = vlan" "link = kt0" "vlan.id = 4095"
	rm -rf lxc
	run ! imported "type = vlan" "link = nosuch0" "vlan.id = 5"
	has "link nosuch0: no such device on the host"
	delete_all || true
	rm -rf lxc
	ip link add link kt0 name ktv7 type vlan id 7
	run ! imported "type = vlan" "link = kt0" "vlan.id = 7"
	has "has such a device already"
}

@test "lxc ipvlan: every mode and isolation" {
	needs ipvlan
	local mode isolation
	for mode in l3 l3s l2; do
		for isolation in bridge private vepa; do
			run -0 imported "type = ipvlan" "link = kt0" "ipvlan.mode = $mode" "ipvlan.isolation = $isolation" "flags = up" "ipv4.address = 192.0.2.2/24"
			run -0 card eth0
			has "ipvlan mode $mode $isolation" "02:97:00:00:01:00"
			run -0 device eth0
			has "inet 192.0.2.2/24"
			run -0 kist delete -f "$CT"
			rm -rf lxc
		done
	done
}

# bats test_tags=vm
@test "lxc ipvlan: the defaults, and it works" {
	needs ipvlan
	run -0 imported "type = ipvlan" "link = kt0" "flags = up" "ipv4.address = 192.0.2.2/24"
	run -0 card eth0
	has "ipvlan mode l2 bridge"
	ip addr add 192.0.2.3/24 dev kt1
	run -0 inside ping -c 1 -W 5 192.0.2.3
}

@test "lxc ipvlan: no hardware address of its own, no two kinds on one link" {
	needs ipvlan
	run ! imported "type = ipvlan" "link = kt0" "hwaddr = 02:97:00:00:01:42"
	has "hwaddr" ipvlan
	delete_all || true
	rm -rf lxc
	ip link add link kt0 name ktv type macvlan
	run ! imported "type = ipvlan" "link = kt0"
	has "create ipvlan"
}

@test "lxc macvlan: every mode" {
	needs macvlan
	local mode
	for mode in private vepa bridge passthru; do
		run -0 imported "type = macvlan" "link = kt0" "macvlan.mode = $mode" "flags = up"
		run -0 card eth0
		has "macvlan mode $mode" ",UP"
		run -0 kist delete -f "$CT"
		rm -rf lxc
	done
}

@test "lxc phys: a device is taken and given back as it was" {
	needs dummy
	ip link add ktd0 address 02:97:00:00:00:02 mtu 1450 type dummy
	run -0 imported "type = phys" "link = ktd0" "flags = up" "name = wan" "mtu = 1300" "hwaddr = 02:97:00:00:01:42" "ipv4.address = 192.0.2.2/24"
	run -0 card wan
	has dummy "mtu 1300" "02:97:00:00:01:42" ",UP"
	run -0 device wan
	has "inet 192.0.2.2/24"
	run ! ip link show ktd0
	run -0 kist kill "$CT" KILL
	eventually status_is stopped
	run -0 kist delete "$CT"
	eventually ip link show ktd0
	run -0 ip -o link show ktd0
	has "mtu 1450" "02:97:00:00:00:02"
}

@test "lxc phys: every device whose name begins so" {
	needs dummy
	ip link add ktd0 type dummy
	ip link add ktd1 type dummy
	run -0 imported "type = phys" "link = ktd+" "flags = up" "name = last"
	run -0 card
	has "ktd0: " "last: "
	run -0 kist delete -f "$CT"
	eventually ip link show ktd1
	ip link show ktd0
}

@test "lxc phys: loopback and what is not there are refused, and nothing is taken" {
	needs dummy
	run ! imported "type = phys" "link = lo" "name = loop"
	has "loopback"
	delete_all || true
	rm -rf lxc
	ip link add ktd0 type dummy
	run ! imported "type = phys" "link = nosuch0"
	has "link nosuch0: no such device on the host"
	ip link show ktd0
}

@test "a kind that the kernel lacks: the error names it and the option" {
	local kind lacked=
	for kind in vlan ipvlan; do
		! has_kind $kind || continue
		lacked=yes
		local more="ipvlan.mode = l3"
		[ $kind != vlan ] || more="vlan.id = 1"
		run ! imported "type = $kind" "link = kt0" "$more"
		has "the kernel has no $kind devices" CONFIG_
		delete_all || true
		rm -rf lxc
	done
	[ -n "$lacked" ] || skip "this kernel has them all"
}
