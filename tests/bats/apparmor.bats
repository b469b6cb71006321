#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# AppArmor, where the kernel has it: the virtual machine of tests/vm. What a profile is to stop is first done without
# it, so that each test fails if the container is not confined.

load helpers

readonly POLICY=/sys/kernel/security/apparmor

# unable: why there is nothing to test here. (In setup_file bats cannot skip.)
unable() {
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]; then
		echo "AppArmor is not on"
	elif [ ! -e $POLICY/features ]; then
		echo "securityfs is not mounted"
	fi
}

setup_file() {
	[ -z "$(unable)" ] || return 0
	"$KIST" apparmor load
	# What only a test denies. In the parser's language a file is denied by not being there; this one is by name.
	apparmor_parser -r -K <<-'END'
		abi <abi/3.0>,
		profile kist-test flags=(attach_disconnected,mediate_deleted) {
		  file, capability, network, unix, signal, ptrace, mount, umount,
		  deny /secret r,
		}
	END
}

teardown_file() {
	[ -z "$(unable)" ] || return 0
	local name
	for name in kist-test kist-default; do
		echo -n $name >$POLICY/.remove || true
	done
}

# A container that may do everything but for AppArmor: root with all capabilities, nothing masked or read-only.
setup() {
	prepare
	local why
	why=$(unable)
	[ -z "$why" ] || skip "$why"
	CAPS=$("$KIST" features | jq -c '.linux.capabilities')
	config '.root.readonly = false | .linux.maskedPaths = [] | .linux.readonlyPaths = []
		| .process.capabilities = {bounding: $c, effective: $c, permitted: $c}
		| .process.noNewPrivileges = false
		| (.mounts[] | select(.destination == "/sys")).options = ["nosuid", "noexec", "nodev"]' --argjson c "$CAPS"
	echo hidden >rootfs/secret
	mkdir -p rootfs/mnt
}

profile() { config '.process.apparmorProfile = $p' --arg p "$1"; }
# try TEXT: in a container of its own, says done or refused.
try() { in_container "($1) >/dev/null 2>&1 && echo done || echo refused"; }
# stopped TEXT: works without the profile, and does not with it.
stopped() {
	local with=${2:-kist-default}
	config 'del(.process.apparmorProfile)'
	run -0 try "$1"
	is 'done'
	profile "$with"
	run -0 try "$1"
	is refused
}
# allowed TEXT: works with the profile.
allowed() {
	profile "${2:-kist-default}"
	run -0 try "$1"
	is 'done'
}
loaded() { grep -q "^$1 (" $POLICY/profiles; }

# bats test_tags=vm
@test "the process is under the profile, from its first instruction" {
	profile kist-default
	args cat /proc/self/attr/current
	run -0 kist run "$CT"
	is 'kist-default (enforce)'
	profile unconfined
	run -0 kist run "$CT"
	is unconfined
}

# bats test_tags=vm
@test "kist-default: mount, umount, pivot_root" {
	stopped 'mount -t tmpfs none /tmp'
	stopped 'umount /dev/shm'
	stopped 'mount --bind /proc /mnt'
	stopped 'mount -o remount,bind,nosuid /dev/shm'
	stopped 'mount --make-rshared /'
	stopped 'unshare -m pivot_root . /mnt || unshare -m sh -c "mount --bind /mnt /mnt && cd /mnt && mkdir -p old && pivot_root . old"'
}

@test "kist-default: ptrace and signals end at the profile" {
	local outside
	config '.linux.namespaces |= map(select(.type != "pid"))'
	sleep 1000 3>&- &
	outside=$!
	stopped ": </proc/$outside/mem"
	stopped "cat /proc/$outside/environ"
	stopped "kill -0 $outside && kill -CONT $outside"
	kill $outside
	allowed 'sleep 9 & cat /proc/$!/environ && : </proc/$!/mem && kill $!'
}

