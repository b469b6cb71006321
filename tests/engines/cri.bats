#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Kubernetes' side of containerd, with kist as the handler of a RuntimeClass.

load helpers
load containerd

setup_file() {
	[ -x "$CRI" ] || skip "the client could not be built (its modules are not here)"
	# Sandboxes get -998 otherwise, which takes CAP_SYS_RESOURCE.
	local oom='restrict_oom_score_adj = true'
	if [ "$(containerd_snippet)" = config-v3.toml ]; then
		containerd_up "[plugins.'io.containerd.cri.v1.images'.pinned_images]" "sandbox = '$IMAGE'" \
			"[plugins.'io.containerd.cri.v1.runtime']" "$oom"
	else
		containerd_up "[plugins.'io.containerd.grpc.v1.cri']" "sandbox_image = '$IMAGE'" "$oom"
	fi
	ctr -n k8s.io images import "$STATE/image.tar" >/dev/null
	eventually 20 bash -c "'$CRI' $SOCKET ListImages | grep -q library/box"
	export SOCKET IMAGE
}
teardown_file() {
	[ ! -x "$CRI" ] || halt containerd
	# Of a pod's parent the kubelet takes care.
	find /sys/fs/cgroup -depth -type d -path "*/$ENGINES_CGROUP/pods" -exec rmdir {} +
}

teardown() {
	local id
	for id in $(cri ListPodSandbox | jq -r '.items[]?.id'); do
		cri StopPodSandbox "{\"pod_sandbox_id\": \"$id\"}" >/dev/null
		cri RemovePodSandbox "{\"pod_sandbox_id\": \"$id\"}" >/dev/null
	done
}

cri() { "$CRI" "$SOCKET" "$@" 3>&- 4>&-; }

# pod [FILTER]: the configuration of a pod with the host's network, as jq changes it.
pod() {
	jq -n --arg name "p$BATS_TEST_NUMBER" --arg parent "/$ENGINES_CGROUP/pods" --arg logs "$BATS_TEST_TMPDIR/logs" '
		{metadata: {name: $name, uid: $name, namespace: "default"}, log_directory: $logs,
		 linux: {cgroup_parent: $parent, security_context: {namespace_options: {network: 2}}}}' | jq "${1:-.}"
}

# sandbox [FILTER]: run a pod, and print its id.
sandbox() {
	local answer
	pod "${1:-.}" >"$BATS_TEST_TMPDIR/pod.json"
	answer=$(cri RunPodSandbox "$(jq '{config: ., runtime_handler: "kist"}' "$BATS_TEST_TMPDIR/pod.json")") || return
	jq -r .pod_sandbox_id <<<"$answer"
}

