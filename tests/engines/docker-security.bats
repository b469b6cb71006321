#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Docker: what a container may see and do.

load helpers
load docker

setup_file() {
	docker_up
	docker_image
}
teardown_file() {
	umount -l "$STATE/shared" 2>/dev/null || true
	docker_down
}
teardown() { docker_clean; }

caps() { awk -v set="$1:" '$1 == set { print $2 }' /proc/self/status; }

@test "--cap-add, --cap-drop" {
	run -0 docker run --rm --cap-drop ALL --cap-add CHOWN --cap-add KILL box grep CapBnd /proc/self/status
	is $'CapBnd:\t0000000000000021'
	run -0 docker run --rm -u user --cap-drop ALL box grep CapPrm /proc/self/status
	is $'CapPrm:\t0000000000000000'
	run ! docker run --rm --cap-drop CHOWN box chown 1 /tmp
	run -0 docker run --rm --cap-add SYS_ADMIN --security-opt apparmor=unconfined box mount -t tmpfs none /tmp
}

@test "--privileged: every capability that can be had, and the devices" {
	run -0 docker run --rm --privileged box sh -c 'grep CapEff /proc/self/status; test -e /dev/kmsg && echo kmsg; touch /proc/sys/kernel/domainname; mount -o remount,rw /sys && echo mounted'
	has kmsg mounted
	local own=$((16#$(caps CapBnd))) known=$(((1 << 38) - 1)) got
	got=$((16#$(sed -n 's/^CapEff:.//p' <<<"$output")))
	[ $((got & known)) -eq $((own & known)) ]
}

@test "default seccomp profile; unconfined; one of our own; a bad one" {
	run -0 docker run --rm box grep Seccomp: /proc/self/status
	is $'Seccomp:\t2'
	run ! docker run --rm box unshare -U true
	run -0 docker run --rm --security-opt seccomp=unconfined box grep Seccomp: /proc/self/status
	is $'Seccomp:\t0'
	echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]}' >"$BATS_TEST_TMPDIR/p.json"
	run -1 docker run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" box mkdir /tmp/x
	has "No space left"
	echo '{"defaultAction":"SCMP_ACT_NONSENSE"}' >"$BATS_TEST_TMPDIR/p.json"
	run -125 docker run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/p.json" box true
	has SCMP_ACT_NONSENSE seccomp
}

@test "no-new-privileges" {
	run -0 docker run --rm --security-opt no-new-privileges box grep NoNewPrivs /proc/self/status
	is $'NoNewPrivs:\t1'
}

@test "--read-only, --tmpfs, --shm-size" {
	run -0 docker run --rm --read-only --tmpfs /tmp:size=1m,mode=700,noexec --shm-size 2m box sh -c \
		'! touch /x 2>/dev/null && touch /tmp/x && grep " /tmp " /proc/mounts; df -k /dev/shm | tail -n 1'
	has "size=1024k" noexec "mode=700" " 2048 "
}

@test "masked and read-only paths" {
	run -0 docker run --rm box sh -c 'cat /proc/kcore | wc -c; ls /proc/acpi /sys/firmware | grep -v :; echo 1 >/proc/sys/kernel/panic || echo refused'
	has 0 refused
}

@test "--device" {
	local device
	for device in /dev/loop-control /dev/fuse /dev/net/tun; do
		[ ! -c "$device" ] || break
	done
	run -0 docker run --rm --device "$device:/dev/mine:r" box sh -c ': </dev/mine && echo opened; echo x >/dev/mine || echo refused'
	has opened refused
	run ! docker run --rm --cap-add MKNOD box sh -c 'mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg'
	has "not permitted"
	run -0 docker run --rm --device-cgroup-rule 'c 10:237 r' box sh -c 'mknod /tmp/loop c 10 237 && : </tmp/loop && echo opened'
	is opened
}

@test "--sysctl, --hostname, --domainname" {
	run -0 docker run --rm --sysctl net.ipv4.ip_forward=0 --sysctl kernel.shm_rmid_forced=1 --hostname inside --domainname example box sh -c \
		'hostname; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced /proc/sys/kernel/domainname; cat /etc/hostname'
	has inside example
	[[ $output == *$'\n0\n1\n'* ]]
	run -125 docker run --rm --sysctl kernel.panic=1 box true
	has kernel.panic
}

@test "--user, --group-add, --workdir, --entrypoint" {
	run -0 docker run --rm -u 1000 --group-add 3000 --group-add 4000 -w /made/by/runtime box sh -c 'id; pwd; echo $HOME'
	is $'uid=1000(user) gid=1000(user) groups=1000(user),2000(extra),3000,4000\n/made/by/runtime\n/home/user'
	run -0 docker run --rm --entrypoint /bin/echo box entry
	is entry
}

@test "shared namespaces: --pid, --ipc, --net, --uts" {
	docker run -d --name c1 --ipc shareable --hostname first box sleep 1234 >/dev/null
	run -0 docker run --rm --pid container:c1 --ipc container:c1 --net container:c1 box sh -c \
		'ps | grep "[s]leep 1234"; hostname; for n in pid ipc net; do readlink /proc/self/ns/$n; readlink /proc/1/ns/$n; done | uniq -c | awk "{ print \$1 }"'
	has "sleep 1234" first
	[[ $output == *$'2\n2\n2' ]]
	run -0 docker run --rm --pid host --ipc host --uts host --net host box sh -c 'for n in pid ipc uts net; do readlink /proc/self/ns/$n; done'
	is "$(for n in pid ipc uts net; do readlink "/proc/self/ns/$n"; done)"
}

@test "--pid host: stop and rm end every process of the container" {
	docker run -d --name c1 --pid host box sh -c 'sleep 4321 & sleep 4321 & wait' >/dev/null
	docker stop -t 1 c1
	docker rm c1
	run ! pgrep -f 'sleep 4321'
}

@test "--cgroupns" {
	run -0 docker run --rm --cgroupns private box cat /proc/self/cgroup
	lacks "$ENGINES_CGROUP"
	run -0 docker run --rm --cgroupns host box cat /proc/self/cgroup
	has "$ENGINES_CGROUP"
}

@test "volumes: named, bind, read-only, nested, file" {
	mkdir -p "$BATS_TEST_TMPDIR/dir/sub"
	echo data >"$BATS_TEST_TMPDIR/dir/file"
	run -0 docker run --rm -v vol:/v -v "$BATS_TEST_TMPDIR/dir:/new/place:ro" -v "$BATS_TEST_TMPDIR/dir/file:/etc/single" box sh -c \
		'echo kept >/v/x; cat /new/place/file /etc/single; ! touch /new/place/y 2>/dev/null && echo ro; echo more >>/etc/single'
	is $'data\ndata\nro'
	run -0 docker run --rm -v vol:/v box cat /v/x
	is kept
	[ "$(cat "$BATS_TEST_TMPDIR/dir/file")" = $'data\nmore' ]
	docker volume rm vol >/dev/null
	run -0 docker run --rm --mount "type=bind,src=$BATS_TEST_TMPDIR/dir,dst=/a,readonly" --mount type=tmpfs,dst=/b,tmpfs-size=64k box sh -c 'ls /a; df -k /b | tail -n 1'
	has file sub " 64 "
}

@test "volumes: every propagation" {
	local dir=$STATE/shared mode
	mkdir -p "$dir"
	mount --bind "$dir" "$dir"
	mount --make-shared "$dir"
	mkdir -p "$dir/late"
	for mode in private rprivate slave rslave shared rshared; do
		docker run -d --name "p-$mode" -v "$dir:/m:$mode" --cap-add SYS_ADMIN --security-opt apparmor=unconfined box sleep 1000 >/dev/null
	done
	mount -t tmpfs late "$dir/late"
	for mode in private rprivate slave rslave shared rshared; do
		run docker exec "p-$mode" grep -c "^late /m/late" /proc/mounts
		case $mode in
		*private) is 0 ;;
		*) is 1 ;;
		esac
	done
	umount "$dir/late"
	run docker exec p-rslave grep -c "/m/late" /proc/mounts
	is 0
	docker exec p-shared mount -t tmpfs fromwithin /m/late
	grep -q "^fromwithin $dir/late" /proc/mounts
	docker exec p-shared umount /m/late
	run ! grep -q "^fromwithin" /proc/mounts
}

