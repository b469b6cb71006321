#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Cgroups: limits that hold before the process runs, paths, ownership; kist update, kist events.

load helpers

# value V1CONTROLLER V1FILE V2FILE: of the container's cgroup.
value() {
	if is_v2; then cat "$(cgroup_dir "$1")/$3"; else cat "$(cgroup_dir "$1")/$2"; fi
}

# bats test_tags=vm
@test "memory, pids and cpu limits are there before the process is" {
	needs_controller memory
	needs_controller pids
	needs_controller cpu
	config '.linux.resources += {memory: {limit: 33554432}, pids: {limit: 42}, cpu: {shares: 512, quota: 50000, period: 100000}}'
	args /bin/sleep 1000
	run -0 detached create "$CT"
	[ "$(value memory memory.limit_in_bytes memory.max)" = 33554432 ]
	[ "$(value pids pids.max pids.max)" = 42 ]
	if is_v2; then
		[ "$(value cpu - cpu.max)" = "50000 100000" ]
	else
		[ "$(value cpu cpu.shares -)" = 512 ]
		[ "$(value cpu cpu.cfs_quota_us -)" = 50000 ]
		[ "$(value cpu cpu.cfs_period_us -)" = 100000 ]
	fi
	grep -qw "$(pid)" "$(cgroup_dir memory)/cgroup.procs"
}

# bats test_tags=vm
@test "the pids limit holds" {
	needs_controller pids
	config '.linux.resources.pids.limit = 5'
	run in_container 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait'
	has fork
}

@test "a process that exceeds its memory dies, and its end is 137" {
	needs_controller memory
	config '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
	run -0 in_container 'head -c 100000000 /dev/zero | tail -c 90000000; echo "status $?"'
	has "status 137"
}

@test "a limit too small for the setup is an error that says so, and nothing is left" {
	needs_controller memory
	config '.linux.resources.memory = {limit: 4096, swap: 4096}'
	run -1 kist run "$CT"
	has "OOM-killed (memory limit too low?)"
	nothing_left
}

@test "a static program starts within 256 KiB" {
	needs_controller memory
	config '.linux.resources.memory = {limit: 262144}'
	args /bin/busybox echo small
	run -0 kist run "$CT"
	is small
}

@test "cgroupsPath: relative and absolute ones, below the hierarchy's root" {
	needs_cgroupfs
	config '.linux.cgroupsPath = $p' --arg p "/$CT-parent/$CT"
	run -0 running
	[ -n "$(cgroups_named "$CT-parent")" ]
	run -0 kist exec "$CT" cat /proc/self/cgroup
	run -0 kist delete -f "$CT"
	[ -z "$(cgroups_named "$CT")" ]
	find /sys/fs/cgroup -maxdepth 2 -name "$CT-parent" -type d -exec rmdir {} + 2>/dev/null || true
	config '.linux.cgroupsPath = $p' --arg p "$CT-x/../../escape"
	run -1 kist run "$CT"
	has /linux/cgroupsPath
	config '.linux.cgroupsPath = ""'
	run -0 in_container true
}

@test "a cgroup that is not empty is not taken over" {
	local dir
	dir=$(cgroup_dir memory)
	mkdir "$dir"
	sleep 1013 3>&- &
	local guard=$!
	echo $guard >"$dir/cgroup.procs"
	run detached create "$CT"
	local result=$status
	kill -0 $guard
	kist delete -f "$CT"
	kill -0 $guard || fail "a stranger in the cgroup was killed"
	kill $guard
	wait $guard 2>/dev/null || true
	rmdir "$dir"
	[ "$result" -eq 1 ] || fail
	has "cgroup"
}

@test "the root cgroup, or that of kist, is never killed" {
	needs_cgroupfs
	sleep 1014 3>&- &
	local guard=$!
	local path
	args /bin/sleep 1000
	for path in / . // ""; do
		config '.linux.cgroupsPath = $p' --arg p "$path"
		run detached run -d "$CT"
		[ -z "$path" ] || has /linux/cgroupsPath "root cgroup"
		kist kill --all "$CT" KILL || true
		kist delete -f "$CT"
		kill -0 $guard || fail "killed by cgroupsPath '$path'"
	done
	kill $guard
}

@test "delete removes the cgroups that the container made below its own" {
	is_v2 || skip "needs a writable cgroup2 mount in the container"
	config '(.mounts[] | select(.type == "cgroup")).options = ["rw"]'
	script 'mkdir /sys/fs/cgroup/a /sys/fs/cgroup/a/b; echo $$ >/sys/fs/cgroup/a/b/cgroup.procs; exec sleep 1000'
	run -0 detached run -d "$CT"
	eventually test -d "$(cgroup_dir)/a/b"
	run -0 kist exec "$CT" true
	run -0 kist delete -f "$CT"
}

@test "the cgroup mount is read-only by default" {
	run -0 in_container 'mkdir /sys/fs/cgroup/x 2>&1 || true; find /sys/fs/cgroup -name cgroup.procs | head -n1 | while read f; do echo 1 >$f; done 2>&1 || true; grep -c "/sys/fs/cgroup" /proc/self/mountinfo'
	like "[Rr]ead-only"
}

