#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Rootless Podman on kist, by "tester". Its image is made here, nothing is pulled.

load helpers

setup_file() {
	local name
	cd /home/tester || return
	mkdir -p box/bin box/etc
	cp /bin/busybox box/bin/
	for name in sh sleep id cat echo ls mkdir stat touch tty; do ln -sf busybox "box/bin/$name"; done
	tar -C box -cf box.tar .
	# The user's configuration is the documented one, word for word but for the path.
	mkdir -p .config/containers
	sed -n '/^<!-- containers.conf -->/,/^```$/p' "$BATS_TEST_DIRNAME/../../../docs/engines.md" | sed '1,2d; $d' |
		sed "s:/usr/local/bin/kist:$KIST:" >.config/containers/containers.conf
	grep -q "$KIST" .config/containers/containers.conf || return
	[ -e /etc/containers/policy.json ] || echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
	chown -R tester: box box.tar .config
	podman import -q box.tar box
}

setup() { cd /home/tester || return; }
teardown() {
	podman pod rm -f -a -t 0
	podman rm -f -a -t 0
	! pgrep -x kist:init || fail "processes are left"
}

podman() { as tester podman --log-level error "$@" </dev/null; }
# below PATH: the container's cgroup is there, in what the user's systemd has been given.
mine=/user.slice/user-1000.slice/user@1000.service
below() {
	local pid
	pid=$(podman inspect -f '{{.State.Pid}}' "$1")
	[[ $(cat "/proc/$pid/cgroup") == 0::$mine/$2 ]] || fail "$(cat "/proc/$pid/cgroup")"
}

@test "run: the runtime, ids, exit status, and errors with Podman's codes" {
	run -3 podman run --rm --network none box sh -c 'id -u; cat /proc/self/uid_map; exit 3'
	like '^0'
	like '0 +1000 +1'
	like '1 +100000 +65536$'
	run -0 podman info -f '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}'
	is "kist $KIST"
	run -127 podman run --rm --network none box nothing
	has 'exec: "nothing": executable file not found in $PATH'
	run -126 podman run --rm --network none box /bin
	has "permission denied"
	run -125 podman run --rm --network none --device /dev/none box true
	has /dev/none
}

@test "detached: exec, logs, top, pause, stop, rm" {
	podman run -d --name main --network none box sh -c 'echo said; trap "exit 5" TERM; while :; do sleep 1; done'
	run -0 podman exec -e A=b -w /etc --user 7 main sh -c 'echo $A $PWD; id -u'
	is $'b /etc\n7'
	run -9 podman exec main sh -c 'exit 9'
	run -0 podman logs main
	is said
	run -0 podman top main args
	has sleep
	podman pause main
	run -0 podman inspect -f '{{.State.Status}}' main
	is paused
	podman unpause main
	podman stop -t 100 main
	run -0 podman inspect -f '{{.State.Status}} {{.State.ExitCode}}' main
	is "exited 5"
	podman rm main
}

@test "keep-id and volumes" {
	run -0 podman run --rm --network none --userns keep-id -v /home/tester/box:/mine:ro -v named:/named box \
		sh -c 'id -u; stat -c %u /mine; touch /mine/x 2>/dev/null || echo ro; echo kept >/named/file'
	is $'1000\n1000\nro'
	run -0 podman run --rm --network none -v named:/named box cat /named/file
	is kept
	podman volume rm named
}

@test "a terminal, for run and for exec" {
	run -0 as tester script -qec "podman run --rm -t --network none box tty" /dev/null </dev/null
	has /dev/pts/0
	podman run -d --name main --network none box sleep 1000
	run -0 as tester script -qec "podman exec -t main tty" /dev/null </dev/null
	has /dev/pts/
}

@test "limits, through systemd and through cgroupfs" {
	podman run -d --name main --network none --memory 64m --pids-limit 50 --cpus 0.5 box sleep 1000
	below main 'user.slice/libpod-*.scope'
	run -0 podman exec main cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max
	is $'67108864\n50\n50000 100000'
	podman --cgroup-manager cgroupfs run -d --name other --network none --memory 64m --pids-limit 50 box sleep 1000
	below other '*'
	run -0 podman --cgroup-manager cgroupfs exec other cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max
	is $'67108864\n50'
}

@test "a pod shares its namespaces; network by slirp4netns, the host's, none" {
	podman pod create --name pod
	podman run -d --pod pod --name one box sleep 1000
	run -0 podman run --rm --pod pod box sh -c 'ls /sys/class/net; cat /proc/sys/kernel/hostname'
	is $'lo\ntap0\npod'
	[ "$(podman exec one stat -Lc %i /proc/self/ns/net /proc/self/ns/ipc)" = "$(podman run --rm --pod pod box stat -Lc %i /proc/self/ns/net /proc/self/ns/ipc)" ] || fail "namespaces"
	podman pod rm -f -t 0 pod
	run -0 podman run --rm --network host box ls /sys/class/net
	is "$(ls /sys/class/net)"
	run -0 podman run --rm --network none box ls /sys/class/net
	is lo
}

@test "build" {
	mkdir -p context
	cp box.tar context/
	printf 'FROM scratch\nADD box.tar /\nRUN echo "built by $(id -u)" >/made && touch /root-only && stat -c %%u /root-only\nCMD ["cat", "/made"]\n' >context/Dockerfile
	chown -R tester: context
	podman build -q -t made context
	run -0 podman run --rm --network none made
	is "built by 0"
}

@test "a health check" {
	podman run -d --name main --network none --health-cmd 'cat /etc/well' --health-interval disable box sleep 1000
	run -1 podman healthcheck run main
	podman exec main touch /etc/well
	podman healthcheck run main
}
