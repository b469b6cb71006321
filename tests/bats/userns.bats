#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# User namespaces: maps, what root of one may not do to what comes from the host, and kist as an ordinary user.

load helpers

teardown() {
	# The containers of an ordinary user, if a test has left some.
	local id
	for id in $(user list -q 2>/dev/null); do user delete --force "$id"; done
	clean
}

userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
	chown -R 100000:200000 rootfs
}

@test "user namespace: ids are mapped, seen from inside and from outside" {
	userns
	run -0 running
	run -0 cat "/proc/$(pid)/uid_map"
	like '^ +0 +100000 +65536$'
	run -0 cat "/proc/$(pid)/gid_map"
	like '^ +0 +200000 +65536$'
	run -0 stat -c '%u %g' "/proc/$(pid)"
	is "100000 200000"
	run -0 kist exec "$CT" sh -c 'id -u; stat -c %u /bin/busybox; ls -ld /proc/self/ns | wc -l'
	is $'0\n0\n1'
	run -0 kist exec -u 1000:1000 -g 7 "$CT" id
	like '^uid=1000.* gid=1000.*7'
}

@test "user namespace: capabilities are its own, the host's devices are bound" {
	userns
	run -0 in_container 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; hostname changed 2>/dev/null || echo no'
	is $'4\nno'
}

@test "user namespace: an unmapped user is refused" {
	userns
	config '.process.user.uid = 70000'
	run -1 kist run "$CT"
	has /process/user
}

@test "user namespace: mappings that cannot be" {
	userns
	config '.linux.uidMappings += [{containerID: 10, hostID: 300000, size: 10}]'
	run -1 kist run "$CT"
	has /linux/uidMappings/1 overlap
	config '.linux.uidMappings = [{containerID: 0, hostID: 1, size: 0}]'
	run -1 kist run "$CT"
	has /linux/uidMappings/0
	config '.linux.uidMappings = [{containerID: 0, hostID: 4294967290, size: 100}]'
	run -1 kist run "$CT"
	has /linux/uidMappings/0
	config 'del(.linux.uidMappings)'
	run -1 kist run "$CT"
	has uidMappings
	config '.linux.namespaces |= map(select(.type != "user"))'
	run -1 kist run "$CT"
	has gidMappings "user namespace"
}

@test "user namespace: many mappings" {
	userns
	config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1}] + [range(1; 250) | {containerID: ., hostID: (100000 + 2 * .), size: 1}]'
	run -0 in_container 'wc -l </proc/self/uid_map'
	is 250
	config '.linux.uidMappings = [range(341) | {containerID: ., hostID: (2 * .), size: 1}]'
	run -1 kist run "$CT"
	has /linux/uidMappings
}

@test "user namespace: with clocks of its own" {
	userns
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	run -0 in_container 'cut -d. -f1 /proc/uptime'
	[ "$output" -ge 1000000 ] || fail "uptime"
}

@test "joining a user namespace" {
	userns
	run -0 running
	make_bundle "$BATS_TEST_TMPDIR/other"
	chown -R 100000:200000 "$BATS_TEST_TMPDIR/other/rootfs"
	jq --arg p "/proc/$(pid)/ns/user" '.process.args = ["/bin/cat", "/proc/self/uid_map"] | .linux.namespaces += [{type: "user", path: $p}]' \
		"$TEMPLATE/config.json" >"$BATS_TEST_TMPDIR/other/config.json"
	run -0 kist run -b "$BATS_TEST_TMPDIR/other" "$CT-other"
	like '^ +0 +100000 +65536$'
}

