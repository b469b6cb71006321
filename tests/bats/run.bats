#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist run: exit statuses, stdio, signals, --keep, --detach, pid file.

load helpers

@test "the exit status is the process's own" {
	run -0 in_container 'exit 0'
	run -7 in_container 'exit 7'
	run -255 in_container 'exit 255'
}

@test "the exit status of a signal is 128 and its number" {
	# Process 1 of a namespace is immune to its own signals: the child dies and the shell says so.
	run -137 in_container 'sh -c "kill -KILL \$\$"; exit $?'
	run -143 in_container 'sh -c "kill -TERM \$\$"; exit $?'
	config '.linux.namespaces |= map(select(.type != "pid"))'
	run -137 in_container 'kill -KILL $$'
	run -139 in_container 'kill -SEGV $$'
}

@test "stdin, stdout and stderr are the caller's" {
	script 'cat; echo err >&2'
	echo in | kist run "$CT" >out 2>err
	[ "$(<out)" = in ]
	[ "$(<err)" = err ]
}

@test "a large stream passes through" {
	script 'cat'
	head -c 3000000 /dev/urandom >data
	kist run "$CT" <data >copy
	cmp data copy
}

@test "closed stdio becomes /dev/null, not a file of kist" {
	script 'ls -l /proc/self/fd/ >/tmp/fds; echo lost'
	config '.root.readonly = false'
	kist run "$CT" 0<&- 1>&- 2>&-
	run -0 cat rootfs/tmp/fds
	like ' 0 -> /dev/null'
	like ' 2 -> /dev/null'
}

@test "the container is deleted at the end" {
	run -0 in_container true
	run -1 kist state "$CT"
	nothing_left
}

@test "--keep leaves it stopped" {
	run -0 kist run --keep "$CT"
	run -0 status_of
	is stopped
	run -0 kist delete "$CT"
}

@test "--detach returns once the program runs" {
	run -0 running
	run -0 status_of
	is running
}

@test "--pid-file: digits only, of the container's process, in the host's numbers" {
	run -0 running --pid-file pid
	[ "$(tr -d 0-9 <pid | wc -c)" -eq 0 ]
	[ "$(<pid)" = "$(pid)" ]
	run -0 cat "/proc/$(<pid)/comm"
	is sleep
}

@test "--pid-file: a missing directory is an error, and nothing runs" {
	run -1 detached run -d --pid-file missing/pid "$CT"
	has missing/pid "no such file or directory"
	nothing_left
}

@test "--pid-file: a symbolic link is replaced, not followed" {
	echo precious >target
	ln -s target pid
	run detached run -d --pid-file pid "$CT"
	[ "$(<target)" = precious ]
	# Either it was refused or the name is a file of its own now.
	[ ! -L pid ] || has pid "symbolic link"
}

@test "--bundle: another directory, absolute or relative" {
	args /bin/echo here
	cd /
	run -0 kist run --bundle "$BUNDLE" "$CT"
	is here
	cd "$BUNDLE/.."
	run -0 kist run -b bundle "$CT"
	is here
	run -0 kist run "$CT" --bundle=bundle
	is here
}

@test "--config: another file" {
	args /bin/echo first
	cp config.json other.json
	args /bin/echo second
	run -0 kist run --config other.json "$CT"
	is first
	run -0 kist run -f "$BUNDLE/other.json" "$CT"
	is first
}

@test "one dash or two, equals or space" {
	run -0 kist run -bundle "$BUNDLE" -pid-file pid1 "$CT"
	run -0 kist run -bundle="$BUNDLE" --pid-file=pid2 "$CT"
	[ -e pid1 ] && [ -e pid2 ]
}

@test "signals are forwarded to the process" {
	script 'trap "echo got USR1; exit 5" USR1; echo ready; while :; do sleep 0.05; done'
	"$KIST" --root "$ROOT" run "$CT" >out 2>&1 3>&- &
	local runner=$!
	eventually grep -q ready out
	kill -USR1 $runner
	local status=0
	wait $runner || status=$?
	[ $status -eq 5 ]
	grep -q "got USR1" out
	nothing_left
}

@test "every signal that can mean the container is forwarded" {
	script 'for s in HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 ALRM TERM CONT TSTP TTIN TTOU XCPU XFSZ VTALRM IO PWR SYS; do
		trap "echo got $s" $s; done; echo ready; while [ ! -e /done ]; do sleep 0.05; done; exit 6'
	# A shell's background commands ignore SIGINT and SIGQUIT, and a shell cannot trap what was ignored before it.
	env --default-signal "$KIST" --root "$ROOT" run "$CT" >out 2>&1 3>&- &
	local runner=$! status=0 s
	eventually grep -q ready out
	for s in HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 ALRM TERM CONT TSTP TTIN TTOU XCPU XFSZ VTALRM IO PWR SYS; do
		kill -$s $runner
		eventually grep -qx "got $s" out
	done
	kill -WINCH $runner # of a window that is not there
	kill -PIPE $runner  # about kist's own output
	kill -URG $runner   # Go's
	touch rootfs/done
	wait $runner || status=$?
	[ $status -eq 6 ]
	nothing_left
}

@test "SIGTERM to kist run ends the container" {
	script 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
	"$KIST" --root "$ROOT" run "$CT" >out 2>&1 3>&- &
	local runner=$! status=0
	eventually grep -q ready out
	kill -TERM $runner
	wait $runner || status=$?
	[ $status -eq 9 ]
}

@test "PATH of the container's environment finds the program" {
	args hostname
	run -0 kist run "$CT"
	is kist
	config '.process.env = ["PATH=/nowhere:/bin"]'
	run -0 kist run "$CT"
	config '.process.env = ["PATH=/nowhere"]'
	run -1 kist run "$CT"
	has 'executable file not found in $PATH'
	has hostname
}

@test "a program that cannot be executed: one line that says why, and the text engines look for" {
	mkdir -p rootfs/dir
	args /dir
	run -1 kist run "$CT"
	has "is a directory"
	cp /dev/null rootfs/bin/plain
	chmod 644 rootfs/bin/plain
	args /bin/plain
	run -1 kist run "$CT"
	has "permission denied"
	printf '#!/no/such/interpreter\n' >rootfs/bin/script
	chmod 755 rootfs/bin/script
	args /bin/script
	run -1 kist run "$CT"
	has "no such file or directory" interpreter
	printf 'garbage' >rootfs/bin/garbage
	chmod 755 rootfs/bin/garbage
	args /bin/garbage
	run -1 kist run "$CT"
	has "exec format error"
}

@test "the process is PID 1 of a session of its own" {
	run -0 in_container 'cut -d" " -f1,5,6 /proc/self/stat; echo $$'
	like '^[0-9]+ 1 1'
	like $'\n1$'
}

@test "a process that ends at once, many times: no error, no hang" {
	local round
	args /bin/echo end
	for round in {1..20}; do
		run -0 kist run "$CT"
		is end
	done
}
