#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The six kinds of hooks: order, namespaces, state, environment, limits, failure.

load helpers

setup() {
	prepare
	HOOK=$BATS_TEST_TMPDIR/hook
	TRACE=$BATS_TEST_TMPDIR/trace
	cat >"$HOOK" <<-'END'
		#!/bin/sh
		# hook KIND FILE: one line per call.
		state=$(cat)
		echo "$1 $(echo "$state" | jq -r '"\(.status) \(.pid > 0)"') $(readlink /proc/self/ns/mnt)" >>"$2"
		echo "$state" >"$2.$1.json"
		env | grep -v -E '^(PWD|SHLVL|_|OLDPWD)=' | sort >"$2.$1.env"
		pwd >"$2.$1.cwd"
	END
	chmod 755 "$HOOK"
}

# hooks KIND...: each kind that runs on the host's file system, with one hook.
hooks() {
	local kind
	for kind; do
		config '.hooks[$k] = [{path: $h, args: ["hook", $k, $t], env: ["PATH=/usr/bin:/bin", "MINE=1"]}]' --arg k "$kind" --arg h "$HOOK" --arg t "$TRACE"
	done
}
order() { cut -d' ' -f1 "$TRACE" | tr '\n' ' '; }

@test "order and statuses over the life of a container" {
	hooks prestart createRuntime createContainer poststart poststop
	args /bin/sleep 1000
	run -0 detached create "$CT"
	[ "$(order)" = "prestart createRuntime createContainer " ] || fail "$(order)"
	run -0 cut -d' ' -f2,3 "$TRACE"
	is $'created true\ncreated true\ncreated true'
	: >"$TRACE"
	run -0 kist start "$CT"
	[ "$(order)" = "poststart " ]
	run -0 cut -d' ' -f2,3 "$TRACE"
	is "running true"
	: >"$TRACE"
	kist kill "$CT" KILL
	eventually status_is stopped
	run -0 kist delete "$CT"
	[ "$(order)" = "poststop " ]
	run -0 cut -d' ' -f2 "$TRACE"
	is stopped
}

@test "startContainer runs in the container, before its program" {
	cat >rootfs/bin/inside <<-'END'
		#!/bin/sh
		cat >/tmp/state; echo "$MINE" >/tmp/env; readlink /proc/self/ns/pid >/tmp/ns; [ ! -e /tmp/ran ] && touch /tmp/first
	END
	chmod 755 rootfs/bin/inside
	config '.root.readonly = false | .hooks.startContainer = [{path: "/bin/inside", args: ["inside"], env: ["MINE=yes", "PATH=/bin"]}]'
	script 'touch /tmp/ran; readlink /proc/self/ns/pid >/tmp/own; sleep 1000'
	run -0 detached create "$CT"
	[ ! -e rootfs/tmp/state ]
	run -0 kist start "$CT"
	eventually test -s rootfs/tmp/own
	[ -e rootfs/tmp/first ]
	[ "$(<rootfs/tmp/env)" = yes ]
	cmp rootfs/tmp/ns rootfs/tmp/own
	jq -e --arg id "$CT" '.id == $id and .status == "created" and .pid > 0' rootfs/tmp/state
}

@test "createContainer is in the container's mount namespace, the others in the caller's" {
	hooks prestart createRuntime createContainer poststart poststop
	args /bin/true
	run -0 kist run "$CT"
	local own
	own=$(readlink /proc/self/ns/mnt)
	[ "$(grep -cF "$own" "$TRACE")" -eq 4 ] || fail "$(<"$TRACE")"
	run grep -F "$own" "$TRACE"
	lacks createContainer
}

@test "the state on stdin" {
	hooks prestart createRuntime createContainer poststart poststop
	config '.annotations = {"a": "b"}'
	run -0 kist run "$CT"
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		jq -e --arg id "$CT" --arg b "$BUNDLE" '.id == $id and .bundle == $b and (.ociVersion | length > 0) and .annotations == {"a": "b"} and has("status")' "$TRACE.$kind.json"
	done
}

