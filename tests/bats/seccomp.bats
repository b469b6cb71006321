#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Seccomp: actions, arguments, cache, the notify agent.

load helpers

profile() { config '.linux.seccomp = $p' --argjson p "$1"; }

@test "errno: the default one and a chosen one" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"},
		{"names": ["chmod", "fchmodat", "fchmodat2"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
	run -0 in_container 'mkdir /tmp/x 2>&1; chmod 700 /tmp 2>&1; true'
	has "Operation not permitted" "No space left on device"
}

@test "a filter is in force for exec too, and status says so" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	run -0 running
	run -0 kist exec "$CT" sh -c 'mkdir /tmp/x 2>&1; grep Seccomp: /proc/self/status'
	has "Operation not permitted" $'Seccomp:\t2'
}

@test "without no_new_privs as well" {
	config '.process.noNewPrivileges = false'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	run -0 in_container 'mkdir /tmp/x 2>&1; grep -E "Seccomp:|NoNewPrivs" /proc/self/status'
	has "Operation not permitted" $'Seccomp:\t2' $'NoNewPrivs:\t0'
}

@test "kill ends the process with SIGSYS" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
	run -0 in_container 'mkdir /tmp/x; echo "status $?"'
	has "status 159"
}

@test "arguments decide" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["kill"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}'
	run -0 in_container 'trap "echo usr2" USR2; kill -USR2 $$; kill -USR1 $$ 2>&1; true'
	has usr2 "not permitted"
}

@test "an allow list, with what a shell needs missing, stops it" {
	profile '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["execve", "exit_group", "brk", "arch_prctl"], "action": "SCMP_ACT_ALLOW"}]}'
	run -127 in_container 'echo never'
	lacks never
}

@test "unknown names are ignored, unknown actions and bad values refused" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["no_such_call_in_any_kernel"], "action": "SCMP_ACT_ERRNO"}]}'
	run -0 kist run "$CT"
	local bad
	for bad in '{"defaultAction": "SCMP_ACT_PANIC"}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 70000}]}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]}]}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_XX"}]}]}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_Z80"]}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_X"]}' \
		'{"defaultAction": "SCMP_ACT_NOTIFY"}' \
		'{"defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x"}'; do
		profile "$bad"
		run -1 kist run "$CT"
		has /linux/seccomp
		nothing_left
	done
}

@test "the compiled filter is cached, by content" {
	config '.root.readonly = false'
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	run -0 in_container 'mkdir /tmp/x 2>&1 || true'
	has "not permitted"
	local cache=$ROOT/.cache/seccomp
	[ "$(find "$cache" -type f | wc -l)" -eq 1 ]
	run -0 in_container 'mkdir /tmp/x 2>&1 || true'
	has "not permitted"
	[ "$(find "$cache" -type f | wc -l)" -eq 1 ]
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["rmdir", "unlinkat"], "action": "SCMP_ACT_ERRNO"}]}'
	run -0 in_container 'mkdir /tmp/x && rmdir /tmp/x 2>&1; true'
	has "not permitted"
	[ "$(find "$cache" -type f | wc -l)" -eq 2 ]
}

@test "a damaged cache entry is not used" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	run -0 in_container true
	local entry
	entry=$(find "$ROOT/.cache/seccomp" -type f)
	local size
	size=$(stat -c %s "$entry")
	head -c "$size" /dev/zero >"$entry"
	run -0 in_container 'mkdir /tmp/x 2>&1; true'
	has "not permitted"
	: >"$entry"
	run -0 in_container 'mkdir /tmp/x 2>&1; true'
	has "not permitted"
}

@test "notify: the agent gets the state and decides" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "'"$BUNDLE"'/sock", "listenerMetadata": "for the agent",
		"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_NOTIFY"}]}'
	"$PEERS/peer" seccomp "$BUNDLE/sock" -errno 28 >peer 2>&1 3>&- 4>&- &
	local job=$!
	eventually grep -q listening peer
	run -0 in_container 'mkdir /tmp/x 2>&1; true'
	has "No space left on device"
	wait $job
	sed -n 2p peer | jq -e --arg id "$CT" '.fds == ["seccompFd"] and .pid > 0 and .metadata == "for the agent" and .state.id == $id and (.ociVersion | length > 0)'
	grep -q '^call ' peer
}

@test "notify: with no descriptor left for the process" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "'"$BUNDLE"'/sock",
		"syscalls": [{"names": ["mkdir", "mkdirat", "prlimit64"], "action": "SCMP_ACT_NOTIFY"}]}'
	config '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 3, hard: 4}]'
	args /bin/sleep 1000
	"$PEERS/peer" seccomp "$BUNDLE/sock" -errno 28 >peer 2>&1 3>&- 4>&- &
	local job=$!
	eventually grep -q listening peer
	run -0 detached create "$CT"
	run -0 kist start "$CT"
	run -0 cat "/proc/$(pid)/limits"
	like 'Max open files +3 +4 '
	kill $job
}

@test "notify: no agent is an error before the program runs" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "'"$BUNDLE"'/missing", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}]}'
	run -1 in_container 'echo ran'
	has missing
	lacks ran$'\n'
	nothing_left
}

@test "Docker's kind of profile: hundreds of names" {
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1, architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
		syscalls: [{names: $n, action: "SCMP_ACT_ALLOW"}]}' --argjson n "$(awk '/__NR_/ { sub("__NR_", "", $2); print $2 }' /usr/include/*/asm/unistd_64.h | grep -v -E '^(mkdir|mkdirat|unshare)$' | jq -Rc . | jq -sc .)"
	run -0 in_container 'echo alive; mkdir /tmp/x 2>&1; unshare -U true 2>&1; true'
	has alive "not permitted"
}

@test "a fresh state directory: no word about the cache, and the second time it is used" {
	profile '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}'
	ROOT=$BATS_TEST_TMPDIR/deep/er
	mkdir "$BATS_TEST_TMPDIR/deep"
	run -0 --separate-stderr in_container 'mkdir /tmp/x 2>/dev/null || echo refused'
	is refused
	[ -z "$stderr" ] || fail "$stderr"
	local entry before
	entry=$(find "$ROOT/.cache/seccomp" -type f)
	before=$(stat -c '%i %y' "$entry")
	run -0 --separate-stderr in_container 'mkdir /tmp/x 2>/dev/null || echo refused'
	is refused
	[ -z "$stderr" ] || fail "$stderr"
	# What is not used is compiled again and replaced.
	[ "$(stat -c '%i %y' "$entry")" = "$before" ]
}
