#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Docker: what goes wrong reaches the user as one clear sentence, with Docker's exit code for it.

load helpers
load docker

setup_file() {
	docker_up
	docker_image
}
teardown_file() { docker_down; }
teardown() { docker_clean; }

@test "no such program: 127" {
	run -127 docker run --rm box no-such-program
	has 'exec: "no-such-program": executable file not found in $PATH'
	run -127 docker run --rm box /no/such/program
	has 'exec: "/no/such/program"' "no such file or directory"
}

@test "not executable, a directory: 126" {
	run -126 docker run --rm box /etc/passwd
	has 'exec: "/etc/passwd": permission denied'
	run -126 docker run --rm box /etc
	has '"/etc"'
}

@test "exec: 127, 126, and 128 plus the signal" {
	docker run -d --name c1 box sleep 1000 >/dev/null
	# 126 in old versions of Docker, whatever the runtime.
	run docker exec c1 no-such-program
	[ "$status" -eq 126 ] || [ "$status" -eq 127 ]
	has "executable file not found"
	run -126 docker exec c1 /etc/passwd
	has "permission denied"
	run docker exec -w /no/such/directory c1 true
	[ "$status" -eq 126 ] || [ "$status" -eq 127 ]
	has "/no/such/directory"
	run docker exec -u nobody-here c1 true
	has "nobody-here"
	[ "$status" -ne 0 ]
	docker rm -f c1 >/dev/null
	run -1 docker exec c1 true
	has "No such container"
}

@test "a directory on a file: the hint" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	run docker run --rm -v "$BATS_TEST_TMPDIR/dir:/etc/passwd" box true
	# 125 in old versions of Docker.
	[ "$status" -eq 125 ] || [ "$status" -eq 127 ]
	has "/etc/passwd" "not a directory" "Are you trying to mount a directory onto a file"
}

@test "a source that is gone: the path is named" {
	run -125 docker run --rm --mount type=bind,src=/no/such/source,dst=/m box true
	has /no/such/source
}

@test "a mount inside /proc: refused, and why" {
	run -125 docker run --rm -v "$BATS_TEST_TMPDIR:/proc/no-such" box true
	has "mounting inside /proc is not allowed"
}

@test "a cgroup limit that the kernel refuses" {
	run docker run --rm --cpuset-cpus 0-4095 box true
	[ "$status" -ne 0 ]
	docker run -d --name c1 -m 64m --memory-swap 64m box sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=30; sleep 1000' >/dev/null
	eventually 10 docker exec c1 sh -c '[ $(stat -c %s /dev/shm/x) -eq 31457280 ]'
	run ! docker update -m 8m --memory-swap 8m c1
	has memory
	docker exec c1 true
}

@test "a runtime that is not there, and one that cannot run" {
	run docker run --rm --runtime no-such box true
	[ "$status" -ne 0 ]
	has no-such
}

@test "what failed leaves nothing" {
	run docker ps -aq
	local ids=$output
	run -127 docker run --rm box no-such-program
	run docker ps -aq
	is "$ids"
	# Hidden files are kist's cache of seccomp programs.
	[ -z "$(ls /run/docker/runtime-runc/moby 2>/dev/null)" ]
}
