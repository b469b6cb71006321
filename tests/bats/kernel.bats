#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A kernel older than 5.14: one clear error, before anything is made. The kernel itself plays the old one, in the
# personality UNAME26, or a file of facts does.

load helpers

# old COMMAND...: kist, told by uname(2) that this is Linux 2.6.
old() { timeout -k 2 20 setarch "$(uname -m)" --uname-2.6 "$KIST" --root "$ROOT" "$@" 3>&-; }

refused() {
	like '"(kist )?[a-z]+ failed: kernel: 2\.6\.[0-9a-z.-]+ is too old: kist needs Linux 5\.14 or later"$'
	[ "$(wc -l <<<"$output")" = 1 ] || fail "not one line"
}

@test "create" {
	run -1 old create "$CT"
	refused
	nothing_left
}

@test "run" {
	run -1 old run "$CT"
	refused
	nothing_left
}

@test "run, without privilege" {
	run -1 setarch "$(uname -m)" --uname-2.6 setpriv --reuid=65534 --regid=65534 --clear-groups "$KIST" --root /run/nosuch run --bundle "$BUNDLE" "$CT"
	refused
}

@test "exec" {
	run -0 running
	run -255 old exec "$CT" /bin/true
	refused
	run -0 kist exec "$CT" /bin/true
}

@test "the log of an engine has it too" {
	run -1 old --log "$LOG" --log-format json create "$CT"
	jq -es 'map(select(.level == "error" and (.msg | test("is too old: kist needs Linux 5.14 or later")))) | length == 1' "$LOG"
}

@test "what is there can still be looked at, stopped and deleted" {
	run -0 running
	run -0 old state "$CT"
	run -0 old list
	run -0 old kill "$CT" KILL
	eventually status_is stopped
	run -0 old delete "$CT"
}

@test "a plan for an older host" {
	kist plan --print-facts >facts.json
	run -0 kist plan --facts facts.json .
	local release
	for release in 4.19.0-26-amd64 5.4.0 5.13.19 5.10-rc1 3.10.0-1160.el7.x86_64; do
		jq --arg r "$release" '.kernel = $r' facts.json >old.json
		run -1 kist plan --facts old.json .
		has "kernel: $release is too old: kist needs Linux 5.14 or later"
	done
	for release in 5.14.0-70.el9.x86_64 5.15 6.1.0 10.0; do
		jq --arg r "$release" '.kernel = $r' facts.json >new.json
		run -0 kist plan --facts new.json .
	done
	for release in "" x 5 five.14; do
		jq --arg r "$release" '.kernel = $r' facts.json >bad.json
		run -1 kist plan --facts bad.json .
		has "not a version"
	done
}
