#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# NOTIFY_SOCKET: a service that says when it is ready, and one that does not.

load helpers


setup() {
	prepare
	"$PEERS/peer" notify "$BUNDLE/sock" >peer 2>&1 3>&- 4>&- &
	PEER=$!
	eventually grep -q listening peer
	export NOTIFY_SOCKET=$BUNDLE/sock
}

teardown() {
	kill "$PEER"
	clean
}

@test "start waits for READY=1, and tells the caller's socket" {
	# nc of busybox sends no datagrams to path sockets: kist's own peer does, from inside.
	cp "$PEERS/peer" rootfs/bin/peer
	script 'echo "$NOTIFY_SOCKET" >/tmp/where; while [ ! -e /tmp/go ]; do sleep 0.02; done; peer send "$NOTIFY_SOCKET" "READY=1"; sleep 1000'
	config '.root.readonly = false'
	run -0 detached create "$CT"
	kist start "$CT" >started 2>&1 </dev/null &
	local starter=$!
	eventually test -s rootfs/tmp/where
	kill -0 $starter
	touch rootfs/tmp/go
	wait $starter
	eventually grep -q 'READY=1' peer
	eventually grep -q "MAINPID=$(pid)" peer
	run -0 cat rootfs/tmp/where
	is /run/notify/notify.sock
}

@test "run -d waits too" {
	cp "$PEERS/peer" rootfs/bin/peer
	script 'while [ ! -e /tmp/go ]; do sleep 0.02; done; peer send "$NOTIFY_SOCKET" "READY=1"; sleep 1000'
	config '.root.readonly = false'
	kist run -d "$CT" >started 2>&1 </dev/null &
	local starter=$!
	eventually status_is running
	kill -0 $starter
	touch rootfs/tmp/go
	wait $starter
	eventually grep -q "MAINPID=$(pid)" peer
}

@test "a container that ends without a word: no error, and no waiting" {
	args /bin/true
	run -0 detached run -d "$CT"
	eventually status_is stopped
	run -0 kist delete "$CT"
	run -0 detached create "$CT"
	run -0 kist start "$CT"
	eventually status_is stopped
	run grep READY peer
	is ""
}

@test "while start waits the container is there for others" {
	args /bin/sleep 1000
	run -0 detached create "$CT"
	kist start "$CT" >started 2>&1 </dev/null &
	local starter=$!
	eventually status_is running
	run -0 kist exec "$CT" echo there
	is there
	run -0 kist kill "$CT" 0
	kill -0 $starter
	run -0 kist delete --force "$CT"
	wait $starter || true
}

@test "the socket is nothing else: read-only, without devices and programs, and not writable to by name" {
	script 'awk "\$5 == \"/run/notify\" { print \$6 }" /proc/self/mountinfo; touch /run/notify/x 2>&1; ls /run/notify'
	mkdir -p rootfs/run
	run -0 --separate-stderr kist run "$CT"
	like '^ro,nosuid,nodev,noexec'
	has "ead-only file system" notify.sock
	rmdir rootfs/run/notify rootfs/run
}

@test "nobody there is an error before the program runs" {
	config '.root.readonly = false'
	script 'touch /tmp/ran; sleep 1000'
	export NOTIFY_SOCKET=$BUNDLE/nobody
	run -1 kist run "$CT"
	has "NOTIFY_SOCKET \\\"$BUNDLE/nobody\\\": connect: no such file or directory"
	nothing_left
	run -0 detached create "$CT"
	run -1 kist start "$CT"
	has "NOTIFY_SOCKET \\\"$BUNDLE/nobody\\\": connect: no such file or directory"
	run -0 status_of
	is created
	[ ! -e rootfs/tmp/ran ]
	unset NOTIFY_SOCKET
	run -0 kist start "$CT"
	eventually test -e rootfs/tmp/ran
}
