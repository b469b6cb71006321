#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# --log, --log-format, --debug: what containerd, Podman, CRI-O and people read.

load helpers

broken() { args /bin/nothing-here; }

@test "json: one object, with level, msg and an RFC 3339 time; the error is on stderr too" {
	broken
	run -1 --separate-stderr kist --log log --log-format json run "$CT"
	[ -z "$output" ]
	jq -e . log
	[ "$(wc -l <log)" -eq 1 ]
	jq -e '.level == "error" and (.msg | contains("/bin/nothing-here")) and (.time | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$"))' log
	[[ $stderr == *"$(jq -r .msg log)"* ]] || fail "$stderr"
	[ "$(wc -l <<<"$stderr")" -eq 1 ] || fail "$stderr"
}

@test "json: messages are escaped, also bytes that are not UTF-8" {
	args $'/bin/new\nline"quote'
	run -1 kist --log log --log-format json run "$CT"
	jq -es 'length == 1 and (.[0].msg | contains("quote"))' log
}

@test "text: one line with time, level and msg" {
	broken
	run -1 kist --log log run "$CT"
	[ "$(wc -l <log)" -eq 1 ]
	grep -Eq '^time="?[0-9T:Z.+-]+"? level=error msg=".*nothing-here.*"$' log
}

@test "a success writes nothing, anywhere" {
	args /bin/echo only this
	run -0 kist --log log --log-format json run "$CT"
	is "only this"
	[ ! -s log ]
}

@test "the log is appended to" {
	broken
	run -1 kist --log log --log-format json run "$CT"
	run -1 kist --log log --log-format json run "$CT"
	[ "$(wc -l <log)" -eq 2 ]
	jq -es 'length == 2' log
}

@test "--debug adds lines, and json stays json" {
	run -0 kist --debug --log log --log-format json run "$CT"
	if [ -s log ]; then
		jq -es 'all(.level and .msg and .time)' log
	fi
	config '.unknownThing = 1'
	run -0 kist --debug --log log --log-format json run "$CT"
	jq -es 'any(.level == "debug")' log
}

@test "without --log the error is on stderr, in one line" {
	broken
	run -1 --separate-stderr kist run "$CT"
	[ -z "$output" ]
	[ "$(wc -l <<<"$stderr")" -eq 1 ] || fail "$stderr"
	[[ $stderr == *nothing-here* ]]
}

@test "usage errors are logged as well" {
	run -1 kist --log log --log-format json state --no-such-flag x
	jq -es 'length == 1 and .[0].level == "error"' log
	run -1 kist --log log2 --log-format json state
	jq -es '.[0].level == "error"' log2
}

@test "exec: the error of the setup is an error record" {
	run -0 running
	run -255 kist --log log --log-format json exec "$CT" /bin/nothing-here
	jq -es 'last | .level == "error" and (.msg | contains("no such file or directory"))' log
}

@test "--log: a directory or a missing one is an error" {
	run -1 kist --log . list
	has --log
	run -1 kist --log missing/log list
	has missing/log
}

@test "the prefixes that engines and people know" {
	broken
	run -1 kist create "$CT"
	has "kist create failed: "
	run -1 kist run "$CT"
	has "kist run failed: "
	run -0 args /bin/sleep 1000
	run -0 detached run -d "$CT"
	run -255 kist exec "$CT" /bin/nothing-here
	has "exec failed: "
}
