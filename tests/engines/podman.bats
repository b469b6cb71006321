#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Podman: the life of a container.

load helpers
load podman

setup_file() { podman_up; }
teardown_file() { podman_down; }
teardown() { podman_clean; }

@test "podman info: the runtime is kist" {
	run -0 podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
	is "kist /usr/local/bin/kist"
	run -0 podman info --format '{{.Host.OCIRuntime.Version}}'
	has "kist version "
}

@test "podman run: output, status, stdin, environment, user" {
	run -0 podman run --rm box echo hello
	is hello
	run -7 podman run --rm box sh -c 'exit 7'
	run -143 podman run --rm --init box sh -c 'kill $$'
	head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	podman run -i --rm box cat <"$BATS_TEST_TMPDIR/data" >"$BATS_TEST_TMPDIR/copy"
	cmp "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/copy"
	run -0 podman run --rm -e A=b -u user -w /tmp --group-add 3000 box sh -c 'id; echo $A $HOME; pwd'
	has "uid=1000(user)" 3000 "b /home/user" /tmp
}

@test "podman run -t: a terminal" {
	run -0 terminal bash -c 'stty rows 33 cols 99; podman run --rm -it box sh -c "tty; until stty size | grep -v \"^0 0\"; do sleep 0.05; done 2>/dev/null"'
	has /dev/pts/0 "33 99"
}

@test "podman run -d, logs, wait, top, ps, stop, kill" {
	podman run -d --name c1 box sh -c 'echo out; echo err >&2; exit 3'
	run -0 podman wait c1
	is 3
	run -0 podman logs c1
	has out err
	podman run -d --name c2 box sleep 1234
	run -0 podman top c2 args
	has "sleep 1234"
	podman stop -t 1 c2
	run -0 podman inspect -f '{{.State.ExitCode}} {{.State.Status}}' c2
	is "137 exited"
	podman start c2
	podman kill -s KILL c2
	run -0 podman wait c2
	is 137
}

@test "podman run: every log driver that is here" {
	local driver
	for driver in k8s-file json-file passthrough none; do
		run -0 bash -c "podman run --rm --log-driver $driver box echo logged </dev/null | cat"
		[ "$driver" = none ] || is logged
	done
}

@test "podman exec: user, environment, directory, terminal, status, detached" {
	podman run -d --name c1 box sleep 1000
	run -0 podman exec -u user -w /tmp -e A=b c1 sh -c 'id -un; pwd; echo $A'
	is $'user\n/tmp\nb'
	run -9 podman exec c1 sh -c 'exit 9'
	run -127 podman exec c1 no-such-program
	has "executable file not found"
	run -126 podman exec c1 /etc/passwd
	has "permission denied"
	run -0 terminal podman exec -it c1 sh -c 'tty; test -t 0 && echo in'
	has /dev/pts/ in
	podman exec -d c1 sh -c 'echo x >/tmp/mark'
	eventually 10 podman exec c1 test -s /tmp/mark
	run -0 bash -c 'echo piped | podman exec -i c1 cat'
	is piped
}

@test "podman exec --preserve-fds, run --preserve-fds" {
	podman run -d --name c1 box sleep 1000
	echo through >"$BATS_TEST_TMPDIR/file"
	# Not by way of the function, which closes 3 and 4.
	run -0 bash -c "/usr/bin/podman --cgroup-manager cgroupfs exec --preserve-fds 1 c1 sh -c 'cat <&3' 3<'$BATS_TEST_TMPDIR/file'"
	is through
}

@test "podman pause, unpause, healthcheck, stats" {
	podman run -d --name c1 -m 64m --health-cmd 'test -e /tmp/well' --health-retries 1 --health-interval disable box sleep 1000
	podman pause c1
	run -0 podman inspect -f '{{.State.Status}}' c1
	is paused
	podman unpause c1
	run -1 podman healthcheck run c1
	podman exec c1 touch /tmp/well
	podman healthcheck run c1
	run -0 podman stats --no-stream --format '{{.MemUsage}}' c1
	has 67.11MB
}

@test "podman run --init" {
	run -0 podman run --rm --init box sh -c 'cat /proc/1/comm; (sleep 0.01 & exit 0); i=0; while cat /proc/[0-9]*/comm 2>/dev/null | grep -qx sleep && [ $((i += 1)) -lt 1000 ]; do :; done; cat /proc/[0-9]*/status | grep State'
	has podman-init
	lacks zombie
}

