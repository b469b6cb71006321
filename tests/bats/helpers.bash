# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every file of this directory loads. A test has a bundle of its own, in $BUNDLE, which is the working directory; a
# state directory of its own, $ROOT; and $CT, an id that nobody else uses. After a test, also one that failed, its
# containers are deleted, and anything that is left of them fails the test.
#
# No test waits for time to pass or asks whether something was quick: it waits for what must happen (eventually), and
# what hangs is ended after a limit that nothing else comes near. On a machine that is so slow that this is not true,
# KIST_TEST_SLOWNESS multiplies every limit.

SLOWNESS=${KIST_TEST_SLOWNESS:-1}
# HANG: the seconds after which a command hangs.
HANG=$((30 * SLOWNESS))

setup() { prepare; }
teardown() { clean; }

# prepare: the bundle, state directory and id of a test.
prepare() {
	BEGAN=${EPOCHREALTIME/./}
	ROOT=$BATS_TEST_TMPDIR/state
	CT=$KIST_TEST_PREFIX-$BATS_SUITE_TEST_NUMBER
	LOG=$BATS_TEST_TMPDIR/log
	make_bundle "$BATS_TEST_TMPDIR/bundle"
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	cd "$BUNDLE" || return
}

# make_bundle DIR
make_bundle() {
	cp -al "$TEMPLATE.bundle" "$1"
	printf '%s\n' "$(<"$TEMPLATE/config.json")" >"$1/config.json"
}

# kist ARG...: the program under test, with the test's state directory. A hang is status 124 or 137, and then what it has
# left must go at once: it would hold bats's pipes.
kist() {
	local status=0 started=$SECONDS
	timeout --foreground -k "$HANG" "$HANG" "$KIST" --root "$ROOT" "$@" 3>&- 4>&- || status=$?
	if [ $((SECONDS - started)) -ge "$HANG" ]; then
		echo "kist $1: did not end within $HANG s"
		pkill -KILL -x kist:init
		delete_all
	fi
	return $status
}

# delete_all: every container of the test.
delete_all() {
	local id bad=0
	records >/dev/null || return 0
	for id in $(timeout -s KILL "$HANG" "$KIST" --root "$ROOT" list -q 2>/dev/null 3>&-); do
		timeout -s KILL "$HANG" "$KIST" --root "$ROOT" delete --force "$id" 3>&- || bad=1
	done
	return $bad
}

# detached ARG...: kist, for commands that leave a container running: its output goes to the file $LOG, as it would
# keep bats waiting for the end of the pipe, and is printed as far as it is there when kist returns.
detached() {
	local status=0
	kist "$@" </dev/null >"$LOG" 2>&1 || status=$?
	cat "$LOG"
	return $status
}

# config FILTER [JQ OPTION...]: change config.json with jq.
config() {
	local filter=$1
	shift
	jq "$@" "$filter" config.json >config.new && mv config.new config.json
}

# args WORD...: what the container runs. script TEXT: the same, a shell script.
args() { jq '.process.args = $ARGS.positional' --args -- "$@" <config.json >config.new && mv config.new config.json; }
script() { args /bin/sh -c "$1"; }

# in_container TEXT: run a shell script as the container's process, in the foreground.
in_container() {
	script "$1"
	kist run "$CT"
}