# container POD NAME FILTER WORD...: create and start one, and print its id.
container() {
	local pod=$1 name=$2 filter=$3 id
	shift 3
	id=$(cri CreateContainer "$(jq --arg pod "$pod" --arg name "$name" --arg image "$IMAGE" '
		{pod_sandbox_id: $pod, sandbox_config: ., config: ({metadata: {name: $name}, image: {image: $image},
		 log_path: "\($name).log", linux: {}, command: $ARGS.positional} | '"$filter"')}' \
		"$BATS_TEST_TMPDIR/pod.json" --args -- "$@")" | jq -r .container_id)
	[ -n "$id" ] || return
	cri StartContainer "{\"container_id\": \"$id\"}" >/dev/null || return
	echo "$id"
}

# in_container ID WORD...: what ExecSync gives: standard output; and its status as ours.
in_container() {
	local id=$1 answer
	shift
	answer=$(cri ExecSync "$(jq -n --arg id "$id" '{container_id: $id, cmd: $ARGS.positional, timeout: 20}' --args -- "$@")") || return
	jq -r '.stdout // "" | @base64d' <<<"$answer"
	return "$(jq '.exit_code // 0' <<<"$answer")"
}

# is_state ID STATE: 1 is running, 2 exited.
is_state() { [ "$(cri ContainerStatus "{\"container_id\": \"$1\"}" | jq '.status.state // 0')" -eq "$2" ]; }

@test "a pod of two containers: shared namespaces, logs, exec, exit status" {
	local p a b
	p=$(sandbox '.linux.security_context.namespace_options.pid = 0')
	a=$(container "$p" a . sh -c 'echo from a; sleep 1234')
	b=$(container "$p" b . sh -c 'sleep 0.5; exit 6')
	run -0 in_container "$a" sh -c 'ps; for n in ipc net pid; do readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; done | uniq -c | grep -c " 2 "'
	has "sleep 1234"
	[ "${lines[-1]}" = 3 ]
	run -3 in_container "$a" sh -c 'exit 3'
	eventually 10 is_state "$b" 2
	[ "$(cri ContainerStatus "{\"container_id\": \"$b\"}" | jq .status.exit_code)" -eq 6 ]
	grep -q 'stdout F from a' "$BATS_TEST_TMPDIR/logs/a.log"
	[ "$(cri ListContainerStats '{}' | jq '.stats | length')" -ge 1 ]
}

@test "security context: capabilities, read-only root, user, groups, seccomp, no_new_privs" {
	local p a
	p=$(sandbox)
	a=$(container "$p" a '.linux.security_context = {run_as_user: {value: 1000}, supplemental_groups: [3000], readonly_rootfs: true,
		no_new_privs: true, capabilities: {drop_capabilities: ["ALL"], add_capabilities: ["KILL"]}, seccomp: {profile_type: 0}}' sleep 1000)
	run -0 in_container "$a" sh -c 'id; ! touch /x 2>/dev/null && grep -E "NoNewPrivs|CapBnd|Seccomp:" /proc/self/status'
	has "uid=1000(user)" 3000 $'CapBnd:\t0000000000000020' $'NoNewPrivs:\t1' $'Seccomp:\t2'
}

@test "privileged" {
	local p a
	p=$(sandbox '.linux.security_context.privileged = true')
	a=$(container "$p" a '.linux.security_context.privileged = true' sleep 1000)
	run -0 in_container "$a" sh -c 'mount -t tmpfs none /tmp && test -e /dev/kmsg && echo mounted'
	is mounted
}

@test "resources: set, updated, in the pod's cgroup" {
	local p a file=memory.limit_in_bytes dir=/sys/fs/cgroup/memory
	if cgroup_v2; then file=memory.max dir=/sys/fs/cgroup; fi
	p=$(sandbox)
	a=$(container "$p" a '.linux.resources = {memory_limit_in_bytes: 67108864, cpu_quota: 50000, cpu_period: 100000}' sleep 1000)
	[ "$(cat "$dir/$ENGINES_CGROUP/pods/$a/$file")" = 67108864 ]
	cri UpdateContainerResources "{\"container_id\": \"$a\", \"linux\": {\"memory_limit_in_bytes\": 100663296}}"
	[ "$(cat "$dir/$ENGINES_CGROUP/pods/$a/$file")" = 100663296 ]
}

@test "mounts: read-only, recursive propagation, shared with a sibling" {
	local p a b
	p=$(sandbox)
	mkdir -p "$BATS_TEST_TMPDIR/volume"
	a=$(container "$p" a ".mounts = [{host_path: \"$BATS_TEST_TMPDIR/volume\", container_path: \"/v\"}]" sleep 1000)
	b=$(container "$p" b ".mounts = [{host_path: \"$BATS_TEST_TMPDIR/volume\", container_path: \"/v\", readonly: true}]" sleep 1000)
	in_container "$a" sh -c 'echo data >/v/file'
	run -0 in_container "$b" sh -c 'cat /v/file; ! touch /v/x 2>/dev/null && echo ro'
	is $'data\nro'
}

@test "stop: grace period, then KILL; the pod leaves nothing" {
	local p a
	p=$(sandbox)
	a=$(container "$p" a . sh -c 'trap "" TERM; while :; do sleep 1; done')
	cri StopContainer "{\"container_id\": \"$a\", \"timeout\": 1}"
	is_state "$a" 2
	[ "$(cri ContainerStatus "{\"container_id\": \"$a\"}" | jq .status.exit_code)" -eq 137 ]
	teardown
	[ -z "$(ls /run/containerd/runc/k8s.io 2>/dev/null)" ]
}

@test "errors reach the kubelet" {
	local p
	p=$(sandbox)
	run ! container "$p" a . no-such-program
	has 'exec: "no-such-program": executable file not found in $PATH'
	run ! sandbox '.linux.sysctls = {"kernel.no_such": "1"} | .metadata.name = "other"'
	has no_such
}