@test "volumes: read-only and what is mounted below, --volumes-from, not recursive" {
	local dir=$BATS_TEST_TMPDIR/tree
	mkdir -p "$dir/sub"
	mount -t tmpfs below "$dir/sub"
	touch "$dir/sub/there"
	docker run -d --name c1 -v "$dir:/m:ro" -v vol:/v --mount "type=bind,src=$dir,dst=/flat,bind-nonrecursive" box sleep 1000 >/dev/null
	run -0 docker exec c1 sh -c 'ls /m/sub /flat/sub; ! touch /m/x 2>/dev/null && echo ro'
	is $'/flat/sub:\n\n/m/sub:\nthere\nro'
	umount "$dir/sub"
	run -0 docker run --rm --volumes-from c1:ro box sh -c '! touch /v/x 2>/dev/null && ! touch /m/x 2>/dev/null && echo ro'
	is ro
	docker rm -f c1 >/dev/null
	docker volume rm vol >/dev/null
}

@test "--security-opt systempaths=unconfined, --ipc none and private" {
	run -0 docker run --rm --security-opt systempaths=unconfined box sh -c 'grep -c " /proc/" /proc/self/mountinfo || true'
	is 0
	run -0 docker run --rm --ipc none box sh -c 'grep -c " /dev/shm " /proc/mounts || true'
	is 0
	docker run -d --name c1 --ipc private box sleep 1000 >/dev/null
	run -125 docker run --rm --ipc container:c1 box true
	has "non-shareable IPC"
}

@test "network: a bridge between containers; none" {
	can_nat || skip "the kernel has no NAT"
	docker network create n1 >/dev/null
	docker run -d --name server --net n1 box nc -ll -p 80 -e echo page >/dev/null
	# Debian's busybox is static: it cannot ask the resolver, nor for the port of http.
	address=$(docker inspect -f '{{(index .NetworkSettings.Networks "n1").IPAddress}}' server)
	run -0 docker run --rm --net n1 box sh -c "for i in \$(seq 50); do nc -w 2 $address 80 </dev/null && exit 0; sleep 0.2; done; exit 1"
	is page
	docker rm -f server >/dev/null
	docker network rm n1 >/dev/null
	run -0 docker run --rm --net none box ls /sys/class/net
	is lo
}
