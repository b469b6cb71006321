#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Docker: resources, and what is told of their use.

load helpers
load docker

setup_file() {
	docker_up
	docker_image
}
teardown_file() { docker_down; }
teardown() { docker_clean; }

# cgroup CONTAINER V1 V2: a file of the container's cgroup, read on the host.
cgroup() {
	local id
	id=$(inspect "$1" .Id)
	if cgroup_v2; then
		cat "/sys/fs/cgroup/$ENGINES_CGROUP/$id/$3"
	else
		cat "/sys/fs/cgroup/${2%%.*}/$ENGINES_CGROUP/$id/$2"
	fi
}

@test "--memory, --pids-limit, --cpus, --cpu-shares, --cpuset-cpus" {
	docker run -d --name c1 -m 64m --memory-reservation 32m --pids-limit 50 --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 box sleep 1000 >/dev/null
	[ "$(cgroup c1 memory.limit_in_bytes memory.max)" = 67108864 ]
	[ "$(cgroup c1 memory.soft_limit_in_bytes memory.low)" = 33554432 ]
	[ "$(cgroup c1 pids.max pids.max)" = 50 ]
	[ "$(cgroup c1 cpuset.cpus cpuset.cpus)" = 0 ]
	if cgroup_v2; then
		[ "$(cgroup c1 - cpu.max)" = "50000 100000" ]
	else
		[ "$(cgroup c1 cpu.cfs_quota_us -)" = 50000 ]
		[ "$(cgroup c1 cpu.shares -)" = 512 ]
	fi
	run -0 docker exec c1 nproc
	is 1
}

@test "--blkio-weight" {
	run docker run -d --name c1 --blkio-weight 300 box sleep 1000
	lacks "does not support" >/dev/null || skip "the kernel has no weights, which Docker says itself"
	has_weight=$(cgroup c1 blkio.bfq.weight io.bfq.weight)
	[[ $has_weight == *300 ]]
}

@test "--device-read-bps" {
	local disk
	disk=$(lsblk -dnpo NAME 2>/dev/null | head -n 1)
	[ -b "$disk" ] || skip "no disk"
	docker run -d --name c1 --device-read-bps "$disk:1mb" box sleep 1000 >/dev/null
	run -0 cgroup c1 blkio.throttle.read_bps_device io.max
	has 1048576
}

@test "--ulimit" {
	run -0 docker run --rm --ulimit nofile=111:222 --ulimit core=0 box sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'
	is $'111\n222\n0'
}

@test "docker update" {
	docker run -d --name c1 -m 64m --memory-swap 128m --pids-limit 50 box sleep 1000 >/dev/null
	docker update -m 96m --memory-swap 192m --pids-limit 60 --cpus 0.25 --cpuset-cpus 0 c1
	[ "$(cgroup c1 memory.limit_in_bytes memory.max)" = 100663296 ]
	[ "$(cgroup c1 pids.max pids.max)" = 60 ]
	[ "$(cgroup c1 cpuset.cpus cpuset.cpus)" = 0 ]
	if cgroup_v2; then
		[ "$(cgroup c1 - cpu.max)" = "25000 100000" ]
	else
		[ "$(cgroup c1 cpu.cfs_quota_us -)" = 25000 ]
	fi
	# The new limits do not stand in the way of what comes later.
	docker exec c1 true
	docker pause c1
	docker unpause c1
}

@test "--cpu-period, --cpu-quota, --cpuset-mems, --oom-kill-disable; docker update of shares" {
	docker run -d --name c1 --cpu-period 50000 --cpu-quota 20000 --cpuset-mems 0 box sleep 1000 >/dev/null
	[ "$(cgroup c1 cpuset.mems cpuset.mems)" = 0 ]
	docker update --cpu-shares 256 c1
	if cgroup_v2; then
		[ "$(cgroup c1 - cpu.max)" = "20000 50000" ]
		[ "$(cgroup c1 - cpu.weight)" -lt 39 ]
	else
		[ "$(cgroup c1 cpu.cfs_period_us -) $(cgroup c1 cpu.cfs_quota_us -)" = "50000 20000" ]
		[ "$(cgroup c1 cpu.shares -)" = 256 ]
		docker run -d --name c2 -m 32m --oom-kill-disable box sleep 1000 >/dev/null
		cgroup c2 memory.oom_control - | grep -q '^oom_kill_disable 1$'
	fi
}

@test "docker stats" {
	docker run -d --name c1 -m 64m box sh -c 'while :; do :; done' >/dev/null
	run -0 docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}} {{.CPUPerc}}' c1
	has "c1 " "64MiB" " 1 "
	lacks " 0.00%"
}

@test "out of memory: 137 and OOMKilled" {
	run -137 docker run --name c1 -m 16m --memory-swap 16m box sh -c 'dd if=/dev/zero of=/dev/null bs=64M; tail /dev/zero'
	run -0 inspect c1 .State.OOMKilled
	is true
	run -0 inspect c1 .State.ExitCode
	is 137
}

@test "out of memory in an exec: the container lives and the event is told" {
	docker run -d --name c1 -m 16m --memory-swap 16m box sleep 1000 >/dev/null
	run -137 docker exec c1 tail /dev/zero
	state c1 running
	eventually 10 bash -c 'docker events --since 60s --until 0s --filter event=oom --filter container=c1 | grep -q oom'
}

@test "a limit on processes holds" {
	run docker run --rm --pids-limit 5 box sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; echo all'
	lacks all
	has "fork"
}

@test "--cgroup-parent" {
	docker run -d --name c1 --cgroup-parent "/$ENGINES_CGROUP/sub" -m 32m box sleep 1000 >/dev/null
	local file=memory.limit_in_bytes dir=/sys/fs/cgroup/memory
	if cgroup_v2; then file=memory.max dir=/sys/fs/cgroup; fi
	[ "$(cat "$dir/$ENGINES_CGROUP/sub/$(inspect c1 .Id)/$file")" = 33554432 ]
	docker_clean
	# Docker leaves the parent, which is nobody's.
	find /sys/fs/cgroup -depth -type d -path "*/$ENGINES_CGROUP/sub" -exec rmdir {} +
}

@test "--oom-score-adj, --memory-swappiness" {
	run -0 docker run --rm --oom-score-adj 500 box cat /proc/self/oom_score_adj
	is 500
	cgroup_v2 && return
	docker run -d --name c1 --memory-swappiness 10 box sleep 1000 >/dev/null
	[ "$(cgroup c1 memory.swappiness -)" = 10 ]
}
