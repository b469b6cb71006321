#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist as an ordinary user that has subordinate ids, and inside a user namespace that somebody else has made.

load helpers

# The account: in this mount namespace only.
setup_file() {
	local file
	for file in passwd group subuid subgid; do
		cat "/etc/$file" >"$BATS_FILE_TMPDIR/$file" 2>/dev/null || true
	done
	echo 'rootless:x:4242:4242::/:/bin/sh' >>"$BATS_FILE_TMPDIR/passwd"
	echo 'rootless:x:4242:' >>"$BATS_FILE_TMPDIR/group"
	echo 'rootless:300000:65536' | tee -a "$BATS_FILE_TMPDIR/subuid" >>"$BATS_FILE_TMPDIR/subgid"
	for file in passwd group subuid subgid; do
		[ -e "/etc/$file" ] && mount --bind "$BATS_FILE_TMPDIR/$file" "/etc/$file"
	done
}
teardown_file() { umount /etc/passwd /etc/group /etc/subuid /etc/subgid; }

setup() {
	command -v newuidmap setpriv >/dev/null || skip "newuidmap or setpriv is not installed"
	prepare
	rm config.json
	mkdir -m 700 "$BATS_TEST_TMPDIR/xdg"
	chown -R 4242:4242 "$BATS_TEST_TMPDIR/xdg" "$BUNDLE"
	chmod 711 "$BATS_TEST_TMPDIR"
	user spec --rootless
	config '.process.terminal = false | .linux.uidMappings += [{containerID: 1, hostID: 300000, size: 65535}]
		| .linux.gidMappings += [{containerID: 1, hostID: 300000, size: 65535}]'
}
teardown() {
	local id
	for id in $(user list -q 2>/dev/null); do user delete --force "$id"; done
	clean
}

as_user() { setpriv --reuid 4242 --regid 4242 --clear-groups env XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/xdg" timeout --foreground -k 5 60 "$@" 3>&- 4>&-; }
user() { as_user "$KIST" "$@"; }
# sh_in TEXT: as in_container, by the user.
sh_in() {
	script "$1"
	user run "$CT"
}

@test "subordinate ids: maps, users, groups, exec" {
	config '.process.user = {uid: 1000, gid: 1001, additionalGids: [7, 8]}'
	run -0 sh_in 'id -u; id -G; tr -s " " </proc/self/uid_map; cat /proc/self/setgroups'
	is $'1000\n1001 7 8\n 0 4242 1\n 1 300000 65535\nallow'
	args /bin/sleep 1000
	user run -d "$CT" </dev/null >"$LOG" 2>&1
	run -0 user exec -u 5:6 -g 9 "$CT" sh -c 'id -u; id -G'
	is $'5\n6 9'
	[ "$(stat -c '%u %g' "/proc/$(user state "$CT" | jq .pid)")" = "300999 301000" ] || fail "ids outside"
}

@test "subordinate ids: what is not the user's is refused, in newuidmap's words" {
	config '.linux.uidMappings[1].hostID = 200000'
	args /bin/true
	run -1 user run "$CT"
	has /linux/uidMappings "newuidmap: uid range [1-65536) -> [200000-265535) not allowed"
	config '.linux.uidMappings[1].hostID = 300000 | .linux.gidMappings[1].hostID = 200000'
	run -1 user run "$CT"
	has /linux/gidMappings newgidmap "not allowed"
}

@test "a single id: further groups are refused, and why" {
	config 'del(.linux.uidMappings[1], .linux.gidMappings[1]) | .process.user.additionalGids = [0]'
	args /bin/true
	run -1 user run "$CT"
	has "setgroups is denied in this user namespace" newgidmap
}

@test "devices are the host's, bound; others cannot be made" {
	run -0 sh_in 'for d in null zero full random urandom tty; do [ -c /dev/$d ] || echo missing $d; done; echo x >/dev/null; stat -c "%t %T" /dev/full'
	is "1 7"
	run -0 sh_in 'mknod /dev/own c 1 3 2>/dev/null || echo refused'
	is refused
	config '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 5}]'
	args /bin/true
	run -1 user run "$CT"
	has "/linux/devices/0 (/dev/null)"
}

@test "proc, sysfs, mqueue, cgroup, devpts" {
	run -0 sh_in 'grep -E " (/proc|/sys|/dev/mqueue|/dev/pts|/dev/shm) " /proc/self/mounts | cut -d" " -f2 | sort -u | tr "\n" " "; touch /sys/x 2>/dev/null || echo ro'
	has "/dev/mqueue /dev/pts /dev/shm /proc /sys" ro
	config '(.mounts[] | select(.destination == "/sys")) |= {destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"]}'
	run -0 sh_in 'ls -d /sys/kernel; grep " /sys sysfs ro,nosuid,nodev,noexec" /proc/self/mounts | wc -l'
	is $'/sys/kernel\n1'
	config '.linux.namespaces += [{type: "network"}]'
	run -0 sh_in 'ls /sys/class/net'
	has lo
}

@test "tmpfs and overlay are mounted by the user namespace's root" {
	mkdir lower upper work
	echo below >lower/file
	chown -R 4242:4242 lower upper work
	config '.mounts += [{destination: "/var", type: "tmpfs", source: "tmpfs", options: ["size=64k"]},
		{destination: "/home", type: "overlay", source: "overlay", options: ["userxattr", "lowerdir=\($d)/lower", "upperdir=\($d)/upper", "workdir=\($d)/work"]}]' --arg d "$BUNDLE"
	run -0 sh_in 'touch /var/x && cat /home/file && echo changed >/home/file'
	is below
	run -0 cat lower/file upper/file
	is $'below\nchanged'
}