@test "podman run: limits" {
	run -0 podman run --rm -m 64m --pids-limit 50 --cpuset-cpus 0 --ulimit nofile=100:200 --ulimit nproc=1000:1000 box sh -c 'nproc; ulimit -n; cat /sys/fs/cgroup/memory*/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; cat /sys/fs/cgroup/pids*/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true'
	is $'1\n100\n67108864\n50'
	run -137 podman run --rm -m 16m --memory-swap 16m box tail /dev/zero
}

@test "podman run: security options" {
	run -0 podman run --rm --cap-drop all --cap-add kill --security-opt no-new-privileges --read-only box sh -c \
		'grep -E "CapBnd|NoNewPrivs|Seccomp:" /proc/self/status; touch /x || touch /tmp/x && echo tmp'
	has $'CapBnd:\t0000000000000020' $'NoNewPrivs:\t1' $'Seccomp:\t2' tmp
	run -0 podman run --rm --privileged box sh -c 'mount -t tmpfs none /mnt 2>/dev/null || mount -t tmpfs none /tmp && echo mounted'
	has mounted
	run -0 podman run --rm --hostname inside --sysctl net.ipv4.ip_forward=1 box sh -c 'hostname; cat /proc/sys/net/ipv4/ip_forward'
	is $'inside\n1'
	echo '{"defaultAction":"SCMP_ACT_NONSENSE"}' >"$BATS_TEST_TMPDIR/p.json"
	run ! podman run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" box true
	has NONSENSE
}

@test "podman run: volumes, mounts, devices" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	chmod 777 "$BATS_TEST_TMPDIR/dir"
	run -0 podman run --rm -v vol:/v -v "$BATS_TEST_TMPDIR/dir:/d:ro" --tmpfs /t:size=64k \
		--device /dev/null:/dev/mine box sh -c 'touch /v/x /t/x; ! touch /d/x 2>/dev/null && echo ro; echo x >/dev/mine && echo device'
	is $'ro\ndevice'
	# Copy-up: what the image has at the place comes along.
	run -0 podman run --rm --mount type=tmpfs,dst=/etc box ls /etc/passwd
	run -0 podman run --rm --mount type=tmpfs,dst=/etc,notmpcopyup box ls /etc
	lacks passwd
	podman volume rm vol >/dev/null
}

@test "podman: errors, with their exit codes" {
	run -127 podman run --rm box no-such-program
	has '"no-such-program"' "executable file not found"
	run -126 podman run --rm box /etc/passwd
	has '"/etc/passwd"' "permission denied"
	run -126 podman run --rm box /etc
	run -125 podman run --rm -v /no/such/source:/m box true
	has /no/such/source
	run ! podman run --rm -v "$STATE:/bin/cat" box true
	has /bin/cat "not a directory"
	run -125 podman --runtime /no/kist run --rm box true
	has /no/kist
}

@test "podman: an error is the runtime's message alone, and one line" {
	local code words
	while read -r code words; do
		# shellcheck disable=SC2086 # words are meant to split
		run "-$code" podman run --rm $words
		[ "${#lines[@]}" -eq 1 ]
		# What comes by way of conmon's copy of stderr has a time and a level.
		lacks level=
		has Error: "kist: kist create failed: "
	done <<-END
		127 box no-such-program
		126 box /etc/passwd
		126 box /etc
		126 -v $STATE:/bin/cat box true
		127 --sysctl net.no.such=1 box true
	END
}

@test "podman: errors without runtime_supports_json" {
	sed '/^runtime_supports_json/d' "$CONTAINERS_CONF" >"$BATS_TEST_TMPDIR/containers.conf"
	CONTAINERS_CONF=$BATS_TEST_TMPDIR/containers.conf run -127 podman run --rm box no-such-program
	has no-such-program "executable file not found" level=error
	CONTAINERS_CONF=$BATS_TEST_TMPDIR/containers.conf run -126 podman run --rm box /etc/passwd
}

