#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The rules for devices, tried out from inside: a program makes a node of each device and uses it in every way. On cgroup
# v1 the kernel has a list, on v2 a BPF program.

load helpers

# probe TYPE MAJOR MINOR: what is granted, a line for each access.
probe='probe() {
	rm -f /tmp/n; mknod /tmp/n $1 $2 $3 2>/dev/null && echo "$1$2:$3 m"
	[ -e /tmp/n ] || return
	(: </tmp/n) 2>/dev/null && echo "$1$2:$3 r"
	(: >/tmp/n) 2>/dev/null && echo "$1$2:$3 w"
}
probe c 1 3; probe c 1 11; probe c 10 229; probe c 10 237; probe b 7 0; true'

# null is a default device; kmsg, fuse, loop-control and a loop device are what most machines have.
setup() {
	prepare
	modprobe -qa loop fuse 2>/dev/null || true
	local n
	for n in char/1:11 char/10:229 char/10:237 block/7:0; do
		[ -e /sys/dev/$n ] || skip "no device $n here"
	done
	config '.process.capabilities[] += ["CAP_MKNOD", "CAP_SYSLOG"]
		| .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["dev"]}]'
}

# Nodes of all kinds can be made: to use them is another matter. null is a default device.
readonly MADE='c1:3 m
c1:3 r
c1:3 w
c1:11 m
c10:229 m
c10:237 m
b7:0 m'

@test "without rules: the default devices only" {
	config 'del(.linux.resources.devices)'
	run -0 in_container "$probe"
	is "$MADE"
}

# bats test_tags=vm
@test "rules grant what they say, bit by bit, and the last one that matches decides" {
	config '.linux.resources.devices = [{allow: false, access: "rwm"},
		{allow: true, type: "c", major: 10, minor: 229, access: "rwm"}, {allow: false, type: "c", major: 10, minor: 229, access: "w"},
		{allow: true, type: "c", major: 10, minor: 237, access: "w"},
		{allow: true, type: "b", major: 7, minor: -1, access: "r"}]'
	run -0 in_container "$probe"
	is 'c1:3 m
c1:3 r
c1:3 w
c1:11 m
c10:229 m
c10:229 r
c10:237 m
c10:237 w
b7:0 m
b7:0 r'
}

@test "everything is allowed, and one device is not" {
	config '.linux.resources.devices = [{allow: true, access: "rwm"}]'
	run -0 in_container "$probe"
	has "c1:11 r" "c1:11 w" "c10:229 r" "c10:229 w" "c10:237 r" "c10:237 w" "b7:0 r" "b7:0 w"
	config '.linux.resources.devices += [{allow: false, type: "c", major: 10, minor: 237, access: "rw"}]'
	run -0 in_container "$probe"
	has "c1:11 r" "c10:229 w" "b7:0 w" "c10:237 m"
	lacks "c10:237 r" "c10:237 w"
}

@test "update changes them for processes that run" {
	config '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 229, access: "rw"}]'
	run -0 running
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	has "c10:229 r" "c10:229 w"
	lacks "c10:237 r"
	echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 237, "access": "r"}]}' |
		kist update -r - "$CT"
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	has "c10:237 r"
	lacks "c10:237 w" "c10:229 r" "c10:229 w"
	echo '{"devices": [{"allow": true, "access": "rwm"}]}' | kist update -r - "$CT"
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	has "c1:11 r" "c10:229 w" "c10:237 w" "b7:0 w"
}
