#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# New, inherited and joined namespaces of each kind, and user namespaces.

load helpers

# ns KIND PID: which namespace it is.
ns() { readlink "/proc/${2-self}/ns/$1" || fail "no process: '${2-self}'"; }
only() { config '.linux.namespaces = [$k[] | {type: .}]' --argjson k "$1"; }
userns() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
	chown -R 100000:200000 rootfs
}

@test "every kind is new if listed" {
	only '["pid", "network", "ipc", "uts", "mount", "cgroup", "time"]'
	run -0 running
	local kind init
	init=$(pid)
	for kind in pid net ipc uts mnt cgroup time; do
		[ "$(ns $kind "$init")" != "$(ns $kind)" ] || fail "$kind"
	done
}

@test "what is not listed is the caller's" {
	local kind type
	for kind in net ipc uts cgroup; do
		type=${kind/#net/network}
		cp "$TEMPLATE/config.json" config.json
		config '.linux.namespaces |= map(select(.type != $t)) | .linux.sysctl = {} | if $t == "uts" then del(.hostname) else . end
			| if $t == "ipc" then .mounts |= map(select(.type != "mqueue")) else . end
			| if $t == "network" then (.mounts[] | select(.type == "sysfs")) |= {destination: "/sys", source: "/sys", options: ["rbind", "ro"]} else . end' --arg t "$type"
		run -0 running
		[ "$(ns $kind "$(pid)")" = "$(ns $kind)" ] || fail "$kind"
		kist delete -f "$CT"
	done
}

@test "joining each kind by path" {
	make_bundle "$BATS_TEST_TMPDIR/other"
	only '["pid", "network", "ipc", "uts", "mount", "cgroup"]'
	run -0 detached run -d "$CT-one" || true
	args /bin/sleep 1000
	run -0 detached run -d "$CT-two"
	local one kind type
	one=$(pid "$CT-two")
	for kind in net ipc uts pid cgroup; do
		type=${kind/#net/network}
		jq --arg t "$type" --arg p "/proc/$one/ns/$kind" '.process.args = ["/bin/sleep", "1000"]
			| .linux.namespaces |= (map(select(.type != $t)) + [{type: $t, path: $p}])
			| if $t == "uts" then del(.hostname) else . end' "$TEMPLATE/config.json" >"$BATS_TEST_TMPDIR/other/config.json"
		run -0 detached run -d -b "$BATS_TEST_TMPDIR/other" "$CT-$kind"
		[ "$(ns $kind "$(pid "$CT-$kind")")" = "$(ns $kind "$one")" ] || fail "$kind"
		run -0 kist delete -f "$CT-$kind"
	done
}

@test "a container that shares a pid namespace is not its init, and dies alone" {
	args /bin/sleep 1000
	run -0 detached run -d "$CT-a"
	config '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)' --arg p "/proc/$(pid "$CT-a")/ns/pid"
	run -0 detached run -d "$CT-b"
	run -0 kist exec "$CT-a" sh -c 'ps | grep -c "[s]leep 1000"'
	is 2
	run -0 kist kill "$CT-b" KILL
	eventually status_is stopped "$CT-b"
	run -0 status_of "$CT-a"
	is running
}

@test "a path of another kind, of no namespace, a relative or missing one is refused" {
	local path
	for path in /proc/self/ns/uts /etc/passwd relative /no/such/path /dev/null /; do
		cp "$TEMPLATE/config.json" config.json
		config '.linux.namespaces |= map(if .type == "network" then .path = $p else . end)' --arg p "$path"
		run -1 kist run "$CT"
		has /linux/namespaces/
		nothing_left
	done
}

@test "a FIFO as a path does not hang" {
	mkfifo fifo
	config '.linux.namespaces |= map(if .type == "network" then .path = $p else . end)' --arg p "$BUNDLE/fifo"
	LIMIT=5 run -1 kist run "$CT"
	has /linux/namespaces/
}

@test "duplicates and unknown kinds are refused" {
	config '.linux.namespaces += [{type: "pid"}]'
	run -1 kist run "$CT"
	has /linux/namespaces/ pid
	cp "$TEMPLATE/config.json" config.json
	config '.linux.namespaces += [{type: "space"}]'
	run -1 kist run "$CT"
	has /linux/namespaces/ space
}

@test "loopback is up in a new network namespace" {
	run -0 in_container 'ip addr show lo'
	has "127.0.0.1" UP
}

@test "time offsets" {
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000, nanosecs: 0}}'
	run -0 in_container 'cut -d. -f1 /proc/uptime'
	[ "$output" -ge 1000000 ]
	config '.linux.namespaces |= map(select(.type != "time"))'
	run -1 kist run "$CT"
	has timeOffsets
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

@test "rootless: an ordinary user with nothing but one id" {
	command -v setpriv >/dev/null || skip "setpriv is not installed"
	rm config.json
	mkdir -m 700 "$BATS_TEST_TMPDIR/xdg"
	chown -R 1234:1234 "$BATS_TEST_TMPDIR/xdg" "$BUNDLE"
	chmod 711 "$BATS_TEST_TMPDIR"
	user() { setpriv --reuid 1234 --regid 1234 --clear-groups env XDG_RUNTIME_DIR="$BATS_TEST_TMPDIR/xdg" "$KIST" "$@"; }
	run -0 user spec --rootless
	config '.process.terminal = false | .process.args = ["sh", "-c", "id -u; cat /proc/self/uid_map"]'
	chown 1234:1234 config.json
	run -0 user run "$CT"
	like $'^0\n +0 +1234 +1$'
	[ -d "$BATS_TEST_TMPDIR/xdg/kist" ]
}
