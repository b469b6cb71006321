#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Docker: daemons with other settings: live-restore, userns-remap, BuildKit, runtimes that are not there.

load helpers
load docker

teardown() { docker_down || true; }

@test "live-restore: containers outlive the daemon" {
	docker_up --live-restore
	docker_image
	docker run -d --name c1 --restart no box sh -c 'while :; do date +%s%N; sleep 0.1; done' >/dev/null
	pid=$(inspect c1 .State.Pid)
	halt dockerd
	grep -q busybox /proc/"$pid"/cmdline || [ -d "/proc/$pid" ]
	docker_up --live-restore
	state c1 running
	[ "$(inspect c1 .State.Pid)" = "$pid" ]
	run -0 docker exec c1 echo still
	is still
	before=$(docker logs c1 | wc -l)
	eventually 10 bash -c "[ \$(docker logs c1 | wc -l) -gt $before ]"
	docker stop -t 0 c1
	run -0 inspect c1 .State.ExitCode
	is 137
}

@test "live-restore: a daemon that was killed, and a container that ended meanwhile" {
	docker_up --live-restore
	# It ends when there is no daemon, not before.
	mkfifo "$BATS_TEST_TMPDIR/end"
	docker run -d --name c1 -v "$BATS_TEST_TMPDIR/end:/end" box sh -c 'cat /end; exit 9' >/dev/null
	docker run -d --name c2 box sleep 1000 >/dev/null
	pid=$(inspect c1 .State.Pid)
	halt dockerd KILL
	timeout 10 bash -c 'echo >"$1"' sh "$BATS_TEST_TMPDIR/end"
	eventually 10 gone "$pid"
	docker_up --live-restore
	eventually 20 state c1 exited
	run -0 inspect c1 .State.ExitCode
	is 9
	state c2 running
}

# restarts CONTAINER N: the daemon has started it again N times, or more.
restarts() { [ "$(inspect "$1" .RestartCount)" -ge "$2" ]; }

@test "restart policies: always, unless-stopped, on-failure, no; and over a restart of the daemon" {
	docker_up
	docker_image
	docker run -d --name al --restart always box sh -c 'sleep 0.1; exit 0' >/dev/null
	docker run -d --name fa --restart on-failure:3 box sh -c 'exit 1' >/dev/null
	docker run -d --name ok --restart on-failure:3 box true >/dev/null
	docker run -d --name us --restart unless-stopped box sleep 1000 >/dev/null
	docker run -d --name st --restart unless-stopped box sleep 1000 >/dev/null
	docker run -d --name ki --restart always box sleep 1000 >/dev/null
	docker run -d --name no box sleep 1000 >/dev/null
	eventually 30 restarts al 2
	eventually 30 restarts fa 3
	eventually 10 state fa exited
	[ "$(inspect fa .RestartCount)/$(inspect fa .State.ExitCode)" = 3/1 ]
	eventually 10 state ok exited
	[ "$(inspect ok .RestartCount)" = 0 ]
	# One that dies of something else than the user's wish.
	kill -KILL "$(inspect ki .State.Pid)"
	eventually 20 restarts ki 1
	eventually 10 state ki running
	docker stop -t 0 st
	halt dockerd
	docker_up
	eventually 30 state us running
	eventually 30 state ki running
	state st exited
	state no exited
	docker stop -t 0 al
	docker update --restart no us >/dev/null
	kill -KILL "$(inspect us .State.Pid)"
	eventually 10 state us exited
	state al exited
}