@test "podman run --cgroups disabled, no-conmon" {
	run -0 podman run --rm --cgroups no-conmon box echo here
	is here
	# No cgroup at all is only for runtimes that Podman knows to be able to.
	run -0 /usr/bin/podman --cgroup-manager cgroupfs run --rm --cgroups disabled box cat /proc/self/cgroup 3>&- 4>&-
	lacks libpod
}

@test "podman update" {
	local file=/sys/fs/cgroup/memory/memory.limit_in_bytes
	cgroup_v2 && file=/sys/fs/cgroup/memory.max
	podman run -d --name c1 -m 64m box sleep 1000
	podman update --memory 96m --cpus 0.5 c1
	run -0 podman exec c1 cat $file
	is 100663296
}

@test "podman run: --restart, --stop-signal, --sig-proxy, kill by name" {
	podman run -d --name r1 --restart on-failure:2 box sh -c 'exit 1'
	eventually 30 bash -c '[ "$(podman inspect -f "{{.RestartCount}} {{.State.Status}}" r1)" = "2 exited" ]'
	podman run -d --name c2 --stop-signal USR2 box sh -c 'trap "exit 6" USR2; echo ready; while :; do sleep 0.05; done'
	eventually 20 bash -c 'podman logs c2 | grep ready'
	podman stop c2
	run -0 podman inspect -f '{{.State.ExitCode}}' c2
	is 6
	/usr/bin/podman --cgroup-manager cgroupfs run --rm --cgroup-parent "/$ENGINES_CGROUP-podman" box sh -c \
		'trap "echo hup; exit 5" HUP; echo ready; while :; do sleep 0.05; done' >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	local client=$! status=0
	eventually 20 grep -q ready "$BATS_TEST_TMPDIR/out"
	kill -HUP $client
	wait $client || status=$?
	[ $status -eq 5 ]
	grep -q hup "$BATS_TEST_TMPDIR/out"
}

@test "a paused container can be killed and removed" {
	podman run -d --name k1 box sleep 1000
	podman run -d --name r1 box sleep 1000
	podman pause k1 r1
	podman kill k1 || podman unpause k1
	podman rm -f -t 0 r1
	run ! podman inspect r1
}

@test "namespaces of other containers and of the host" {
	podman run -d --name c1 --ipc shareable --hostname first box sleep 1234
	run -0 podman run --rm --pid container:c1 --ipc container:c1 --network container:c1 --uts container:c1 box sh -c 'ps | grep -c "[s]leep 1234"; hostname'
	is $'1\nfirst'
	run -0 podman run --rm --pid host --ipc host --uts host --network host --cgroupns host box sh -c 'for n in pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done'
	is "$(for n in pid ipc uts net cgroup; do readlink "/proc/self/ns/$n"; done)"
	run -0 podman run --rm --cgroupns private box cat /proc/self/cgroup
	lacks libpod
}

@test "volumes: every propagation" {
	local dir=$STATE/shared mode
	mkdir -p "$dir"
	mount --bind "$dir" "$dir"
	mount --make-shared "$dir"
	mkdir -p "$dir/late"
	for mode in private rprivate slave rslave shared rshared; do
		podman run -d --name "p-$mode" -v "$dir:/m:$mode" --cap-add SYS_ADMIN --security-opt apparmor=unconfined box sleep 1000
	done
	mount -t tmpfs late "$dir/late"
	for mode in private rprivate slave rslave shared rshared; do
		run podman exec "p-$mode" grep -c "^late /m/late" /proc/mounts
		case $mode in
		*private) is 0 ;;
		*) is 1 ;;
		esac
	done
	umount "$dir/late"
	podman exec p-rshared mount -t tmpfs fromwithin /m/late
	grep -q "^fromwithin $dir/late" /proc/mounts
	podman exec p-rshared umount /m/late
	run ! grep -q "^fromwithin" /proc/mounts
	podman_clean
	umount -l "$dir"
}

@test "podman commit, cp" {
	podman run -d --name c1 box sleep 1000
	echo content >"$BATS_TEST_TMPDIR/file"
	podman cp "$BATS_TEST_TMPDIR/file" c1:/tmp/file
	podman commit c1 committed >/dev/null
	run -0 podman run --rm committed cat /tmp/file
	is content
}

@test "20 at once" {
	local i pids=()
	for i in $(seq 20); do
		podman run --rm --net none box echo "number $i" >"$BATS_TEST_TMPDIR/$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	numbers 20
}
