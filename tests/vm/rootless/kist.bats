#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist as "tester", who has subordinate ids and a systemd that may delegate every controller, and as "single", who has
# neither.

load helpers

setup_file() {
	local user
	for user in tester single; do
		mkdir -p "/home/$user/bundle/rootfs/bin" "/run/user/$(id -u $user)"
		cp /bin/busybox "/home/$user/bundle/rootfs/bin/"
		chroot "/home/$user/bundle/rootfs" /bin/busybox --install -s /bin
		chown -R "$user:" "/home/$user" "/run/user/$(id -u $user)"
		chmod 755 "/home/$user"
		(cd "/home/$user/bundle" && rm -f config.json && as $user "$KIST" spec --rootless && mv config.json as-made.json)
	done
}

setup() { at tester; }
# at USER: work in that one's bundle, with what `kist spec --rootless` has made.
at() {
	ME=$1
	CT=ct$BATS_TEST_NUMBER
	cd "/home/$ME/bundle" || return
	config '.process.terminal = false' as-made.json
}
teardown() {
	local id user bad=0
	rm -f /home/tester/bundle/rootfs/kist
	for user in tester single; do
		for id in $(as $user "$KIST" list -q); do as $user "$KIST" delete --force "$id" || bad=1; done
	done
	[ -z "$(find /sys/fs/cgroup -type d -name "*$CT*")" ] || fail "cgroups are left" || bad=1
	! pgrep -x kist:init || fail "processes are left" || bad=1
	return $bad
}

# config FILTER [FILE]: change config.json with jq.
config() { jq "$1" "${2:-config.json}" >config.new && mv config.new config.json && chown "$ME:" config.json; }
args() { config ".process.args = $(jq -cn '$ARGS.positional' --args -- "$@")"; }
kist() { as "$ME" "$KIST" "$@"; }
# inside TEXT: a shell script as the container's process.
inside() {
	args /bin/sh -c "$1"
	kist run "$CT"
}
# two ids and more: the user's own and all subordinate ones.
more_ids() {
	config ".linux.uidMappings += [{containerID: 1, hostID: ${1:-100000}, size: 65536}]
		| .linux.gidMappings += [{containerID: 1, hostID: ${1:-100000}, size: 65536}]"
}
limits() { config '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 40}}'; }
started() {
	args /bin/sleep 1000
	"$@" run -d "$CT" </dev/null >"$BATS_TEST_TMPDIR/log" 2>&1 || fail "$(cat "$BATS_TEST_TMPDIR/log")"
}
# cgroup: where the container is, below /sys/fs/cgroup.
cgroup() { sed 's/^0:://' "/proc/$(kist state "$CT" | jq .pid)/cgroup"; }