@test "a cgroup namespace hides the host's tree" {
	config '.linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}])'
	run -0 in_container 'cut -d: -f3 /proc/self/cgroup | sort -u'
	is /
}

@test "exec --cgroup: below the container's own, and nowhere else" {
	is_v2 || skip "sub-cgroups are made through the v2 mount here"
	run -0 running
	local dir
	dir=$(cgroup_dir)
	mkdir "$dir/sub" "$dir-evil"
	run -0 kist exec --cgroup sub "$CT" cat /proc/self/cgroup
	has /sub
	local bad
	for bad in "../$CT-evil" .. /.. sub/../../x missing; do
		run -255 kist exec --cgroup "$bad" "$CT" true
		has --cgroup || has cgroup
	done
	rmdir "$dir-evil"
}

@test "resources: bad values are refused with their place" {
	local case
	for case in '{"memory": {"limit": -2}}' '{"cpu": {"cpus": "0-"}}' '{"memory": {"limit": 1000000, "swap": 10}}' \
		'{"hugepageLimits": [{"pageSize": "../x", "limit": 1}]}' '{"unified": {"../x": "1"}}'; do
		config '.linux.resources = $r' --argjson r "$case"
		run -1 kist run "$CT"
		has /linux/resources
		nothing_left
	done
}

@test "unified keys" {
	is_v2 || skip "cgroup v2"
	config '.linux.resources.unified = {"cgroup.max.depth": "3"}'
	run -0 running
	[ "$(<"$(cgroup_dir)/cgroup.max.depth")" = 3 ]
	kist delete -f "$CT"
	config '.linux.resources.unified = {"no.such.file": "3"}'
	run -1 kist run "$CT"
	has no.such.file
	nothing_left
}

@test "--cgroup-manager disabled: none is made" {
	needs_cgroupfs
	args /bin/sleep 1000
	run -0 detached --cgroup-manager disabled run -d "$CT"
	[ -z "$(cgroups_named "$CT")" ]
	run -1 kist kill --all "$CT" KILL
	has cgroup
	run -0 kist --cgroup-manager disabled delete -f "$CT"
}

@test "--systemd-cgroup without systemd is refused clearly" {
	[ ! -d /run/systemd/system ] || skip "systemd is running"
	run -1 kist --systemd-cgroup run "$CT"
	has systemd
	nothing_left
}

# bats test_tags=vm
@test "update: flags, units, and what is not named stays" {
	needs_controller memory
	needs_controller pids
	config '.linux.resources += {memory: {limit: 33554432}, pids: {limit: 42}}'
	run -0 running
	run -0 kist update --memory 64m "$CT"
	[ "$(value memory memory.limit_in_bytes memory.max)" = 67108864 ]
	[ "$(value pids pids.max pids.max)" = 42 ]
	run -0 kist update --pids-limit 17 --memory 100000000 "$CT"
	[ "$(value pids pids.max pids.max)" = 17 ]
	run -0 kist update --pids-limit -1 "$CT"
	[ "$(value pids pids.max pids.max)" = max ]
}

@test "update: JSON on stdin and in a file" {
	needs_controller pids
	run -0 running
	echo '{"pids": {"limit": 23}}' | kist update --resources=- "$CT"
	[ "$(value pids pids.max pids.max)" = 23 ]
	echo '{"pids": {"limit": 24}}' >r.json
	run -0 kist update --resources r.json "$CT"
	[ "$(value pids pids.max pids.max)" = 24 ]
	echo '{"pids": {"limit": "x"}}' >r.json
	run -1 kist update -r r.json "$CT"
	has pids
	[ "$(value pids pids.max pids.max)" = 24 ]
}

@test "update: what cannot be" {
	run -0 running
	run -1 kist update --memory lots "$CT"
	has --memory
	run -1 kist update --kernel-memory 5m "$CT"
	has kernel-memory
	run -1 kist update --l3-cache-schema 'L3:0=f' "$CT"
	run -1 kist update nobody --pids-limit 3
	has "does not exist"
	kist kill "$CT" KILL
	eventually status_is stopped
	run -1 kist update --pids-limit 3 "$CT"
	has "not running"
}

@test "update: checkBeforeUpdate refuses a limit below what is used, and the container lives" {
	needs_controller memory
	config '.linux.resources.memory = {limit: 67108864} | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]'
	run -0 running
	# What is in a tmpfs cannot be taken back.
	run -0 kist exec "$CT" sh -c 'head -c 25165824 /dev/zero >/tmp/file'
	echo '{"memory": {"limit": 8388608, "checkBeforeUpdate": true}}' >r.json
	run -1 kist update -r r.json "$CT"
	has /memory
	[ "$(value memory memory.limit_in_bytes memory.max)" = 67108864 ]
	[ "$(status_of)" = running ]
	echo '{"memory": {"limit": 60817408, "checkBeforeUpdate": true}}' >r.json
	run -0 kist update -r r.json "$CT"
	[ "$(value memory memory.limit_in_bytes memory.max)" = 60817408 ]
}

