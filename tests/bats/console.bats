#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Terminals: --console-socket, exec --tty, the foreground; and --pidfd-socket.

load helpers

# peer KIND ARG...: the other end of a socket, in the background, its output in the file peer.
peer() {
	"$PEERS/peer" "$1" "$BUNDLE/sock" "${@:2}" >peer 2>&1 3>&- 4>&- &
	PEER=$!
	eventually grep -q listening peer
}

@test "create: one message with the name and the master; the terminal is the process's own" {
	config '.process.terminal = true | .process.consoleSize = {height: 33, width: 99}'
	script 'tty; stty size; ls -l /dev/console | cut -c1; cut -d" " -f7 /proc/self/stat; read x; echo "got $x"'
	peer tty -write hello
	run -0 detached run -d --console-socket sock "$CT"
	is ""
	wait $PEER
	run -0 cat peer
	has "name /dev/pts/0" "size 33x99" "/dev/pts/0" "33 99" "got hello"
	like $'\nc\r?\n'
	lacks $'\n0\r\n'
}

@test "create, then start" {
	config '.process.terminal = true'
	args /bin/echo on the terminal
	peer tty
	run -0 detached create --console-socket sock "$CT"
	eventually grep -q name peer
	run grep "on the terminal" peer
	is ""
	run -0 kist start "$CT"
	wait $PEER
	grep -q "on the terminal" peer
}

@test "the terminal belongs to the user of the process" {
	config '.process.terminal = true | .process.user = {uid: 1000, gid: 1000}'
	script 'stat -c %u "$(tty)"; echo x >/dev/tty && echo opened'
	peer tty
	run -0 detached run -d --console-socket sock "$CT"
	wait $PEER
	run -0 cat peer
	has 1000 opened
}

@test "exec --tty with a console socket" {
	run -0 running
	peer tty
	run -0 detached exec -d -t --console-socket sock "$CT" sh -c 'tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all three'
	wait $PEER
	run -0 cat peer
	has /dev/pts/ "all three"
}

@test "a socket that is not there, is a file, or has a long path" {
	config '.process.terminal = true'
	run -1 detached create --console-socket missing "$CT"
	has --console-socket "no such file or directory"
	touch file
	run -1 detached create --console-socket file "$CT"
	has --console-socket
	local long
	long=$(printf 'd%.0s' {1..200})
	mkdir "$long"
	args /bin/echo far away
	(cd "$long" && exec "$PEERS/peer" tty ./s) >peer 2>&1 3>&- 4>&- &
	eventually grep -q listening peer
	run detached run -d --console-socket "$BUNDLE/$long/s" "$CT"
	if [ "$status" -eq 0 ]; then
		eventually grep -q "far away" peer
	else
		has --console-socket
		kill %% 2>/dev/null || true
	fi
}

@test "socket and terminal must agree" {
	peer tty
	run -1 detached create --console-socket sock "$CT"
	has "cannot use console socket if kist will not detach or allocate tty"
	kill $PEER
	config '.process.terminal = true'
	run -1 detached run -d "$CT"
	has "cannot allocate tty if kist will detach without setting console socket"
}

@test "a peer that hangs up is an error, not a hang" {
	config '.process.terminal = true'
	mkfifo never
	"$PEERS/peer" tty "$BUNDLE/sock" >peer 2>&1 3>&- 4>&- &
	local job=$!
	eventually grep -q listening peer
	kill -STOP $job
	kill -KILL $job
	wait $job || true
	run -1 detached create --console-socket sock "$CT"
	has --console-socket
	nothing_left
}

# on_terminal COMMAND: run it in a terminal of its own, with its exit status.
on_terminal() { timeout "$HANG" "$(type -P script)" -qec "$1" /dev/null </dev/null; }

@test "foreground: run on the caller's terminal" {
	config '.process.terminal = true'
	args /bin/sh -c 'tty; stty size; exit 4'
	run -4 on_terminal "stty rows 31 cols 77; '$KIST' --root '$ROOT' run '$CT'"
	has /dev/pts/0 "31 77"
}

@test "foreground: the caller's terminal is as before" {
	config '.process.terminal = true'
	args /bin/true
	run -0 on_terminal "stty -a >before; '$KIST' --root '$ROOT' run '$CT' && stty -a >after; cmp before after"
}

@test "foreground: exec -t" {
	run -0 running
	run -3 on_terminal "'$KIST' --root '$ROOT' exec -t '$CT' sh -c 'tty; exit 3'"
	has /dev/pts/
}

@test "foreground: without a terminal at the caller's end" {
	config '.process.terminal = true'
	args /bin/sh -c "tty; echo at the end"
	run kist run "$CT" </dev/null
	has "at the end"
}

@test "--pidfd-socket: a pidfd of init, and of an exec" {
	args /bin/sleep 1000
	peer pidfd
	run -0 detached create --pidfd-socket sock "$CT"
	eventually grep -q "payload standard" peer
	run -0 kist kill "$CT" KILL
	wait $PEER
	grep -q exited peer
	run -0 kist delete "$CT"
	rm -f sock
	run -0 running
	peer pidfd
	run -0 kist exec --pidfd-socket sock "$CT" true
	wait $PEER
	grep -q "payload setns" peer
	grep -q exited peer
	run -1 detached create --pidfd-socket missing "$CT-x"
	has --pidfd-socket
}
