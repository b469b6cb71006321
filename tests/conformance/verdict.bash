# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# How tests/conformance/run judges a program, and what README.md says about it. Sourced; the results of the programs go
# to the directory $out.

# listed LIST: the programs of the table, whose rows are | `program` | when | why |.
listed() { sed -n 's/^| `\([a-z_]*\)` |.*/\1/p' "$1"; }

# reason LIST PROGRAM: "WORD: why" if the table says that the program cannot pass here, or races.
reason() {
	local when why word
	IFS='|' read -r when why < <(sed -n "s/^| \`$2\` | *\([^|]*[^| ]\) *| *\([^|]*[^| ]\) *|\$/\1|\2/p" "$1") || return 0
	for word in ${when//,/ }; do
		if holds "$word"; then
			echo "$word: $why"
			return
		fi
	done
}

# holds WORD: whether that condition of the table is true here.
holds() {
	case $1 in
	always | sometimes | retry) ;;
	v2) [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ] ;;
	no-hugetlb) [ ! -e /sys/fs/cgroup/hugetlb/cgroup.procs ] ;;
	no-net_cls) [ ! -e /sys/fs/cgroup/net_cls/cgroup.procs ] || [ ! -e /sys/fs/cgroup/net_prio/cgroup.procs ] ;;
	no-apparmor) [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] ;;
	no-selinux) [ ! -e /sys/fs/selinux/enforce ] ;;
	few-capabilities) few_capabilities ;;
	*) return 2 ;;
	esac
}

# unknown LIST: words in the table that are no conditions.
unknown() {
	local word status
	for word in $(sed -n 's/^| `[a-z_]*` | *\([^|]*[^| ]\) *|.*/\1/p' "$1" | tr ',' ' '); do
		status=0
		holds "$word" || status=$?
		[ $status -ne 2 ] || echo "$word"
	done
}

# few_capabilities: root has less than all that the kernel knows.
few_capabilities() {
	local have last
	have=$((16#$(sed -n 's/^CapBnd:\t*//p' /proc/self/status)))
	last=$(cat /proc/sys/kernel/cap_last_cap)
	[ $have -ne $(((1 << (last + 1)) - 1)) ]
}

wrong() {
	printf 'not ok %-34s %s\n' "$1" "$2"
	failed=$((failed + 1))
}

# judge PROGRAM REASON: run it, and compare with what is expected.
judge() {
	local name=$1 reason=$2 attempts=1 result asserted status failures took
	[[ $reason == retry:* ]] && attempts=5
	while :; do
		attempt "$name"
		attempts=$((attempts - 1))
		[ "$result" != pass ] && [ $attempts -gt 0 ] || break
	done
	case $result:$reason in
	pass: | pass:retry:*)
		printf 'ok     %-34s %4d assertions %6.1f s\n' "$name" "$asserted" "$took"
		passed=$((passed + 1))
		;;
	*:sometimes:*)
		printf 'skip   %-34s %s\n' "$name" "${reason#*: }"
		skipped=$((skipped + 1))
		;;
	pass:*)
		wrong "$name" "passes, but README.md says that it cannot (${reason%%:*}): remove it there"
		;;
	*: | *:retry:*)
		wrong "$name" "$result"
		sed 's/^/# /' "${out:?}/$name.failed" | cut -c1-500 | head -n 40
		;;
	*)
		printf 'skip   %-34s %s\n' "$name" "$reason"
		skipped=$((skipped + 1))
		;;
	esac
}

# count PROGRAM: run it, and take its word: it passes if it exits with 0 and says "not ok" of nothing.
count() {
	local result='' asserted status failures took
	attempt "$1"
	if [ "$status" -eq 0 ] && [ "$failures" -eq 0 ]; then
		printf 'pass %s\n' "$1"
		passed=$((passed + 1))
	else
		printf 'fail %-34s %d of %d assertions, exit status %d\n' "$1" "$failures" "$asserted" "$status"
	fi
}

# attempt PROGRAM: sets result to pass or to what is wrong, status, asserted, failures and took.
attempt() {
	local tap=$out/$1.tap err=$out/$1.err begin=$EPOCHREALTIME plans
	status=0
	timeout -k 5 $((90 * ${KIST_TEST_SLOWNESS:-1})) "$BIN/$1" </dev/null >"$tap" 2>"$err" || status=$?
	took=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
	tidy
	asserted=$(grep -cE '^(not )?ok ' "$tap" || true)
	failures=$(grep -c '^not ok ' "$tap" || true)
	plans=$(awk -F'[.][.]' '/^1[.][.][0-9]+$/ { n += $2 } END { print n + 0 }' "$tap")
	result=pass
	if [ $status -ne 0 ]; then
		result="exit status $status"
	elif [ "$failures" -ne 0 ]; then
		result="$failures of $asserted assertions"
	elif [ "$plans" -ne "$asserted" ]; then
		result="$asserted assertions, $plans planned"
	elif [ "$asserted" -eq 0 ] && grep -q '^ *"error":' "$tap"; then
		# The programs about hooks assert nothing: they say what is wrong in a diagnostic.
		result="an error in a diagnostic"
	fi
	[ "$result" = pass ] || {
		if [ "$asserted" -eq 0 ]; then cat "$tap"; else grep -A8 '^not ok ' "$tap"; fi
		cat "$err"
	} >"$out/$1.failed" || true
}

# tidy: what a program that gave up has left behind must not meet the next one. What a runtime has left mounted in a
# bundle may be the machine's: it is unmounted, and never removed.
tidy() {
	local id point
	for id in $("$KIST" list --quiet); do
		"$KIST" delete --force "$id" || true
	done
	while read -r point; do
		umount -l "$point" || true
	done < <(awk -v dir="$PWD/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac)
	find "$PWD" -mindepth 1 -maxdepth 1 -name 'oci*' -exec rm -rf --one-file-system {} +
	find /sys/fs/cgroup/{,*/}{cgrouptest,testdir} -depth -type d -exec rmdir {} + 2>/dev/null || true
}
