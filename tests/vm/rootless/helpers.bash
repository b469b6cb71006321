# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What both files of this directory load. The tests are root's; what they do as a user is done by `as`, which stands in a
# cgroup of the host, as a cron job does, and by `unit`, which stands in a scope of the user's own systemd.

bats_require_minimum_version 1.5.0
KIST=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)/kist
LIMIT=$((60 * ${KIST_TEST_SLOWNESS:-1}))

# as USER COMMAND...
as() {
	local id
	id=$(id -u "$1")
	timeout --foreground -k 5 "$LIMIT" setpriv --reuid "$1" --regid "$1" --init-groups \
		env -i PATH="$PATH" HOME="/home/$1" USER="$1" LC_ALL=C.UTF-8 XDG_RUNTIME_DIR="/run/user/$id" \
		DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$id/bus" "${@:2}" 3>&- 4>&-
}
# unit COMMAND...: by tester, with all controllers delegated.
unit() { as tester systemd-run --user --scope --quiet -p Delegate=yes "$@"; }

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
like() { [[ $output =~ $1 ]] || fail "expected a match for: $1"; }
# eventually COMMAND...: COMMAND succeeds, now or later.
eventually() {
	local end=$((SECONDS + LIMIT))
	until "$@" >/dev/null; do
		[ $SECONDS -lt $end ] || fail "did not happen within $LIMIT s: $*" || return
		sleep 0.1
	done
}
