#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Kubernetes' side of containerd, with kist as the handler of a RuntimeClass.

load helpers
load containerd

# containerd_cri: containerd with what pods need beside the documented configuration.
containerd_cri() {
	# A network for pods, of Debian's own plugins, which needs nothing of the machine.
	local cni='' dir
	for dir in /usr/lib/cni /opt/cni/bin; do
		[ ! -x "$dir/ptp" ] || cni=$dir
	done
	mkdir -p "$STATE/cni"
	jq -n --arg dir "$STATE/cni/leases" '{cniVersion: "0.4.0", name: "pods", plugins: [{type: "ptp",
		ipam: {type: "host-local", dataDir: $dir, subnet: "10.99.0.0/24"}}]}' >"$STATE/cni/10-pods.conflist"
	# Sandboxes get -998 otherwise, which takes CAP_SYS_RESOURCE.
	local oom='restrict_oom_score_adj = true' network=("bin_dir = '$cni'" "conf_dir = '$STATE/cni'")
	if [ "$(containerd_snippet)" = config-v3.toml ]; then
		containerd_up "[plugins.'io.containerd.cri.v1.images'.pinned_images]" "sandbox = '$IMAGE'" \
			"[plugins.'io.containerd.cri.v1.runtime']" "$oom" "[plugins.'io.containerd.cri.v1.runtime'.cni]" "${network[@]}"
	else
		containerd_up "[plugins.'io.containerd.grpc.v1.cri']" "sandbox_image = '$IMAGE'" "$oom" \
			"[plugins.'io.containerd.grpc.v1.cri'.cni]" "${network[@]}"
	fi
	eventually 20 bash -c "'$CRI' $SOCKET ListContainers"
}