@test "kist-default: files of the machine in /proc" {
	stopped 'echo h >/proc/sysrq-trigger'
	stopped 'head -c 1 /proc/kcore'
	stopped 'f=/proc/sys/kernel/core_pattern; v=$(cat $f) && echo "$v" >$f'
	stopped 'f=/proc/sys/vm/swappiness; v=$(cat $f) && echo "$v" >$f'
	stopped 'f=/proc/sys/fs/file-max; v=$(cat $f) && echo "$v" >$f'
	stopped 'f=/proc/irq/default_smp_affinity; v=$(cat $f) && echo "$v" >$f'
	allowed 'echo renamed >/proc/sys/kernel/hostname && hostname | grep renamed'
	allowed 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	allowed 'f=/proc/sys/kernel/shmmax; v=$(cat $f) && echo "$v" >$f'
	allowed 'f=/proc/sys/fs/mqueue/msg_max; v=$(cat $f) && echo "$v" >$f'
	allowed 'echo 100 >/proc/self/oom_score_adj && cat /proc/cpuinfo'
}

@test "kist-default: /sys" {
	stopped 'f=/sys/kernel/mm/ksm/sleep_millisecs; v=$(cat $f) && echo "$v" >$f'
	stopped 'f=/sys/block/vda/queue/read_ahead_kb; v=$(cat $f) && echo "$v" >$f'
	stopped 'ls /sys/kernel/debug /sys/firmware/'
	allowed 'cat /sys/kernel/mm/ksm/sleep_millisecs'
}

@test "kist-default: a process does not leave it" {
	# shellcheck disable=SC2016
	stopped 'echo changeprofile unconfined >/proc/self/attr/current'
	stopped 'echo exec kist-test >/proc/self/attr/exec'
}

@test "a program with no_new_privs and an ordinary user are under the profile too" {
	config '.process.noNewPrivileges = true | .process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
	profile kist-default
	args cat /proc/self/attr/current
	run -0 kist run "$CT"
	is 'kist-default (enforce)'
	config '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 rootfs
	run -0 kist run "$CT"
	is 'kist-default (enforce)'
}

@test "a stack confines by each of its profiles" {
	stopped 'cat /secret' kist-test
	allowed 'mount -t tmpfs none /tmp' kist-test
	allowed 'cat /secret' kist-default
	stopped 'cat /secret' 'kist-default//&kist-test'
	stopped 'mount -t tmpfs none /tmp' 'kist-test//&kist-default'
	args cat /proc/self/attr/current
	profile 'kist-test//&kist-default'
	run -0 kist run "$CT"
	like '^kist-(test|default)//&kist-(test|default) \(enforce\)$'
	profile '&kist-default' # on kist's own, which is none
	run -0 kist run "$CT"
	has kist-default
}

# bats test_tags=vm
@test "exec is under the container's profile, or the one that it names" {
	profile kist-default
	run -0 running
	run -0 kist exec "$CT" cat /proc/self/attr/current
	is 'kist-default (enforce)'
	run -255 kist exec "$CT" mount -t tmpfs none /tmp
	run -0 kist exec --apparmor kist-test "$CT" cat /proc/self/attr/current
	is 'kist-test (enforce)'
	run -1 kist exec --apparmor kist-test "$CT" cat /secret
	run -0 kist exec --apparmor unconfined "$CT" cat /proc/self/attr/current
	is unconfined
	# A description without a profile, as engines write it, inherits.
	jq '.process | del(.apparmorProfile) | .args = ["cat", "/proc/self/attr/current"]' config.json >process.json
	run -0 kist exec --process process.json "$CT"
	is 'kist-default (enforce)'
	jq '.process | .apparmorProfile = "unconfined" | .args = ["cat", "/proc/self/attr/current"]' config.json >process.json
	run -0 kist exec --process process.json "$CT"
	is unconfined
}