@test "the environment is exactly the hook's own (CVE-2025-23266)" {
	hooks createRuntime createContainer poststart
	config '.process.env += ["LD_PRELOAD=./probe.so", "FROM_IMAGE=1"]'
	SECRET=1 run -0 kist run "$CT"
	local kind
	for kind in createRuntime createContainer poststart; do
		run -0 cat "$TRACE.$kind.env"
		is $'MINE=1\nPATH=/usr/bin:/bin'
	done
	config '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "/usr/bin/env >" + $t]}]}' --arg t "$TRACE.empty"
	SECRET=1 run -0 kist run "$CT"
	run grep -v -E '^(PWD|SHLVL|_|OLDPWD)=' "$TRACE.empty"
	is ""
}

@test "the working directory is not the root filesystem" {
	hooks createRuntime createContainer poststop
	run -0 kist run "$CT"
	local kind
	for kind in createRuntime createContainer poststop; do
		run -0 cat "$TRACE.$kind.cwd"
		lacks rootfs
	done
}

@test "several hooks of one kind run in order, up to the first that fails" {
	config '.hooks.createRuntime = [range(3) | {path: "/bin/sh", args: ["sh", "-c", "echo \(.) >>" + $t + (if . == 1 then "; exit 7" else "" end)]}]' --arg t "$TRACE"
	run -1 kist run "$CT"
	has /hooks/createRuntime/1 "7"
	[ "$(tr '\n' ' ' <"$TRACE")" = "0 1 " ]
	nothing_left
}

@test "a failing hook of each kind of create: error with its output, and nothing remains" {
	local kind
	for kind in prestart createRuntime createContainer; do
		cp "$TEMPLATE/config.json" config.json
		config '.hooks[$k] = [{path: "/bin/sh", args: ["sh", "-c", "echo out of tea; echo and of milk >&2; exit 3"]}]' --arg k $kind
		run -1 detached create "$CT"
		has "/hooks/$kind/0" "out of tea" "and of milk" "exit status 3"
		run -1 kist state "$CT"
		nothing_left
	done
}

@test "poststop runs after a create that failed behind the first hooks" {
	hooks createRuntime poststop
	config '.hooks.createContainer = [{path: "/bin/false"}]'
	run -1 detached create "$CT"
	[ "$(order)" = "createRuntime poststop " ] || fail "$(order)"
}

@test "a failing startContainer: start fails, the program does not run" {
	config '.root.readonly = false | .hooks.startContainer = [{path: "/bin/false"}]'
	script 'touch /tmp/ran'
	run -0 detached create "$CT"
	run -1 kist start "$CT"
	has /hooks/startContainer/0
	eventually status_is stopped
	[ ! -e rootfs/tmp/ran ]
	run -0 kist delete "$CT"
}

@test "a failing poststart: start fails and the container is stopped" {
	config '.hooks.poststart = [{path: "/bin/false"}]'
	args /bin/sleep 1000
	run -0 detached create "$CT"
	run -1 kist start "$CT"
	has /hooks/poststart/0
	eventually status_is stopped
	run -0 kist delete "$CT"
}

@test "failing poststop hooks: a warning, the others run, delete succeeds" {
	config '.hooks.poststop = [{path: "/bin/false"}, {path: "/bin/sh", args: ["sh", "-c", "echo second >>" + $t]}]' --arg t "$TRACE"
	run -0 detached create "$CT"
	run -0 kist delete "$CT"
	has warning /hooks/poststop/0
	[ "$(<"$TRACE")" = second ]
	run -1 kist state "$CT"
}

@test "timeout: the hook is killed with its children, and the create fails in time" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "sleep 1020 & sleep 1021"], timeout: 1}]'
	run -1 kist run "$CT"
	has /hooks/createRuntime/0 "1s"
	run pgrep -f '^sleep 102[01]'
	is ""
}

@test "a hook that leaves a child with its output open does not hang" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "sleep 1022 & exit 0"]}]'
	run -0 in_container 'echo ran'
	is ran
	pkill -f '^sleep 1022' || true
}

