#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Devices, default links, masked and read-only paths.

load helpers

@test "the default devices are there, even if none is listed" {
	run -0 in_container 'cd /dev; for d in null zero full random urandom tty; do stat -c "%n %F %a %t:%T" $d; done'
	is "null character special file 666 1:3
zero character special file 666 1:5
full character special file 666 1:7
random character special file 666 1:8
urandom character special file 666 1:9
tty character special file 666 5:0"
}

@test "the default links" {
	run -0 in_container 'cd /dev; for l in fd stdin stdout stderr ptmx; do echo "$l $(readlink $l)"; done'
	is $'fd /proc/self/fd\nstdin /proc/self/fd/0\nstdout /proc/self/fd/1\nstderr /proc/self/fd/2\nptmx pts/ptmx'
}

@test "listed devices: type, number, mode and owner, whatever the umask" {
	config '.linux.devices = [
		{path: "/dev/one", type: "c", major: 1, minor: 5, fileMode: 436, uid: 1000, gid: 7},
		{path: "/dev/sub/two", type: "b", major: 7, minor: 0, fileMode: 438},
		{path: "/dev/pipe", type: "p"}] | .linux.resources.devices += [{allow: true, access: "rwm", type: "c", major: 1, minor: 5}]'
	umask 077
	run -0 in_container 'cd /dev; stat -c "%n %F %a %u %g %t:%T" one sub/two pipe; head -c 3 one | wc -c'
	is "one character special file 664 1000 7 1:5
sub/two block special file 666 0 0 7:0
pipe fifo 666 0 0 0:0
3"
}

@test "devices that are not allowed cannot be used" {
	needs_devices
	config '.linux.devices = [{path: "/dev/kmsg2", type: "c", major: 1, minor: 11, fileMode: 438}]'
	run -0 in_container 'head -c 1 /dev/kmsg2 2>&1 || true; head -c 2 /dev/zero | wc -c; echo x >/dev/null && echo null'
	has "Operation not permitted" 2 null
}

needs_devices() { is_v2 || needs_controller devices; }

@test "mknod of a device that is not allowed" {
	needs_devices
	config '.process.capabilities.bounding += ["CAP_MKNOD"] | .process.capabilities.effective += ["CAP_MKNOD"] | .process.capabilities.permitted += ["CAP_MKNOD"]'
	run -0 in_container 'mknod /dev/x c 1 1 2>/dev/null; head -c 1 /dev/x 2>&1; true'
	like "not permitted|No such file"
}

@test "an existing node that differs is an error, the same one is fine" {
	config '.mounts |= map(select(.destination != "/dev" and (.destination | startswith("/dev/") | not)))
		| .linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 5}]'
	mknod rootfs/dev/mine c 1 5
	run -0 in_container 'stat -c %t:%T /dev/mine'
	is 1:5
	rm rootfs/dev/mine
	mknod rootfs/dev/mine c 1 3
	run -1 in_container true
	has /linux/devices/0
}

@test "a device's path: relative, with .., a directory in the way, an unknown type" {
	local path
	for path in dev/x /dev/../etc/x /dev/; do
		config '.linux.devices = [{path: $p, type: "c", major: 1, minor: 5}]' --arg p "$path"
		run -1 kist run "$CT"
		has /linux/devices/0
	done
	config '.linux.devices = [{path: "/dev/x", type: "x", major: 1, minor: 5}]'
	run -1 kist run "$CT"
	has /linux/devices/0/type
	config '.linux.devices = [{path: "/dev/x", type: "c", major: -1, minor: 5}]'
	run -1 kist run "$CT"
	has /linux/devices/0
}

@test "masked files are empty, masked directories are empty and read-only, missing ones are ignored" {
	echo secret >rootfs/etc/secret
	mkdir rootfs/etc/private
	echo secret >rootfs/etc/private/key
	config '.linux.maskedPaths += ["/etc/secret", "/etc/private", "/no/such/path"] | .root.readonly = false'
	run -0 in_container 'cat /etc/secret; ls -A /etc/private; touch /etc/private/x 2>&1 || echo refused; echo x >/etc/secret; echo end'
	lacks secret$'\n' key
	has refused end
	[ "$(<rootfs/etc/secret)" = secret ]
}

@test "a mask cannot be taken away" {
	echo secret >rootfs/etc/secret
	config '.linux.maskedPaths += ["/etc/secret"]'
	run -0 in_container 'umount /etc/secret 2>&1; cat /etc/secret; echo end'
	has end
	lacks $'\nsecret'
}

@test "every default masked path yields nothing" {
	local path
	for path in $(jq -r '.linux.maskedPaths[]' config.json); do
		run -0 in_container "[ -e $path ] || echo none; [ ! -d $path ] || ls -A $path | wc -l; [ ! -c $path ] || wc -c <$path"
		[ "$output" = none ] || [ "$output" = 0 ] || fail "$path"
	done
}

@test "every default read-only path refuses to be written" {
	local path
	for path in $(jq -r '.linux.readonlyPaths[]' config.json); do
		run -0 in_container "[ ! -e $path ] || awk '\$5 == \"$path\" { print \$6 }' /proc/self/mountinfo"
		[ ! -e "$path" ] || like '^ro(,|$)' || fail "$path"
	done
	run -0 in_container '(echo 1 >/proc/sys/net/ipv4/ip_forward) 2>&1; true'
	has "ead-only file system"
}

@test "read-only paths, a missing one, and one in the root filesystem" {
	mkdir rootfs/var/keep
	config '.linux.readonlyPaths += ["/var/keep", "/no/such"] | .root.readonly = false'
	run -0 in_container 'touch /var/fine && echo fine; touch /var/keep/x 2>&1; true'
	has fine "ead-only file system"
}

@test "many masks cost one super block" {
	local n
	for n in {1..50}; do mkdir -p "rootfs/var/m$n"; done
	config '.linux.maskedPaths = [range(1; 51) | "/var/m\(.)"]'
	run -0 in_container 'awk "\$5 ~ /^\/var\/m/ { print \$3 }" /proc/self/mountinfo | sort | uniq -c | wc -l'
	is 1
}

@test "relative or unclean masked paths are refused" {
	config '.linux.maskedPaths = ["etc"]'
	run -1 kist run "$CT"
	has /linux/maskedPaths/0
	config '.linux.maskedPaths = [] | .linux.readonlyPaths = ["etc"]'
	run -1 kist run "$CT"
	has /linux/readonlyPaths/0
}
