#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist pause and resume.

load helpers

setup() {
	prepare
	needs_freezer
}

counting() {
	script 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/count.new; mv /tmp/count.new /tmp/count; sleep 0.01; done'
	config '.root.readonly = false'
	detached run -d "$CT"
	eventually test -s rootfs/tmp/count
}

# bats test_tags=vm
@test "a paused container stands still, a resumed one goes on" {
	run -0 counting
	run -0 kist pause "$CT"
	is ""
	run -0 status_of
	is paused
	local before
	before=$(<rootfs/tmp/count)
	if is_v2; then
		grep -qx "frozen 1" "$(cgroup_dir)/cgroup.events"
	else
		[ "$(<"$(cgroup_dir freezer)/freezer.state")" = FROZEN ]
	fi
	sleep 0.2
	[ "$(<rootfs/tmp/count)" = "$before" ]
	run -0 kist resume "$CT"
	run -0 status_of
	is running
	eventually bash -c '[ "$(cat rootfs/tmp/count)" != "$0" ]' "$before"
}

@test "what the statuses forbid" {
	run -0 running
	run -1 kist resume "$CT"
	has "container not paused"
	run -0 kist pause "$CT"
	run -1 kist pause "$CT"
	run -255 kist exec "$CT" true
	has "cannot exec in a paused container" --ignore-paused
	run -1 kist delete "$CT"
	has "cannot delete container $CT that is not stopped: paused"
	run -0 kist resume "$CT"
	kist kill "$CT" KILL
	eventually status_is stopped
	run -1 kist pause "$CT"
	has "not running"
	run -1 kist resume "$CT"
	has "not paused"
}

@test "exec --ignore-paused starts when the container is resumed" {
	run -0 running
	run -0 kist pause "$CT"
	kist exec --ignore-paused "$CT" echo thawed >out 2>&1 </dev/null &
	local job=$!
	# It is there, and as frozen as the others.
	eventually processes_are 2
	[ ! -s out ] || fail "$(<out)"
	run -0 kist resume "$CT"
	wait $job
	[ "$(<out)" = thawed ]
}

@test "a container can be paused before it starts" {
	args /bin/sleep 1000
	run -0 detached create "$CT"
	run -0 kist pause "$CT"
	run -0 status_of
	is paused
	run -0 kist resume "$CT"
	run -0 kist start "$CT"
	run -0 status_of
	is running
}

@test "delete --force of a paused container" {
	run -0 running
	run -0 kist pause "$CT"
	run -0 kist delete --force "$CT"
	run -1 kist state "$CT"
}

@test "pausing one container leaves another alone" {
	run -0 counting
	make_bundle "$BATS_TEST_TMPDIR/other"
	jq '.process.args = ["/bin/sleep", "1000"]' config.json >"$BATS_TEST_TMPDIR/other/config.json"
	run -0 detached run -d -b "$BATS_TEST_TMPDIR/other" "$CT-other"
	run -0 kist pause "$CT-other"
	local before
	before=$(<rootfs/tmp/count)
	eventually bash -c '[ "$(cat rootfs/tmp/count)" != "$0" ]' "$before"
}

@test "a container that is paused before it starts cannot be started" {
	args /bin/sleep 1000
	run -0 detached create "$CT"
	run -0 kist pause "$CT"
	run -1 kist start "$CT"
	has "container paused"
	run -0 kist resume "$CT"
	run -0 kist start "$CT"
}
