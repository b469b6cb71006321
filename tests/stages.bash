# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The stages of tests/run: each is a function stage_NAME that adds to passed, failed and skipped. Its output goes to the
# stage's log; lines that begin with "FAIL " or "not ok " are what excerpt shows of it.

# check NAME COMMAND...: one check, which is what COMMAND says.
check() {
	local name=$1
	shift
	echo "== $name"
	if "$@"; then
		passed=$((passed + 1))
		return 0
	fi
	failed=$((failed + 1))
	echo "FAIL $name"
	return 1
}

# skip NAME WHY
skip() {
	skipped=$((skipped + 1))
	echo "SKIP $1: $2"
}

# excerpt LOG: the end of each failed check, at most 60 lines of it all.
excerpt() {
	awk '
		/^== / { block = ""; }
		{ block = block $0 "\n" }
		/^FAIL / { printf "%s", substr(block, length(block) > 4000 ? length(block) - 3999 : 1); block = "" }
		/^not ok / { show = 1 }
		/^ok / { show = 0 }
		show { print }
	' "$1" | tail -n "${EXCERPT:-60}"
}

# silent COMMAND...: COMMAND succeeds and prints nothing.
silent() {
	local out
	out=$("$@" 2>&1)
	local status=$?
	[ -z "$out" ] || printf '%s\n' "$out"
	[ $status -eq 0 ] && [ -z "$out" ]
}

scripts() { git grep -l -E '^#!/bin/(ba)?sh|^#!/usr/bin/env bats|^# shellcheck shell=' -- ':!*.md' ':!*.go' ':!Makefile'; }

stage_lint() {
	local files
	mapfile -t files < <(git ls-files '*.go')
	check gofmt silent gofmt -l "${files[@]}"
	check vet go vet -tags "$KIST_TAGS" ./...
	check imports go run ./tests/lint
	if go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 -version >/dev/null 2>&1; then
		check staticcheck go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 -tags "${KIST_TAGS// /,}" ./...
	else
		skip staticcheck "the Go module proxy does not have it"
	fi
	mapfile -t files < <(scripts)
	# Not: variables that come from bats' "run" or a helper, subshells that every test is, words that are meant to split.
	check shellcheck shellcheck -e SC2015,SC2016,SC2154,SC2034,SC2153,SC2155,SC2010,SC2030,SC2031,SC1010,SC2046,SC2164,SC2181,SC2013 "${files[@]}"
	mapfile -t files < <(git ls-files '*.c' '*.h' ':!*/program.h')
	check clang-format clang-format --dry-run -Werror "${files[@]}"
	mapfile -t files < <(git ls-files '*.md' '*.8' '*.go' '*.c' '*.sh')
	check codespell codespell -L "${CODESPELL_IGNORE:-atleast,crate,ser,fo,nam,nd,readby,te}" "${files[@]}"
	check headers licensed
	check modules go mod verify
}

# licensed: every source file says under which licence it is.
licensed() {
	local f bad=0
	for f in $(git ls-files '*.go' '*.c' '*.h' '*.sh' '*.bash' '*.bats' Makefile '*/Makefile'); do
		[ -f "$f" ] || continue
		sed -n 1,3p "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' && continue
		echo "$f: no SPDX line"
		bad=1
	done
	return $bad
}

# Tests may make mounts and kill: they get namespaces of their own.
isolated() { unshare -mpf --mount-proc --propagation private "$@"; }