# limited COMMAND...: a container with limits, made by COMMAND, has them, and can do all that needs a cgroup.
limited() {
	local dir
	limits
	started "$@"
	dir=/sys/fs/cgroup$(cgroup)
	[[ $dir == /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/*$CT* ]] || fail "the cgroup is $dir" || return
	[ "$(cat "$dir/memory.max" "$dir/pids.max" | xargs)" = "67108864 40" ] || fail "limits" || return
	[ "$(stat -c %U "$dir")" = tester ] || fail "owner" || return
	run -0 "$@" exec "$CT" sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max' || return
	is $'0::/\n40' || return
	"$@" update --pids-limit 41 --memory 48M --cpu-quota 50000 "$CT" || return
	[ "$(cat "$dir/memory.max" "$dir/pids.max" "$dir/cpu.max" | xargs)" = "50331648 41 50000 100000" ] || fail "update" || return
	"$@" pause "$CT" && [ "$(cat "$dir/cgroup.freeze")" = 1 ] || fail "pause" || return
	[ "$(kist state "$CT" | jq -r .status)" = paused ] || fail "status" || return
	"$@" resume "$CT" && [ "$(cat "$dir/cgroup.freeze")" = 0 ] || fail "resume" || return
	run -0 "$@" events --stats "$CT" || return
	[ "$(jq .data.pids.current <<<"$output")" = 1 ] || fail "events" || return
	"$@" kill "$CT" KILL && eventually test ! -s "$dir/cgroup.procs" && "$@" delete "$CT" || return
	[ ! -e "$dir" ] || fail "the cgroup is left"
}

@test "what spec --rootless makes runs as it is, without any cgroup" {
	run -0 inside 'id -u; hostname; tr -s " " </proc/self/uid_map; touch /x 2>/dev/null || echo ro; touch /sys/x 2>/dev/null || echo ro; grep -c processor /proc/cpuinfo >/dev/null && ps | wc -l'
	is $'0\nkist\n 0 1000 1\nro\nro\n4'
}

# bats test_tags=vm
@test "create, start, exec, ps, kill, delete without any cgroup" {
	args sh -c 'trap "exit 3" TERM; while :; do sleep 0.2; done'
	kist create "$CT" </dev/null >/dev/null 2>&1
	run -255 kist exec "$CT" true
	has "cannot exec in a container that is not started"
	kist start "$CT"
	run -0 kist exec -e A=b --cwd /bin "$CT" sh -c 'echo $A; pwd; id -u'
	is $'b\n/bin\n0'
	run -7 kist exec "$CT" sh -c 'exit 7'
	for command in pause ps "update --pids-limit 5" "events --stats"; do
		# shellcheck disable=SC2046,SC2086 # words
		run -1 kist ${command%% *} $([[ $command != *\ * ]] || echo ${command#* }) "$CT"
		has "container has no cgroup"
	done
	kist kill "$CT" TERM
	eventually status_is stopped
	kist delete "$CT"
	run -0 kist list -q
	is ""
}
status_is() { [ "$(kist state "$CT" | jq -r .status)" = "$1" ]; }

# bats test_tags=vm
@test "subordinate ids: owners, groups, exec as somebody else" {
	more_ids
	config '.root.readonly = false | .process.capabilities[] += ["CAP_CHOWN", "CAP_SETUID", "CAP_SETGID"] | .process.user.additionalGids = [5]'
	run -0 inside 'id -G; touch /owned && chown 1000:65536 /owned && stat -c "%u %g" /owned'
	is $'0 5\n1000 65536'
	run -0 stat -c '%u %g' rootfs/owned
	is "100999 165535"
	rm rootfs/owned
	started kist
	run -0 kist exec -u 33:33 "$CT" id -u
	is 33
}

@test "a user without subordinate ids has a single one; more are refused, and who gives them is said" {
	at single
	run -0 inside 'tr -s " " </proc/self/uid_map; cat /proc/self/setgroups'
	is $' 0 1001 1\ndeny'
	more_ids
	run -1 kist run "$CT"
	has "/linux/uidMappings" "newuidmap: uid range" "single has no range in /etc/subuid" "usermod --add-subuids 100000-165535 single"
	at tester
	more_ids 100001
	run -1 kist run "$CT"
	has "tester has 100000-165535 in /etc/subuid" "usermod --add-subuids 100001-165536 tester"
}

@test "newuidmap is missing, or has no privilege" {
	more_ids
	args true
	chmod u-s /usr/bin/newuidmap
	run -1 kist run "$CT"
	chmod u+s /usr/bin/newuidmap
	has "the helper has no privilege: chmod u+s /usr/bin/newuidmap"
	run -1 as tester setpriv --no-new-privs "$KIST" run "$CT"
	has "kist was started with no_new_privs"
	mv /usr/bin/newuidmap /usr/bin/newuidmap.away
	run kist run "$CT"
	mv /usr/bin/newuidmap.away /usr/bin/newuidmap
	[ "$status" = 1 ] || fail "status"
	has "needs newuidmap and newgidmap, of the package uidmap" /etc/subuid
}

@test "user namespaces are switched off" {
	local most
	args true
	most=$(cat /proc/sys/user/max_user_namespaces)
	echo 0 >/proc/sys/user/max_user_namespaces
	run kist run "$CT"
	echo "$most" >/proc/sys/user/max_user_namespaces
	[ "$status" = 1 ] || fail "status"
	has "unshare(CLONE_NEWUSER): no space left on device" "the administrator sets sysctl user.max_user_namespaces"
	echo 0 >/proc/sys/kernel/unprivileged_userns_clone
	run kist run "$CT"
	echo 1 >/proc/sys/kernel/unprivileged_userns_clone
	[ "$status" = 1 ] || fail "status"
	has "unshare(CLONE_NEWUSER): operation not permitted" "kernel.unprivileged_userns_clone=1"
	config 'del(.linux.uidMappings, .linux.gidMappings, (.linux.namespaces[] | select(.type == "user")))'
	run -1 kist run "$CT"
	has "without root a container needs a user namespace: see kist spec --rootless"
}

@test "the user's systemd: limits, exec, update, pause, kill, delete" {
	by_systemd() { unit "$KIST" --systemd-cgroup "$@"; }
	limited by_systemd
	run -0 as tester systemctl --user list-units --all --no-legend "*$CT*"
	is ""
}

# in_unit COMMAND...: in a unit of tester's with a place for the container's cgroup beside it, as is proper: who is in the
# unit itself can give no controllers to what is below.
in_unit() {
	# shellcheck disable=SC2016 # of the unit's shell
	unit sh -c 'own=/sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup) && mkdir -p $own/self && echo $$ >$own/self/cgroup.procs && exec "$@"' sh "$@"
}
# bats test_tags=vm
@test "a delegated unit of the user's: the same without systemd" {
	in_own() { in_unit "$KIST" "$@"; }
	limited in_own
}

@test "a cgroup that the administrator has given by hand, with one controller" {
	# The user must own the directory from which he comes, too.
	local top=/sys/fs/cgroup/by-hand
	mkdir -p $top/tester/self
	echo +pids >$top/cgroup.subtree_control
	chown tester $top/tester{,/self}{,/cgroup.procs,/cgroup.subtree_control}
	by_hand() { (echo $BASHPID >$top/tester/self/cgroup.procs && kist "$@"); }
	config '.linux.cgroupsPath = "'"$CT"'" | .linux.resources = {pids: {limit: 40}}'
	args cat /sys/fs/cgroup/pids.max
	run -0 by_hand run "$CT"
	is 40
	config '.linux.resources.cpu = {cpus: "0"}'
	run -1 by_hand run "$CT"
	rmdir $top/tester/self $top/tester $top
	has "controller cpuset is not delegated to uid 1000" "/linux/resources/cpu/cpus" "systemctl edit user@.service"
}

# bats test_tags=vm
@test "limits without delegation are refused, and how to get it is said" {
	limits
	args true
	run -1 kist run "$CT"
	has "is not delegated to uid 1000" "--systemd-cgroup" "systemd-run --user --scope -p Delegate=yes"
	config '.linux.resources = null | .linux.cgroupsPath = "/elsewhere"'
	run -1 kist run "$CT"
	has "cgroup /sys/fs/cgroup/elsewhere" "is not delegated"
	at single
	run -1 kist --systemd-cgroup run "$CT"
	has "loginctl enable-linger"
}

@test "--rootless: true and auto do without a cgroup, false does not" {
	args true
	kist --rootless auto run "$CT"
	kist --rootless=true run "$CT"
	run -1 kist --rootless=false run "$CT"
	has "cgroup /sys/fs/cgroup/$CT: cgroup is not delegated"
	kist --rootless=false --cgroup-manager disabled run "$CT"
	run -1 kist --rootless=perhaps run "$CT"
	has "must be true, false or auto"
}

@test "network: the host's, none, and sysfs with each" {
	config '.mounts = [.mounts[] | select(.destination | startswith("/sys") | not)] + [{destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro", "nosuid", "noexec", "nodev"]}]'
	run -0 inside 'ls /sys/class/net | wc -l; ip -o link | wc -l; [ -d /sys/kernel/debug ] && grep -c " /sys sysfs ro" /proc/self/mounts'
	# shellcheck disable=SC2012
	is "$(ls /sys/class/net | wc -l)"$'\n'"$(ip -o link | wc -l)"$'\n1'
	config '.linux.namespaces += [{type: "network"}] | .linux.sysctl = {"net.ipv4.ip_unprivileged_port_start": "80"}'
	run -0 inside 'ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1; cat /proc/sys/net/ipv4/ip_unprivileged_port_start'
	is $'lo\n1\n80'
	config '.linux.netDevices = {"lo": {name: "x"}}'
	run -1 kist run "$CT"
	has "/linux/netDevices: moving devices of the host needs CAP_NET_ADMIN there"
}

@test "a terminal, for run and for exec" {
	more_ids # for the group tty
	config '.process.terminal = true'
	args sh -c 'tty; stat -c %u $(tty); stty size'
	run -0 as tester script -qec "stty rows 33 cols 99; $KIST run $CT" /dev/null </dev/null
	has /dev/pts/0 $'\n0' "33 99"
	config '.process.terminal = false'
	started kist
	run -0 as tester script -qec "$KIST exec -t $CT tty" /dev/null </dev/null
	has /dev/pts/
}

@test "inside a user namespace of somebody else's, with all ids, and in a container" {
	args sh -c 'id -u; tr -s " " </proc/self/uid_map'
	config '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	run -0 as tester unshare -Ur "$KIST" run "$CT"
	is $'0\n 0 0 1'
	config '.linux.uidMappings[0].size = 1000'
	run -1 as tester unshare -U --map-root-user --map-auto "$KIST" run "$CT"
	has "host ids 0-999 are not in one line of its /proc/self/uid_map"
	config '.linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}, {containerID: 1, hostID: 1, size: 999}] | .linux.gidMappings = .linux.uidMappings
		| .process.user.additionalGids = [7]'
	args id -G
	run -0 as tester unshare -U --map-root-user --map-auto "$KIST" run "$CT"
	is "0 7"
}

@test "kist in a container of kist" {
	touch rootfs/kist
	config '.linux.maskedPaths = [] | .linux.readonlyPaths = [] | .process.capabilities[] += ["CAP_SYS_ADMIN", "CAP_SETFCAP"] | .process.env += ["XDG_RUNTIME_DIR=/run"]
		| .mounts += [{destination: "/run", type: "tmpfs"}, {destination: "/kist", source: "'"$KIST"'", options: ["bind", "ro"]},
		{destination: "/mnt", source: "/home/tester/bundle/rootfs", options: ["bind"]}]'
	# shellcheck disable=SC2016
	inner='mkdir -p /run/bundle/rootfs && cd /run/bundle && /kist spec --rootless && sed -i "s/\"terminal\": true/\"terminal\": false/; s/\"sh\"/\"id\", \"-u\"/; s:\"rootfs\":\"/mnt\":" config.json && /kist run inner'
	run -0 inside "$inner"
	is 0
	config '.process.capabilities[] -= ["CAP_SETFCAP"]'
	run -1 inside "$inner"
	has "needs CAP_SETFCAP there"
	config '.process.capabilities[] += ["CAP_SETFCAP"] | .linux.maskedPaths = ["/proc/kcore"]'
	run -1 inside "$inner"
	has "a part of the one here is covered"
}

@test "clocks of its own" {
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {boottime: {secs: 1000000}}'
	run -0 inside 'cut -d. -f1 /proc/uptime'
	[ "$output" -ge 1000000 ] || fail "uptime"
}

# refused FILTER WORD...: with this change of config.json run says all of it.
refused() {
	at tester
	config "$1"
	run -1 kist run "$CT"
	has "${@:2}"
}
@test "what only root can do is refused, and what to do instead is said" {
	refused '.mounts += [{destination: "/mnt", type: "ext4", source: "/dev/vda"}]' "/mounts/7 (/mnt)" "let it be mounted there, and bind it"
	refused '.mounts += [{destination: "/mnt", source: "/dev", options: ["bind"]}]' "/mounts/7 (/mnt)" "use rbind"
	refused '.mounts += [{destination: "/mnt", source: "/home", options: ["bind", "idmap"]}]' "needs root in the initial user namespace"
	refused '.linux.namespaces = [.linux.namespaces[] | select(.type != "pid")]' "/mounts/0 (/proc)" "bind the host's /proc"
	refused '.linux.namespaces += [{type: "network", path: "/proc/1/ns/net"}]' "/linux/namespaces/6/path" "join only what you have made"
	refused '.linux.devices = [{path: "/dev/own", type: "c", major: 1, minor: 3}]' "/linux/devices/0 (/dev/own)" "the host has none of this name"
	refused '.root.path = "/root"' "give that one the right to search the path"
	refused '.process.scheduler = {policy: "SCHED_FIFO", priority: 5}' "/process/scheduler" "CAP_SYS_NICE"
	refused '.process.oomScoreAdj = -500' "/process/oomScoreAdj" "CAP_SYS_RESOURCE"
	run -1 env -i setpriv --reuid tester --regid tester --clear-groups "$KIST" run "$CT"
	has "state directory /run/kist" "XDG_RUNTIME_DIR"
}

@test "kist check tells a user what is there and what is not" {
	run -0 kist check --json
	[ "$(jq -r '.checks[] | select(.id == "ids.map").status' <<<"$output")" = ok ] || fail "ids.map"
	at single
	run kist check
	has "has no range for single" "usermod --add-subuids"
}
