#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist list and kist ps.

load helpers

@test "list: nothing" {
	run -0 kist list
	like '^ID +PID +STATUS +BUNDLE +CREATED +OWNER$'
	run -0 kist list --format json
	is null
	run -0 kist list -q
	is ""
}

@test "list: table, json and ids" {
	args /bin/sleep 1000
	run -0 detached create "$CT-a"
	run -0 detached run -d "$CT-b"
	run -0 kist list
	like "$CT-a +[0-9]+ +created +$BUNDLE "
	like "$CT-b +[0-9]+ +running +$BUNDLE .* root"
	run -0 kist list --format=json
	jq -e --arg a "$CT-a" --arg b "$CT-b" 'length == 2 and (map(.id) | sort) == [$a, $b]
		and all(.owner == "root") and all(.pid > 0) and (map(.status) | sort) == ["created", "running"]' <<<"$output"
	run -0 kist list --quiet
	is "$CT-a"$'\n'"$CT-b"
	run -1 kist list --format yaml
	has --format
}

@test "list: a stopped container has pid 0" {
	run -0 detached run -d "$CT"
	eventually status_is stopped
	run -0 kist list -f json
	jq -e '.[0].pid == 0 and .[0].status == "stopped"' <<<"$output"
}

@test "list: a damaged record hides no other" {
	args /bin/sleep 1000
	run -0 detached run -d "$CT-a"
	run -0 detached run -d "$CT-b"
	cp "$ROOT/$CT-a/state.json" saved
	echo '{"id": ' >"$ROOT/$CT-a/state.json"
	run -0 --separate-stderr kist list --format json
	jq -e --arg b "$CT-b" 'map(.id) == [$b]' <<<"$output"
	[[ $stderr == *"$CT-a"* ]]
	run -1 kist state "$CT-a"
	has "$CT-a"
	cp saved "$ROOT/$CT-a/state.json"
}

@test "ps: json is one line of host pids" {
	script 'sleep 1011 & exec sleep 1012'
	run -0 detached run -d "$CT"
	eventually bash -c '[ "$("$0" --root "$1" ps --format json "$2" | jq length)" -eq 2 ]' "$KIST" "$ROOT" "$CT"
	run -0 kist ps --format json "$CT"
	[ "${#lines[@]}" -eq 1 ]
	jq -e --argjson pid "$(pid)" 'index($pid) != null' <<<"$output"
	for pid in $(jq '.[]' <<<"$output"); do
		grep -q sleep "/proc/$pid/cmdline"
	done
}

@test "ps: the host's ps, filtered; options are passed on" {
	run -0 running
	run -0 kist ps "$CT"
	like '^UID +PID '
	has "/bin/sleep 1000"
	[ "${#lines[@]}" -eq 2 ]
	run -0 kist ps "$CT" -o pid,comm
	has sleep
	lacks UID
	run -1 kist ps "$CT" -o comm
	has PID
}

@test "ps: after the end there is nobody" {
	run -0 detached run -d "$CT"
	eventually status_is stopped
	run -0 kist ps --format json "$CT"
	is '[]'
}

@test "ps: no name is looked up inside the container" {
	# The root filesystem's passwd must not be read by the host's ps.
	run -0 running
	run -0 kist ps "$CT"
	like $'\nroot '
}
