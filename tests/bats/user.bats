#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The systemd driver as an ordinary user: scopes of his own systemd, with what was delegated to it.

load helpers

setup() {
	[ "${VIEW:-}" = user ] || skip "for --view user"
	prepare
	UNIT=kist-$CT.scope
}
teardown() {
	[ -n "${CT:-}" ] || return 0
	clean
}

property() { systemctl --user show --value -p "$1" "${2:-$UNIT}"; }
property_is() { [ "$(property "$1")" = "$2" ] || fail "$1=$(property "$1"), expected $2"; }
file_is() { [ "$(<"$(cgroup_dir)/$1")" = "$2" ] || fail "$1: $(<"$(cgroup_dir)/$1"), expected $2"; }
unit_gone() { [ "$(property LoadState "${1:-$UNIT}")" = not-found ]; }

# bats test_tags=vm
@test "limits: in the unit below the user's manager and in the files; update, pause, kill, delete" {
	config '.linux.resources += {memory: {limit: 67108864, swap: 67108864}, pids: {limit: 42}, cpu: {shares: 512, quota: 50000, period: 100000, cpus: "0"}}'
	run -0 running
	property_is ControlGroup "$(d=$(cgroup_dir) && echo "${d#/sys/fs/cgroup}")"
	property_is MemoryMax 67108864
	property_is TasksMax 42
	file_is memory.max 67108864
	file_is memory.swap.max 0
	file_is pids.max 42
	file_is cpu.max "50000 100000"
	file_is cpu.weight 59
	file_is cpuset.cpus 0
	grep -qxF "$(pid)" "$(cgroup_dir)/cgroup.procs"
	run -0 kist update --memory 100000000 --memory-swap 100000000 --pids-limit 17 "$CT"
	systemctl --user daemon-reload
	property_is MemoryMax 100000000
	file_is memory.max 99999744
	file_is pids.max 17
	run -0 kist pause "$CT"
	run -0 status_of
	is paused
	run -0 kist resume "$CT"
	run -0 kist exec "$CT" echo inside
	is inside
	run -0 processes
	is 1
	run -0 kist events --stats "$CT"
	has '"memory"'
	run -0 kist kill --all "$CT" KILL
	eventually status_is stopped
	run -0 kist delete "$CT"
	unit_gone
}

@test "limits take effect" {
	config '.linux.resources += {memory: {limit: 16777216, swap: 16777216}, pids: {limit: 5}}'
	run -0 in_container 'head -c 100000000 /dev/zero | tail -c 90000000; echo "status $?"'
	has "status 137"
	run in_container 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
	has fork
	unit_gone
}

@test "slices below the user's manager" {
	local slice=${KIST_TEST_PREFIX}a-b.slice
	config '.linux.cgroupsPath = $p' --arg p "$slice:pre:$CT"
	run -0 running
	[ "$(property Slice "pre-$CT.scope")" = "$slice" ]
	run -0 kist delete -f "$CT"
	unit_gone "pre-$CT.scope"
	systemctl --user stop "${KIST_TEST_PREFIX}a.slice"
}

@test "subordinate ids, another user inside" {
	config '.linux.uidMappings = [{containerID: 0, hostID: $u, size: 1}, {containerID: 1, hostID: 100000, size: 1000}]
		| .linux.gidMappings = .linux.uidMappings | .process.user = {uid: 7, gid: 7} | .linux.resources.pids = {limit: 9}' --argjson u "$UID"
	run -0 running
	file_is pids.max 9
	run -0 kist exec "$CT" id -u
	is 7
	[ "$(stat -c %u "/proc/$(pid)")" = 100006 ]
	run -0 kist delete -f "$CT"
	unit_gone
}

# A cgroup mount that the container may write to.
writable='(.mounts[] | select(.destination == "/sys/fs/cgroup")) |= {destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"]}
	| .linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}])'

@test "the container's root divides its cgroup" {
	config "$writable"
	run -0 in_container 'mkdir /sys/fs/cgroup/a && echo $$ >/sys/fs/cgroup/a/cgroup.procs && echo +pids >/sys/fs/cgroup/cgroup.subtree_control && read n </sys/fs/cgroup/a/pids.current && echo $n'
	is 1
}

@test "what is not delegated is said" {
	grep -qw hugetlb /sys/fs/cgroup/cgroup.controllers || skip "no controller hugetlb"
	config '.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]'
	run -1 kist run "$CT"
	has /linux/resources/hugepageLimits "controller hugetlb is not delegated"
	nothing_left
	unit_gone
}

@test "without a way to the user's systemd: an error that says what is missing" {
	run -1 env -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS "$KIST" --root "$ROOT" run "$CT"
	has XDG_RUNTIME_DIR
	nothing_left
}

