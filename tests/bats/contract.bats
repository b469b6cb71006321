#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The command lines that engines send, as they send them, and what they read in the answer. Texts and statuses of single
# commands are in the files of these commands; engines themselves run in tests/engines.

load helpers

@test "containerd: create, start, state, exec, ps, kill, delete" {
	local g=(--root "$ROOT" --log "$BUNDLE/log.json" --log-format json)
	shim() { timeout -k "$HANG" "$HANG" "$KIST" "${g[@]}" "$@" 3>&- 4>&-; }
	args /bin/sleep 1000
	shim create --bundle "$BUNDLE" --pid-file "$BUNDLE/init.pid" "$CT" </dev/null >"$LOG" 2>&1
	[[ $(<init.pid) =~ ^[0-9]+$ ]]
	run -0 shim start "$CT"
	run -0 shim state "$CT"
	jq -e --argjson pid "$(<init.pid)" '.status == "running" and .pid == $pid' <<<"$output"
	jq '.process | .args = ["/bin/sleep", "900"] | .terminal = false' config.json >process.json
	shim exec --process process.json --detach --pid-file "$BUNDLE/exec.pid" "$CT" </dev/null >"$LOG" 2>&1
	run -0 shim ps --format json "$CT"
	jq -e --argjson a "$(<init.pid)" --argjson b "$(<exec.pid)" 'sort == ([$a, $b] | sort)' <<<"$output"
	# A program that is not there: the log's last error is what the user sees.
	jq '.args = ["/no/such/program"]' process.json >bad.json
	run -255 shim exec --process bad.json --detach --pid-file "$BUNDLE/bad.pid" "$CT"
	jq -es '[.[] | select(.level == "error")] | last | .msg | contains("no such file or directory")' log.json
	run -0 shim kill "$CT" 9
	eventually status_is stopped
	run -1 shim kill "$CT" 9
	has "container not running"
	run -0 shim kill --all "$CT" 9
	run -0 shim delete "$CT"
	run -1 shim delete "$CT"
	has "does not exist"
	run -1 shim kill "$CT" 9
	has "does not exist"
	run -0 shim delete --force "$CT"
}

@test "containerd: update with JSON on stdin, pause, resume" {
	needs_controller pids
	needs_freezer
	local g=(--root "$ROOT" --log "$BUNDLE/log.json" --log-format json)
	run -0 running
	"$KIST" "${g[@]}" update --resources=- "$CT" <<<'{"pids": {"limit": 33}}'
	[ "$(<"$(cgroup_dir pids)/pids.max")" = 33 ]
	run -0 "$KIST" "${g[@]}" pause "$CT"
	run -0 "$KIST" "${g[@]}" resume "$CT"
	[ ! -s log.json ]
}

@test "conmon: options behind the command, the id last" {
	args /bin/sleep 1000
	kist create --bundle "$BUNDLE" --pid-file "$BUNDLE/pidfile" --no-new-keyring --preserve-fds 0 "$CT" </dev/null >"$LOG" 2>&1
	run -0 kist start "$CT"
	jq .process config.json | jq '.args = ["/bin/sh", "-c", "exit 6"]' >p.json
	kist exec --pid-file "$BUNDLE/execpid" --process p.json --detach "$CT" </dev/null >"$LOG" 2>&1
	[[ $(<execpid) =~ ^[0-9]+$ ]]
}

@test "Podman: the log is one JSON object, also when there is a warning" {
	args /bin/nothing-here
	config '.process.capabilities.bounding += ["CAP_NONSENSE"]'
	run -1 kist --log-format=json --log "$BUNDLE/log" create --bundle "$BUNDLE" --pid-file pidfile "$CT"
	jq -es 'length == 1 and .[0].level == "error" and (.[0].warnings | length == 1)' log
}

@test "Podman: LISTEN_FDS in the environment and --preserve-fds, of which one block is not there" {
	args /bin/sh -c 'echo "[$LISTEN_FDS]"; ls /proc/self/fd | wc -l'
	# Podman has written both into the configuration already, and passes the descriptors as --preserve-fds.
	config '.process.env += ["LISTEN_FDS=1", "LISTEN_PID=1"]'
	run -0 env LISTEN_FDS=1 LISTEN_PID=1 "$KIST" --root "$ROOT" run --preserve-fds 1 "$CT" 3<config.json
	is $'[1]\n5'
}

@test "CRI-O: an almost empty environment, a signal by name, -a, resources behind a space, exec in the foreground" {
	crio() { env -i PATH=/usr/bin:/bin CRI_O_EXTERNAL=1 timeout -k "$HANG" "$HANG" "$KIST" --root "$ROOT" "$@" 3>&- 4>&-; }
	args /bin/sleep 1000
	crio create --bundle "$BUNDLE" --pid-file pidfile "$CT" </dev/null >"$LOG" 2>&1
	run -0 crio start "$CT"
	jq '.process | .args = ["/bin/sh", "-c", "exit 42"]' config.json >p.json
	run -42 crio exec --process p.json "$CT"
	if is_v2 && grep -qw pids /sys/fs/cgroup/cgroup.controllers || [ -d /sys/fs/cgroup/pids ]; then
		crio update --resources - "$CT" <<<'{"pids": {"limit": 44}}'
		[ "$(<"$(cgroup_dir pids)/pids.max")" = 44 ]
	fi
	run -0 crio kill "$CT" TERM
	run -0 crio kill -a "$CT" KILL
	eventually status_is stopped
	run -0 crio delete --force "$CT"
	run -0 --separate-stderr crio features
	jq -e . <<<"$output"
	[ -z "$stderr" ]
}

