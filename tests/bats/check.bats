#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist check: what the host can do, and what it says where something is taken away.

load helpers

# line ID: of check.json. now ID STATUS [TEXT]: it has that status, and says TEXT.
line() { jq -c --arg id "$1" '.checks[] | select(.id == $id)' check.json; }
now() {
	local found
	found=$(line "$1")
	[ "$(jq -r .status <<<"$found")" = "$2" ] || fail "$1: not $2: $found"
	[[ $found == *"${3:-}"* ]] || fail "$1: no ${3:-} in: $found"
}

# json STATUS COMMAND...: `COMMAND kist check --json` ends with that status; its output is in check.json.
json() {
	local want=$1 status=0
	shift
	# shellcheck disable=SC2086 # several words
	"$@" timeout -k 2 20 "$KIST" --root "$ROOT" ${GLOBAL:-} check --json >check.json 2>check.err || status=$?
	[ ! -s check.err ] || fail "stderr: $(cat check.err)"
	jq -e . check.json >/dev/null || fail "no JSON"
	[ $status -eq "$want" ] || fail "status $status: $(jq -c '.checks[] | select(.required and .status != "ok")' check.json)"
}
as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# without COMMAND -- COMMAND...: the second in a mount namespace in which the first was run.
without() { unshare -m --propagation private sh -c "$1; shift; exec \"\$@\"" sh "$@"; }

@test "where the tests run, everything that is required is there" {
	run -0 kist check
	has "Everything that is required (*) is there."
	[ "$(grep -c '^  [a-z]* *\*' <<<"$output")" -ge 20 ]
}

@test "JSON: one document, unique ids, four statuses, reasons for what is not there" {
	json 0 env
	jq -e '.ok and .privileged and .uid == 0 and .kernel == $k' --arg k "$(uname -r)" check.json
	jq -e '[.checks[].id] | length > 50 and length == (unique | length)' check.json
	jq -e 'all(.checks[]; (.status | IN("ok", "limited", "missing", "unknown")) and (.group | length > 0) and (.what | length > 0)
		and ((.status == "ok") == (.breaks == null)))' check.json
}

@test "table and JSON say the same" {
	json 0 env
	run -0 kist check
	[ "$(grep -cE '^  (ok|limited|missing|unknown) ' <<<"$output")" = "$(jq '.checks | length' check.json)" ]
	[ "$(grep -cE '^  missing ' <<<"$output")" = "$(jq '[.checks[] | select(.status == "missing")] | length' check.json)" ]
}

@test "colours on a terminal only, and not with NO_COLOR" {
	run -0 kist check
	lacks $'\e['
	run -0 command script -qec "$KIST check" /dev/null </dev/null
	has $'\e[32mok'
	run -0 env NO_COLOR=1 script -qec "$KIST check" /dev/null </dev/null
	lacks $'\e['
}

@test "nothing is left: mounts, devices, cgroups, processes, namespaces" {
	everything() {
		cat /proc/self/mountinfo
		ip -o link
		find /sys/fs/cgroup -maxdepth 3 -name '*kist-check*'
		ps -eo comm= | grep kist || true
		readlink /proc/$$/ns/*
		ls "$BATS_TEST_TMPDIR"
	}
	local before
	before=$(everything)
	kist check >/dev/null
	as_user "$KIST" check >/dev/null || true
	diff <(echo "$before") <(everything)
}

@test "an ordinary user gets an answer about what a user can do" {
	json 0 as_user
	jq -e '.privileged == false and .uid == 65534' check.json
	now namespace.user ok
	jq -e '.checks[] | select(.id == "namespace.user").required' check.json
	now idmap.namespace missing "ordinary user"
	[ -z "$(line device.mknod)" ]
	[ -n "$(line ids.subuid)" ]
}

@test "no user namespaces left" {
	# The limit is that of a user namespace made for it.
	limited() { unshare -U --map-root-user sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$@"; }
	limited timeout 20 "$KIST" check --json >check.json || true # cgroups are not ours in there
	now namespace.user missing "user.max_user_namespaces=15000"
	now userns.container missing
	now namespace.mount ok
	now mount.proc ok
}

@test "a masked /proc: no procfs in a user namespace" {
	json 1 without 'mount -t tmpfs tmpfs /proc/sys' setpriv --reuid=65534 --regid=65534 --clear-groups
	now mount.proc missing "mounted over a part of /proc"
	json 0 without 'mount -t tmpfs tmpfs /proc/tty'
	now mount.proc ok
	now userns.proc missing
}

@test "cgroups that cannot be written: root can run nothing, unless without cgroups" {
	local readonly='for m in $(awk "\$5 ~ /^.sys.fs.cgroup/ { print \$5 }" /proc/self/mountinfo); do mount -o remount,bind,ro $m; done'
	json 1 without "$readonly"
	now cgroup.create missing "remount,rw"
	GLOBAL="--cgroup-manager disabled" json 0 without "$readonly"
	[ -z "$(line cgroup.create)" ]
}

@test "systemd is required if it is asked for" {
	[ ! -d /run/systemd/system ] || skip "it is here"
	GLOBAL=--systemd-cgroup json 1 env
	now systemd.running missing
	jq -e '.checks[] | select(.id == "systemd.running").required' check.json
}

@test "no /dev/null: a user can run nothing" {
	json 1 without 'mount --bind /dev /mnt && mount -t tmpfs tmpfs /dev && mkdir /dev/pts && for n in zero full random urandom tty ptmx; do touch /dev/$n && mount --bind /mnt/$n /dev/$n; done; exec 2>/dev/null' \
		setpriv --reuid=65534 --regid=65534 --clear-groups
	now device.null missing
}

@test "an old kernel" {
	json 1 setarch "$(uname -m)" --uname-2.6
	now kernel.version missing "2.6."
	jq -e '[.checks[] | select(.required and .status != "ok")] | length == 1' check.json
}

@test "no CRIU" {
	local criu
	criu=$(command -v criu) || skip "criu is not installed"
	json 0 without "mount --bind /dev/null $criu"
	now criu.program missing install
	[ -z "$(line criu.check)" ]
}

@test "inside a container, it says that the container is what forbids it" {
	cp "$KIST" rootfs/kist
	args /kist check --json
	config '.process.capabilities[] = []'
	run -1 kist run "$CT"
	echo "$output" >check.json
	jq -e '.ok == false' check.json
	now namespace.mount missing "inside a container"
	now kernel.nsexec ok
}

@test "a seccomp profile that refuses calls" {
	cp "$KIST" rootfs/kist
	args /kist check --json
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{names: ["openat2"], action: "SCMP_ACT_ERRNO", errnoRet: 38}, {names: ["unshare"], action: "SCMP_ACT_ERRNO", errnoRet: 1}]}'
	run -1 kist run "$CT"
	echo "$output" >check.json
	now kernel.openat2 missing "seccomp profile"
	now namespace.pid missing "inside a container"
}

@test "operands and unknown flags are refused" {
	run -1 kist check now
	has "exactly 0 argument"
	run -1 kist check --nosuch
	has "flag provided but not defined"
	run -1 kist check --probe nosuch
	has "no such set"
}
