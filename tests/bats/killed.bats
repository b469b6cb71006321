#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist killed with SIGKILL at every system call that matters: no process survives without a record, `delete --force`
# leaves nothing, and the id can be used again.

load helpers

# CALLS are those after which the world is different. strace -f sees kist and its children; the signal goes to the one
# that makes the call.
CALLS=mkdirat,renameat,renameat2,openat2,write,clone,clone3,vfork,pidfd_open,sendmsg,connect,bind,mount_setattr,move_mount,fsmount,setns,unshare,pivot_root,prlimit64,unlinkat,fsync,fchmod,flock,keyctl,execve,mknodat,symlinkat,ftruncate

recorded() { [ -d "$ROOT/$CT" ] || ! orphans; }

# oracle WHEN: what must hold after kist was killed.
oracle() {
	# An init that waits for its dead parent notices.
	eventually recorded || fail "$1: a process without a record: $(pgrep -ax kist:init)" || return
	run kist state "$CT"
	case $status in
	0) jq -e '.status | IN("creating", "created", "running", "stopped", "paused")' <<<"$output" >/dev/null || fail "$1: state" || return ;;
	1) [[ $output == *"does not exist"* ]] || fail "$1: state" || return ;;
	*) fail "$1: state" || return ;;
	esac
	run kist delete --force "$CT"
	[ "$status" -eq 0 ] || fail "$1: delete" || return
	run nothing_left
	[ "$status" -eq 0 ] || fail "$1: left behind" || return
}

# traced FILE OPTION... -- COMMAND...: kist below strace, which is a grandchild (-D), so that the end of kist itself can be
# waited for. Strace would go on for as long as the container: it is told to let go.
traced() {
	local file=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	timeout -s KILL "$HANG" strace -D -f -qq -I 2 -o "$file" -e trace=$CALLS "${options[@]}" "$KIST" --root "$ROOT" "$@" </dev/null >"$LOG" 2>&1 3>&- 4>&- || true
	pkill -TERM -x strace || true
	eventually not pgrep -x strace
}
not() { ! "$@"; }

# sweep PREPARE COMMAND...: kill COMMAND at its first, second, … system call of CALLS. SWEEP bounds the number of kills,
# spread evenly; SWEEP=10000 leaves none out.
sweep() {
	local prepare=$1 n count step
	shift
	$prepare
	traced calls -- "$@"
	kist delete --force "$CT"
	# strace counts the calls of each thread by itself.
	count=$(cut -d' ' -f1 calls | sort | uniq -c | sort -rn | awk 'NR == 1 { print $1 }')
	[ "${count:-0}" -gt 3 ] || fail "strace has seen ${count:-no} calls: $(<"$LOG")" || return
	step=$((count / ${SWEEP:-25} + 1))
	for ((n = 1; n <= count; n += step)); do
		$prepare
		traced /dev/null -e inject=$CALLS:signal=KILL:when=$n -- "$@"
		oracle "$* at call $n of $count" || return
	done
	# And at any time, whatever it is doing then.
	for ((n = 0; n < 10; n++)); do
		$prepare
		timeout -s KILL "0.$(printf %03d $(((n * 3 + 1) * SLOWNESS)))" "$KIST" --root "$ROOT" "$@" </dev/null >"$LOG" 2>&1 3>&- 4>&- || true
		oracle "$* after some time, $n" || return
	done
}

nothing() { :; }
created() { "$KIST" --root "$ROOT" create "$CT" </dev/null >"$LOG" 2>&1 3>&- 4>&-; }
started() { created && "$KIST" --root "$ROOT" start "$CT" 3>&- 4>&-; }

setup() {
	prepare
	command -v strace >/dev/null || skip "strace is not installed"
	args /bin/sleep 1000
	export GOMAXPROCS=1
}

@test "create" { sweep nothing create "$CT"; }
@test "start" { sweep created start "$CT"; }
@test "exec" { sweep started exec "$CT" true; }
@test "delete" { sweep started delete --force "$CT"; }
@test "kill" { sweep started kill "$CT" KILL; }
@test "run" { args /bin/true && sweep nothing run "$CT"; }

@test "create, with hooks and a user namespace" {
	config '.hooks.createRuntime = [{path: "/bin/true"}] | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 rootfs
	sweep nothing create "$CT"
}

@test "nsexec itself is killed at any instruction: an error, and nothing remains" {
	local n
	for ((n = 0; n < 40; n++)); do
		"$KIST" --root "$ROOT" create "$CT" </dev/null >"$LOG" 2>&1 3>&- 4>&- &
		local job=$! result=0
		sleep "0.00$((n % 10))"
		pkill -KILL -P $job || true
		wait $job || result=$?
		if [ $result -ne 0 ]; then
			run cat "$LOG"
			lacks panic
			[ -n "$output" ] || fail "no error text"
			run nothing_left
			[ "$status" -eq 0 ] || fail "left behind"
		fi
		kist delete --force "$CT"
	done
}

@test "create is killed while a hook runs: the hook goes too" {
	local kind
	for kind in prestart createRuntime createContainer; do
		cp "$TEMPLATE/config.json" config.json
		args /bin/sleep 1000
		config '.hooks[$k] = [{path: "/bin/sh", args: ["sh", "-c", "echo here >$0; exec sleep 1046", $h], env: ["PATH=/usr/bin:/bin"]}]' \
			--arg k $kind --arg h "$BUNDLE/here"
		rm -f here
		"$KIST" --root "$ROOT" create "$CT" </dev/null >"$LOG" 2>&1 3>&- 4>&- &
		local job=$!
		eventually test -s here
		kill -KILL $job
		wait $job || true
		eventually bash -c '! pgrep -f "^sleep 1046"' || fail "$kind"
		oracle "$kind hook" || return
	done
}
