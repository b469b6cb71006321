#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# checkpoint and restore. They need a kernel that CRIU works on: the virtual machine's is one.

load helpers

setup_file() {
	export CRIU_WORKS
	CRIU_WORKS=$(criu check 2>&1) || CRIU_WORKS="CRIU does not work here: $(tail -n 1 <<<"$CRIU_WORKS" | tr -d '\n')"
}

setup() {
	prepare
	# What is refused is refused everywhere.
	[[ $CRIU_WORKS != *"does not work"* || $BATS_TEST_DESCRIPTION == *refused ]] || skip "$CRIU_WORKS"
	mkdir -m 777 out
	config '.mounts += [{destination: "/out", type: "bind", source: "out", options: ["bind"]}]'
}

# counting: a container that counts in memory, and writes to out/n.
counting() {
	script 'n=0; while :; do n=$((n + 1)); echo $n >/out/new; mv /out/new /out/n; sleep 0.2; done'
	detached run -d "$CT"
	eventually [ -s out/n ]
}
# connected: the same, with an open TCP connection.
connected() {
	script '{ sleep 100000 | nc -l -p 5000 | while read -r x; do echo "$x" >/out/got; done; } &
		until netstat -ltn | grep -q 5000; do sleep 0.1; done
		{ while :; do echo x; sleep 1; done | nc 127.0.0.1 5000; } &
		n=0; while :; do n=$((n + 1)); echo $n >/out/new; mv /out/new /out/n; sleep 0.2; done'
	detached run -d "$CT"
	eventually [ -s out/got ]
	eventually [ -s out/n ]
}
count() { cat out/n; }
beyond() { [ -s out/n ] && [ "$(count)" -gt "$1" ]; }

# save [FLAG...]: the checkpoint. It stops the counting; how far it was is in COUNT.
save() {
	run -0 kist checkpoint --image-path img "$@" "$CT"
	COUNT=$(count)
}
# back [FLAG...]: the restore, which goes on behind COUNT.
back() {
	run -0 detached restore -d --image-path img "$@" "$CT"
	goes_on
}
goes_on() {
	eventually beyond "$COUNT"
	[ "$(count)" -lt $((COUNT + 1000)) ]
}

# peer KIND ARG...: the other end of a socket, in the background, its output in the file peer.
peer() {
	"$PEERS/peer" "$1" "$BUNDLE/sock" "${@:2}" >peer 2>&1 3>&- 4>&- &
	PEER=$!
	eventually grep -q listening peer
}

# bats test_tags=vm
@test "a container is saved and deleted, comes back, and is a container like any other" {
	config '.linux.resources.pids.limit = 77 | .linux.maskedPaths += ["/etc/group"]'
	counting
	save
	is ""
	run -0 kist list -q
	is ""
	nothing_left
	sleep 1
	[ "$(count)" = "$COUNT" ]
	back --pid-file pid
	[ "$(cat pid)" = "$(pid)" ]
	status_is running
	grep -q "$CT" "/proc/$(pid)/cgroup"
	[ "$(cat "$(cgroup_dir pids)/pids.max")" = 77 ]
	run -0 kist exec "$CT" sh -c 'cat /etc/group; cat /proc/kcore; wc -c </proc/keys; touch /proc/sys/x 2>/dev/null || echo read-only; echo in /proc/1/comm'
	lacks user
	has "read-only"
	# It ends like any other.
	kist kill "$CT" KILL
	eventually status_is stopped
	run -0 kist delete "$CT"
	nothing_left
}

