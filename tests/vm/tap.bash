# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

# tap COMMAND...: run COMMAND, which prints TAP, and count: the last line is ours, and the status says whether all is well.
tap() {
	local out passed failed skipped planned
	out=$(mktemp)
	"$@" | tee "$out"
	skipped=$(grep -cE '^ok [0-9]+ .*# skip' "$out")
	passed=$(($(grep -cE '^ok [0-9]+ ' "$out") - skipped))
	failed=$(grep -cE '^not ok [0-9]+ ' "$out")
	planned=$(sed -n 's/^1\.\.\([0-9]*\)$/\1/p' "$out")
	# A run that broke off is a failure, whatever it had counted before.
	if [ -z "$planned" ] || [ "$planned" -eq 0 ] || [ $((passed + failed + skipped)) -ne "$planned" ]; then
		echo "FAIL: ${planned:-no} tests planned, $((passed + failed + skipped)) ran"
		failed=$((failed + 1))
	fi
	rm -f "$out"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
}
