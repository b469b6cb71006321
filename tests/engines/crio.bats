#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# CRI-O's command lines, for conmon and for the runtime, without CRI-O itself.

load helpers
load crio

teardown() {
	local id
	for id in $(crio list -q); do
		crio delete --force "$id"
	done
	eventually 20 no_monitors
	[ -z "$(ls "$CRIO_ROOT" 2>/dev/null)" ]
	rm -rf "${EXITS:?}" "${SOCKETS:?}"
}

# no_monitors: every conmon has seen the end of its container.
no_monitors() { ! pgrep -x conmon; }

@test "a container: pid, state, start, log, kill by name, exit file, delete" {
	bundle c1 '.process.args = ["sh", "-c", "trap \"echo bye; exit 7\" TERM; echo out; echo err >&2; while :; do sleep 0.05; done"]'
	run -0 monitor c1
	[ "$(jq .pid <<<"$output")" = "$(cat "$BATS_TEST_TMPDIR/c1/pidfile")" ]
	run -0 crio state c1
	jq -e --arg dir "$BATS_TEST_TMPDIR/c1" --argjson pid "$(cat "$BATS_TEST_TMPDIR/c1/pidfile")" '
		.id == "c1" and .status == "created" and .pid == $pid and .bundle == $dir and (.ociVersion | length > 0)
		and .annotations["io.container.manager"] == "cri-o" and (.created | sub("\\.[0-9]+"; "") | fromdate > 0)' <<<"$output"
	run -0 crio start c1
	is ""
	is_status c1 running
	eventually 10 logged c1 out
	eventually 10 logged c1 err
	run -0 crio kill c1 TERM
	is ""
	eventually 20 exited c1 7
	logged c1 bye
	[ "$(cat "$BATS_TEST_TMPDIR/c1/exit")" = 7 ]
	run -0 crio state c1
	jq -e '.status == "stopped" and (.pid // 0) == 0' <<<"$output"
	# These two words are what CRI-O takes for "it has ended by itself".
	run -1 crio kill c1 KILL
	has "container not running"
	run -0 crio delete --force c1
	is ""
	run -1 crio state c1
	has "does not exist"
	run -0 crio delete --force c1
}

@test "conmon that stays in the foreground (--sync)" {
	bundle c1 '.process.args = ["sh", "-c", "exit 3"]'
	monitor c1 --sync &
	local job=$!
	eventually 20 is_status c1 created
	crio start c1
	eventually 20 exited c1 3
	local status=0
	wait $job || status=$?
	[ $status -eq 3 ]
}

@test "a terminal: log, attach, the size that is asked for by way of conmon" {
	bundle c1 '.process.terminal = true | .process.consoleSize = {height: 31, width: 71} | .process.args = ["sh", "-c",
		"tty; stty size; trap \"stty size\" WINCH; until [ \"$line\" = end ]; do read -r line; done; echo \"got $line\"; exit 4"]'
	run -0 monitor c1 -t
	jq -e '.pid > 0' <<<"$output"
	crio start c1
	eventually 10 logged c1 /dev/pts/0
	eventually 10 logged c1 "31 71"
	echo "1 41 101" >"$BATS_TEST_TMPDIR/c1/ctl"
	eventually 10 logged c1 "41 101"
	(printf 'end\n' && eventually 20 exited c1 4) | socat - "UNIX-CONNECT:$SOCKETS/c1/attach,type=5" >"$BATS_TEST_TMPDIR/seen"
	grep -q "got end" "$BATS_TEST_TMPDIR/seen"
	logged c1 "got end"
}