@test "exec does not write its label to a file of the container's" {
	profile kist-default
	run -0 running
	# What is mounted is no procfs: there is nothing to be confined by.
	nsenter -t "$(pid)" -m -r /bin/sh -c 'mount -t tmpfs none /proc && mkdir -p /proc/thread-self/attr/apparmor /proc/self/attr &&
		touch /proc/thread-self/attr/apparmor/exec /proc/thread-self/attr/exec'
	run -255 kist exec "$CT" touch /mnt/unconfined
	has 'config.json: /process/apparmorProfile'
	[ ! -e rootfs/mnt/unconfined ]
	run -0 nsenter -t "$(pid)" -m -r /bin/cat /proc/thread-self/attr/apparmor/exec /proc/thread-self/attr/exec
	is ''
	# A real one, but with a file over the attribute.
	nsenter -t "$(pid)" -m -r /bin/sh -c 'umount /proc; for t in /proc/[0-9]*/task/*/attr; do mount -t tmpfs none $t; done'
	run -0 kist exec "$CT" cat /proc/self/attr/current
	is 'kist-default (enforce)'
}

# bats test_tags=vm
@test "a profile that is not loaded is refused before there is anything" {
	local p
	for p in no-such-profile 'kist-default//&no-such-profile' '&no-such-profile' ':no-such-space:kist-default'; do
		profile "$p"
		run -1 kist run "$CT"
		has 'config.json: /process/apparmorProfile: AppArmor profile' 'is not loaded' apparmor_parser
		run -1 kist create "$CT"
		has 'is not loaded'
		nothing_left
	done
	# Not even the state directory.
	[ ! -e "$ROOT" ]
	profile kist-default
	run -0 running
	run -255 kist exec --apparmor no-such-profile "$CT" touch /mnt/x
	has 'no-such-profile' 'is not loaded'
	[ ! -e rootfs/mnt/x ]
}

@test "a profile that is unloaded after create stops start" {
	echo 'profile kist-gone { file, }' | apparmor_parser -r -K
	profile kist-gone
	args touch /mnt/x
	run -0 detached create "$CT"
	echo -n kist-gone >$POLICY/.remove
	run -1 kist start "$CT"
	has '/process/apparmorProfile: write' 'kist-gone' '(the profile is not loaded)'
	[ ! -e rootfs/mnt/x ]
}

# bats test_tags=vm
@test "kist apparmor: load, status, show, unload" {
	run -0 kist apparmor status
	has 'kist-default is loaded, mode enforce'
	profile kist-default
	run -0 running
	run -0 kist apparmor status
	has 'it confines 1 processes'
	run -1 kist apparmor unload
	has 'would go on unconfined'
	loaded kist-default
	run -0 kist apparmor load # in place of itself
	run -0 kist exec "$CT" cat /proc/self/attr/current
	is 'kist-default (enforce)'
	kist delete --force "$CT"
	run -0 kist apparmor unload
	run ! loaded kist-default
	run -1 kist apparmor status
	has 'kist-default is not loaded'
	run -1 kist run "$CT"
	has 'kist apparmor load'
	run -0 kist apparmor show
	has 'profile kist-default flags='
	run -0 kist apparmor load
	loaded kist-default
}

@test "kist apparmor load says what is missing" {
	run -1 setpriv --reuid 1000 --clear-groups --inh-caps=-all "$KIST" apparmor load
	has 'needs root'
	run -1 unshare -m sh -c "mount -t tmpfs none /usr/sbin && exec $KIST apparmor load"
	has 'apparmor_parser is not installed'
	run -1 unshare -m sh -c "mount -t tmpfs none /sys/kernel/security && exec $KIST apparmor load"
	has 'mount -t securityfs'
	run -1 unshare -m sh -c "mount -t tmpfs none /sys/module && exec $KIST apparmor load"
	has 'AppArmor is not enabled'
	profile kist-default
	run -1 unshare -m sh -c "mount -t tmpfs none /sys/module && exec $KIST --root $ROOT run $CT"
	has '/process/apparmorProfile: AppArmor is not enabled on this host'
}

