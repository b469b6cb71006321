#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Exactly which descriptors a process gets: stdio, --preserve-fds, LISTEN_FDS.

load helpers

# fds PID: the numbers of its open descriptors.
fds() { find "/proc/$1/fd" -mindepth 1 -printf '%f\n' | sort -n | tr '\n' ' '; }

@test "nothing but 0, 1 and 2, whatever the caller has open" {
	exec 7<config.json 8<. 9>>junk
	run -0 running
	exec 7<&- 8<&- 9>&-
	[ "$(fds "$(pid)")" = "0 1 2 " ] || fail "$(ls -l "/proc/$(pid)/fd")"
	run -0 detached exec -d --pid-file p "$CT" sleep 500
	[ "$(fds "$(<p)")" = "0 1 2 " ]
}

@test "a created container holds nothing that leads to the host" {
	args /bin/sleep 1000
	run -0 detached create "$CT"
	run find "/proc/$(pid)/fd" -mindepth 1 -printf '%f %l\n'
	local line
	for line in "${lines[@]}"; do
		case ${line#* } in
		/dev/null | "$LOG" | socket:* | /memfd:* | anon_inode:*) ;;
		*)
			# A file of the container itself: the same device and inode in its root filesystem.
			[ "$(stat -Lc %d:%i "/proc/$(pid)/fd/${line%% *}")" = "$(stat -Lc %d:%i "rootfs/${line#* }")" ] || fail "$line"
			;;
		esac
	done
}

@test "--preserve-fds" {
	args /bin/sh -c 'cat <&3; cat <&4; sleep 1000'
	echo three >f3
	echo four >f4
	"$KIST" --root "$ROOT" run -d --preserve-fds 2 "$CT" 3<f3 4<f4 5<config.json </dev/null >out 2>&1
	eventually grep -q four out
	[ "$(<out)" = $'three\nfour' ]
	[ "$(fds "$(pid)")" = "0 1 2 3 4 " ]
}

@test "--preserve-fds: one that is not open is an error" {
	run -1 "$KIST" --root "$ROOT" run --preserve-fds 3 "$CT" 3</dev/null 4<&- 5</dev/null
	has "unable to stat preserved-fd 1 (of 3)"
	nothing_left
	run -1 "$KIST" --root "$ROOT" run --preserve-fds 999999999 "$CT"
	run -1 "$KIST" --root "$ROOT" run --preserve-fds -1 "$CT"
}

@test "exec --preserve-fds" {
	run -0 running
	echo three >f3
	run -0 "$KIST" --root "$ROOT" exec --preserve-fds 1 "$CT" cat /proc/self/fd/3 3<f3 4>&-
	is three
}

@test "LISTEN_FDS: handed on if LISTEN_PID is kist, first, and as PID 1's" {
	args /bin/sh -c 'echo "$LISTEN_FDS $LISTEN_PID"; cat <&3; cat <&4'
	echo socket >f3
	echo extra >f4
	run -0 bash -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" --root "$1" run --preserve-fds 1 "$2" 3<f3 4<f4' "$KIST" "$ROOT" "$CT"
	is $'1 1\nsocket\nextra'
}

@test "LISTEN_FDS of somebody else is not handed on" {
	args /bin/sh -c 'echo "[$LISTEN_FDS]"; ls /proc/self/fd | wc -l'
	run -0 env LISTEN_FDS=1 LISTEN_PID=1 "$KIST" --root "$ROOT" run "$CT" 3<config.json
	is $'[]\n4'
}

@test "LISTEN_FDS: nonsense is refused" {
	local value
	for value in -1 999999999 x; do
		run -1 bash -c 'LISTEN_FDS=$3 LISTEN_PID=$$ exec "$0" --root "$1" run "$2"' "$KIST" "$ROOT" "$CT" "$value"
		has LISTEN_FDS
	done
}