@test "standard input by way of conmon, which ends with the client or stays open" {
	bundle c1 '.process.args = ["sh", "-c", "cat; echo at the end"]'
	monitor c1 -i
	crio start c1
	printf 'piped\n' | socat -u - "UNIX-CONNECT:$SOCKETS/c1/attach,type=5"
	eventually 20 exited c1 0
	logged c1 piped
	logged c1 "at the end"
	bundle c2 '.process.args = ["cat"]'
	monitor c2 -i --leave-stdin-open
	crio start c2
	printf 'first\n' | socat -u - "UNIX-CONNECT:$SOCKETS/c2/attach,type=5"
	eventually 10 logged c2 first
	printf 'second\n' | socat -u - "UNIX-CONNECT:$SOCKETS/c2/attach,type=5"
	eventually 10 logged c2 second
	is_status c2 running
}

@test "exec for a probe: output, status, time limit, terminal" {
	local r=$BATS_TEST_TMPDIR/result
	bundle c1
	monitor c1
	crio start c1
	execute c1 "$r" -- sh -c 'echo out; echo err >&2; exit 5'
	jq -es 'last.exit_code == 5' "$r"
	grep -q 'stdout F out' "$r.log"
	grep -q 'stderr F err' "$r.log"
	[[ $(cat "$r.pid") =~ ^[0-9]+$ ]]
	execute c1 "$r" -T 1 -- sleep 50
	jq -es 'last | .exit_code == -1 and (.message | contains("timed out"))' "$r"
	run ! pgrep -f '^sleep 50$'
	TERMINAL=true execute c1 "$r" -t -- sh -c 'tty; test -t 0 -a -t 1 -a -t 2 && echo all three'
	jq -es 'last.exit_code == 0' "$r"
	grep -q '/dev/pts/' "$r.log"
	grep -q 'all three' "$r.log"
}

@test "exec for a probe: a program that is not there, or not one" {
	local r=$BATS_TEST_TMPDIR/result
	bundle c1
	monitor c1
	crio start c1
	execute c1 "$r" -- no-such-program
	run -0 reason "$r"
	has 'exec: "no-such-program": executable file not found in $PATH'
	execute c1 "$r" -- /etc/passwd
	run -0 reason "$r"
	has 'exec: "/etc/passwd": permission denied'
	is_status c1 running
}

@test "exec for kubectl: in the foreground, with the status of the program" {
	bundle c1
	monitor c1
	crio start c1
	jq '.process | .args = ["sh", "-c", "cat; echo err >&2; exit 42"]' "$BATS_TEST_TMPDIR/c1/config.json" >"$BATS_TEST_TMPDIR/p.json"
	run -42 --separate-stderr crio exec --process "$BATS_TEST_TMPDIR/p.json" c1 <<<"piped"
	is piped
	[ "$stderr" = err ]
	jq '.args = ["sh", "-c", "kill -9 $$"]' "$BATS_TEST_TMPDIR/p.json" >"$BATS_TEST_TMPDIR/q.json"
	run -137 crio exec --process "$BATS_TEST_TMPDIR/q.json" c1
	jq '.args = ["no-such-program"]' "$BATS_TEST_TMPDIR/p.json" >"$BATS_TEST_TMPDIR/q.json"
	run -255 crio exec --process "$BATS_TEST_TMPDIR/q.json" c1
	has "executable file not found"
	# With a terminal CRI-O makes one and gives its other end to the runtime as its standard streams.
	jq '.terminal = true | .args = ["sh", "-c", "tty; trap \"stty size; exit 6\" WINCH; echo ready >/dev/shm/ready; while :; do sleep 0.05; done"]' \
		"$BATS_TEST_TMPDIR/p.json" >"$BATS_TEST_TMPDIR/q.json"
	export -f crio
	export CRIO_ROOT BATS_TEST_TMPDIR
	run -6 terminal bash -c '
		(until [ -e "/proc/$(cat "$BATS_TEST_TMPDIR/c1/pidfile")/root/dev/shm/ready" ]; do sleep 0.05; done; stty rows 41 cols 101 </dev/tty) &
		exec env -i PATH="$PATH" /usr/local/bin/kist --root="$CRIO_ROOT" exec --process "$BATS_TEST_TMPDIR/q.json" c1'
	has /dev/pts/ "41 101"
}

