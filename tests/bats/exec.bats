#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist exec: what the new process gets, and exit statuses.

load helpers

setup() {
	prepare
	running >/dev/null
}

@test "the exit status is the process's, 255 if it could not be started" {
	run -0 kist exec "$CT" true
	run -3 kist exec "$CT" sh -c 'exit 3'
	run -137 kist exec "$CT" sh -c 'kill -KILL $$'
	run -255 kist exec "$CT" /bin/nothing-here
	like 'no such file or directory'
	run -255 kist exec "$CT" nothing-here
	has 'executable file not found in $PATH'
	run -255 kist exec "$CT" /etc
	has "is a directory"
}

@test "flags behind the id belong to the command" {
	run -0 kist exec "$CT" echo --tty -u 5
	is "--tty -u 5"
}

@test "stdin, stdout and stderr are the caller's" {
	echo in | kist exec "$CT" sh -c 'cat; echo err >&2' >out 2>err
	[ "$(<out)" = in ] && [ "$(<err)" = err ]
}

@test "all namespaces are the container's" {
	local kind init
	init=$(pid)
	for kind in cgroup ipc mnt net pid uts; do
		run -0 kist exec "$CT" readlink /proc/self/ns/$kind
		is "$(readlink "/proc/$init/ns/$kind")"
	done
}

@test "it is in the container's cgroups" {
	kist exec "$CT" cat /proc/self/cgroup >inside
	kist exec "$CT" cat /proc/1/cgroup >init
	cmp inside init
	kist exec "$CT" sleep 500 </dev/null >/dev/null 2>&1 &
	eventually bash -c '[ "$("$0" --root "$1" ps --format json "$2" | jq length)" -eq 2 ]' "$KIST" "$ROOT" "$CT"
}

@test "--user: numbers only, with and without a group" {
	run -0 kist exec --user 1000:50 "$CT" id
	like '^uid=1000.* gid=50'
	run -0 kist exec -u 7 "$CT" id -u
	is 7
	local bad
	for bad in user -1 4294967295 4294967296 0x0 1: :1 "" 1:x " 1" 01 1.0; do
		run -255 kist exec --user="$bad" "$CT" id
		has --user
		lacks uid=
	done
}

@test "--user: the home directory is that of the container's passwd" {
	run -0 kist exec -u 1000 "$CT" sh -c 'echo $HOME'
	is /home/user
	run -0 kist exec "$CT" sh -c 'echo $HOME'
	is /root
}

@test "--additional-gids" {
	run -0 kist exec -u 1000:1000 -g 5 --additional-gids 77 "$CT" sh -c 'grep Groups: /proc/self/status'
	like '^Groups:.5 77 ?$'
	run -255 kist exec -g x "$CT" id
	has --additional-gids
}

@test "--cwd: a missing directory is made, a relative one refused" {
	run -0 kist exec --cwd /tmp "$CT" pwd
	is /tmp
	run -255 kist exec --cwd relative "$CT" pwd
	has cwd
}

@test "--env: adds to the container's, the last one wins" {
	run -0 kist exec -e A=1 --env B=2 -e A=3 -e TERM=dumb "$CT" env
	like '(^|'$'\n'')A=3('$'\n''|$)'
	has B=2 PATH= TERM=dumb
	lacks A=1 TERM=xterm
}

@test "--env: a value with commas and equals signs is one value" {
	run -0 kist exec -e 'A=1,2=3,B=4' "$CT" sh -c 'echo "$A"'
	is '1,2=3,B=4'
}

@test "the environment is nothing but the container's" {
	SECRET=1 run -0 kist exec "$CT" env
	lacks SECRET KIST BATS
	has PATH=
}

@test "--process: a whole process from a file" {
	jq '.process | .args = ["/bin/sh", "-c", "id -u; pwd; echo $X"] | .user = {uid: 12, gid: 34} | .cwd = "/tmp" | .env += ["X=y"]' config.json >p.json
	run -0 kist exec --process p.json "$CT"
	is $'12\n/tmp\ny'
	run -255 kist exec --process missing.json "$CT"
	has missing.json "no such file or directory"
	echo '{"args": 5}' >bad.json
	run -255 kist exec -p bad.json "$CT"
	has args
	mkfifo pipe
	run -255 kist exec -p pipe "$CT"
	has "not a regular file"
}

