#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Several kists at once on the same and on different containers.

load helpers

@test "of two creates of one id exactly one wins, twenty times" {
	args /bin/sleep 1000
	local round
	for round in {1..20}; do
		local results=() jobs=() n ok=0
		for n in 1 2; do
			"$KIST" --root "$ROOT" create "$CT" </dev/null >"out$n" 2>&1 3>&- 4>&- &
			jobs+=($!)
		done
		for n in 0 1; do
			if wait "${jobs[n]}"; then ok=$((ok + 1)); fi
		done
		[ $ok -eq 1 ] || fail "round $round: $ok won: $(cat out1 out2)"
		run cat out1 out2
		has "container with given ID already exists"
		run -0 status_of
		is created
		run -0 kist delete -f "$CT"
	done
}

@test "of five deletes of one id none fails but as missing, and nothing remains" {
	local round
	for round in {1..5}; do
		run -0 running
		local jobs=() n
		for n in {1..5}; do
			"$KIST" --root "$ROOT" delete --force "$CT" </dev/null >"out$n" 2>&1 3>&- 4>&- &
			jobs+=($!)
		done
		for n in {0..4}; do
			wait "${jobs[n]}" || fail "$(cat out*)"
		done
		nothing_left
	done
}

@test "create and delete of one id, over and over" {
	args /bin/sleep 1000
	(for n in {1..30}; do "$KIST" --root "$ROOT" create "$CT"; done) </dev/null >creates 2>&1 3>&- 4>&- &
	local one=$!
	(for n in {1..30}; do "$KIST" --root "$ROOT" delete --force "$CT"; done) </dev/null >deletes 2>&1 3>&- 4>&- &
	local two=$! n
	for n in {1..30}; do
		run kist state "$CT"
		[ "$status" -le 1 ] || fail "state: status $status"
		lacks panic
	done
	wait $one || true
	wait $two || fail "$(<deletes)"
	run -0 kist delete --force "$CT"
	nothing_left
	args /bin/true
	run -0 kist run "$CT"
}

@test "twenty containers at once" {
	local n jobs=()
	script 'echo $HOSTNAME; exit 0'
	for n in {1..20}; do
		"$KIST" --root "$ROOT" run "$CT-$n" </dev/null >"out$n" 2>&1 3>&- 4>&- &
		jobs+=($!)
	done
	for n in {0..19}; do
		wait "${jobs[n]}" || fail "$(cat out*)"
	done
}

@test "list never fails while containers come and go" {
	(for n in {1..20}; do "$KIST" --root "$ROOT" run "$CT-$n"; done) </dev/null >runs 2>&1 3>&- 4>&- &
	local job=$!
	while kill -0 $job 2>/dev/null; do
		run -0 kist list --format json
	done
	wait $job || fail "$(<runs)"
}