@test "update, by standard input; pause and resume" {
	local memory=memory/memory.limit_in_bytes quota=cpu/cpu.cfs_quota_us pids=pids/pids.max
	cgroup_v2 && memory=memory.max quota=cpu.max pids=pids.max
	! cgroup_v2 || grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "no controllers in this view"
	value() { cat "/sys/fs/cgroup/${1%/*}/$ENGINES_CGROUP/crio-c1/${1##*/}" 2>/dev/null || cat "/sys/fs/cgroup/$ENGINES_CGROUP/crio-c1/$1"; }
	bundle c1 '.linux.resources += {memory: {limit: 67108864, swap: 67108864}, cpu: {shares: 512, quota: 20000, period: 100000}, pids: {limit: 100}}'
	monitor c1
	crio start c1
	[ "$(value $memory)" = 67108864 ]
	run -0 crio update --resources - c1 <<<'{"memory":{"limit":134217728,"swap":134217728},"cpu":{"shares":1024,"quota":50000,"period":100000,"cpus":"0"},"pids":{"limit":120}}'
	is ""
	[ "$(value $memory)" = 134217728 ]
	[[ $(value $quota) == 50000* ]]
	[ "$(value $pids)" = 120 ]
	run -1 crio update --resources - c1 <<<'{"cpu":{"cpus":"4095"}}'
	has cpus
	crio pause c1
	is_status c1 paused
	crio resume c1
	is_status c1 running
}

# pinned DIR KIND...: namespaces of a pod that nobody lives in, each held by a mount, as CRI-O's pinns makes them.
pinned() {
	local dir=$1 kind pid
	shift
	mkdir -p "$dir"
	unshare "${@/#/--}" sleep 1000 3>&- 4>&- &
	pid=$!
	eventually 10 grep -q sleep "/proc/$pid/comm"
	if [[ " $* " == *" user "* ]]; then
		echo "0 200000 65536" >"/proc/$pid/uid_map"
		echo "0 200000 65536" >"/proc/$pid/gid_map"
	fi
	for kind; do
		: >"$dir/$kind"
		mount --bind "/proc/$pid/ns/$kind" "$dir/$kind"
	done
	kill $pid
	wait $pid || true
}

# JOIN: a filter: the namespaces of the pod whose directory is $p.
JOIN='.linux.namespaces |= map(if .type == "network" then .path = "\($p)/net" elif .type == "ipc" or .type == "uts" then .path = "\($p)/\(.type)" else . end)
	| del(.hostname)'

