#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The systemd driver, on a systemd that manages this machine: units, their properties, and what systemd does to them.

load helpers

setup() {
	[ -d /run/systemd/system ] && is_systemd || skip "for --view systemd"
	prepare
	UNIT=kist-$CT.scope
}
teardown() {
	[ -n "${CT:-}" ] || return 0
	clean
}

# property NAME [UNIT]: its value; the words of a list on a line each.
property() { systemctl show --value -p "$1" "${2:-$UNIT}"; }
property_is() { [ "$(property "$1")" = "$2" ] || fail "$1=$(property "$1"), expected $2"; }
file_is() { [ "$(<"$(cgroup_dir)/$1")" = "$2" ] || fail "$1: $(<"$(cgroup_dir)/$1"), expected $2"; }
unit_active() { [ "$(property ActiveState)" = active ]; }
unit_gone() { [ "$(property LoadState "${1:-$UNIT}")" = not-found ]; }

# bats test_tags=vm
@test "limits are properties of the scope, and in the files" {
	config '.linux.resources += {memory: {limit: 67108864, reservation: 33554432, swap: 100663296}, pids: {limit: 42},
		cpu: {shares: 512, quota: 50000, period: 100000, cpus: "0", mems: "0"},
		unified: {"memory.high": "60000000", "memory.oom.group": "1", "io.weight": "default 55"}}'
	run -0 running
	local want
	for want in Slice=system.slice Delegate=yes DefaultDependencies=no MemoryMax=67108864 MemoryLow=33554432 \
		MemorySwapMax=33554432 MemoryHigh=60000000 TasksMax=42 CPUWeight=59 CPUQuotaPerSecUSec=500ms AllowedCPUs=0 \
		AllowedMemoryNodes=0 IOWeight=55 DevicePolicy=strict MemoryAccounting=yes TasksAccounting=yes IOAccounting=yes; do
		property_is "${want%%=*}" "${want#*=}"
	done
	file_is memory.max 67108864
	file_is memory.low 33554432
	file_is memory.swap.max 33554432
	file_is memory.high 59998208
	file_is memory.oom.group 1
	file_is pids.max 42
	file_is cpu.weight 59
	file_is cpu.max "50000 100000"
	file_is cpuset.cpus 0
	file_is io.weight "default 55"
	grep -qxF "$(pid)" "$(cgroup_dir)/cgroup.procs"
	run -0 kist exec "$CT" cat /proc/self/cgroup
	has /
	# A quota that systemd can only round: the file has the exact one.
	run -0 kist update --cpu-quota 12345 --cpu-period 100000 "$CT"
	property_is CPUQuotaPerSecUSec 130ms
	file_is cpu.max "12345 100000"
}

# bats test_tags=vm
@test "an update is in the unit and in the file, and outlives a daemon-reload; devices stay" {
	config '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 42}}
		| .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 229, access: "rw"}]'
	run -0 running
	run -0 kist update --memory 100000000 --memory-swap 100000000 --pids-limit 77 --cpu-share 2048 --cpuset-cpus 0 "$CT"
	systemctl daemon-reload
	property_is MemoryMax 100000000
	file_is memory.max 99999744
	property_is TasksMax 77
	file_is pids.max 77
	property_is AllowedCPUs 0
	file_is cpuset.cpus 0
	file_is cpu.weight "$(property CPUWeight)"
	run -0 property DeviceAllow
	has "/dev/char/10:229 rw"
	run -0 kist update --pids-limit -1 --memory -1 --memory-swap -1 "$CT"
	property_is TasksMax infinity
	file_is pids.max max
	property_is MemoryMax infinity
	file_is memory.max max
	echo '{"unified": {"memory.high": "50003968"}}' | kist update -r - "$CT"
	property_is MemoryHigh 50003968
	file_is memory.high 50003968
}

@test "slices: nested and made on demand, kept while another container is there" {
	local slice=${KIST_TEST_PREFIX}a-b-c.slice
	config '.linux.cgroupsPath = $p' --arg p "$slice:pre:$CT"
	run -0 running
	UNIT=pre-$CT.scope
	property_is Slice "$slice"
	property_is ControlGroup "/${KIST_TEST_PREFIX}a.slice/${KIST_TEST_PREFIX}a-b.slice/$slice/$UNIT"
	[ -d "/sys/fs/cgroup/$(property ControlGroup)" ]
	config '.linux.cgroupsPath = $p' --arg p "$slice::$CT-2"
	run -0 detached run -d "$CT-2"
	[ "$(property Slice "$CT-2.scope")" = "$slice" ]
	run -0 kist delete -f "$CT"
	run -0 kist exec "$CT-2" true
	run -0 kist delete -f "$CT-2"
	systemctl stop "${KIST_TEST_PREFIX}a.slice"
}

