#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# create, start, state, kill, delete: statuses, transitions, and the texts that engines match on.

load helpers

@test "a container goes from created over running to stopped, and is gone" {
	args /bin/sleep 1000
	run -0 detached create "$CT"
	is ""
	run -0 status_of
	is created
	run -0 kist start "$CT"
	is ""
	run -0 status_of
	is running
	run -0 kist kill "$CT" KILL
	is ""
	eventually status_is stopped
	run -0 kist delete "$CT"
	is ""
	run -1 kist state "$CT"
	has "does not exist"
}

@test "state has the fields of the specification" {
	config '.annotations = {"org.example.key": "value \"quoted\" é"}'
	run -0 running --pid-file pid
	run -0 kist state "$CT"
	jq -e --arg id "$CT" --arg bundle "$BUNDLE" --argjson pid "$(<pid)" '
		.id == $id and .status == "running" and .bundle == $bundle and .rootfs == $bundle + "/rootfs"
		and .pid == $pid and (.ociVersion | startswith("1."))
		and .annotations == {"org.example.key": "value \"quoted\" é"}
		and (.created | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$")) and .owner == ""' <<<"$output"
}

@test "pid is 0 once the container has stopped" {
	run -0 detached run -d "$CT"
	eventually status_is stopped
	run -0 pid
	is 0
}

@test "the process has not run before start" {
	script 'touch /tmp/ran; exec sleep 1000'
	config '.root.readonly = false'
	run -0 detached create "$CT"
	# Nothing more happens by itself: init sleeps in accept(2).
	eventually sleeping "$(pid)"
	[ ! -e rootfs/tmp/ran ]
	run -0 kist start "$CT"
	eventually test -e rootfs/tmp/ran
}

@test "create: an id that exists is refused, and its container lives on" {
	run -0 running
	run -1 detached create "$CT"
	has "container with given ID already exists"
	run -0 status_of
	is running
}

@test "start: running, stopped and missing containers are refused" {
	run -0 running
	run -1 kist start "$CT"
	has "cannot start an already running container"
	kist kill "$CT" KILL
	eventually status_is stopped
	run -1 kist start "$CT"
	has "cannot start a container that has stopped"
	run -1 kist start nobody
	has "does not exist"
}

@test "start: of two at once exactly one succeeds" {
	args /bin/sleep 1000
	run -0 detached create "$CT"
	kist start "$CT" >one 2>&1 &
	local first=$! ok=0
	kist start "$CT" >two 2>&1 && ok=1
	wait $first && ok=$((ok + 1))
	[ $ok -eq 1 ] || fail "$ok succeeded"
	run -0 cat one two
	has "cannot start an already running container"
}

@test "delete: a running container is refused, its process untouched" {
	run -0 running
	run -1 kist delete "$CT"
	has "cannot delete container $CT that is not stopped: running"
	run -0 status_of
	is running
}

@test "delete --force: kills and removes, and is a success for a missing container" {
	run -0 running
	local pid
	pid=$(pid)
	run -0 kist delete --force "$CT"
	is ""
	[ ! -d "/proc/$pid" ]
	run -0 kist delete --force "$CT"
	is ""
	run -0 kist delete "$CT" --force
	run -1 kist delete "$CT"
	has "does not exist"
}

@test "delete --force: of a process that ignores SIGTERM, with children" {
	script 'trap "" TERM; for i in 1 2 3 4 5; do sleep 1000 & done; wait; wait'
	run -0 detached run -d "$CT"
	run -0 kist delete -f "$CT"
	run -1 kist state "$CT"
}

@test "delete: a created container is removed, as engines rely on" {
	run -0 detached create --pid-file pid "$CT"
	run -0 kist delete "$CT"
	eventually [ ! -d "/proc/$(<pid)" ] # dead, but its parent reaps it
}

@test "delete --regex" {
	run -0 detached create "$CT"-one
	run -0 detached create "$CT"-two
	run -0 detached create "$CT"-x
	run -0 kist delete --regex "^$CT-(one|two)\$"
	run -0 kist list -q
	is "$CT-x"
}

@test "an operation on a missing container: does not exist, status 1" {
	local command
	for command in state start kill delete pause resume ps; do
		run -1 kist $command nobody
		has "container nobody: container does not exist"
	done
	run -1 kist state help # a name as any other
	has "container help: container does not exist"
	run -255 kist exec nobody true
	has "does not exist"
}

@test "the bundle may vanish after create" {
	args /bin/sleep 1000
	run -0 detached create "$CT"
	mv config.json elsewhere.json
	run -0 kist start "$CT"
	run -0 kist exec "$CT" echo still here
	is "still here"
	mv "$BUNDLE" "$BUNDLE.moved"
	cd "$BUNDLE.moved"
	run -0 kist delete --force "$CT"
}

@test "a failed create leaves nothing behind" {
	args /bin/nothing-here
	run -1 detached create --pid-file pid "$CT"
	has "exec: " /bin/nothing-here "no such file or directory"
	[ ! -e pid ]
	run -1 kist state "$CT"
	has "does not exist"
	nothing_left
	args /bin/true
	run -0 kist run "$CT"
}

@test "the state directory and what is in it belong to root alone" {
	run -0 running
	run -0 find "$ROOT" -not -type l -perm /077
	is ""
}

@test "delete does not empty what is mounted below the state directory" {
	run -0 detached create "$CT"
	mkdir "$ROOT/$CT/there"
	mount -t tmpfs tmpfs "$ROOT/$CT/there"
	touch "$ROOT/$CT/there/file"
	run -1 kist delete "$CT"
	has "there: something is mounted there (unmount it first)"
	local there
	there=$(find "$ROOT" -name there)
	[ -e "$there/file" ]
	run -1 kist delete --force "$CT"
	has "something is mounted there"
	[ -e "$there/file" ]
	umount "$there"
	run -0 kist delete --force "$CT"
	[ ! -e "$there" ]
}