# imported LINE...: a bundle from an LXC configuration, running, with its shell as the way in.
imported() {
	local line
	mkdir -p lxc
	{
		echo "lxc.uts.name = imported"
		echo "lxc.rootfs.path = dir:$BUNDLE/rootfs"
		echo "lxc.net.0.type = empty"
		echo "lxc.mount.auto = proc:rw sys:rw"
		echo "lxc.init.cmd = /bin/sleep 1000"
		echo "lxc.apparmor.profile = generated"
		for line; do echo "$line"; done
	} >lxc/config
	kist import --report /dev/null lxc/config "$BUNDLE/imported" && cd imported && config '.process.terminal = false'
}
start_imported() { imported "$@" && detached run -d "$CT"; }
own() { echo "lxc-${CT}_<$ROOT>"; }
space() { own | tr / -; }
# in_it TEXT: done or refused.
in_it() { kist exec "$CT" sh -c "($1) >/dev/null 2>&1 && echo done || echo refused"; }
can() { [ "$(in_it "$1")" = 'done' ] || fail "cannot: $1"; }
cannot() { [ "$(in_it "$1")" = refused ] || fail "can: $1"; }

# bats test_tags=vm
@test "imported, generated: under a profile of its own, which goes with it" {
	run -0 start_imported
	loaded "$(own)"
	[ -d "$POLICY/policy/namespaces/$(space)" ]
	run -0 kist exec "$CT" cat /proc/1/attr/current /proc/self/attr/current
	[ "${#lines[@]}" = 2 ]
	[ "${lines[0]}" = "${lines[1]}" ]
	# From outside, the whole stack.
	run -0 cat "/proc/$(pid)/attr/current"
	has "$(own)" "//&:$(space):unconfined"
	run -0 kist apparmor status --profile "$(own)"
	has 'is loaded, mode enforce; it confines 1 processes'
	run -0 kist apparmor show --profile "$(own)"
	has "profile \"$(own)\""
	run -0 kist delete --force "$CT"
	run ! loaded "$(own)"
	[ ! -e "$POLICY/policy/namespaces/$(space)" ]
	run -0 kist delete --force "$CT"
}

@test "imported, generated: what a system container does, and what it does not" {
	mkdir -p rootfs/mnt/a rootfs/mnt/b
	run -0 start_imported
	can 'mount -t tmpfs none /tmp && umount /tmp'
	can 'mount --bind /mnt/a /mnt/b && umount /mnt/b' # busybox remounts silently, which parsers of 3.x cannot say
	can 'mount -t mqueue none /mnt/a && umount /mnt/a'
	can 'mount -t proc proc /proc && umount /proc'
	can 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	# Filesystems silently, as busybox mounts: others, and any bind, a parser of 3.x lets through (docs/apparmor.md).
	cannot 'mount -t proc proc /mnt/a'
	cannot 'mount -t sysfs sysfs /mnt/a'
	if ! apparmor_parser --version | grep -q 'version [0-3]\.'; then
		cannot 'mount --bind /proc /mnt/a'
		cannot 'mount --rbind / /mnt/a'
	fi
	cannot 'mount -t devpts none /mnt/a'
	cannot 'mount -t overlay -o lowerdir=/bin:/etc none /mnt/a'
	cannot 'mount -t ext4 /dev/vda /mnt/a'
	cannot 'mount -o remount,bind,rw /mnt/b'
	cannot 'echo h >/proc/sysrq-trigger'
	cannot 'f=/proc/sys/kernel/core_pattern; v=$(cat $f) && echo "$v" >$f'
	cannot 'f=/sys/kernel/mm/ksm/sleep_millisecs; v=$(cat $f) && echo "$v" >$f'
	kist delete --force "$CT"
	# The control: it is the profile that stops all this.
	cd "$BUNDLE" && rm -r imported
	run -0 start_imported 'lxc.apparmor.profile = unconfined'
	can 'mount -t proc proc /mnt/a && umount /mnt/a'
	can 'mount --bind /proc /mnt/a && umount /mnt/a'
	can 'mount -t devpts none /mnt/a && umount /mnt/a'
	can 'mount -t overlay -o lowerdir=/bin:/etc none /mnt/a && umount /mnt/a'
	can 'echo h >/proc/sysrq-trigger'
	can 'f=/sys/kernel/mm/ksm/sleep_millisecs; v=$(cat $f) && echo "$v" >$f'
}