@test "cgroupsPath: every form; what is none is refused" {
	local path unit
	while read -r path unit; do
		config '.linux.cgroupsPath = $p' --arg p "$path"
		run -0 running
		[ "$(property ActiveState "$unit")" = active ] || fail "$path: no $unit"
		run -0 kist delete -f "$CT"
		# A slice can always be loaded, it has no file.
		[[ $unit == *.slice ]] || unit_gone "$unit" || fail "$path: $unit is left"
		[ "$(property ActiveState "$unit")" = inactive ] || fail "$path: $unit is left"
	done <<-END
		:x:$CT x-$CT.scope
		::$CT $CT.scope
		system.slice:y:$CT y-$CT.scope
		:x:${KIST_TEST_PREFIX}s.slice ${KIST_TEST_PREFIX}s.slice
	END
	for path in "/a/$CT" "a.slice:b" "a:b:$CT" "a--b.slice::$CT" "a.slice:x:" "../a.slice:x:$CT" "a.slice:x:../$CT"; do
		config '.linux.cgroupsPath = $p' --arg p "$path"
		run -1 kist run "$CT"
		has /linux/cgroupsPath
	done
}

# bats test_tags=vm
@test "annotations: properties of every type" {
	config '.annotations = {"org.systemd.property.TimeoutStopSec": "uint64 17", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'",
		"org.systemd.property.After": "['"'basic.target'"']", "org.systemd.property.DefaultDependencies": "true",
		"org.systemd.property.TasksMax": "uint64 99", "org.systemd.property.RuntimeMaxSec": "1000"}'
	run -0 running
	property_is TimeoutStopUSec 17s
	property_is CollectMode inactive-or-failed
	property_is DefaultDependencies yes
	property_is RuntimeMaxUSec "16min 40s"
	property_is TasksMax 99
	run -0 property After
	has basic.target
}

@test "annotations: wrong ones are refused by name, and nothing is left" {
	local name value
	while read -r name value; do
		config '.annotations = {("org.systemd.property." + $n): $v}' --arg n "$name" --arg v "$value"
		run -1 kist run "$CT"
		has "$name"
		nothing_left
		unit_gone
	done <<-'END'
		CollectMode inactive
		CollectMode [
		TimeoutStopSec 'x'
		a.b 1
		NoSuchProperty 'x'
		TasksMax 'many'
	END
}

# access: tries every access to a device's node, made here, and prints what is granted.
probe='probe() {
	rm -f /tmp/n; mknod /tmp/n $1 $2 $3 2>/dev/null && echo "$1$2:$3 m"
	[ -e /tmp/n ] || return
	(: </tmp/n) 2>/dev/null && echo "$1$2:$3 r"
	(: >/tmp/n) 2>/dev/null && echo "$1$2:$3 w"
}
probe c 1 3; probe c 1 5; probe c 10 237; probe c 10 229; probe c 10 235; probe b 254 0; true'

# What a virtual machine has: autofs, fuse, loop-control and a virtio disk.
devices() {
	modprobe -a loop fuse 2>/dev/null || true
	local n
	for n in 10:229 10:235 10:237; do
		[ -e /sys/dev/char/$n ] || skip "no device $n here"
	done
	[ "$(cat /sys/block/vda/dev 2>/dev/null)" = 254:0 ] || skip "no virtio disk here"
	config '.process.capabilities[] += ["CAP_MKNOD"] | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["dev"]}]
		| .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 237, access: "r"},
		{allow: true, type: "c", major: 10, minor: 229, access: "rw"}, {allow: true, type: "b", major: 254, minor: -1, access: "r"}]'
}

granted='c1:3 m
c1:3 r
c1:3 w
c1:5 m
c1:5 r
c1:5 w
c10:237 m
c10:237 r
c10:229 m
c10:229 r
c10:229 w
c10:235 m
b254:0 m
b254:0 r'

# bats test_tags=vm
@test "devices: what the rules grant, and nothing else, also after a reload and a restart of systemd" {
	devices
	run -0 running
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	is "$granted"
	systemctl daemon-reload
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	is "$granted"
	systemctl daemon-reexec
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	is "$granted"
	run -0 kist update --pids-limit 50 "$CT"
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	is "$granted"
	echo '{"devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 10, "minor": 237, "access": "rw"}]}' | kist update -r - "$CT"
	run -0 kist exec "$CT" /bin/sh -c "$probe"
	has "c10:237 r" "c10:237 w"
	lacks "c10:229 r" "c10:229 w" "b254:0 r"
}

# bats test_tags=vm
@test "all devices allowed: no filter is in the way" {
	devices
	config '.linux.resources.devices = [{allow: true, access: "rwm"}]'
	run -0 in_container "$probe"
	has "b254:0 r" "b254:0 w" "c10:235 r" "c10:235 w" "c10:237 w"
}

