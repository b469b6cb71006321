#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Docker: the life of a container.

load helpers
load docker

setup_file() {
	docker_up
	docker_image
}
teardown_file() { docker_down; }
teardown() { docker_clean; }

@test "docker info: kist is the default runtime and tells its version" {
	run -0 docker info -f '{{.DefaultRuntime}} {{(index .Runtimes "kist").Path}}'
	is "kist /usr/local/bin/kist"
	run -0 docker info
	lacks "runtime version"
}

@test "docker run: output, --rm, exit status" {
	run -0 docker run --rm box echo hello
	is hello
	run -7 docker run --rm box sh -c 'exit 7'
	run -0 docker ps -aq
	is ""
}

@test "docker run: stdout and stderr apart, stdin piped through" {
	docker run --rm box sh -c 'echo out; echo err >&2' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = out ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	docker run -i --rm box cat <"$BATS_TEST_TMPDIR/data" >"$BATS_TEST_TMPDIR/copy"
	cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/copy"
}

@test "docker run -t: a terminal of the client's size" {
	run -0 terminal bash -c 'stty rows 33 cols 99; docker run --rm -it box sh -c "tty; until stty size | grep -v \"^0 0\"; do sleep 0.05; done 2>/dev/null; ls -l /dev/console; test -t 0 -a -t 1 -a -t 2 && echo all"'
	has /dev/pts/0 "33 99" all
	run -0 docker run --rm -t box tty
	has /dev/pts/0
}

@test "docker run -d, logs, wait, ps" {
	run -0 docker run -d --name c1 box sh -c 'echo one; echo two >&2; exit 3'
	run -0 docker wait c1
	is 3
	run -0 docker logs c1
	has one two
	run -0 docker ps -a --format '{{.Names}} {{.Status}}'
	has "c1 Exited (3)"
}

@test "docker top: the processes of the container" {
	docker run -d --name c1 box sh -c 'sleep 1234; :' >/dev/null
	run -0 docker top c1
	has "sleep 1234"
	[ "${#lines[@]}" -eq 3 ]
}

@test "docker exec: user, environment, directory, status" {
	docker run -d --name c1 -e OUTER=1 box sleep 1000 >/dev/null
	run -0 docker exec -u user -e INNER=2 -w /tmp c1 sh -c 'id -un; pwd; echo $OUTER $INNER $HOME'
	is $'user\n/tmp\n1 2 /home/user'
	run -0 docker exec -u 1234:2000 c1 id
	is "uid=1234 gid=2000(extra) groups=2000(extra)"
	run -9 docker exec c1 sh -c 'exit 9'
	run -0 bash -c 'echo piped | docker exec -i c1 cat'
	is piped
}