@test "a pod: namespaces held by mounts, one pid namespace for two containers, kill --all" {
	local pins=$BATS_TEST_TMPDIR/pins kind
	pinned "$pins" net ipc uts
	nsenter --uts="$pins/uts" hostname the-pod
	bundle infra "\"$pins\" as \$p | $JOIN"
	monitor infra
	crio start infra
	local pid
	pid=$(cat "$BATS_TEST_TMPDIR/infra/pidfile")
	bundle c1 "\"$pins\" as \$p | $JOIN | (.linux.namespaces[] | select(.type == \"pid\")).path = \"/proc/$pid/ns/pid\" |
		.process.args = [\"sh\", \"-c\", \"hostname; for n in net ipc uts pid; do readlink /proc/self/ns/\$n; done; sleep 4321 & sleep 4321 & wait\"]"
	monitor c1
	crio start c1
	eventually 10 logged c1 the-pod
	for kind in net ipc uts; do
		eventually 10 logged c1 "$kind:\\[$(stat -L -c %i "$pins/$kind")\\]"
	done
	eventually 10 logged c1 "pid:\\[$(stat -L -c %i "/proc/$pid/ns/pid")\\]"
	eventually 10 bash -c '[ "$(pgrep -fc "^sleep 4321")" -eq 2 ]'
	run -0 crio kill -a c1 KILL
	eventually 20 exited c1 137
	run ! pgrep -f '^sleep 4321'
	is_status infra running
	crio delete --force c1
	crio delete --force infra
	umount "$pins"/*
}

@test "a pod with a user namespace that is held by a mount" {
	local pins=$BATS_TEST_TMPDIR/pins
	chmod 711 "$STATE"
	pinned "$pins" user net ipc uts
	bundle c1 "\"$pins\" as \$p | $JOIN
		| .linux.namespaces += [{type: \"user\", path: \"\(\$p)/user\"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 200000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| .process.args = [\"sh\", \"-c\", \"id -u; tr -s ' ' </proc/self/uid_map; sleep 1000\"]"
	run -0 monitor c1
	jq -e '.pid > 0' <<<"$output"
	crio start c1
	eventually 10 logged c1 0
	eventually 10 logged c1 " 0 200000 65536"
	[ "$(stat -c %u "/proc/$(cat "$BATS_TEST_TMPDIR/c1/pidfile")")" = 200000 ]
	jq '.process | .args = ["id", "-u"]' "$BATS_TEST_TMPDIR/c1/config.json" >"$BATS_TEST_TMPDIR/p.json"
	run -0 crio exec --process "$BATS_TEST_TMPDIR/p.json" c1
	is 0
	crio delete --force c1
	umount "$pins"/*
}

# refused FILTER TEXT...: no such container can be made; conmon hears why, in one line, and nothing is left.
refused() {
	local filter=$1 id=bad$RANDOM
	shift
	bundle "$id" "$filter"
	monitor "$id" >"$BATS_TEST_TMPDIR/answer"
	jq -e '.pid == -1' "$BATS_TEST_TMPDIR/answer"
	run -0 reason "$BATS_TEST_TMPDIR/answer"
	[ "${#lines[@]}" -eq 1 ]
	has "$@"
	[ -z "$(crio list -q)" ]
	[ ! -e "$BATS_TEST_TMPDIR/$id/pidfile" ]
	run find /sys/fs/cgroup -path "*/$ENGINES_CGROUP/crio-$id*" -print -quit
	is ""
}

@test "what cannot be done is one sentence in conmon's pipe" {
	refused '.process.args = ["no-such-program"]' 'exec: "no-such-program": executable file not found in $PATH'
	refused '.process.args = ["/etc/passwd"]' 'exec: "/etc/passwd": permission denied'
	refused '.mounts += [{destination: "/m", type: "bind", source: "/no/such", options: ["bind"]}]' /no/such "no such file or directory"
	refused '.mounts += [{destination: "/etc/passwd", type: "bind", source: "/etc", options: ["bind"]}]' /etc/passwd "not a directory"
	refused '.linux.seccomp = {defaultAction: "SCMP_ACT_NONSENSE"}' SCMP_ACT_NONSENSE
	refused '.linux.namespaces |= map(if .type == "network" then .path = "/run/netns/gone" else . end)' /run/netns/gone
}

@test "out of memory: conmon finds it where it looks" {
	cgroup_v2 || skip "conmon 2.1.6 does not see it on cgroup v1, with any runtime"
	grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip "no controllers in this view"
	bundle c1 '.linux.resources += {memory: {limit: 16777216, swap: 16777216}} | .process.args = ["tail", "/dev/zero"]'
	monitor c1
	crio start c1
	eventually 20 exited c1 137
	[ -e "$BATS_TEST_TMPDIR/c1/oom" ]
}

@test "features: nothing but JSON, also with both streams in one" {
	run -0 bash -c 'env -i PATH=/usr/bin:/bin /usr/local/bin/kist features 2>&1'
	jq -e '(.ociVersionMin | length > 0) and (.ociVersionMax | length > 0) and (.mountOptions | index("rro"))
		and .linux.mountExtensions.idmap.enabled and (.linux.namespaces | index("user"))' <<<"$output"
}
