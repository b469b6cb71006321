# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What CRI-O does with a runtime, without CRI-O, which Debian does not have: its command lines for conmon, Debian's own,
# and for the runtime, with the pipes, files and sockets around them.

CRIO_ROOT=/run/crio-kist
EXITS=/run/crio-exits
SOCKETS=/run/crio-sockets

# crio ARG...: the runtime as CRI-O calls it: an almost empty environment, the state directory as one word.
crio() {
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin CRI_O_EXTERNAL=1 XDG_RUNTIME_DIR=/run/xdg \
		timeout -k 5 "${LIMIT:-60}" /usr/local/bin/kist --root="$CRIO_ROOT" "$@" 3>&- 4>&-
}

# bundle ID [FILTER]: a container as CRI-O describes it, changed by a jq filter. Its directory is $BATS_TEST_TMPDIR/ID.
bundle() {
	local dir=$BATS_TEST_TMPDIR/$1
	mkdir -p "$dir" "$EXITS" "$SOCKETS" "$BATS_TEST_TMPDIR/logs" /run/xdg
	[ -e "$dir/config.json" ] || kist spec -b "$dir"
	jq --arg root "$STATE/rootfs" --arg cgroup "/$ENGINES_CGROUP/crio-$1" --arg id "$1" '
		.root = {path: $root} | .hostname = $id | .process.terminal = false | .process.args = ["sleep", "1000"]
		| .process.env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", "HOSTNAME=\($id)"]
		| .linux.cgroupsPath = $cgroup | .annotations = {"io.kubernetes.cri-o.ContainerID": $id, "io.container.manager": "cri-o"}
		| .mounts |= map(select(.destination != "/sys/fs/cgroup"))' "$dir/config.json" >"$dir/new.json"
	jq "${2:-.}" "$dir/new.json" >"$dir/config.json"
}

# monitor ID [FLAG...]: CRI-O's start of conmon for a container. It prints what conmon writes into the pipe for it: the
# pid of the container, or -1 and the reason.
monitor() {
	local id=$1 dir=$BATS_TEST_TMPDIR/$1
	shift
	# The first pipe is conmon's word that it may begin, which CRI-O gives when it has moved it into its cgroup.
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin CRI_O_EXTERNAL=1 XDG_RUNTIME_DIR=/run/xdg _OCI_SYNCPIPE=3 _OCI_STARTPIPE=4 \
		conmon -b "$dir" -c "$id" --exit-dir "$EXITS" -l "$BATS_TEST_TMPDIR/logs/$id.log" --log-level info -n "k8s_$id" \
		-P "$dir/conmon-pidfile" -p "$dir/pidfile" --persist-dir "$dir" -r /usr/local/bin/kist \
		--runtime-arg "--root=$CRIO_ROOT" --socket-dir-path "$SOCKETS" --syslog -u "$id" "$@" \
		</dev/null 3>"$dir/sync" 4< <(printf '\0') >"$dir/conmon.log" 2>&1
	eventually 30 test -s "$dir/sync"
	cat "$dir/sync"
}

# execute ID RESULT FLAG... -- WORD...: CRI-O's ExecSync: conmon once more, which waits for the process. What it writes into
# the pipe goes to the file RESULT; the output of the process is in RESULT.log.
execute() {
	local id=$1 result=$2 name=${2##*/} flags=()
	shift 2
	while [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	shift
	jq --argjson terminal "${TERMINAL:-false}" '.process | .terminal = $terminal | .args = $ARGS.positional' \
		"$BATS_TEST_TMPDIR/$id/config.json" --args -- "$@" >"$result.spec"
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin CRI_O_EXTERNAL=1 XDG_RUNTIME_DIR=/run/xdg _OCI_SYNCPIPE=3 \
		timeout -k 5 60 conmon --sync -c "$id" -n "k8s_$id" -r /usr/local/bin/kist -p "$result.pid" -e -l "$result.log" \
		--socket-dir-path "$SOCKETS" --log-level info -u "$name-$BATS_TEST_NUMBER" \
		--exec-process-spec "$result.spec" --runtime-arg "--root=$CRIO_ROOT" "${flags[@]}" \
		</dev/null 3>"$result" 4>&- >"$result.conmon" 2>&1 || true # with --sync it ends with the status of the process
}

# reason FILE: the message in the last thing that conmon has written, which is a line of the runtime's text log.
reason() { jq -rs 'last.message | gsub("\\\\"; "")' "$1"; }

# is_status ID WORD
is_status() { [ "$(crio state "$1" | jq -r .status)" = "$2" ]; }

# exited ID CODE: conmon has written this to the file of exits.
exited() { [ "$(cat "$EXITS/$1")" = "$2" ]; }

# logged FILE TEXT: it is in a log in the format of Kubernetes.
logged() { grep -qE "^[0-9T:.+-]+ (stdout|stderr) [FP] $2" "$BATS_TEST_TMPDIR/logs/$1.log"; }