@test "docker exec: terminal, detached, privileged" {
	docker run -d --name c1 box sleep 1000 >/dev/null
	run -0 terminal docker exec -it c1 sh -c 'tty; test -t 0 && echo in'
	has /dev/pts/ in
	docker exec -d c1 sh -c 'echo detached >/tmp/mark'
	eventually 10 docker exec c1 grep -q detached /tmp/mark
	# Those that Docker 20.10 knows of, as far as we have them ourselves.
	local own=$((16#$(sed -n 's/^CapPrm:.//p' /proc/self/status) & ((1 << 38) - 1)))
	run -0 docker exec c1 grep CapEff /proc/self/status
	is "CapEff:	00000000a80425fb"
	run -0 docker exec --privileged c1 grep CapEff /proc/self/status
	[ $((16#${output#*:?} & ((1 << 38) - 1))) -eq "$own" ]
}

@test "docker exec -t: the client's size; what a shell expects of a terminal" {
	docker run -d --name c1 box sleep 1000 >/dev/null
	run -0 terminal bash -c 'stty rows 35 cols 95; docker exec -it c1 sh -c "until stty size | grep -v \"^0 0\"; do sleep 0.05; done 2>/dev/null; cut -d\" \" -f7 /proc/self/stat; echo x >/dev/tty"'
	has "35 95" x
	lacks $'\n0\r'
}

@test "docker exec: 20 at once" {
	local i pids=()
	docker run -d --name c1 box sleep 1000 >/dev/null
	for i in $(seq 20); do
		docker exec c1 echo "number $i" >"$BATS_TEST_TMPDIR/$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	numbers 20
}

@test "docker exec: a process that is killed is 137" {
	docker run -d --name c1 box sleep 1000 >/dev/null
	run -137 docker exec c1 sh -c 'kill -9 $$'
}

# steady CONTAINER: nothing is added to its log.
steady() {
	local before
	before=$(docker logs "$1" | wc -l)
	sleep 0.3
	[ "$(docker logs "$1" | wc -l)" -eq "$before" ]
}

@test "docker pause and unpause" {
	docker run -d --name c1 box sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
	docker pause c1
	run -0 docker ps --format '{{.Status}}'
	has Paused
	# What it had written may still be on its way.
	eventually 10 steady c1
	before=$(docker logs c1 | wc -l)
	sleep 0.5
	[ "$(docker logs c1 | wc -l)" -eq "$before" ]
	run -1 docker exec c1 true
	has paused
	docker unpause c1
	eventually 10 bash -c "[ \$(docker logs c1 | wc -l) -gt $before ]"
}

@test "docker kill: by name and number" {
	docker run -d --name c1 box sh -c 'trap "echo got usr1" USR1; trap "echo got 12; exit 5" 12; echo ready; while :; do sleep 0.05; done' >/dev/null
	eventually 10 says c1 ready
	docker kill -s USR1 c1
	eventually 10 says c1 "got usr1"
	docker kill -s 12 c1
	run -0 docker wait c1
	is 5
	run -1 docker kill c1
	has "is not running"
	docker run -d --name k1 box sleep 1000 >/dev/null
	docker kill k1
	run -0 docker wait k1
	is 137
}

@test "docker stop: TERM, and KILL after the timeout" {
	docker run -d --name polite box sh -c 'trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null
	docker run -d --name rude box sleep 1000 >/dev/null
	eventually 10 says polite ready
	docker stop polite
	run -0 inspect polite .State.ExitCode
	is 4
	docker stop -t 1 rude
	run -0 inspect rude .State.ExitCode
	is 137
}

@test "docker run in the foreground: the client's signals; --stop-signal" {
	docker create --name c1 box sh -c 'trap "echo hup; exit 5" HUP; echo ready; while :; do sleep 0.05; done' >/dev/null
	/usr/bin/docker start --attach c1 >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	local client=$! status=0
	eventually 20 grep -q ready "$BATS_TEST_TMPDIR/out"
	kill -HUP $client
	wait $client || status=$?
	[ $status -eq 5 ]
	grep -q hup "$BATS_TEST_TMPDIR/out"
	docker run -d --name c2 --stop-signal USR2 box sh -c 'trap "exit 6" USR2; echo ready; while :; do sleep 0.05; done' >/dev/null
	eventually 20 says c2 ready
	docker stop c2
	run -0 inspect c2 .State.ExitCode
	is 6
}

@test "a paused container can be killed, stopped and removed" {
	local name
	for name in ki st rm; do
		docker run -d --name $name box sleep 1000 >/dev/null
		docker pause $name
	done
	docker kill ki || docker unpause ki # as old versions of Docker want it
	docker stop -t 0 st
	docker rm -f rm
	eventually 10 state ki exited
	eventually 10 state st exited
	run ! inspect rm .State.Status
}

@test "docker start, restart, restart policy" {
	docker create --name c1 box sh -c 'echo run >>/tmp/runs; wc -l </tmp/runs; exit 1' >/dev/null
	run ! docker start -a c1
	run ! docker start -a c1
	run -0 docker logs c1
	is $'1\n2'
	docker run -d --name r1 --restart on-failure:2 box sh -c 'exit 1' >/dev/null
	eventually 20 bash -c '[ "$(docker inspect -f "{{.RestartCount}} {{.State.Status}}" r1)" = "2 exited" ]'
	docker run -d --name s1 box sleep 1000 >/dev/null
	pid=$(inspect s1 .State.Pid)
	docker restart -t 0 s1
	state s1 running
	[ "$(inspect s1 .State.Pid)" != "$pid" ]
}

@test "docker attach, cp, diff, commit, rename" {
	docker create -i --name c1 box cat >/dev/null
	run -0 bash -c 'echo through | docker start -ai c1'
	is through
	docker run -d --name d1 box sleep 1000 >/dev/null
	echo content >"$BATS_TEST_TMPDIR/file"
	docker cp "$BATS_TEST_TMPDIR/file" d1:/tmp/file
	run -0 docker exec d1 cat /tmp/file
	is content
	run -0 docker diff d1
	has "A /tmp/file"
	docker commit -c 'CMD ["cat", "/tmp/file"]' d1 committed >/dev/null
	run -0 docker run --rm committed
	is content
}

@test "docker run --init: a reaper is process 1" {
	run -0 docker run --rm --init box sh -c 'cat /proc/1/comm; (sleep 0.01 & exit 0); i=0; while cat /proc/[0-9]*/comm 2>/dev/null | grep -qx sleep && [ $((i += 1)) -lt 1000 ]; do :; done; cat /proc/[0-9]*/status | grep State'
	has docker-init
	lacks "(zombie)"
}

@test "docker run: healthcheck" {
	docker run -d --name c1 --health-cmd 'test -e /tmp/well' --health-interval 0.3s --health-retries 1 box sleep 1000 >/dev/null
	eventually 15 bash -c '[ "$(docker inspect -f "{{.State.Health.Status}}" c1)" = unhealthy ]'
	docker exec c1 touch /tmp/well
	eventually 15 bash -c '[ "$(docker inspect -f "{{.State.Health.Status}}" c1)" = healthy ]'
}

@test "docker build: RUN with kist" {
	mkdir "$BATS_TEST_TMPDIR/context"
	cp "$STATE/rootfs.tar" "$BATS_TEST_TMPDIR/context"
	cat >"$BATS_TEST_TMPDIR/context/Dockerfile" <<-'END'
		FROM scratch
		ADD rootfs.tar /
		RUN echo built >/made && id -u
		USER user
		WORKDIR /home/user
		RUN touch mine && ! touch /not-mine 2>/dev/null
		ENTRYPOINT ["/bin/sh", "-c", "cat /made; ls; id -un; pwd"]
	END
	run -0 docker build -t built "$BATS_TEST_TMPDIR/context"
	run -0 docker run --rm built
	is $'built\nmine\nuser\n/home/user'
	printf 'FROM box\nRUN exit 12\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	run ! docker build "$BATS_TEST_TMPDIR/context"
	has "returned a non-zero code: 12"
}

@test "docker run: 30 at once" {
	local i pids=()
	for i in $(seq 30); do
		docker run --rm --name "many$i" box echo "number $i" >"$BATS_TEST_TMPDIR/$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	numbers 30
	run -0 docker ps -aq
	is ""
}