@test "systemctl daemon-reexec: limits stay, and the container can be managed" {
	config '.linux.resources += {memory: {limit: 67108864}, pids: {limit: 42}}'
	run -0 running
	systemctl daemon-reexec
	property_is MemoryMax 67108864
	file_is memory.max 67108864
	file_is pids.max 42
	run -0 kist update --pids-limit 43 "$CT"
	file_is pids.max 43
	property_is TasksMax 43
	run -0 kist pause "$CT"
	run -0 kist resume "$CT"
	run -0 kist kill "$CT" KILL
	eventually status_is stopped
	run -0 kist delete "$CT"
	unit_gone
}

@test "systemctl stop of the scope stops the container" {
	script 'trap "exit 3" TERM; while :; do sleep 0.1; done'
	run -0 detached run -d "$CT"
	systemctl stop "$UNIT"
	run -0 status_of
	is stopped
	run -0 kist delete "$CT"
	unit_gone
}

@test "a scope that failed is not left behind, and its name can be used again" {
	config '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
	script 'head -c 100000000 /dev/zero | tail -c 90000000; exec sleep 1000'
	run -0 detached run -d "$CT"
	run -0 kist kill "$CT" KILL
	eventually status_is stopped
	run -0 kist delete "$CT"
	unit_gone
	run -0 in_container true
	unit_gone
	[ -z "$(systemctl --failed --no-legend "*$CT*")" ]
}

@test "the cgroup is delegated: an init inside divides it, systemd leaves it alone, exec and delete work" {
	config '(.mounts[] | select(.type == "cgroup")).options = ["rw"]'
	script 'mkdir /sys/fs/cgroup/a; echo $$ >/sys/fs/cgroup/a/cgroup.procs; echo +pids >/sys/fs/cgroup/cgroup.subtree_control; exec sleep 1000'
	run -0 detached run -d "$CT"
	eventually grep -qw pids "$(cgroup_dir)/cgroup.subtree_control"
	systemctl daemon-reload
	grep -qw pids "$(cgroup_dir)/cgroup.subtree_control"
	run -0 kist exec "$CT" cat /proc/self/cgroup
	has /a
	run -0 kist delete -f "$CT"
	[ ! -d "$(cgroup_dir)" ]
}

@test "a unit that is in use is not taken over" {
	systemd-run -q --scope --unit="$UNIT" --slice=system.slice sleep 1000 3>&- 4>&- </dev/null >/dev/null 2>&1 &
	local other=$!
	eventually systemctl is-active -q "$UNIT"
	args /bin/true
	run -1 kist run "$CT"
	has "$UNIT"
	run kist delete -f "$CT"
	systemctl is-active -q "$UNIT" || fail "somebody else's scope was stopped"
	systemctl stop "$UNIT"
	wait "$other" || true # and not for bats's own
}

@test "a create that fails leaves no unit, at whatever point" {
	local what
	cp config.json good.json
	for what in '.mounts += [{destination: "/x", type: "nosuchfs", source: "none"}]' '.hooks.createRuntime = [{path: "/bin/false"}]' \
		'.process.args = ["/no/such/program"]' '.linux.resources.memory.swappiness = 60'; do
		cp good.json config.json
		config "$what"
		run -1 kist run "$CT"
		nothing_left
		unit_gone || fail "$what: the unit is left"
	done
}

@test "what a create that was killed has left goes with delete" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo $$ >\($d)/hook; exec sleep 1000"]}]' --arg d "$PWD"
	"$KIST" --root "$ROOT" run -d "$CT" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	local job=$!
	eventually test -s hook
	eventually unit_active
	kill -KILL $job
	wait $job || true
	kill "$(<hook)" 2>/dev/null || true # it has mostly gone with kist
	run -0 kist delete --force "$CT"
	nothing_left
	unit_gone
}

@test "without D-Bus: an error that names the sockets, and nothing is left" {
	run -1 unshare -m --propagation private sh -c 'mount -t tmpfs none /run/systemd && mkdir /run/systemd/system && exec "$@"' - "$KIST" --root "$ROOT" run "$CT"
	has "systemd: connect: /run/systemd/private: no such file or directory"
	nothing_left
	run -1 unshare -m --propagation private sh -c 'mount -t tmpfs none /run/systemd && exec "$@"' - "$KIST" --root "$ROOT" run "$CT"
	has "--systemd-cgroup: systemd is not running on this host"
	nothing_left
}

@test "systemd is asked while nsexec is at work" {
	run -0 kist run --trace=trace "$CT"
	local asked joined unshared
	asked=$(grep -n 'ask systemd' trace | cut -d: -f1)
	joined=$(grep -n 'cgroup attach' trace | cut -d: -f1)
	[ "$asked" -lt "$joined" ] || fail "$(<trace)"
	# Nothing that nsexec does before it must be in its cgroup waits for the answer.
	unshared=$(grep -n 'unshare(CLONE_NEWNS' trace | cut -d: -f1)
	[ "$unshared" -lt "$joined" ] || fail "$(<trace)"
}
