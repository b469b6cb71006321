#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# New, inherited and joined namespaces of each kind. User namespaces are in userns.bats.

load helpers

# ns KIND PID: which namespace it is.
ns() { readlink "/proc/${2-self}/ns/$1" || fail "no process: '${2-self}'"; }
only() { config '.linux.namespaces = [$k[] | {type: .}]' --argjson k "$1"; }

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
	run -1 kist run "$CT"
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
	# Both clocks, also backwards, and for exec.
	config '.linux.timeOffsets = {boottime: {secs: 5000, nanosecs: 500}, monotonic: {secs: -1, nanosecs: 7}}'
	run -0 running
	run -0 kist exec "$CT" cat /proc/self/timens_offsets
	like '^monotonic +-1 +7' '^boottime +5000 +500'
	kist delete --force "$CT"
	config '.linux.namespaces |= map(select(.type != "time"))'
	run -1 kist run "$CT"
	has timeOffsets
}

# table: the caller's mount table. unmounted: it is as it was in the file before.
table() { cut -d' ' -f4- /proc/self/mountinfo; }
unmounted() {
	table | diff before - || fail "mounts are left"
	[ -z "$(find "$ROOT/.mounts" -mindepth 1 2>/dev/null)" ] || fail "left in .mounts"
}

@test "without a mount namespace of its own: the caller's mount table is as before" {
	table >before
	config '.linux.namespaces |= map(select(.type != "mount"))'
	run -0 in_container 'ls /bin/busybox; ls /proc/1/comm'
	is $'/bin/busybox\n/proc/1/comm'
	unmounted
	args /bin/sleep 1000
	run -0 detached create "$CT"
	run -0 kist start "$CT"
	# Whoever joins it is in its root, not in the caller's.
	run -0 kist exec "$CT" ls /
	lacks usr
	has busybox || has bin
	run -0 kist delete --force "$CT"
	unmounted
	args /bin/nothing-here
	run -1 detached create "$CT"
	unmounted
	args /bin/true
	config '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "exit 1"]}]'
	run -1 detached create "$CT"
	unmounted
}

@test "without a mount namespace of its own: a create that is killed" {
	table >before
	args /bin/sleep 1000
	config '.linux.namespaces |= map(select(.type != "mount"))
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo here >$0; exec sleep 1043", $h], env: ["PATH=/usr/bin:/bin"]}]' --arg h "$BUNDLE/here"
	"$KIST" --root "$ROOT" create "$CT" </dev/null >"$LOG" 2>&1 3>&- 4>&- &
	local job=$!
	eventually test -s here
	kill -KILL $job
	wait $job || true
	eventually bash -c '! pgrep -f "^sleep 1043"'
	run -0 kist delete --force "$CT"
	unmounted
}

@test "a mount namespace that is joined by path: everything happens in the container's root, and nothing is left" {
	unshare --mount --propagation private sleep 1044 3>&- &
	local holder=$!
	eventually grep -q sleep "/proc/$holder/comm"
	cut -d' ' -f4- "/proc/$holder/mountinfo" >before
	printf '#!/bin/sh\nls / >/tmp/hook\n' >rootfs/bin/hook
	chmod 755 rootfs/bin/hook
	touch rootfs/marker
	config '.root.readonly = false | .linux.namespaces |= (map(select(.type != "mount")) + [{type: "mount", path: $p}])
		| .hooks.startContainer = [{path: "/bin/hook"}]' --arg p "/proc/$holder/ns/mnt"
	run -0 running
	run -0 kist exec "$CT" ls /
	has marker
	lacks usr
	run -0 cat rootfs/tmp/hook
	has marker
	lacks usr
	run -0 kist delete --force "$CT"
	cut -d' ' -f4- "/proc/$holder/mountinfo" | diff before - || fail "mounts are left in the joined namespace"
	kill $holder
}