setup_file() {
	[ -x "$CRI" ] || skip "the client could not be built (its modules are not here)"
	containerd_cri
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

# has_network: containerd has found the plugins and their configuration.
has_network() { [ "$(cri Status | jq '.status.conditions[] | select(.type == "NetworkReady").status')" = true ]; }

@test "a pod with a network of its own: address, host name, sysctls" {
	eventually 10 has_network
	local p a b address
	p=$(sandbox '.linux.security_context.namespace_options.network = 0 | .hostname = "the-pod" | .linux.sysctls = {"net.ipv4.ip_forward": "1"}')
	address=$(cri PodSandboxStatus "{\"pod_sandbox_id\": \"$p\"}" | jq -r .status.network.ip)
	a=$(container "$p" a . sh -c 'nc -ll -p 80 -e echo page')
	b=$(container "$p" b . sleep 1000)
	run -0 in_container "$b" sh -c 'hostname; cat /proc/sys/net/ipv4/ip_forward; ls /sys/class/net; ip -4 -o addr'
	has the-pod lo eth0 "$address/"
	[ "${lines[1]}" = 1 ]
	run -0 in_container "$b" sh -c 'for i in $(seq 50); do nc -w 2 127.0.0.1 80 </dev/null && exit 0; sleep 0.2; done; exit 1'
	has page
	run -0 nc_page "$address"
	has page
	is_state "$a" 1
}

# nc_page ADDRESS: what the pod serves, from outside.
nc_page() { eventually 20 bash -c "exec 9<>/dev/tcp/$1/80 && grep page <&9" && echo page; }

@test "the pid namespace of another container; a terminal; devices; masked paths" {
	local p a b c
	p=$(sandbox '.linux.security_context.namespace_options.pid = 1')
	a=$(container "$p" a '.linux.security_context.namespace_options = {network: 2, pid: 1}' sleep 1234)
	b=$(container "$p" b '.linux.security_context.namespace_options = {network: 2, pid: 3, target_id: "'"$a"'"}' sleep 1000)
	run -0 in_container "$b" sh -c 'cat /proc/1/cmdline | tr "\0" " "'
	is "sleep 1234 "
	c=$(container "$p" c '.tty = true | .stdin = true | .devices = [{host_path: "/dev/null", container_path: "/dev/mine", permissions: "rw"}]
		| .linux.security_context.namespace_options = {network: 2, pid: 1}
		| .linux.security_context.masked_paths = ["/proc/meminfo"] | .linux.security_context.readonly_paths = ["/proc/fs"]' \
		sh -c 'tty; echo x >/dev/mine && wc -c </proc/meminfo; sleep 1000')
	eventually 10 grep -q /dev/pts/0 "$BATS_TEST_TMPDIR/logs/c.log"
	eventually 10 grep -qE 'stdout F 0.?$' "$BATS_TEST_TMPDIR/logs/c.log"
	run -0 in_container "$c" sh -c 'cat /proc/1/cmdline | tr "\0" " "'
	is "sleep 1000 "
}

@test "mounts: every propagation" {
	local p a b c dir=$STATE/cri-shared
	mkdir -p "$dir"
	mount --bind "$dir" "$dir"
	mount --make-shared "$dir"
	mkdir "$dir/late"
	p=$(sandbox '.linux.security_context.privileged = true')
	a=$(container "$p" a ".mounts = [{host_path: \"$dir\", container_path: \"/m\"}]" sleep 1000)
	b=$(container "$p" b ".mounts = [{host_path: \"$dir\", container_path: \"/m\", propagation: 1}]" sleep 1000)
	c=$(container "$p" c ".linux.security_context.privileged = true | .mounts = [{host_path: \"$dir\", container_path: \"/m\", propagation: 2}]" sleep 1000)
	mount -t tmpfs late "$dir/late"
	run in_container "$a" grep -c "^late /m/late" /proc/mounts
	is 0
	run in_container "$b" grep -c "^late /m/late" /proc/mounts
	is 1
	umount "$dir/late"
	in_container "$c" mount -t tmpfs fromwithin /m/late
	grep -q "^fromwithin $dir/late" /proc/mounts
	in_container "$c" umount /m/late
	run ! grep -q "^fromwithin" /proc/mounts
	teardown
	umount -l "$dir"
}

@test "seccomp: a profile of the node, none; exec with a time limit" {
	local p a b
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >"$BATS_TEST_TMPDIR/p.json"
	p=$(sandbox)
	a=$(container "$p" a ".linux.security_context.seccomp = {profile_type: 2, localhost_ref: \"$BATS_TEST_TMPDIR/p.json\"}" sleep 1000)
	b=$(container "$p" b '.linux.security_context.seccomp = {profile_type: 1}' sleep 1000)
	run ! in_container "$a" mkdir /tmp/x
	run -0 in_container "$a" grep Seccomp: /proc/self/status
	is $'Seccomp:\t2'
	run -0 in_container "$b" grep Seccomp: /proc/self/status
	is $'Seccomp:\t0'
	run ! cri ExecSync "{\"container_id\": \"$b\", \"cmd\": [\"sleep\", \"4322\"], \"timeout\": 1}"
	has "timeout"
	eventually 10 bash -c '! pgrep -f "^sleep 4322"'
}

@test "out of memory is the reason that the kubelet is told" {
	local p a
	p=$(sandbox)
	a=$(container "$p" a '.linux.resources = {memory_limit_in_bytes: 16777216}' tail /dev/zero)
	eventually 20 is_state "$a" 2
	run -0 cri ContainerStatus "{\"container_id\": \"$a\"}"
	[ "$(jq -r '"\(.status.exit_code) \(.status.reason)"' <<<"$output")" = "137 OOMKilled" ]
}

@test "containerd is started anew: pods go on" {
	local p a
	p=$(sandbox)
	a=$(container "$p" a . sh -c 'trap "exit 9" TERM; while :; do sleep 0.05; done')
	halt containerd
	containerd_cri
	is_state "$a" 1
	run -0 in_container "$a" echo still
	is still
	cri StopContainer "{\"container_id\": \"$a\", \"timeout\": 10}"
	[ "$(cri ContainerStatus "{\"container_id\": \"$a\"}" | jq .status.exit_code)" -eq 9 ]
}

@test "10 pods at once" {
	local i pids=()
	for i in $(seq 10); do
		(pod ".metadata.name = \"many-$i\" | .metadata.uid = \"many-$i\"" | jq '{config: ., runtime_handler: "kist"}' >"$BATS_TEST_TMPDIR/$i" &&
			cri RunPodSandbox "$(cat "$BATS_TEST_TMPDIR/$i")") >/dev/null &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	[ "$(cri ListPodSandbox | jq '[.items[] | select((.state // 0) == 0)] | length')" -eq 10 ]
}

@test "errors reach the kubelet" {
	local p
	p=$(sandbox)
	run ! container "$p" a . no-such-program
	has 'exec: "no-such-program": executable file not found in $PATH'
	run ! container "$p" b . /etc/passwd
	has 'exec: "/etc/passwd": permission denied'
	echo '{"defaultAction":"SCMP_ACT_NONSENSE"}' >"$BATS_TEST_TMPDIR/p.json"
	run ! container "$p" c ".linux.security_context.seccomp = {profile_type: 2, localhost_ref: \"$BATS_TEST_TMPDIR/p.json\"}" true
	has SCMP_ACT_NONSENSE
	run ! container "$p" d ".mounts = [{host_path: \"$STATE/etc\", container_path: \"/etc/passwd\"}]" true
	has /etc/passwd "not a directory"
	run ! sandbox '.linux.sysctls = {"kernel.no_such": "1"} | .metadata.name = "other"'
	has no_such
	pod '.metadata.name = "third"' >"$BATS_TEST_TMPDIR/third.json"
	run ! cri RunPodSandbox "$(jq '{config: ., runtime_handler: "unheard-of"}' "$BATS_TEST_TMPDIR/third.json")"
	has unheard-of
}
