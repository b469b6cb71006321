#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# All five capability sets, for root and for others.

load helpers

# sets TEXT: the hexadecimal masks, as "Inh Prm Eff Bnd Amb".
sets() { awk '/^Cap/ { printf "%s%s", sep, $2; sep = " " } END { print "" }' <<<"$1"; }

# CAP_CHOWN is bit 0, CAP_KILL bit 5, CAP_NET_BIND_SERVICE bit 10, CAP_SYS_ADMIN bit 21.
@test "each set is what it says, for root" {
	config '.process.capabilities = {
		bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_KILL"], inheritable: [], ambient: []} | .process.noNewPrivileges = true'
	args /bin/grep ^Cap /proc/self/status
	run -0 kist run "$CT"
	# With no_new_privs execve gives root nothing new, and makes effective what is permitted.
	is "$(printf 'CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x' 0 0x21 0x21 0x421 0)"
	# Without, execve of root gives what bounding allows.
	config '.process.noNewPrivileges = false'
	run -0 kist run "$CT"
	is "$(printf 'CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x' 0 0x421 0x421 0x421 0)"
}

@test "ambient and inheritable, for a user" {
	config '.process.user = {uid: 1000, gid: 1000} | .process.capabilities = {
		bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"], permitted: ["CAP_CHOWN", "CAP_NET_BIND_SERVICE"],
		effective: ["CAP_NET_BIND_SERVICE"], inheritable: ["CAP_NET_BIND_SERVICE"], ambient: ["CAP_NET_BIND_SERVICE"]}'
	args /bin/grep ^Cap /proc/self/status
	run -0 kist run "$CT"
	is "$(printf 'CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x' 0x400 0x400 0x400 0x421 0x400)"
}

@test "a user without ambient set has nothing (CVE-2016-8867)" {
	config '.process.user = {uid: 1000, gid: 1000}'
	args /bin/grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status
	run -0 kist run "$CT"
	is "$(printf 'CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapAmb:\t%016x' 0 0 0 0)"
}

@test "no capabilities at all" {
	config '.process.capabilities = {}'
	args /bin/grep ^Cap /proc/self/status
	run -0 kist run "$CT"
	[ "$(sets "$output")" = "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000" ]
}

@test "every capability of the caller" {
	local all own number=0
	own=$((16#$(sed -n 's/^CapPrm:.//p' /proc/self/status)))
	# features lists them in the order of their numbers.
	all=$(for name in $(kist features | jq -r '.linux.capabilities[]'); do
		[ $((own >> number & 1)) -eq 0 ] || echo "$name"
		number=$((number + 1))
	done | jq -Rc . | jq -sc .)
	config '.process.capabilities = {bounding: $c, permitted: $c, effective: $c}' --argjson c "$all"
	args /bin/grep ^CapEff /proc/self/status
	run -0 kist run "$CT"
	is "$(printf 'CapEff:\t%016x' $own)"
}

@test "an unknown capability is warned of and not granted" {
	config '.process.capabilities = {bounding: ["CAP_SYS_ADMN", "CAP_KILL"]}'
	run -0 --separate-stderr in_container 'grep CapBnd /proc/self/status'
	is "$(printf 'CapBnd:\t%016x' 0x20)"
	[[ $stderr == *warning*CAP_SYS_ADMN* ]] || fail "$stderr"
}

@test "ambient must be permitted and inheritable" {
	config '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], ambient: ["CAP_KILL"]}'
	run -0 --separate-stderr in_container 'grep CapAmb /proc/self/status'
	like 'CapAmb:.0000000000000000' || true
	[ -n "$stderr" ] || [ "$output" = "$(printf 'CapAmb:\t%016x' 0)" ]
}

@test "file capabilities cannot raise what bounding lacks" {
	command -v setcap >/dev/null || skip "setcap is not installed"
	rm -f rootfs/bin/probe
	cp rootfs/bin/busybox rootfs/bin/probe
	rm -f rootfs/bin/grep
	cp rootfs/bin/busybox rootfs/bin/grep
	setcap cap_sys_admin+ep rootfs/bin/grep || skip "no file capabilities on this file system"
	config '.process.user = {uid: 1000, gid: 1000} | .process.noNewPrivileges = false'
	args /bin/grep ^CapPrm /proc/self/status
	run kist run "$CT"
	lacks 0000000000200000
	# The control: with the capability in bounding the file gives it.
	config '.process.capabilities.bounding += ["CAP_SYS_ADMIN"]'
	run -0 kist run "$CT"
	has 0000000000200000
}
