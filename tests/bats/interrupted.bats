#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# SIGTERM, SIGINT and SIGHUP to kist before it is done: a rollback.

load helpers

# interrupt SIGNAL COMMAND...: kist gets SIGNAL as soon as the file hooked is there. What it said is in said, its status in
# result.
interrupt() {
	local signal=$1
	shift
	rm -f hooked
	# Not by the helper: a shell in the background ignores SIGINT, and so would kist.
	setsid --wait python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$KIST" --root "$ROOT" "$@" </dev/null >said 2>&1 3>&- 4>&- &
	local job=$!
	result=0
	eventually test -e hooked
	pkill "-$signal" -x kist
	wait $job || result=$?
	run cat said
}

# hook KIND: a hook that takes its time.
hook() {
	config '.hooks[$k] = [{path: "/bin/sh", args: ["sh", "-c", "touch \($h); sleep 60"], env: ["PATH=/usr/bin:/bin"]}]' \
		--arg k "$1" --arg h "$BUNDLE/hooked"
}

@test "create, in a hook" {
	hook createRuntime
	local signal
	for signal in TERM INT HUP; do
		interrupt $signal create --pid-file pid "$CT"
		[ $result -eq $((128 + $(kill -l $signal))) ] || fail "SIG$signal: status $result"
		has "kist create failed: interrupted by SIG$signal"
		[ ! -e pid ]
		nothing_left
		! pgrep -fx 'sleep 60' || fail "the hook lives"
	done
}

@test "run -d, in each hook of its start" {
	local kind
	for kind in createRuntime poststart; do
		config '.hooks = {}'
		hook $kind
		interrupt TERM run -d "$CT"
		[ $result -eq 143 ] || fail "$kind: status $result"
		has "kist run failed: interrupted by SIGTERM"
		nothing_left
	done
}

@test "run -d, while it waits for the container to be ready" {
	"$PEERS/peer" notify "$BUNDLE/sock" >peer 2>&1 3>&- 4>&- &
	local job=$!
	eventually grep -q listening peer
	config '.root.readonly = false | .mounts += [{destination: "/b", type: "bind", source: $b, options: ["bind"]}]' --arg b "$BUNDLE"
	script 'touch /b/hooked; exec sleep 1000'
	NOTIFY_SOCKET=$BUNDLE/sock interrupt TERM run -d "$CT"
	kill $job
	[ $result -eq 143 ] || fail "status $result"
	nothing_left
}

@test "a signal that is ignored stays ignored" {
	hook createRuntime
	config '.hooks.createRuntime[0].args[2] |= sub("60"; "1")'
	rm -f hooked
	nohup "$KIST" --root "$ROOT" create "$CT" </dev/null >said 2>&1 3>&- 4>&- &
	local job=$!
	eventually test -e hooked
	pkill -HUP -x kist
	wait $job || fail "status $?: $(<said)"
	run -0 status_of
	is created
}

@test "create and run -d, at any system call" {
	command -v strace >/dev/null || skip "strace is not installed"
	local calls=mkdirat,renameat,openat2,write,clone,clone3,sendmsg,recvmsg,bind,flock,unlinkat n command
	args /bin/sleep 1000
	export GOMAXPROCS=1
	for command in create "run -d"; do
		for ((n = 1; n < 60; n += 4)); do
			result=0
			# shellcheck disable=SC2086 # $command is several words
			timeout -k 2 20 strace -f -qq -I 2 -o /dev/null -e trace=$calls -e inject=$calls:signal=TERM:when=$n \
				"$KIST" --root "$ROOT" $command "$CT" </dev/null >said 2>&1 3>&- 4>&- &
			local job=$!
			eventually eval "! pgrep -x kist >/dev/null && [ \$SECONDS -ge 0 ]" || true
			sleep 0.3
			PATIENCE=500 eventually eval '! pgrep -x kist'
			kill -TERM $job 2>/dev/null || true
			wait $job || result=$?
			if [ ! -d "$ROOT/$CT" ]; then
				nothing_left || fail "$command at call $n: $(<said)"
			else
				run -0 kist state "$CT"
				jq -e '.status | IN("created", "running")' <<<"$output" || fail "$command at call $n: $(<said)"
				run -0 kist delete --force "$CT"
			fi
		done
	done
}