@test "a hook that does not read its input, and one that prints without end" {
	config '.hooks.createRuntime = [{path: "/bin/true"}, {path: "/bin/sh", args: ["sh", "-c", "yes | head -c 5000000; exit 1"]}]'
	run -1 kist run "$CT"
	has /hooks/createRuntime/1
	[ ${#output} -lt 20000 ]
}

@test "a hook's path: relative, missing, not executable" {
	config '.hooks.prestart = [{path: "bin/true"}]'
	run -1 kist run "$CT"
	has /hooks/prestart/0 absolute
	config '.hooks.prestart = [{path: "/no/such/hook"}]'
	run -1 kist run "$CT"
	has /hooks/prestart/0 "no such file or directory"
	config '.hooks.prestart = [{path: "/etc/passwd"}]'
	run -1 kist run "$CT"
	has /hooks/prestart/0 "permission denied"
	config '.hooks.prestart = [{path: "/bin/true", timeout: 0}]'
	run -1 kist run "$CT"
	has timeout
	nothing_left
}

@test "the path of createContainer is the host's, though it runs in the container's namespaces" {
	rm -f rootfs/bin/true
	config '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "[ -e " + $h + " ]"]}]' --arg h "$HOOK"
	args /bin/echo fine
	run -0 kist run "$CT"
	is fine
}

@test "limits are in place when hooks run" {
	needs_controller pids
	config '.linux.resources.pids.limit = 42'
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "cat " + $d + "/pids.max >" + $t]}]' --arg d "$(cgroup_dir pids)" --arg t "$TRACE"
	run -0 kist run "$CT"
	[ "$(<"$TRACE")" = 42 ]
}

@test "a hook may change the container's mounts" {
	touch "$BATS_TEST_TMPDIR/marker"
	mkdir -p rootfs/var/given
	config '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "mount --bind " + $m + " " + $r], env: ["PATH=/usr/bin:/bin"]}]' \
		--arg m "$BATS_TEST_TMPDIR" --arg r "$BUNDLE/rootfs/var/given"
	run -0 in_container 'ls /var/given/marker'
	is /var/given/marker
}

@test "without a pid namespace of its own: a failing poststart or startContainer leaves no process" {
	config '.linux.namespaces |= map(select(.type != "pid"))'
	script 'sleep 1040 & sleep 1041 & exec sleep 1042'
	hooks poststop
	# The hook fails when the children are there.
	config '.hooks.poststart = [{path: "/bin/sh", args: ["sh", "-c", "until pgrep -f \"^sleep 1041\"; do sleep 0.02; done; exit 1"], env: ["PATH=/usr/bin:/bin"]}]'
	run -1 kist run "$CT"
	has /hooks/poststart/0
	[ "$(order)" = "poststop " ] || fail "$(order)"
	run pgrep -f '^sleep 104[012]'
	is ""
	nothing_left
	config 'del(.hooks.poststart) | .hooks.startContainer = [{path: "/bin/false"}]'
	: >"$TRACE"
	run -1 kist run "$CT"
	has /hooks/startContainer/0
	[ "$(order)" = "poststop " ] || fail "$(order)"
	nothing_left
}

@test "createContainer: a program of the host, also where the image has one of that name" {
	local tool=$BATS_TEST_TMPDIR/tool
	printf '#!/bin/sh\necho host >%s.out\n' "$tool" >"$tool"
	mkdir -p "rootfs/${tool%/*}"
	printf '#!/bin/sh\necho image >%s.out\n' "$tool" >"rootfs/$tool"
	chmod 755 "$tool" "rootfs/$tool"
	config '.hooks.createContainer = [{path: $t}]' --arg t "$tool"
	run -0 kist run "$CT"
	run -0 cat "$tool.out"
	is host
	[ ! -e "rootfs/$tool.out" ]
}

@test "createContainer: / is the host's, and below the root filesystem are the container's mounts" {
	config '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "[ -e \"$0\" ] || exit 1; [ -c \"$1/dev/null\" ] || exit 2; [ -d \"$1/proc/1\" ] || exit 3", $h, $r], env: ["PATH=/usr/bin:/bin"]}]' \
		--arg h "$HOOK" --arg r "$BUNDLE/rootfs"
	run -0 kist run "$CT"
	[ ! -e rootfs/dev/null ]
}