@test "an id-mapped mount is refused" {
	mkdir source
	config '.mounts += [{destination: "/tmp", source: $s, options: ["bind", "idmap"]}]' --arg s "$BUNDLE/source"
	args /bin/true
	run -1 user run "$CT"
	has /mounts/ "needs root in the initial user namespace"
}

@test "a terminal" {
	config '.process.terminal = true | .root.readonly = false'
	args sh -c '{ tty; stat -c %u "$(tty)"; } >/seen'
	run -0 command script -qec "setpriv --reuid 4242 --regid 4242 --clear-groups env XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/xdg $KIST run $CT" /dev/null </dev/null
	run -0 cat rootfs/seen
	is $'/dev/pts/0\n0'
}

@test "inside a user namespace of somebody else's making" {
	config '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .linux.gidMappings = [{containerID: 0, hostID: 0, size: 1}]'
	args sh -c 'id -u; tr -s " " </proc/self/uid_map'
	run -0 as_user unshare -Ur "$KIST" run "$CT"
	is $'0\n 0 0 1'
}

@test "the state directory is sticky, and nobody else's" {
	args /bin/sleep 1000
	user run -d "$CT" </dev/null >"$LOG" 2>&1
	run -0 stat -c '%a %u' "$BATS_TEST_TMPDIR/xdg/kist" "$BATS_TEST_TMPDIR/xdg/kist/$CT"
	like '^1700 4242'
}

@test "tmpcopyup: files of subordinate ids keep their owners, also those that only the container's root may read" {
	mkdir -p rootfs/data/sub
	echo mine >rootfs/data/mine
	echo theirs >rootfs/data/sub/theirs
	chown -R 4242:4242 rootfs
	chown 300032:300033 rootfs/data/sub rootfs/data/sub/theirs
	chmod 700 rootfs/data/sub
	chmod 640 rootfs/data/sub/theirs
	config '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]
		| .process.capabilities = {bounding: $c, permitted: $c, effective: $c}' --argjson c '["CAP_DAC_OVERRIDE"]'
	run -0 sh_in 'cd /data; stat -c "%n %u %g %a" . mine sub sub/theirs; cat mine sub/theirs; echo more >>mine'
	is $'. 0 0 755\nmine 0 0 644\nsub 33 34 700\nsub/theirs 33 34 640\nmine\ntheirs'
	[ "$(<rootfs/data/mine)" = mine ]
	# All ids are subordinate ones: root is none that the user has outside.
	chown -R 300000:300000 rootfs/data
	config '.linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	chmod 755 rootfs rootfs/data "$BUNDLE"
	run -0 sh_in 'cd /data; stat -c "%n %u %g %a" mine; cat mine sub/theirs'
	is $'mine 0 0 644\nmine\ntheirs'
}

@test "tmpcopyup: what has no id in the container is nobody's, or root's where there is no nobody; never what root could not read" {
	mkdir -p rootfs/data
	echo known >rootfs/data/foreign
	chown -R 4242:4242 rootfs
	chown 5:6 rootfs/data/foreign
	config '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
	run -0 sh_in 'stat -c "%u %g %a" /data/foreign; cat /data/foreign'
	is $'65534 65534 644\nknown'
	config '.linux.uidMappings[1].size = 1000 | .linux.gidMappings[1].size = 1000'
	run -0 sh_in 'stat -c "%u %g %a" /data/foreign; cat /data/foreign'
	is $'0 0 644\nknown'
	chmod 600 rootfs/data/foreign
	run -1 sh_in 'cat /data/foreign'
	has tmpcopyup foreign "permission denied"
}
