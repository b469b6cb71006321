# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What every file of this directory loads: configuration out of docs/engines.md, daemons, and waiting for things.

# snippet NAME: the code block of docs/engines.md that follows the line "<!-- NAME -->".
snippet() {
	awk -v mark="<!-- $1 -->" '
		$0 == mark { found = 1; next }
		found && /^```/ { if (inside) exit; inside = 1; next }
		inside { print }
	' "$DOC" | grep . || {
		echo "$DOC: no snippet $1" >&2
		return 1
	}
}

# daemon NAME COMMAND...: start it in the background; its output goes to $STATE/NAME.log, its pid to $STATE/NAME.pid.
daemon() {
	local name=$1
	shift
	"$@" </dev/null >>"$STATE/$name.log" 2>&1 3>&- 4>&- &
	echo $! >"$STATE/$name.pid"
}

# halt NAME [SIGNAL]: end a daemon, and wait until it is gone.
halt() {
	local pid
	pid=$(cat "$STATE/$1.pid")
	kill -s "${2:-TERM}" "$pid"
	eventually 30 gone "$pid"
}

# gone PID: there is no such process, or only what its parent has yet to fetch.
gone() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	[[ $stat == *") Z "* ]]
}

# eventually SECONDS COMMAND...: COMMAND succeeds within that time.
eventually() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			echo "in vain: $*"
			return 1
		fi
		sleep 0.1
	done
}

# terminal COMMAND...: with a terminal of its own, at which nobody types. It must not end: script(1) would hand the end of
# file on, and an engine's client that reads it at the wrong moment leaves without printing what the container has written.
terminal() {
	[ -p "$STATE/silence" ] || mkfifo "$STATE/silence"
	# shellcheck disable=SC1007 # SHELL decides how script quotes
	SHELL=/bin/bash script -qefc "$(printf '%q ' "$@")" /dev/null <>"$STATE/silence"
}

# has TEXT...: $output holds each of them. is TEXT: it is exactly that.
has() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || {
			printf 'expected: %s\ngot: %s\n' "$text" "$output"
			return 1
		}
	done
}
lacks() {
	[[ $output != *"$1"* ]] || {
		printf 'not expected: %s\ngot: %s\n' "$1" "$output"
		return 1
	}
}
is() {
	[ "$output" = "$1" ] || {
		printf 'expected: %s\ngot: %s\n' "$1" "$output"
		return 1
	}
}
code() {
	[ "$status" -eq "$1" ] || {
		printf 'expected status %s, got %s: %s\n' "$1" "$status" "$output"
		return 1
	}
}

# numbers N: each of N files of the test, which are called 1, 2 and so on, holds "number " and its name.
numbers() {
	local i output
	for i in $(seq "$1"); do
		output=$(cat "$BATS_TEST_TMPDIR/$i")
		is "number $i" || return
	done
}

# cgroup_v2: whether the machine has the unified hierarchy and nothing else.
cgroup_v2() { [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }

# limit NAME-V1 NAME-V2 [CONTROLLER]: the value of a cgroup file seen from inside; words for `sh -c`.
limit() {
	if cgroup_v2; then
		echo "cat /sys/fs/cgroup/$2"
	else
		echo "cat /sys/fs/cgroup/${1%%.*}/$1"
	fi
}
