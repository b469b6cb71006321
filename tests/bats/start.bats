#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist start: what can go wrong between the release of a created container and its program, and what is said then.

load helpers

# inject PID CALL WHAT: what happens to the system call of a process that waits for start, by strace.
inject() {
	command -v strace >/dev/null || skip "strace is not installed"
	timeout -k 1 15 strace -qq -o trace -p "$1" -e trace="$2" -e inject="$2:$3" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	eventually grep -q 'TracerPid:[[:space:]]*[1-9]' "/proc/$1/status"
}

@test "an instruction that fails is named: capset" {
	run -0 detached create --pid-file pid "$CT"
	inject "$(<pid)" capset error=EPERM
	run -1 kist start "$CT"
	has "container $CT: config.json: /process/capabilities: capset(v3, {effective=CAP_KILL" ": operation not permitted"
	eventually status_is stopped
}

@test "an instruction that fails is named, with its hint: setresuid" {
	run -0 detached create --pid-file pid "$CT"
	inject "$(<pid)" setresuid error=EINVAL
	run -1 kist start "$CT"
	like "config.json: /process/user/uid: setresuid\(0, 0, 0\): invalid argument \(the id is not mapped in the user namespace\)\"?\$"
}

@test "the same with a filter, a user namespace, preserved descriptors and startContainer hooks, which make it another program" {
	config '.process.noNewPrivileges = false | .process.user.uid = 5 | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["reboot"], action: "SCMP_ACT_ERRNO"}]}
		| .hooks.startContainer = [{path: "/bin/true"}]'
	chown -R 100000:100000 rootfs
	"$KIST" --root "$ROOT" create --pid-file pid --preserve-fds 1 "$CT" </dev/null >said 2>&1 3</dev/null 4>&- || fail "$(<said)"
	inject "$(<pid)" seccomp error=EPERM
	run -1 kist start "$CT"
	has "config.json: /linux/seccomp: seccomp(SECCOMP_SET_MODE_FILTER, " \
		"operation not permitted (loading a filter without no_new_privs needs CAP_SYS_ADMIN)"
}

@test "a program that cannot be executed: the words of run" {
	printf '\177ELFnonsense' >rootfs/odd
	chmod 755 rootfs/odd
	args /odd
	run -1 kist run "$CT"
	has "kist run failed: exec /odd: exec format error (made for another architecture"
	run -0 detached create "$CT"
	run -1 kist start "$CT"
	has "container $CT: exec /odd: exec format error (made for another architecture"
}

@test "init is killed while start waits for it" {
	run -0 detached create --pid-file pid "$CT"
	kill -STOP "$(<pid)"
	kist start "$CT" >said 2>&1 &
	local start=$! result=0
	sleep 0.5
	kill -0 $start || fail "start has not waited: $(<said)"
	kill -KILL "$(<pid)"
	wait $start || result=$?
	run cat said
	[ $result -eq 1 ] || fail "start: status $result"
	has "container $CT: cannot start a container that has stopped: init was killed before it executed its program"
	eventually status_is stopped
}

@test "init is killed after its release, before execve" {
	run -0 detached create --pid-file pid "$CT"
	inject "$(<pid)" close_range signal=KILL
	run -1 kist start "$CT"
	has "container $CT: cannot start a container that has stopped: init was killed before it executed its program"
	eventually status_is stopped
}

@test "a program that ends at once has been started" {
	local n
	args /bin/true
	for ((n = 0; n < 10; n++)); do
		run -0 detached create "$CT"
		run -0 kist start "$CT"
		is ""
		run -0 kist delete --force "$CT"
	done
}

@test "a configuration without a process: created, not started, deleted" {
	config 'del(.process)'
	run -0 detached create "$CT"
	has "level=warning msg=\"/process: missing: the container can be created, but not started\""
	run -0 status_of
	is created
	run -1 kist start "$CT"
	has "container $CT: config.json: /process: required to start a container"
	run -0 status_of
	is created
	run -255 kist exec "$CT" true
	has "its configuration has no process to take defaults from"
	run -0 kist delete "$CT"
	run -1 kist run "$CT"
	has "config.json: /process: required to start a container"
}

@test "the same with a user namespace, a filter and hooks" {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| del(.process) | .hooks.createContainer = [{path: "/bin/true"}] | .hooks.startContainer = [{path: "/bin/true"}]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["reboot"], action: "SCMP_ACT_ERRNO"}]}'
	chown -R 100000:100000 rootfs
	run -0 detached create "$CT"
	run -0 status_of
	is created
	run -1 kist start "$CT"
	has "/process: required"
	run -0 kist kill "$CT" KILL
	eventually status_is stopped
}