stage_unit() {
	local json=$logs/unit.json
	isolated go test -json -tags "$KIST_TAGS" ./... >"$json"
	# A package that does not compile or that exits early has no test to blame: it counts as one failure.
	local counts
	counts=$(jq -rs '
		[.[] | select(.Test != null and (.Test | contains("/") | not))] as $tests
		| ([.[] | select(.Test == null and .Action == "fail")] | map(.Package)) as $packages
		| ($tests | map(select(.Action == "fail")) | map(.Package) | unique) as $explained
		| [($tests | map(select(.Action == "pass")) | length),
		   ($tests | map(select(.Action == "fail")) | length) + ($packages - $explained | length),
		   ($tests | map(select(.Action == "skip")) | length)] | @tsv' "$json")
	read -r passed failed skipped <<<"$counts"
	if [ -z "$counts" ] || [ $((passed + failed)) -eq 0 ]; then
		failed=1
	fi
	[ "$failed" -eq 0 ] && return
	jq -r 'select(.Action == "output" or .Action == "build-output") | .Output // empty' "$json" |
		grep -E -A12 '^ *--- FAIL|^panic|^# |\[build failed\]|_test.go:[0-9]+:' | cut -c1-400 | head -n 200
	echo "FAIL unit"
}

# Each package is compiled for fuzzing once, and then each target of it runs.
stage_fuzz() {
	local dir target targets binary
	for dir in $(git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u); do
		binary=$logs/fuzz.test
		if ! go test -c -tags "$KIST_TAGS" -fuzz=Fuzz -o "$binary" "./$dir"; then
			check "$dir: compile" false
			continue
		fi
		mapfile -t targets < <(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$dir"/*_test.go)
		for target in "${targets[@]}"; do
			check "$dir $target" fuzz "$dir" "$binary" "$target"
		done
		rm -f "$binary"
	done
}

fuzz() {
	local cache=$logs/fuzzcache
	mkdir -p "$cache"
	local out=$logs/fuzz.out
	if (cd "$1" && isolated "$2" -test.run='^$' -test.fuzz="^$3\$" -test.fuzztime="$fuzztime" -test.fuzzcachedir="$cache" -test.parallel=2) >"$out" 2>&1; then
		cat "$out"
		return 0
	fi
	cat "$out"
	# Go's fuzzer sometimes reports the end of its own time as an error: no input failed.
	grep -q 'context deadline exceeded' "$out" && ! grep -qE 'Failing input|panic:|_test.go:[0-9]+:' "$out"
}

stage_arm64() {
	if [ "$(go env GOHOSTARCH)" = arm64 ]; then
		skip arm64 "this machine is one"
		return
	fi
	check arm64 make -s arm64 || return
	check "arm64 static" bash -c 'file=build/out/kist-arm64; readelf -h $file | grep -q AArch64 && ! readelf -lW $file | grep -q INTERP'
	if command -v qemu-aarch64-static >/dev/null; then
		check "arm64 runs" bash -c 'qemu-aarch64-static build/out/kist-arm64 --version | grep -q "^kist version "'
	else
		skip "arm64 runs" "qemu-aarch64-static is not installed"
	fi
}

stage_binary() {
	check "static" bash -c '! readelf -lW kist | grep -q INTERP && ! readelf -dW kist | grep -q NEEDED'
	check "not relocated at start" bash -c 'readelf -h kist | grep -q "Type: *EXEC" && [ "$(readelf -rW kist | grep -c R_X86_64_RELATIVE)" -eq 0 ]'
	check "at most 9 MiB" bash -c '[ "$(stat -c %s kist)" -le $((9 << 20)) ]'
	check "stack not executable" bash -c 'readelf -lW kist | grep GNU_STACK | grep -vq RWE'
	check "nsexec at most 32 KiB" bash -c '[ "$(stat -c %s libcontainer/nsexec/nsexec)" -le 32768 ]'
	check "nsexec needs nothing" bash -c '! readelf -lW libcontainer/nsexec/nsexec | grep -qE "INTERP|DYNAMIC|RWE"'
	check "nsexec.c at most 600 lines" bash -c '[ "$(wc -l <libcontainer/nsexec/nsexec.c)" -lt 600 ]'
	check "nothing of net/http, crypto/tls" bash -c '! grep -qaE "net/http\.\(|crypto/tls\." kist'
	check "init work" go run ./tests/lint -inittrace ./kist
}

stage_host() { bats_view host; }
stage_v2() {
	if [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; then
		skip v2 "the host is one: see stage host"
		return
	fi
	bats_view v2
}

# bats_view VIEW: all bats files; the counts come from the TAP lines.
bats_view() {
	local tap=$logs/$1.tap
	tests/bats/run --view "$1" --tap | tee "$tap"
	skipped=$(grep -cE '^ok [0-9]+ .*# skip' "$tap")
	passed=$(($(grep -cE '^ok [0-9]+ ' "$tap") - skipped))
	failed=$(grep -cE '^not ok [0-9]+ ' "$tap")
	# A run that broke off is a failure, whatever it had counted before.
	local planned
	planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$tap")
	if [ -z "$planned" ] || [ "$planned" -eq 0 ] || [ $((passed + failed + skipped)) -ne "$planned" ]; then
		echo "FAIL $1: ${planned:-no} tests planned, $((passed + failed + skipped)) ran"
		failed=$((failed + 1))
	fi
}

stage_lxc() { script lxc; }
stage_engines() { script engines; }
stage_conformance() { script conformance; }
stage_vm() {
	build/deps.sh vm || echo "the machine's packages cannot be installed" # which tests/vm/run says again, and skips
	VM_TIMEOUT=${VM_TIMEOUT:-1500} script vm essential
}

# script NAME [ARGUMENT...]: tests/NAME/run, whose last line counts as ours does.
script() {
	if [ ! -x "tests/$1/run" ]; then
		skip "$1" "tests/$1/run is not there"
		return
	fi
	local out=$logs/$1.out status=0
	"tests/$1/run" "${@:2}" </dev/null >"$out" 2>&1 || status=$?
	cat "$out"
	if [[ $(tail -n 1 "$out") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
		passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]} skipped=${BASH_REMATCH[3]}
	else
		status=1
	fi
	if [ $status -ne 0 ] && [ "$failed" -eq 0 ]; then
		failed=1
	fi
	[ "$failed" -eq 0 ] || echo "FAIL $1"
}