@test "another id, another bundle, another cgroup" {
	config '.linux.cgroupsPath = "/" + $p' --arg p "$CT"
	counting
	save
	mkdir other
	cp -al rootfs other/rootfs
	jq '.linux.cgroupsPath = "/" + $p | .mounts[-1].source = $s' --arg p "$CT-other/deep" --arg s "$BUNDLE/out" config.json >other/config.json
	run -0 detached restore -d --image-path img --bundle other "$CT-2"
	goes_on
	run -0 cat "/proc/$(pid "$CT-2")/cgroup"
	has "$CT-other/deep"
	status_is running "$CT-2"
	run -0 kist delete --force "$CT-2"
	rmdir /sys/fs/cgroup/"$CT-other" /sys/fs/cgroup/*/"$CT-other" 2>/dev/null || true
}

# bats test_tags=vm
@test "--leave-running: the container runs on, and a copy beside it" {
	counting
	save --leave-running
	status_is running
	goes_on
	mkdir copy
	config '.mounts[-1].source = "copy"'
	run -0 detached restore -d --image-path img "$CT-copy"
	eventually [ -s copy/n ]
	status_is running
	status_is running "$CT-copy"
	COUNT=$(count)
	goes_on
}

@test "a paused container: saved as it is, running when it is back; paused with --leave-running" {
	counting
	run -0 kist pause "$CT"
	save --leave-running
	status_is paused
	save
	back
	status_is running
}

# bats test_tags=vm
@test "a checkpoint that fails leaves the container as it was" {
	connected
	run -1 kist checkpoint --image-path img "$CT"
	has "criu dump:" tcp-established "img/dump.log"
	status_is running
	COUNT=$(count)
	goes_on
	run -0 kist pause "$CT"
	run -1 kist checkpoint --image-path img --work-path work "$CT"
	has "work/dump.log"
	status_is paused
	run -0 kist resume "$CT"
	COUNT=$(count)
	goes_on
	# What it did not allow is allowed.
	save --tcp-established
	run -1 detached restore -d --image-path img "$CT"
	has "criu restore:" TCP "img/restore.log"
	nothing_left
	back --tcp-established
	run -0 kist exec "$CT" netstat -tn
	has ESTABLISHED
}

@test "--tcp-close: connections come back closed" {
	connected
	save --tcp-established
	back --tcp-close
	run -0 kist exec "$CT" netstat -tn
	lacks ESTABLISHED
}

@test "a terminal: its master goes to the console socket of the restore" {
	config '.process.terminal = true'
	script 'echo ready; while read -r x; do echo "got $x"; done'
	peer tty
	detached run -d --console-socket sock "$CT"
	eventually grep -q ready peer
	run -0 kist checkpoint --image-path img "$CT"
	wait $PEER
	run -1 kist restore -d --image-path img "$CT"
	has "console socket"
	peer tty -write hello
	run -0 detached restore -d --image-path img --console-socket sock "$CT"
	eventually grep -q "got hello" peer
	run -0 kist exec "$CT" sh -c 'ls -l /proc/1/fd/0 /dev/console'
	has /dev/pts/
	run -0 kist delete --force "$CT"
	wait $PEER
}

@test "standard streams that are pipes: those of the restore take their place" {
	script 'n=0; while :; do n=$((n + 1)); echo "line $n"; sleep 0.2; done'
	{ kist run -d "$CT" </dev/null 2>&1 | cat >first 3>&- 4>&-; } &
	local reader=$!
	eventually grep -q "line 3" first
	run -0 kist checkpoint --image-path img "$CT"
	wait $reader
	run -0 jq -r .[1] img/descriptors.json
	like '^pipe:\[[0-9]+\]$'
	{ kist restore -d --image-path img "$CT" </dev/null 2>&1 | cat >second 3>&- 4>&-; } &
	reader=$!
	eventually grep -q line second
	# No line is lost, none comes twice.
	local last next
	last=$(tail -n 1 first) next=$(head -n 1 second)
	[ $((${last#line } + 1)) = "${next#line }" ] || fail "$last, then $next"
	kist delete --force "$CT"
	wait $reader
}

@test "in the foreground: it waits, forwards signals, gives the status and deletes" {
	script 'trap "exit 42" TERM; n=0; while :; do n=$((n + 1)); echo $n >/out/new; mv /out/new /out/n; sleep 0.2; done'
	detached run -d "$CT"
	eventually beyond 2
	save
	"$KIST" --root "$ROOT" restore --image-path img "$CT" </dev/null >>"$LOG" 2>&1 3>&- 4>&- &
	local kist=$! status=0
	goes_on
	kill -TERM $kist
	wait $kist || status=$?
	[ $status = 42 ] || fail "status $status: $(cat "$LOG")"
	nothing_left
}

@test "bind mounts: directories, files, trees, read-only, behind links" {
	mkdir -p dir tree/below
	mount -t tmpfs tmpfs tree/below
	echo file >file
	echo dir >dir/x
	echo below >tree/below/x
	ln -s real rootfs/link
	config '.mounts += [
		{destination: "/etc/file", type: "bind", source: "file", options: ["bind", "ro"]},
		{destination: "/link/dir", type: "bind", source: "dir", options: ["bind", "nosuid", "nodev"]},
		{destination: "/tree", type: "bind", source: "tree", options: ["rbind"]},
		{destination: "/tree/own", type: "tmpfs", source: "tmpfs"},
		{destination: "/dev/file", type: "bind", source: "file", options: ["bind"]}]'
	script 'echo own >/tree/own/x; while :; do cat /etc/file /real/dir/x /tree/below/x /tree/own/x /dev/file >/out/new 2>&1; mv /out/new /out/seen; n=$((n + 1)); echo $n >/out/new; mv /out/new /out/n; sleep 0.2; done'
	run -0 detached run -d "$CT"
	eventually beyond 1
	run -0 cat out/seen
	is $'file\ndir\nbelow\nown\nfile'
	save
	umount tree/below
	mount -t tmpfs tmpfs tree/below
	echo other >tree/below/x
	echo changed >dir/x
	back
	eventually grep -q changed out/seen
	run -0 cat out/seen
	is $'file\nchanged\nother\nown\nfile'
	run -0 kist exec "$CT" sh -c 'echo >/etc/file || echo no'
	has no
	grep ' /real/dir ' "/proc/$(pid)/mountinfo" | grep -q nosuid,nodev
	run -0 kist delete --force "$CT"
	umount tree/below
}

@test "a root filesystem without the mount points gets them" {
	counting
	save
	rmdir rootfs/out
	back
	run -0 kist delete --force "$CT"
}

rights() { grep -E '^(Cap|NoNewPrivs|Seccomp|Uid|Groups)' "/proc/$(pid)/status"; }

@test "a read-only root, a seccomp filter, capabilities and no_new_privs are as before" {
	config '.root.readonly = true | .process.noNewPrivileges = true
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_ERRNO"}]}'
	counting
	local before
	before=$(rights)
	save
	back
	output=$(rights)
	is "$before"
	run -0 kist exec "$CT" sh -c 'touch /x || echo read-only'
	has read-only
}

@test "a user namespace" {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	mkdir rootfs/out # root of the namespace may not
	chown 100000:100000 out
	: >"$LOG"
	chmod 666 "$LOG" # the container's root opens it again
	counting
	save
	back
	[ "$(stat -c %u "/proc/$(pid)")" = 100000 ]
	[ "$(stat -c %a:%g img)" = 700:0 ]
	run -0 kist exec "$CT" sh -c 'id -u; echo >/dev/null && echo null'
	is $'0\nnull'
}

@test "namespaces of others: those of a pod" {
	local pod=$CT-pod
	mkdir pod
	(cd pod && ln -s ../rootfs rootfs && cp ../config.json . && config '.process.args = ["/bin/sleep", "1000"] | .root.path = "../rootfs" | .mounts |= map(select(.destination != "/out")) | .hostname = "the-pod"' && detached run -d "$pod")
	local at
	at=/proc/$(pid "$pod")/ns
	config '.linux.namespaces |= map(if .type == "network" then .path = $at + "/net" elif .type == "ipc" then .path = $at + "/ipc"
		elif .type == "uts" then .path = $at + "/uts" else . end) | del(.hostname)' --arg at "$at"
	counting
	save
	back
	for kind in net ipc uts; do
		[ "$(readlink "/proc/$(pid)/ns/$kind")" = "$(readlink "$at/$kind")" ] || fail "$kind is its own"
	done
	run -0 kist exec "$CT" hostname
	is the-pod
}

@test "a pid namespace of another container" {
	local pod=$CT-pod
	mkdir pod
	(cd pod && cp ../config.json . && config '.process.args = ["/bin/sh", "-c", "while :; do sleep 1000 & wait; done"] | .root.path = "../rootfs" | .mounts |= map(select(.destination != "/out"))' && detached run -d "$pod")
	config '.linux.namespaces |= map(if .type == "pid" then .path = $p else . end)' --arg p "/proc/$(pid "$pod")/ns/pid"
	counting
	save
	back
	[ "$(readlink "/proc/$(pid)/ns/pid")" = "$(readlink "/proc/$(pid "$pod")/ns/pid")" ]
}

@test "--empty-ns network: hooks make its content again" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", $s]}]' \
		--arg s "pid=\$(jq .pid); nsenter -t \$pid -n ip link add made type dummy; nsenter -t \$pid -n ip link set lo up; echo \$pid >>$BUNDLE/hooked"
	config '.hooks.createRuntime[0].env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]'
	counting
	save --empty-ns network
	back --empty-ns network
	run -0 kist exec "$CT" ip link
	has made
	[ "$(tail -n 1 hooked)" = "$(pid)" ]
}

@test "hooks: prestart and createRuntime at restore, poststop when it is saved and deleted" {
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		config '.hooks[$k] = [{path: "/bin/sh", args: ["sh", "-c", "echo " + $k + " $(jq -r .status,.pid) >>" + $f], env: ["PATH=/usr/bin:/bin"]}]' --arg k $kind --arg f "$BUNDLE/trace"
	done
	counting
	: >trace
	save
	run -0 cat trace
	is "poststop stopped null"
	: >trace
	back
	run -0 cat trace
	is "prestart created $(pid)"$'\n'"createRuntime created $(pid)"
	run -0 kist delete --force "$CT"
	run -0 tail -n 1 trace
	is "poststop stopped null"
	# One that fails ends the restore.
	config '.hooks.createRuntime[0].args = ["sh", "-c", "echo not today >&2; exit 3"]'
	run -1 kist restore -d --image-path img "$CT"
	has /hooks/createRuntime/0 "not today"
	run -0 kist list -q
	is ""
}

@test "--pre-dump, then --parent-path" {
	counting
	run -0 kist checkpoint --pre-dump --image-path pre "$CT"
	status_is running
	COUNT=$(count)
	goes_on
	run -0 kist checkpoint --pre-dump --image-path pre2 --parent-path ../pre "$CT"
	run -1 kist checkpoint --image-path img --parent-path "$PWD/pre" "$CT"
	has relative
	run -1 kist checkpoint --image-path img --parent-path ../nowhere "$CT"
	has nowhere
	save --parent-path ../pre2
	[ "$(readlink img/parent)" = ../pre2 ]
	back
}

@test "--lazy-pages: memory is fetched when it is needed" {
	counting
	mkfifo ready
	exec 9<>ready
	"$KIST" --root "$ROOT" checkpoint --image-path img --lazy-pages --page-server 127.0.0.1:5123 --status-fd 8 "$CT" 8>ready >save.log 2>&1 </dev/null 9>&- 3>&- 4>&- &
	local saving=$!
	# One byte, a zero, which bash cannot read.
	[ "$(timeout "$HANG" head -c 1 <&9 | od -An -tx1)" = " 00" ] || fail "$(cat save.log)"
	exec 9>&-
	COUNT=$(count)
	mkdir work
	criu lazy-pages --page-server --address 127.0.0.1 --port 5123 -D img -W work -o lazy.log 9>&- 3>&- 4>&- &
	local lazy=$!
	eventually [ -S work/lazy-pages.socket ]
	# The saved one is there until all of its memory is here.
	run -0 detached restore -d --image-path img --lazy-pages --work-path work "$CT-2"
	goes_on
	wait $saving || fail "$(cat save.log)"
	wait $lazy
	run -0 kist list -q
	is "$CT-2"
	COUNT=$(count)
	goes_on
}

@test "--file-locks, --link-remap" {
	config '.root.readonly = false'
	cp "$PEERS/peer" rootfs/bin/
	script 'echo linked >/tmp/a; ln /tmp/a /tmp/b; exec 8</tmp/a; rm /tmp/a; peer lock /out/lock >/out/locked &
		until grep -q locked /out/locked; do sleep 0.1; done
		n=0; while :; do n=$((n + 1)); echo $n >/out/new; mv /out/new /out/n; sleep 0.2; done'
	detached run -d "$CT"
	eventually beyond 1
	run -1 kist checkpoint --image-path img --link-remap "$CT"
	has file-locks
	run -1 kist checkpoint --image-path img --file-locks "$CT"
	has link-remap
	save --file-locks --link-remap
	flock -n out/lock true
	back --file-locks
	run -1 flock -n out/lock true
	run -0 kist exec "$CT" cat /proc/1/fd/8
	is linked
}

@test "a process that exec has brought is warned of" {
	counting
	run -0 detached exec -d "$CT" sleep 1000
	save
	has "exec has brought in"
	back
}

no_ring() { ! grep -q "_ses.$CT:" /proc/keys; }

@test "the restored container has a session keyring of its own" {
	counting
	save
	eventually no_ring
	back
	grep -q "_ses.$CT:" /proc/keys
	run -0 kist exec "$CT" true
}

@test "a restore that cannot be leaves nothing" {
	counting
	save
	run -1 kist restore -d --image-path nowhere "$CT"
	has nowhere
	nothing_left
	mkdir empty
	run -1 kist restore -d --image-path empty "$CT"
	has inventory.img
	nothing_left
	cp -r img broken
	rm broken/core-1.img
	run -1 kist restore -d --image-path broken "$CT"
	has "criu restore:" broken/restore.log
	run -0 kist list -q
	is ""
	config '.mounts |= map(select(.destination != "/out"))'
	run -1 kist restore -d --image-path img "$CT"
	has "criu restore:"
	run -0 kist list -q
	is ""
}

@test "an id that is taken, and a container that does not run" {
	counting
	run -0 kist checkpoint --leave-running --image-path img "$CT"
	run -1 kist restore -d --image-path img "$CT"
	has "already exists"
	status_is running
	kist kill "$CT" KILL
	eventually status_is stopped
	run -1 kist checkpoint --image-path img2 "$CT"
	has stopped
	[ ! -e img2 ]
	run -0 kist delete "$CT"
	args /bin/true
	run -0 detached create "$CT"
	run -1 kist checkpoint --image-path img2 "$CT"
	has created
}

@test "what cannot be saved is refused" {
	running --no-pivot
	run -1 kist checkpoint --image-path img "$CT"
	has --no-pivot
	status_is running
	run -0 kist delete --force "$CT"
	config '.linux.namespaces |= map(select(.type != "mount")) | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	running
	run -1 kist checkpoint --image-path img "$CT"
	has "mount namespace"
}

@test "flags that contradict or mean nothing are refused" {
	running
	local flags
	for flags in "--lazy-pages" "--status-fd 1" "--status-fd 77 --lazy-pages --page-server a:1" "--page-server here" "--page-server a:0" \
		"--manage-cgroups-mode hard" "--empty-ns pid" "--network-lock ipchains" "--lazy-pages --pre-dump --page-server a:1"; do
		# shellcheck disable=SC2086 # several words
		run -1 kist checkpoint --image-path img $flags "$CT"
		has "${flags%% *}"
		[ ! -e img ]
	done
	status_is running
	for flags in "--no-pivot" "--tcp-established --tcp-close" "--empty-ns mount" "--manage-cgroups-mode 1"; do
		# shellcheck disable=SC2086 # several words
		run -1 kist restore --image-path img $flags "$CT-2"
		has "${flags%% *}"
	done
	run -0 kist checkpoint --help
	has --leave-running
	run -1 kist restore --lsm-mount-context
	has "flag needs an argument"
}

@test "without root it is refused" {
	running
	run -1 setpriv --reuid 1000 --regid 1000 --clear-groups env XDG_RUNTIME_DIR=/run/xdg "$KIST" restore --image-path img x
	has root
}