@test "userns-remap" {
	grep -q '^dockremap:' /etc/subuid || printf 'dockremap:231072:65536\n' >"$STATE/subid"
	if [ -e "$STATE/subid" ]; then
		# The machine's own files stay as they are.
		for f in passwd group; do
			cp "/etc/$f" "$STATE/$f"
			mount --bind "$STATE/$f" "/etc/$f"
		done
		echo 'dockremap:x:4242:4242::/:/bin/false' >>/etc/passwd
		echo 'dockremap:x:4242:' >>/etc/group
		cp "$STATE/subid" "$STATE/subgid"
		mount --bind "$STATE/subid" /etc/subuid
		mount --bind "$STATE/subgid" /etc/subgid
	fi
	chmod 711 "$STATE"
	docker_up --userns-remap dockremap
	docker_image
	run -0 docker run --rm box sh -c 'id -u; cat /proc/self/uid_map; touch /tmp/x && stat -c %u /tmp/x; head -n 1 /proc/self/cgroup >/dev/null && echo ok'
	[ "${lines[0]} ${lines[2]} ${lines[3]}" = "0 0 ok" ]
	[[ ${lines[1]} =~ ^\ +0\ +[1-9][0-9]+\ +65536$ ]]
	docker run -d --name c1 box sleep 1000 >/dev/null
	[ "$(stat -c %u "/proc/$(inspect c1 .State.Pid)")" -gt 0 ]
	run -0 docker exec -u user c1 sh -c 'id -u; cat /proc/self/uid_map | tr -s " "'
	[[ $output == $'1000\n'* ]]
	run -0 terminal docker exec -it c1 sh -c 'echo x >/dev/tty && test -w /dev/pts/0 && echo writable'
	has writable
	run -0 docker run --rm -v vol:/v -v "$BATS_TEST_TMPDIR:/b:ro" --tmpfs /t --read-only box sh -c 'touch /v/x /t/x && ! touch /b/x 2>/dev/null && echo mounts'
	is mounts
	run -0 docker run --rm --userns host box sh -c 'grep -c 4294967295 /proc/self/uid_map'
	is 1
	run -127 docker run --rm box no-such
	has "executable file not found"
	run -0 docker run --rm -m 64m --pids-limit 50 --shm-size 1m --sysctl net.ipv4.ip_forward=0 --hostname inside --ulimit nofile=100 --net none box sh -c 'hostname; ulimit -n; df -k /dev/shm | tail -n 1'
	has inside 100 " 1024 "
	run -0 docker run --rm --pid container:c1 --net container:c1 --ipc private box sh -c 'tr -s " " </proc/self/uid_map; ps | grep -c "[s]leep 1000"'
	[ "${lines[1]}" = 1 ]
	mkdir "$BATS_TEST_TMPDIR/context"
	printf 'FROM box\nRUN mkdir /own && touch /own/file && chown 1000:1000 /own/file\nUSER user\nCMD stat -c "%%u %%g" /own/file\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	docker build -q -t built "$BATS_TEST_TMPDIR/context" >/dev/null
	run -0 docker run --rm built
	is "1000 1000"
}

@test "a runtime that is missing, or not to be executed" {
	SETTINGS='.runtimes += {gone: {path: "/no/such/kist"}, barred: {path: "/etc/passwd"}}' docker_up
	docker_image
	run -127 docker run --rm --runtime gone box true
	has "/no/such/kist" "no such file or directory"
	# The shim's own "no such file" (of the log that was never written) makes it 127 in old versions.
	run ! docker run --rm --runtime barred box true
	has "/etc/passwd" "permission denied"
	run -125 docker run --rm --runtime unheard-of box true
	has "unheard-of"
}

@test "BuildKit: kist under the name of runc" {
	cp /usr/local/bin/kist /usr/local/bin/runc
	docker_up
	docker_image
	mkdir "$BATS_TEST_TMPDIR/context"
	cat >"$BATS_TEST_TMPDIR/context/Dockerfile" <<-'END'
		FROM box
		RUN cat /proc/self/mountinfo >/mounts && echo built >/made
		RUN --mount=type=tmpfs,target=/t --mount=type=cache,target=/c touch /t/x /c/x && ! test -e /made/x
		RUN test "$(id -u)" = 0 && ls /proc/self/fd | wc -l >/fds
		CMD cat /made /fds
	END
	export DOCKER_BUILDKIT=1
	run -0 docker build -t built "$BATS_TEST_TMPDIR/context"
	run -0 docker run --rm built
	is $'built\n4'
	# Stages that do not need each other run at once.
	cat >"$BATS_TEST_TMPDIR/context/Dockerfile" <<-'END'
		FROM box AS a
		RUN sleep 0.2 && echo a >/a
		FROM box AS b
		RUN ls /sys/class/net >/b
		FROM box AS c
		USER user
		WORKDIR /home/user
		RUN id -u >c && ! touch /not-mine 2>/dev/null
		FROM box
		COPY --from=a /a /
		COPY --from=b /b /
		COPY --from=c /home/user/c /
		CMD cat /a /b /c
	END
	run -0 docker build --network none -t built "$BATS_TEST_TMPDIR/context"
	run -0 docker run --rm built
	is $'a\nlo\n1000'
	printf 'FROM box\nRUN echo said >&2; exit 12\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	run ! docker build "$BATS_TEST_TMPDIR/context"
	has said "exit code: 12"
	printf 'FROM box\nRUN ["no-such-program"]\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	run ! docker build "$BATS_TEST_TMPDIR/context"
	has no-such-program "executable file not found"
	# A build that is called off takes its process along.
	printf 'FROM box\nRUN sleep 98765\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	/usr/bin/docker build "$BATS_TEST_TMPDIR/context" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	local client=$!
	eventually 30 pgrep -f '^sleep 98765'
	kill -INT $client || kill $client
	wait $client || true
	eventually 20 bash -c '! pgrep -f "^sleep 98765"'
	rm /usr/local/bin/runc
	docker_clean
	find /sys/fs/cgroup -depth -type d -path "*/$ENGINES_CGROUP/buildkit" -exec rmdir {} +
}