@test "--detach and --pid-file" {
	run -0 detached exec --detach --pid-file pid "$CT" sleep 500
	is ""
	run -0 cat "/proc/$(<pid)/comm"
	is sleep
	[ "$(readlink "/proc/$(<pid)/ns/pid_for_children")" = "$(readlink "/proc/$(pid)/ns/pid")" ]
	[ "$(tr -d 0-9 <pid | wc -c)" -eq 0 ]
}

@test "--detach: a program that is not there is an error" {
	run -255 detached exec -d --pid-file pid "$CT" /bin/nothing-here
	has "no such file or directory"
	[ ! -e pid ]
}

@test "--no-new-privs" {
	config '.process.noNewPrivileges = false'
	kist delete -f "$CT"
	running >/dev/null
	run -0 kist exec "$CT" grep NoNewPrivs /proc/self/status
	like '0$'
	run -0 kist exec --no-new-privs "$CT" grep NoNewPrivs /proc/self/status
	like '1$'
}

@test "--cap adds to bounding, effective and permitted, never to inheritable (CVE-2022-29162)" {
	kist exec "$CT" grep Cap /proc/self/status >before
	run -0 kist exec --cap CAP_SYS_TIME "$CT" grep Cap /proc/self/status
	like 'CapInh:.0000000000000000'
	like 'CapAmb:.0000000000000000'
	# CAP_SYS_TIME is bit 25.
	local set
	for set in CapPrm CapEff CapBnd; do
		local was now
		was=$((16#$(sed -n "s/^$set:.//p" before)))
		now=$((16#$(sed -n "s/^$set:.//p" <<<"$output")))
		[ $now -eq $((was | 1 << 25)) ] || fail "$set"
	done
	run -255 kist exec --cap CAP_NONSENSE "$CT" true
	has CAP_NONSENSE
}

@test "inheritable is empty by default" {
	run -0 kist exec "$CT" grep -E 'CapInh' /proc/self/status
	like '0000000000000000$'
}

@test "it is in init's session keyring, which is the container's own" {
	[ -r /proc/keys ] || skip "the kernel has no keys"
	config '.linux.maskedPaths = []'
	kist delete -f "$CT"
	running >/dev/null
	run -0 kist exec "$CT" cat /proc/keys
	has "_ses.$CT"
	kist delete -f "$CT"
	running --no-new-keyring >/dev/null
	run -0 kist exec "$CT" cat /proc/keys
	lacks "_ses.$CT"
}

@test "rlimits of the container hold" {
	kist delete -f "$CT"
	config '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]'
	running >/dev/null
	run -0 kist exec "$CT" sh -c 'ulimit -Sn; ulimit -Hn'
	is $'100\n200'
}

@test "many at once" {
	local i jobs=()
	for ((i = 0; i < 10; i++)); do
		kist exec "$CT" sh -c "exit $i" </dev/null >/dev/null 2>&1 &
		jobs+=($!)
	done
	for ((i = 0; i < 10; i++)); do
		local status=0
		wait "${jobs[i]}" || status=$?
		[ $status -eq $i ] || fail "process $i: status $status"
	done
}

@test "no program, no id, unknown flag: usage errors" {
	run kist exec
	[ "$status" -ne 0 ]
	run kist exec "$CT"
	[ "$status" -ne 0 ]
	has "a minimum of 2 argument(s)"
	run -1 kist exec --no-such-flag "$CT" true
	has no-such-flag
}

@test "in a container that is not there, stopped, or paused" {
	run -255 kist exec nobody true
	has "does not exist"
	kist kill "$CT" KILL
	eventually status_is stopped
	run -255 kist exec "$CT" true
	has "cannot exec in a stopped container"
}

@test "in a created container" {
	kist delete -f "$CT"
	run -0 detached create "$CT"
	run -0 kist exec "$CT" echo early
	is early
	run -0 status_of
	is created
}

@test "in a container without a cgroup: few descriptors are open, and none is mistaken for another" {
	kist delete -f "$CT"
	args /bin/sleep 1000
	run -0 detached --cgroup-manager disabled run -d "$CT"
	run -0 kist exec "$CT" echo ran
	is ran
	run -0 kist exec --env HOME=/ "$CT" echo ran
	is ran
}
