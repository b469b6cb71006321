#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist plan and --trace.

load helpers

@test "plan: a line per system call, with the cause, and nothing is done" {
	run -0 kist plan .
	like 'pivot_root\("\.", "\."\).*'
	like 'execve\("/bin/true", \["/bin/true"\]'
	has /root /process /mounts/0 sethostname /hostname
	[ ! -e "$ROOT" ]
	nothing_left
}

@test "plan: an ordinary user may" {
	chmod 711 "$BATS_TEST_TMPDIR"
	run -0 kist plan .
	grep -v ' uid\|/proc/self' <<<"$output" >root.txt
	run -0 setpriv --reuid 1234 --regid 1234 --clear-groups "$KIST" --root "$ROOT" plan "$BUNDLE"
	like 'pivot_root'
}

@test "plan: the same facts give the same text, everywhere" {
	kist plan --print-facts >facts.json
	jq -e . facts.json
	kist plan --facts facts.json . >one
	(cd / && "$KIST" plan --facts "$BUNDLE/facts.json" "$BUNDLE") >two
	cmp one two
	run -1 kist plan --facts config.json.missing .
	echo '{' >bad.json
	run -1 kist plan --facts bad.json .
	has bad.json
}

@test "plan: json has the same instructions as the text" {
	kist plan --json . >plan.json
	jq -es 'length > 0' plan.json
	grep -q '"/mounts/0' plan.json
	grep -q pivot_root plan.json
}

@test "plan --diff: what one change changes, and status 1; nothing for equal bundles" {
	make_bundle "$BATS_TEST_TMPDIR/other"
	sed "s|$BUNDLE|$BATS_TEST_TMPDIR/other|g" config.json >"$BATS_TEST_TMPDIR/other/config.json"
	jq '.hostname = "changed"' config.json >"$BATS_TEST_TMPDIR/other/config.json"
	run -1 kist plan --diff . "$BATS_TEST_TMPDIR/other"
	like '[-] sethostname\("kist"'
	like '[+] sethostname\("changed"'
	lacks pivot_root
	run -0 kist plan --diff . .
	lacks sethostname
	run -1 kist plan --diff .
	has "2"
}

@test "plan --exec" {
	run -0 running
	run -0 kist plan --exec "$CT"
	has setns execve /bin/sleep
	lacks pivot_root
	run -1 kist plan --exec nobody
	has "does not exist"
}

@test "plan says what is wrong as create does" {
	config '.process.cwd = "x"'
	run -1 kist plan .
	has /process/cwd
	run -1 kist plan /no/such/bundle
	has "no such file or directory"
}

@test "the plan is what happens: instructions of the trace are those of the plan" {
	run -0 kist run --trace=trace.txt "$CT"
	is ""
	# Numbers of descriptors and addresses aside, each traced instruction is planned.
	kist plan --no-pivot=false . | grep -oE '(fsopen|sethostname|pivot_root|fsconfig|symlinkat|mknodat|prctl)\([^)]*\)' | sort -u >planned
	grep -oE '(fsopen|sethostname|pivot_root|fsconfig|symlinkat|mknodat|prctl)\([^)]*\)' trace.txt | sort -u >traced
	[ -s traced ]
	run -0 comm -13 planned traced
	is ""
}

@test "trace: the phases of kist and the instructions, on one clock, on stderr" {
	run -0 --separate-stderr kist run --trace "$CT"
	[ -z "$output" ]
	output=$stderr
	local phase
	for phase in decode state clone cgroup compile; do
		like "kist +$phase"
	done
	like 'nsexec +[0-9]+ +pivot_root\("\.", "\."\) = 0'
	like 'nsexec +[0-9]+ +execve\('
	# Times begin at 0 and do not go back.
	[ "$(sed -n 's/^ *\([0-9.]*\)µs.*/\1/p' <<<"$stderr" | sort -cn 2>&1)" = "" ]
}

@test "trace: a Chrome trace-event file" {
	run -0 kist run --trace=t.json "$CT"
	jq -e '.traceEvents | length > 100 and all(.name and .ph == "X" and (.ts | type == "number") and (.dur >= 0) and .pid and .tid)
		and any(.name == "pivot_root" and .cat == "nsexec" and (.args.cause | length > 0)) and any(.cat == "kist" and .name == "decode")' t.json
}

@test "trace of create, exec, and of what fails" {
	args /bin/sleep 1000
	run -0 detached create --trace=create.txt "$CT"
	grep -q pivot_root create.txt
	run -0 kist start "$CT"
	run -0 kist exec --trace=exec.txt "$CT" true
	grep -q setns exec.txt
	args /bin/nothing-here
	run -1 kist run --trace=failed.txt "$CT-x"
	grep -q 'nothing-here.*ENOENT' failed.txt
	run -1 kist run --trace=missing/t.txt "$CT-y"
	has --trace
	nothing_left_of "$CT-y"
}

nothing_left_of() { [ -z "$(cgroups_named "$1")" ] && [ ! -e "$ROOT/$1" ]; }

@test "--trace takes no value but behind an equals sign" {
	mv config.json other.json
	run -0 kist run --trace --config other.json "$CT"
	has execve
	run -0 kist run --config other.json --trace "$CT"
	has execve
	run -0 kist run "$CT" --trace --config other.json
	has execve
}
