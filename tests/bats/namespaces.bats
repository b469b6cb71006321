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
	config '.linux.namespaces |= map(select(.type != "time"))'
	run -1 kist run "$CT"
	has timeOffsets
}