@test "events --stats: one sample" {
	run -0 running
	run -0 kist events --stats "$CT"
	[ "${#lines[@]}" -eq 1 ]
	jq -e --arg id "$CT" '.type == "stats" and .id == $id and (.data | has("cpu") and has("memory") and has("pids"))' <<<"$output"
}

@test "events: samples at an interval, until the container ends" {
	run -0 running
	kist events --interval 100ms "$CT" >samples 2>errors </dev/null &
	local job=$!
	eventually bash -c '[ "$(wc -l <samples)" -ge 3 ]'
	kist kill "$CT" KILL
	wait $job
	jq -es 'length >= 3 and all(.type == "stats")' samples
	run -1 kist events --stats "$CT"
	has "is not running"
}

# bats test_tags=vm
@test "events: an oom kill is told" {
	needs_controller memory
	config '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
	script 'read go </tmp/go; head -c 100000000 /dev/zero | tail -c 90000000 | wc -c; sleep 1000'
	config '.root.readonly = false'
	mkfifo rootfs/tmp/go
	run -0 detached run -d "$CT"
	kist events --interval 50ms "$CT" >samples </dev/null 2>&1 &
	local job=$!
	# It watches before it takes its first sample.
	eventually test -s samples
	echo go >rootfs/tmp/go
	eventually grep -q '"type":"oom"' samples
	# Neither does it wait for the next sample once the container is gone.
	kist delete -f "$CT"
	wait $job
	[ "$(wc -l <samples)" -ge 1 ]
}

@test "a cgroup that was there before stays, also without a pid namespace" {
	needs_cgroupfs
	local dir dirs=()
	if is_v2; then
		dirs=("/sys/fs/cgroup/$CT")
	else
		for dir in /sys/fs/cgroup/*/; do
			[ -L "${dir%/}" ] || dirs+=("$dir$CT")
		done
	fi
	mkdir "${dirs[@]}"
	[ ! -d /sys/fs/cgroup/cpuset ] || is_v2 || for dir in cpus mems; do cat "/sys/fs/cgroup/cpuset/cpuset.$dir" >"/sys/fs/cgroup/cpuset/$CT/cpuset.$dir"; done
	config '.linux.namespaces |= map(select(.type != "pid")) | .linux.cgroupsPath = $p' --arg p "/$CT"
	run -0 running
	run -0 kist kill "$CT" KILL
	eventually status_is stopped
	run -0 kist delete "$CT"
	run -0 running
	run -0 kist delete --force "$CT"
	for dir in "${dirs[@]}"; do
		[ -d "$dir" ] || fail "$dir is gone"
		rmdir "$dir"
	done
}

# parents NAME: how many hierarchies have a cgroup of that path.
parents() {
	local dir n=0
	for dir in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[ ! -L "$dir" ] && [ -d "$dir/$1" ] && n=$((n + 1))
	done
	echo $n
}

@test "delete takes the parents along that create has made, and no others" {
	needs_cgroupfs
	is_v2 || needs_controller memory
	config '.linux.cgroupsPath = $p' --arg p "/$CT-top/a/b/$CT"
	run -0 running
	[ "$(parents "$CT-top/a/b")" -gt 0 ]
	run -0 kist delete --force "$CT"
	[ "$(parents "$CT-top")" -eq 0 ]

	# One that was there stays.
	local there
	there=$(dirname "$(cgroup_dir memory)")/$CT-top
	mkdir "$there"
	run -0 running
	run -0 kist delete --force "$CT"
	[ "$(parents "$CT-top")" -eq 1 ]
	[ -d "$there" ] && [ ! -d "$there/a" ]
	rmdir "$there"

	# The last one to go takes them along.
	run -0 running
	local id=$CT
	CT=$id-two
	config '.linux.cgroupsPath = $p' --arg p "/$id-top/a/b/$CT"
	run -0 running
	run -0 kist delete --force "$id"
	[ "$(parents "$id-top/a/b/$CT")" -gt 0 ]
	run -0 kist delete --force "$CT"
	[ "$(parents "$id-top")" -eq 0 ]

	# A create that fails leaves none.
	args /no/such/program
	run -1 kist run "$CT"
	[ "$(parents "$id-top")" -eq 0 ]
	CT=$id
}

@test "parents that others make and remove at the same time" {
	needs_cgroupfs
	is_v2 || needs_controller memory
	local i n jobs=()
	args /bin/true
	config '.linux.cgroupsPath = $p' --arg p "/$CT-top/a/ID"
	for ((i = 0; i < 4; i++)); do
		sed "s/-top\/a\/ID/-top\/a\/$i/" config.json >config.$i
		(for ((n = 0; n < 8; n++)); do "$KIST" --root "$ROOT" run --config config.$i "$CT-$i" </dev/null || exit 1; done) >said.$i 2>&1 3>&- 4>&- &
		jobs+=($!)
	done
	for i in "${jobs[@]}"; do
		wait "$i" || fail "$(cat said.*)"
	done
	[ "$(parents "$CT-top")" -eq 0 ]
}
