#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist kill: signals by name and number, --all, --regex, shared pid namespaces.

load helpers

# catching: a container that says which signals it gets.
catching() {
	script 'for s in HUP INT QUIT USR1 USR2 TERM WINCH; do trap "echo got $s" $s; done
		echo ready; while :; do sleep 0.02; done'
	detached run -d "$CT"
	eventually grep -q ready "$LOG"
}

@test "names with and without SIG, in any case, and numbers" {
	run -0 catching
	local pair
	for pair in USR1:USR1 SIGUSR2:USR2 hup:HUP sigint:INT 3:QUIT 28:WINCH 15:TERM; do
		: >"$LOG"
		run -0 kist kill "$CT" "${pair%:*}"
		is ""
		eventually grep -q "got ${pair#*:}" "$LOG"
	done
}

@test "TERM is the default" {
	run -0 catching
	run -0 kist kill "$CT"
	eventually grep -q "got TERM" "$LOG"
}

@test "0 is a probe" {
	run -0 running
	run -0 kist kill "$CT" 0
	run -0 status_of
	is running
}

@test "bad signals are refused and nothing is sent" {
	run -0 running
	local bad
	for bad in FOO SIGFOO 65 -1 9x 99999999999999999999 SIG SIGRTMIN+31 RTMAX+1 '' ' 9'; do
		[ -n "$bad" ] || continue
		run -1 kist kill "$CT" "$bad"
		has "invalid signal"
	done
	run -0 status_of
	is running
}

@test "real-time signals by name" {
	script 'trap "echo got 35" 35; trap "echo got 63" 63; echo ready; while :; do sleep 0.02; done'
	run -0 detached run -d "$CT"
	eventually grep -q ready "$LOG"
	run -0 kist kill "$CT" SIGRTMIN+1
	eventually grep -q "got 35" "$LOG"
	run -0 kist kill "$CT" RTMAX-1
	eventually grep -q "got 63" "$LOG"
}

@test "a stopped container: container not running" {
	run -0 detached run -d "$CT"
	eventually status_is stopped
	run -1 kist kill "$CT" TERM
	has "container not running"
}

@test "a created container can be killed" {
	run -0 detached create "$CT"
	run -0 kist kill "$CT" KILL
	eventually status_is stopped
	run -1 kist start "$CT"
	has "cannot start a container that has stopped"
}

@test "KILL ends the whole pid namespace" {
	script 'sleep 1001 & sleep 1002 & wait'
	run -0 detached run -d "$CT"
	eventually pgrep -f '^sleep 1002'
	run -0 kist kill "$CT" KILL
	eventually bash -c '! pgrep -f "^sleep 100[12]"'
}

@test "KILL without a pid namespace of its own ends every process of the container" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1003 & sleep 1004 & exec sleep 1005'
	run -0 detached run -d "$CT"
	eventually pgrep -f '^sleep 1004'
	run -0 kist kill "$CT" KILL
	eventually bash -c '! pgrep -f "^sleep 100[345]"'
	eventually status_is stopped
}

@test "delete --force without a pid namespace of its own leaves no process" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1006 & exec sleep 1007'
	run -0 detached run -d "$CT"
	eventually pgrep -f '^sleep 1006'
	run -0 kist delete --force "$CT"
	run pgrep -f '^sleep 100[67]'
	is ""
}

@test "--all reaches every process, TERM as well as KILL" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1008 & sleep 1009 & trap "echo init" TERM; while :; do sleep 0.02; done'
	run -0 detached run -d "$CT"
	eventually pgrep -f '^sleep 1009'
	run -0 kist kill --all "$CT" TERM
	eventually bash -c '! pgrep -f "^sleep 100[89]"'
	run -0 status_of
	is running
	run -0 kist kill -a "$CT" KILL
	eventually status_is stopped
	# containerd and CRI-O do this to containers that have ended.
	run -0 kist kill --all "$CT" KILL
}

@test "a process outside the container gets no signal" {
	sleep 1010 3>&- &
	local guard=$!
	config '.linux.namespaces |= map(select(.type != "pid"))'
	run -0 running
	run -0 status_of
	is running
	run -0 kist kill --all "$CT" KILL
	run -0 kist delete --force "$CT"
	kill -0 $guard
	kill $guard
}

@test "--regex" {
	args /bin/sleep 1000
	run -0 detached run -d "$CT-a"
	run -0 detached run -d "$CT-b"
	run -0 detached run -d "$CT-c"
	run -0 kist kill --regex "^$CT-[ab]\$" KILL
	eventually status_is stopped "$CT-a"
	eventually status_is stopped "$CT-b"
	run -0 status_of "$CT-c"
	is running
	run -1 kist kill -r '(' KILL
	has "regular expression"
}

@test "a paused container dies of KILL" {
	needs_freezer
	run -0 running
	run -0 kist pause "$CT"
	run -0 kist kill "$CT" KILL
	eventually status_is stopped
}

@test "a recycled pid is not taken for the container" {
	run -0 running
	local pid
	pid=$(pid)
	# The record says another start time: the process with this pid is a stranger.
	jq '.initStartTime += 1' "$ROOT/$CT/state.json" >state.new
	grep -q initStartTime state.new
	cat state.new >"$ROOT/$CT/state.json"
	run -0 status_of
	is stopped
	run -1 kist kill "$CT" KILL
	has "not running"
	kill -0 "$pid"
	kill -KILL "$pid"
}