@test "BuildKit: run --keep, exec, and the statuses of both are the programs'" {
	local g=(--root "$ROOT" --log "$BUNDLE/runc-log.json" --log-format json)
	script 'exit 17'
	run -17 "$KIST" "${g[@]}" run --bundle "$BUNDLE" --keep "$CT"
	run -0 "$KIST" "${g[@]}" state "$CT"
	jq -e '.status == "stopped"' <<<"$output"
	run -0 "$KIST" "${g[@]}" delete "$CT"
	[ ! -s runc-log.json ]
}

@test "BuildKit: a window that changes its size" {
	config '.process.terminal = true'
	# In a terminal of its own, whose size changes when the container is ready to see it.
	args /bin/sh -c 'trap "stty size; exit 0" WINCH; echo ready >/tmp/ready; while :; do sleep 0.02; done'
	config '.root.readonly = false'
	run -0 timeout "$HANG" "$(type -P script)" -qec "(until [ -e rootfs/tmp/ready ]; do sleep 0.02; done; stty rows 41 cols 101 </dev/tty) & '$KIST' --root '$ROOT' run '$CT'" /dev/null </dev/null
	has "41 101"
}

@test "go-runc: list, ps with options, events" {
	run -0 running
	run -0 kist list --format=json
	jq -e 'length == 1 and (.[0] | has("id") and has("pid") and has("status") and has("bundle") and has("rootfs") and has("created"))' <<<"$output"
	run -0 kist ps --format table "$CT" -o pid,args
	has "sleep 1000"
	run -0 kist events --stats "$CT"
	jq -e '.type == "stats" and (.data.cpu.usage | has("total")) and (.data.pids | has("current"))' <<<"$output"
	if [ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers; then
		jq -e '.data.memory | (.usage.usage > 0) and (.raw | length > 5)' <<<"$output"
	fi
	run -0 kist --version
	like '^[a-z]+ version [0-9]'
}

@test "every flag of the engines parses, with one dash or two, with = or a space" {
	local line command flag value dash
	while read -r line; do
		read -ra words <<<"$line"
		command=${words[0]}
		for flag in "${words[@]:1}"; do
			value=
			[[ $flag != *=* ]] || value=${flag#*=}
			flag=${flag%%=*}
			for dash in - --; do
				if [ -n "$value" ]; then
					run -0 kist "$command" "$dash$flag" "$value" --help
					has "kist $command"
					run -0 kist "$command" "$dash$flag=$value" --help
					has "kist $command"
				else
					run -0 kist "$command" "$dash$flag" --help
					has "kist $command"
				fi
			done
		done
	done <<-'END'
		create bundle=/x b=/x console-socket=/x pidfd-socket=/x pid-file=/x no-pivot no-new-keyring preserve-fds=1
		run bundle=/x b=/x console-socket=/x pidfd-socket=/x pid-file=/x no-pivot no-new-keyring preserve-fds=1 no-subreaper detach d keep
		exec process=/x p=/x detach d pid-file=/x console-socket=/x pidfd-socket=/x tty t cwd=/ env=A=1 e=A=1 user=1 u=1:1 additional-gids=1 g=1 process-label=x apparmor=x no-new-privs cap=CAP_KILL c=CAP_KILL preserve-fds=1 cgroup=x ignore-paused
		kill all a
		delete force f
		list format=json f=json quiet q
		ps format=json f=json
		events stats interval=5s
		update resources=- r=- blkio-weight=10 cpu-period=1 cpu-quota=1 cpu-share=1 cpu-rt-period=1 cpu-rt-runtime=1 cpu-burst=1 cpu-idle=0 cpuset-cpus=0 cpuset-mems=0 memory=1g memory-reservation=1g memory-swap=-1 pids-limit=1 l3-cache-schema=x mem-bw-schema=x
		spec bundle=/x b=/x rootless
	END
	run -1 kist create --no-such-flag --help
}

@test "the pid file is whole from its first moment, and there when create has returned" {
	args /bin/sleep 1000
	mkdir dir
	strace -f -qq -o calls -e trace=renameat,renameat2,rename,openat,unlinkat -- "$KIST" --root "$ROOT" create --pid-file dir/pid "$CT" </dev/null >"$LOG" 2>&1 3>&- 4>&- &
	local tracer=$!
	eventually test -s dir/pid
	[ "$(ls -A dir)" = pid ]
	[ "$(<dir/pid)" = "$(pid)" ]
	run -0 kist delete --force "$CT"
	wait $tracer || true
	# It got its name by a rename, from a file beside it.
	run grep -E 'rename(at2?)?\(.*pid"' calls
	[ "$status" -eq 0 ]
	run grep -E 'openat\([^)]*"(dir/)?pid", [^)]*O_(WRONLY|RDWR)' calls
	is ""
}

@test "a usage error, a failed operation and a missing container: status 1, and the reason on stderr with a log too" {
	local words
	for words in "state nobody" "state --no-such-flag" "start" "delete nobody" "kill nobody"; do
		# shellcheck disable=SC2086 # words are meant to split
		run -1 --separate-stderr kist --log log --log-format json $words
		[ -n "$stderr" ] || fail "$words"
		jq -es 'last.level == "error"' log
	done
}