@test "imported, generated with nesting: mounts what containers inside need" {
	mkdir -p rootfs/mnt/a
	run -0 start_imported 'lxc.apparmor.allow_nesting = 1'
	can 'mount -t proc proc /mnt/a && umount /mnt/a'
	can 'mount --bind /proc /mnt/a && umount /mnt/a'
	can 'mount -t devpts none /mnt/a && umount /mnt/a'
	can 'mount -t overlay -o lowerdir=/bin:/etc none /mnt/a && umount /mnt/a'
	can 'unshare -m sh -c "mount --make-rslave / && mount --bind /mnt/a /mnt/a && mkdir /mnt/a/old && cd /mnt/a && pivot_root . old"'
	cannot 'ls /dev/.lxc/proc/'
	cannot 'echo h >/proc/sysrq-trigger'
}

@test "imported, generated: profiles loaded inside are not the host's" {
	apparmor_parser -S -K >rootfs/policy <<-'END'
		abi <abi/3.0>,
		profile inner flags=(attach_disconnected,mediate_deleted) { file, capability, network, unix, deny /secret r, }
	END
	run -0 start_imported 'lxc.apparmor.allow_nesting = 1'
	can 'mount -t securityfs none /sys/kernel/security'
	can 'dd if=/policy of=/sys/kernel/security/apparmor/.load bs=4M'
	run ! loaded inner
	run -0 kist exec "$CT" sh -c 'echo -n "exec inner" >/proc/self/attr/exec && cat /proc/self/attr/current'
	run -0 kist exec "$CT" sh -c 'echo -n "exec inner" >/proc/self/attr/exec && exec cat /proc/self/attr/current'
	has 'inner (enforce)'
	run -1 kist exec "$CT" sh -c 'echo -n "exec inner" >/proc/self/attr/exec && exec cat /secret'
	can 'cat /secret'
}

@test "imported, generated: raw rules" {
	run -0 start_imported 'lxc.apparmor.raw = deny /secret r,' 'lxc.apparmor.raw = mount fstype=devpts,'
	cannot 'cat /secret'
	can 'mount -t devpts none /mnt'
	cannot 'mount -t proc proc /mnt'
	kist delete --force "$CT"
	cd "$BUNDLE" && rm -r imported
	run -1 start_imported 'lxc.apparmor.raw = nonsense of a rule,'
	has io.kist.lxc.apparmor 'syntax error'
	nothing_left
	run ! loaded "$(own)"
	[ ! -e "$POLICY/policy/namespaces/$(space)" ]
}

@test "imported, generated: a user namespace" {
	mkdir -p rootfs/mnt/a
	chown -R 100000:100000 rootfs
	run -0 start_imported 'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'
	run -0 cat "/proc/$(pid)/attr/current"
	has "$(own)"
	can 'mount -t tmpfs none /mnt/a && umount /mnt/a'
	can 'mount --bind /proc /mnt/a && umount /mnt/a'
	cannot 'mount -t proc proc /mnt/a'
	cannot 'echo h >/proc/sysrq-trigger'
}

@test "imported, generated: delete finds it after kist was killed" {
	printf '#!/bin/sh\nkill -9 $PPID\n' >hook
	chmod +x hook
	imported
	config '.hooks.createRuntime = [{path: $p}]' --arg p "$BUNDLE/hook"
	run kist run "$CT"
	loaded "$(own)"
	run -0 kist delete --force "$CT"
	run ! loaded "$(own)"
	[ ! -e "$POLICY/policy/namespaces/$(space)" ]
}

@test "imported without a word about it: LXC's default profile, or one that is generated" {
	run -0 start_imported 'lxc.apparmor.profile ='
	run -0 kist exec "$CT" cat /proc/self/attr/current
	has 'lxc-container-default-cgns (enforce)'
	kist delete --force "$CT"
	cd "$BUNDLE" && rm -r imported
	echo -n lxc-container-default-cgns >$POLICY/.remove
	run -0 start_imported 'lxc.apparmor.profile ='
	run -0 cat "/proc/$(pid)/attr/current"
	has "$(own)"
	apparmor_parser -r -K /etc/apparmor.d/lxc-containers
}