# running [FLAG...]: a container that does nothing, until it is killed. pid: its process id.
running() {
	args /bin/sleep 1000
	detached run -d "$@" "$CT"
}
pid() { state_value pid '([0-9]+)' "$@"; }
status_of() { state_value status '"([a-z]+)"' "$@"; }
state_value() {
	local state
	state=$(kist state "${3:-$CT}")
	[[ $state =~ \"$1\":\ $2 ]] && echo "${BASH_REMATCH[1]}"
}

# fail TEXT: the test has failed. The functions below show what was printed.
fail() {
	printf '%s\n' "$*"
	[ -z "${output+x}" ] || printf 'status %s, output:\n%s\n' "${status:-?}" "$output"
	return 1
}
is() { [ "$output" = "$1" ] || fail "expected: $1"; }
has() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || fail "expected in it: $text" || return
	done
}
lacks() {
	local text
	for text; do
		[[ $output != *"$text"* ]] || fail "not expected in it: $text" || return
	done
}
like() { [[ $output =~ $1 ]] || fail "expected a match for: $1"; }

# eventually COMMAND...: COMMAND succeeds, now or later.
eventually() {
	local end=$((SECONDS + HANG))
	until "$@" >/dev/null; do
		[ $SECONDS -lt $end ] || fail "did not happen within $HANG s: $*" || return
		sleep 0.02
	done
}
sleeping() { [[ $(sed 's/.*) //' "/proc/$1/stat") == S* ]]; }
gone() { ! kill -0 "$1" 2>/dev/null; }
status_is() { [ "$(status_of "${2:-$CT}")" = "$1" ]; }

# cgroups_named NAME: directories of that name in any hierarchy.
cgroups_named() { find /sys/fs/cgroup -maxdepth 6 -type d -name "$1" 2>/dev/null || true; }

# cgroup_value CONTROLLER FILE: of the container's cgroup; only where the controller can be used.
cgroup_dir() {
	if [ "${VIEW:-}" = user ]; then
		echo "/sys/fs/cgroup/user.slice/user-$UID.slice/user@$UID.service/user.slice/kist-$CT.scope"
	elif is_systemd; then
		echo "/sys/fs/cgroup/system.slice/kist-$CT.scope"
	elif is_v2; then
		echo "/sys/fs/cgroup/$CT"
	else
		echo "/sys/fs/cgroup/$1/$CT"
	fi
}
is_v2() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }
is_systemd() { [ "${VIEW:-}" = systemd ]; }
needs_cgroupfs() { ! is_systemd || skip "about the cgroupfs driver"; }
needs_controller() {
	if is_v2; then
		grep -qw "$1" /sys/fs/cgroup/cgroup.controllers || skip "no controller $1 in this view"
	else
		[ -d "/sys/fs/cgroup/$1" ] || skip "no hierarchy $1 in this view"
	fi
}

# clean: delete every container of the test, and see that nothing remains of any.
clean() {
	local bad=0
	cd "$BATS_TEST_TMPDIR" || return
	delete_all || bad=1
	nothing_left || bad=1
	[ -z "${KIST_TEST_TIMES:-}" ] || echo "$((${EPOCHREALTIME/./} - BEGAN)) ${BATS_TEST_FILENAME##*/}" >>"$KIST_TEST_TIMES"
	return $bad
}

# orphans: living nsexecs. Who is dead and waits for its parent does not count.
orphans() {
	local comm stat bad=1
	while read -r comm; do
		stat=$(<"${comm%comm}stat") 2>/dev/null || continue
		[[ ${stat##*) } != [ZX]* ]] && echo "$stat" && bad=0
	done < <(grep -lsx kist:init /proc/[0-9]*/comm)
	return $bad
}

# records: what is in the state directory.
records() {
	local entry bad=1
	for entry in "$ROOT"/*; do
		[ ! -e "$entry" ] || { echo "${entry##*/}" && bad=0; }
	done
	return $bad
}

# nothing_left: no record, cgroup, process or mount of the test's containers. Programs are started only where the shell
# cannot look itself: this runs after every test, and in an emulated machine each costs a tenth of a second.
nothing_left() {
	local left bad=0
	! left=$(records) || { echo "left in the state directory: $left" && bad=1; }
	left=$(cgroups_named "*$CT*")
	[ -z "$left" ] || { echo "left cgroups: $left" && bad=1; }
	! left=$(orphans) || { echo "left processes: $left" && bad=1; }
	left=$(</proc/self/mountinfo)
	[[ $left != *"$BATS_TEST_TMPDIR"* ]] || { echo "left mounts: $(grep -F "$BATS_TEST_TMPDIR" <<<"$left")" && bad=1; }
	return $bad
}

# processes: how many the container has. processes_are N.
processes() { kist ps --format json "${1:-$CT}" | jq length; }
processes_are() { [ "$(processes "${2:-$CT}")" = "$1" ]; }

# needs_freezer: cgroup v2 always has one.
needs_freezer() { is_v2 || needs_controller freezer; }
