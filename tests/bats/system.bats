#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# hostname, domainname, sysctl, personality.

load helpers

@test "hostname and domainname, and the host keeps its own" {
	local before
	before=$(hostname)
	config '.hostname = "in-a-box" | .domainname = "example.org"'
	run -0 in_container 'hostname; cat /proc/sys/kernel/domainname'
	is $'in-a-box\nexample.org'
	[ "$(hostname)" = "$before" ]
}

@test "hostname and domainname need a uts namespace" {
	config '.linux.namespaces |= map(select(.type != "uts"))'
	run -1 kist run "$CT"
	has hostname "uts namespace"
	config '.domainname = "example.org" | del(.hostname)'
	run -1 kist run "$CT"
	has domainname "uts namespace"
}

@test "sysctl: network, ipc and mqueue, with dots or slashes" {
	config '.linux.sysctl = {"net.ipv4.ip_default_ttl": "77", "kernel.msgmax": "9000", "fs.mqueue.queues_max": "33",
		"net/ipv4/ip_forward": "1"}'
	run -0 in_container 'cd /proc/sys; cat net/ipv4/ip_default_ttl kernel/msgmax fs/mqueue/queues_max net/ipv4/ip_forward'
	is $'77\n9000\n33\n1'
	[ "$(</proc/sys/net/ipv4/ip_default_ttl)" != 77 ]
}

@test "sysctl: what is not the container's own is refused, and the host's is as before" {
	local before key
	before=$(</proc/sys/kernel/core_pattern)
	for key in kernel.core_pattern vm.swappiness kernel.hostname net/../kernel/core_pattern kernel/../vm/swappiness fs.file-max ''; do
		config '.linux.sysctl = {($k): "1"}' --arg k "$key"
		run -1 kist run "$CT"
		has /linux/sysctl
	done
	[ "$(</proc/sys/kernel/core_pattern)" = "$before" ]
}

@test "sysctl: the namespace must be the container's own" {
	config '.linux.namespaces |= map(select(.type != "network")) | .linux.sysctl = {"net.ipv4.ip_default_ttl": "77"}'
	run -1 kist run "$CT"
	has /linux/sysctl "network namespace"
	config '.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}]'
	run -1 kist run "$CT"
	has /linux/sysctl
	config '.linux.namespaces |= map(select(.type != "ipc")) | .linux.sysctl = {"kernel.msgmax": "9000"}'
	run -1 kist run "$CT"
	has /linux/sysctl "ipc namespace"
}

@test "sysctl: one key is one write of one line" {
	config '.linux.sysctl = {"net.ipv4.ip_default_ttl": "77\n1"}'
	run -1 kist run "$CT"
	has /linux/sysctl
	config '.linux.sysctl = {"net.ipv4.ip_default_ttl": "nonsense"}'
	run -1 kist run "$CT"
	has net.ipv4.ip_default_ttl "invalid argument"
	nothing_left
}

@test "personality" {
	[ "$(uname -m)" = x86_64 ] || skip "only x86 has another one here"
	config '.linux.personality = {domain: "LINUX32"}'
	run -0 in_container 'uname -m'
	is i686
	config '.linux.personality = {domain: "LINUX"}'
	run -0 in_container 'uname -m'
	is x86_64
	config '.linux.personality = {domain: "PLAN9"}'
	run -1 kist run "$CT"
	has /linux/personality
}

@test "sysctl: a joined namespace that is the host's is not the container's own" {
	local case kind key value file was
	for case in network:net.ipv4.ip_default_ttl:77 ipc:kernel.msgmax:9000 uts:kernel.domainname:changed; do
		IFS=: read -r kind key value <<<"$case"
		cp "$TEMPLATE/config.json" config.json
		file=/proc/sys/${key//.//}
		was=$(<"$file")
		config '.linux.namespaces |= (map(select(.type != $k)) + [{type: $k, path: $p}]) | .linux.sysctl = {($s): $v}
				| if $k == "uts" then del(.hostname) else . end' \
			--arg k "$kind" --arg p "/proc/1/ns/${kind/network/net}" --arg s "$key" --arg v "$value"
		run -1 kist run "$CT"
		has /linux/sysctl "$key" host
		[ "$(<"$file")" = "$was" ] || fail "$key of the host has changed"
		nothing_left
	done
}

@test "sysctl: a joined namespace of another container is fine" {
	args /bin/sleep 1000
	run -0 detached run -d "$CT-a"
	config '.linux.namespaces |= (map(select(.type != "network")) + [{type: "network", path: $p}]) | .linux.sysctl = {"net.ipv4.ip_default_ttl": "77"}' \
		--arg p "/proc/$(pid "$CT-a")/ns/net"
	run -0 in_container 'cat /proc/sys/net/ipv4/ip_default_ttl'
	is 77
	run -0 kist exec "$CT-a" cat /proc/sys/net/ipv4/ip_default_ttl
	is 77
}

@test "personality: exec has it too" {
	[ "$(uname -m)" = x86_64 ] || skip "only x86 has another one here"
	config '.linux.personality = {domain: "LINUX32"}'
	run -0 running
	run -0 kist exec "$CT" uname -m
	is i686
}