@test "user namespace: a bind keeps the locks of the host's mount" {
	# Root of the user namespace has CAP_SYS_ADMIN there. What the host's mount forbids it cannot allow.
	userns
	mkdir -p source
	mount -t tmpfs -o ro,nosuid,nodev,noexec tmpfs source
	config '.mounts += [{destination: "/tmp", source: $s, options: ["rbind"]}] | .process.capabilities = {bounding: $c, permitted: $c, effective: $c}' \
		--arg s "$BUNDLE/source" --argjson c '["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]'
	run in_container 'for o in rw,nosuid,nodev,noexec ro,suid,nodev,noexec ro,nosuid,dev,noexec ro,nosuid,nodev,exec; do
			busybox mount -o remount,bind,$o /tmp 2>/dev/null && echo "allowed $o"
		done
		mkdir /dev/own && busybox mount -t tmpfs -o ro tmpfs /dev/own && busybox mount -o remount,bind,rw /dev/own && echo control'
	umount source
	is control
}

@test "user namespace: what a recursive bind hides cannot be uncovered" {
	userns
	mkdir -p source
	mount -t tmpfs tmpfs source
	mkdir source/sub
	echo secret >source/sub/hidden
	mount -t tmpfs tmpfs source/sub
	config '.mounts += [{destination: "/tmp", source: $s, options: ["rbind"]}] | .process.capabilities = {bounding: $c, permitted: $c, effective: $c}' \
		--arg s "$BUNDLE/source" --argjson c '["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]'
	run in_container 'umount /tmp/sub 2>/dev/null && echo uncovered; cat /tmp/sub/hidden 2>/dev/null
		mkdir /dev/own && busybox mount -t tmpfs tmpfs /dev/own && umount /dev/own && echo control'
	umount -R source
	is control
}

@test "user namespace: a source below a directory that only the host's root may search" {
	userns
	mkdir -m 700 private
	mkdir private/source
	echo found >private/source/file
	echo single >private/file
	config '.mounts += [{destination: "/tmp", source: $s, options: ["bind"]}, {destination: "/etc/group", source: $f, options: ["bind"]}]' \
		--arg s "$BUNDLE/private/source" --arg f "$BUNDLE/private/file"
	run -0 in_container 'cat /tmp/file /etc/group'
	is $'found\nsingle'
}

@test "user namespace: the root filesystem is below such a directory" {
	userns
	mkdir -m 700 private
	mv rootfs private/rootfs
	config '.root.path = "private/rootfs"'
	run -0 in_container 'id -u'
	is 0
}

