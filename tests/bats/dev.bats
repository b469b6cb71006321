#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# /dev: read-only ones, mounts and binds below it, those of the host.

load helpers


dev() { config '(.mounts[] | select(.destination == "/dev")) |= (. + $m)' --argjson m "$1"; }

@test "a read-only /dev has its devices and links, and takes nothing new" {
	dev '{"options": ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]}'
	run -0 in_container 'cd /dev; for d in null zero full random urandom tty; do [ -c $d ] || echo "no $d"; done
		readlink fd; readlink ptmx; [ -d pts ] && [ -d shm ] || echo no mounts; touch x 2>&1; echo y >null; awk "\$5 == \"/dev\" { print \$6 }" /proc/self/mountinfo'
	lacks "no "
	has /proc/self/fd pts/ptmx "ead-only file system"
	like $'\nro,nosuid'
}

@test "a read-only /dev, with a terminal" {
	dev '{"options": ["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]}'
	config '.process.terminal = true'
	script 'ls -l /dev/console | cut -c1; [ -t 0 ] && tty; touch /dev/x 2>&1'
	"$PEERS/peer" tty "$BUNDLE/sock" >peer 2>&1 3>&- 4>&- &
	local job=$!
	eventually grep -q listening peer
	run -0 detached run -d --console-socket sock "$CT"
	wait $job
	run -0 cat peer
	has /dev/pts/0 "ead-only file system"
	like $'\nc\r?\n'
}

@test "a read-only tmpfs with another mount in it" {
	config '.mounts += [{destination: "/var", type: "tmpfs", source: "tmpfs", options: ["ro"]}, {destination: "/var/deep/er", type: "tmpfs", source: "tmpfs"}]'
	run -0 in_container 'touch /var/deep/er/x && echo inner; touch /var/x 2>&1; touch /var/deep/x 2>&1; true'
	like $'^inner\n.*ead-only file system\n.*ead-only file system$'
}

@test "a bind over a default device" {
	config '.mounts += [{destination: "/dev/random", source: "/dev/urandom", options: ["bind"]}]'
	run -0 in_container 'stat -c %t:%T /dev/random /dev/urandom'
	is $'1:9\n1:9'
}

@test "a devtmpfs on /dev: nothing is made or removed in it" {
	# There is one for the whole machine: it is not tried out, only looked at what would be done.
	run -0 kist plan .
	has unlinkat mknodat symlinkat
	dev '{"type": "devtmpfs", "source": "devtmpfs", "options": ["nosuid"]}'
	config '.mounts |= map(select((.destination | startswith("/dev/")) | not))'
	run -0 kist plan .
	has '"devtmpfs"'
	lacks unlinkat mknodat symlinkat
}

@test "the host's /dev bound: nothing is made in it" {
	mkdir hostdev
	mknod -m 666 hostdev/null c 1 3
	find hostdev -printf '%P %y %m %l %T@\n' | sort >before
	dev '{"type": "none", "source": "hostdev", "options": ["bind"]}'
	config '.mounts |= map(select((.destination | startswith("/dev/")) | not)) | .linux.devices = []'
	run -0 in_container 'ls /dev'
	is null
	find hostdev -printf '%P %y %m %l %T@\n' | sort >after
	cmp before after
}

@test "no /dev at all in the image or the configuration: it is made" {
	rmdir rootfs/dev
	config '.root.readonly = false | .mounts |= map(select((.destination | startswith("/dev")) | not))'
	run -0 in_container 'stat -c %t:%T /dev/null /dev/zero'
	is $'1:3\n1:5'
	rm -rf rootfs/dev
	mkdir rootfs/dev
}