# outside: this process is not below the user's systemd, like a login session (session-N.scope).
outside() { [[ $(</proc/self/cgroup) != *"user@$UID.service"* ]]; }
# execed TEXT: what a shell in the container says.
execed() { kist exec "$CT" /bin/sh -c "$1"; }

# bats test_tags=vm
@test "exec from a login session: systemd moves it to the container's cgroup before it enters the container" {
	outside
	config '.linux.resources.pids = {limit: 12}'
	run -0 running
	local group
	group=$(cgroup_dir)
	run -0 detached exec -d --pid-file pid "$CT" /bin/sleep 1000
	grep -qxF "$(<pid)" "$group/cgroup.procs" || fail "$(<"/proc/$(<pid)/cgroup")"
	run -0 kist exec --trace=trace "$CT" true
	local attached joined
	attached=$(grep -n 'cgroup attach' trace | cut -d: -f1)
	joined=$(grep -n 'setns(' trace | head -n 1 | cut -d: -f1)
	[ "$attached" -lt "$joined" ] || fail "$(<trace)"
	mkdir "$group/sub"
	run -0 detached exec -d --cgroup sub --pid-file pid "$CT" /bin/sleep 1000
	grep -qxF "$(<pid)" "$group/sub/cgroup.procs" || fail "$(<"/proc/$(<pid)/cgroup")"
	run -255 kist exec --cgroup none "$CT" true
	has none
	# Not from outside: no detour.
	systemd-run --user --scope -q "$KIST" --root "$ROOT" exec --trace="$PWD/trace" "$CT" true </dev/null >"$LOG" 2>&1 || fail "$(<"$LOG")"
	run ! grep 'cgroup attach' trace
	# Its limits are the container's.
	run execed 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait'
	has fork
}

@test "a login session: the container's root is a subordinate id" {
	outside
	config '.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	run -0 running
	[ "$(stat -c %u "/proc/$(pid)")" = 100000 ]
	grep -qxF "$(pid)" "$(cgroup_dir)/cgroup.procs"
	run -0 detached exec -d --pid-file pid "$CT" /bin/sleep 1000
	[ "$(stat -c %u "/proc/$(<pid)")" = 100000 ]
	grep -qxF "$(<pid)" "$(cgroup_dir)/cgroup.procs" || fail "$(<"/proc/$(<pid)/cgroup")"
	run -0 kist delete -f "$CT"
	unit_gone
	# Its cgroup is the user's, who can give it to nobody.
	config "$writable"
	run -1 kist run "$CT"
	has "chown to 100000" /sys/fs/cgroup
	nothing_left
	unit_gone
}

@test "exec from a login session: the cgroup is divided" {
	outside
	config "$writable"
	script 'mkdir /sys/fs/cgroup/a; echo $$ >/sys/fs/cgroup/a/cgroup.procs; echo +pids >/sys/fs/cgroup/cgroup.subtree_control; exec sleep 1000'
	run -0 detached run -d "$CT"
	eventually grep -qw pids "$(cgroup_dir)/cgroup.subtree_control"
	run -0 execed 'cat /proc/self/cgroup'
	has 0::/a
}

@test "exec from a login session without a way to systemd: nothing is run" {
	outside
	run -0 running
	run -255 env -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS "$KIST" --root "$ROOT" exec "$CT" touch /tmp/ran
	has XDG_RUNTIME_DIR
	[ "$(<"$(cgroup_dir)/cgroup.procs")" = "$(pid)" ]
	[ ! -e rootfs/tmp/ran ]
	run ! orphans
}

@test "exec from a login session into a container of the cgroupfs driver: an error that says what to do" {
	outside
	local kist
	kist=$(sed -n 's/^exec \(.*\) --systemd-cgroup .*/\1/p' "$KIST")
	args /bin/sleep 1000
	systemd-run --user --scope -q -p Delegate=yes "$kist" --root "$ROOT" run -d "$CT" </dev/null >"$LOG" 2>&1 || fail "$(<"$LOG")"
	run -255 "$kist" --root "$ROOT" exec "$CT" true
	has "/$CT was delegated to this user" "systemd-run --user --scope"
	run -0 systemd-run --user --scope -q "$kist" --root "$ROOT" exec "$CT" echo inside
	is inside
}

@test "the process of a login session, and one of another service, come into the scope" {
	run -0 running
	run -0 kist exec "$CT" cat /proc/1/cgroup
	run -0 kist delete -f "$CT"
	args /bin/sleep 1000
	systemd-run --user -q --wait --pipe -p "WorkingDirectory=$PWD" "$KIST" --root "$ROOT" run -d "$CT" </dev/null >"$LOG" 2>&1 || fail "$(<"$LOG")"
	# The service that started it is over; the container is not.
	run -0 status_of
	is running
}