# user ARG...: kist as an ordinary user, with nothing but one id. ordinary: what that takes.
user() { setpriv --reuid 1234 --regid 1234 --clear-groups env XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/xdg" timeout -k "$HANG" "$HANG" "$KIST" "$@" 3>&- 4>&-; }
ordinary() {
	command -v setpriv >/dev/null || skip "setpriv is not installed"
	rm config.json
	mkdir -m 700 "$BATS_TEST_TMPDIR/xdg"
	chown -R 1234:1234 "$BATS_TEST_TMPDIR/xdg" "$BUNDLE"
	chmod 711 "$BATS_TEST_TMPDIR"
	user spec --rootless
	config '.process.terminal = false'
	chown 1234:1234 config.json
}

@test "ordinary user: one id, its own" {
	ordinary
	args sh -c "id -u; cat /proc/self/uid_map; cat /proc/self/setgroups"
	run -0 user run "$CT"
	like $'^0\n +0 +1234 +1\n(deny|allow)$'
	[ -d "$BATS_TEST_TMPDIR/xdg/kist" ]
	run -0 find "$BATS_TEST_TMPDIR/xdg/kist" -mindepth 1 -not -name '.*'
	is ""
}

@test "ordinary user: create, start, exec, kill, delete" {
	ordinary
	args /bin/sleep 1000
	user create "$CT" </dev/null >"$LOG" 2>&1
	run -0 user state "$CT"
	[ "$(jq -r .status <<<"$output")" = created ]
	run -0 user start "$CT"
	run -0 user exec "$CT" sh -c 'id -u; cat /proc/1/comm'
	is $'0\nsleep'
	run -0 user list -q
	is "$CT"
	run -0 user kill "$CT" KILL
	user_stopped() { [ "$(user state "$CT" | jq -r .status)" = stopped ]; }
	eventually user_stopped
	run -0 user delete "$CT"
	run -0 find "$BATS_TEST_TMPDIR/xdg/kist" -mindepth 1 -not -name '.*'
	is ""
}

@test "ordinary user: the OOM score may be raised, and not lowered" {
	ordinary
	config '.process.oomScoreAdj = 500'
	args cat /proc/self/oom_score_adj
	run -0 user run "$CT"
	is 500
	args /bin/sleep 1000
	user run -d "$CT" </dev/null >"$LOG" 2>&1
	run -0 user exec "$CT" cat /proc/self/oom_score_adj
	is 500
	run -0 user delete --force "$CT"
	config '.process.oomScoreAdj = -500'
	args /bin/true
	run -1 user run "$CT"
	has /process/oomScoreAdj lowering
}

@test "ordinary user: limits that nobody can set for it are refused" {
	ordinary
	config '.linux.resources = {pids: {limit: 10}}'
	args /bin/true
	run -1 user run "$CT"
	has cgroup
	lacks panic
}

@test "ordinary user: does not get at the host's root by a map of its own" {
	ordinary
	config '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}]'
	args cat /etc/passwd
	run -1 user run "$CT"
	has /linux/uidMappings || has "uid_map" || has newuidmap
}

@test "ordinary user: hooks in the container's namespaces" {
	ordinary
	config '.root.readonly = false
		| .hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", $o], env: ["PATH=/usr/bin:/bin"]}]
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "id -u >/inside; hostname >>/inside; cat /proc/1/comm >>/inside"], env: ["PATH=/bin"]}]' \
		--arg o "id -u >$BUNDLE/outside; hostname >>$BUNDLE/outside"
	args cat /inside
	run -0 user run "$CT"
	is $'0\nkist\nkist:init'
	run -0 cat outside
	is $'0\nkist'
	args /bin/sleep 1000
	rm rootfs/inside
	user create "$CT" </dev/null >"$LOG" 2>&1
	[ ! -e rootfs/inside ]
	run -0 user start "$CT"
	run -0 cat rootfs/inside
	is $'0\nkist\nkist:init'
	run -0 user delete --force "$CT"
}

@test "ordinary user: exec in a container that is only created" {
	ordinary
	user create "$CT" </dev/null >"$LOG" 2>&1
	run -255 user exec "$CT" id -u
	has "an ordinary user cannot exec in a container that is not started"
	run -0 user delete "$CT"
}

@test "ordinary user: hooks in namespaces where others live" {
	ordinary
	args /bin/sleep 1000
	user run -d "$CT" </dev/null >"$LOG" 2>&1
	local pid
	pid=$(user state "$CT" | jq .pid)
	config '.hooks.startContainer = [{path: "/bin/true"}] | .linux.namespaces |= (map(select(.type != "user" and .type != "pid"))
			+ [{type: "user", path: "/proc/\($p)/ns/user"}, {type: "pid", path: "/proc/\($p)/ns/pid"}])
		| del(.linux.uidMappings, .linux.gidMappings)' --arg p "$pid"
	run -1 user run "$CT-two"
	has "permission denied (an ordinary user has hooks in a container's namespaces only where"
	run -0 user delete --force "$CT"
}

@test "ordinary user: nsexec cannot be traced between its hooks" {
	ordinary
	user create "$CT" </dev/null >"$LOG" 2>&1
	[ "$(stat -c %u "/proc/$(user state "$CT" | jq .pid)/fd")" -eq 0 ] || fail "it is dumpable"
	run -0 user delete "$CT"
}

@test "user namespace: tmpcopyup keeps owners" {
	userns
	mkdir -p rootfs/data
	touch rootfs/data/file
	chmod 600 rootfs/data/file
	chown 100005:200006 rootfs/data/file
	chown 100000:200000 rootfs/data
	config '.mounts += [{destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"]}]'
	run -0 in_container 'stat -c "%u %g %a" /data/file'
	is "5 6 600"
	# An owner who has no id there is nobody, as in the image.
	chown 5:5 rootfs/data/file
	run -0 in_container 'stat -c "%u %g %a" /data/file'
	is "65534 65534 600"
}
