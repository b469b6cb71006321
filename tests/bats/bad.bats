#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Bad inputs: one line that names the place, status 1, nothing on stdout, nothing left behind, never a panic.

load helpers

# refused TEXT...: `kist run` says why not.
refused() {
	run -1 --separate-stderr kist run "$CT"
	[ -z "$output" ] || fail "stdout: $output"
	output=$stderr
	[ "$(wc -l <<<"$output")" -eq 1 ] || fail "more than one line"
	lacks panic goroutine
	has "$@"
	nothing_left
}

# bad FILTER TEXT...: the default configuration with one change is refused.
bad() {
	cp "$TEMPLATE/config.json" config.json
	config "$1"
	refused "${@:2}"
}

@test "config.json: missing, empty, a directory, a FIFO, too large" {
	mv config.json saved
	refused config.json "no such file or directory"
	: >config.json
	refused config.json
	rm config.json
	mkdir config.json
	refused config.json "not a regular file"
	rmdir config.json
	mkfifo config.json
	refused config.json "not a regular file"
	rm config.json
	ln -s /dev/zero config.json
	refused config.json
	rm config.json
	truncate -s 1G config.json
	refused config.json "16 MiB"
}

@test "JSON: trailing data, two documents, BOM, NaN, comments, truncation" {
	local text
	for text in "$(<config.json)x" "$(<config.json) {}" $'\xef\xbb\xbf'"$(<config.json)" '{"a": NaN}' '/* */ {}' '{' '[]' 'null' '"x"' '5'; do
		printf '%s' "$text" >config.json
		refused config.json
	done
}

@test "JSON: a duplicate key, with line and column; another case is another key" {
	sed '0,/"process"/s/"process"/"process": {}, "process"/' "$TEMPLATE/config.json" >config.json
	refused duplicate process config.json:
	jq '. + {"Process": .process} | del(.process)' "$TEMPLATE/config.json" >config.json
	refused /process
}

@test "JSON: deep nesting, many elements, NUL and invalid UTF-8" {
	printf '{"a": %.0s' {1..20000} >config.json
	refused nest
	bad '.process.args = ["/bin/true", "a\u0000b"]' /process/args/1
	bad '.process.env = ["A=\u0000"]' /process/env/0
	bad '.hostname = "a\u0000"' /hostname
	sed 's/"kist"/"ki\xff"/' "$TEMPLATE/config.json" >config.json
	refused hostname
}

@test "wrong types say what was expected" {
	bad '.process.args = "sh"' /process/args array
	bad '.process.user.uid = "0"' /process/user/uid
	bad '.root.readonly = "yes"' /root/readonly
	bad '.mounts = {}' /mounts
	bad '.linux.namespaces = ["pid"]' /linux/namespaces/0
}

@test "ociVersion" {
	bad 'del(.ociVersion)' ociVersion
	local v
	for v in '' 2.0.0 abc 0.9; do
		cp "$TEMPLATE/config.json" config.json
		config '.ociVersion = $v' --arg v "$v"
		refused /ociVersion
	done
	for v in 1.0.0 1.0.2-dev 1.9.0-dev 1.3.0+x; do
		cp "$TEMPLATE/config.json" config.json
		config '.ociVersion = $v' --arg v "$v"
		run -0 kist run "$CT"
	done
}

@test "ids of a user" {
	local uid
	for uid in -1 4294967295 4294967296 1.5 1e3 '"0x0"'; do
		sed "s/\"uid\": 0/\"uid\": $uid/" "$TEMPLATE/config.json" >config.json
		grep -q "\"uid\": $uid" config.json
		refused /process/user/uid
	done
	bad '.process.user.umask = 1023' /process/user/umask
}

@test "process: missing, without program, with an empty one" {
	bad 'del(.process)' /process
	bad '.process.args = []' /process/args
	bad 'del(.process.args)' /process/args
	bad '.process.args = [""]' /process/args/0
	bad 'del(.process.cwd)' /process/cwd
	bad '.process.cwd = "relative"' /process/cwd absolute
}

@test "root: missing, /, a file, a link" {
	bad 'del(.root)' /root
	bad '.root.path = ""' /root/path
	bad '.root.path = "/"' /root/path
	bad '.root.path = "nowhere"' /root/path "no such file or directory"
	touch file
	bad '.root.path = "file"' /root/path "not a directory"
	ln -s rootfs link
	bad '.root.path = "link"' /root/path
}

@test "mounts" {
	bad '.mounts += [{destination: "/"  , type: "tmpfs", source: "x"}]' /mounts/7
	bad '.mounts += [{destination: "", type: "tmpfs", source: "x"}]' /mounts/7/destination
	bad '.mounts += [{type: "tmpfs", source: "x"}]' /mounts/7/destination
	bad '.mounts += [{destination: "/tmp", type: "nosuchfs", source: "x"}]' /mounts/7 nosuchfs
	bad '.mounts += [{destination: "/tmp", source: "rootfs", options: ["bind", "nonsense"]}]' /mounts/7 nonsense
	bad '.mounts += [{destination: "/tmp", options: ["bind"]}]' /mounts/7
	bad '.mounts += [{destination: "/tmp", type: "tmpfs", source: "t", options: ["size=abc"]}]' /mounts/7 size
}

@test "hostname" {
	bad '.hostname = "x" * 65' /hostname 64
}

@test "hooks" {
	bad '.hooks.prestart = [{path: "relative"}]' /hooks/prestart/0/path absolute
	bad '.hooks.createRuntime = [{path: "/bin/true", timeout: -5}]' /hooks/createRuntime/0/timeout
	bad '.hooks.poststop = [{path: "/bin/true", env: ["NOEQUALS"]}]' /hooks/poststop/0/env
	bad '.hooks.prestart = [{}]' /hooks/prestart/0/path
}

@test "linux" {
	bad '.linux.timeOffsets = {boottime: {secs: 1}}' /linux/timeOffsets
	bad '.linux.personality = {domain: "X"}' /linux/personality
	bad '.linux.intelRdt = {closID: "../x"}' /linux/intelRdt
	bad '.linux.cgroupsPath = "/../../x"' /linux/cgroupsPath
	bad '.linux.netDevices = {"0123456789abcdef": {}}' /linux/netDevices
	bad '.annotations = {"": "x"}' /annotations
	bad '.process.scheduler = {policy: "SCHED_X"}' /process/scheduler
	bad '.process.ioPriority = {class: "IOPRIO_CLASS_X", priority: 1}' /process/ioPriority
	bad '.process.apparmorProfile = "no-such-profile"' apparmor
	bad '.process.selinuxLabel = "a:b:c:d\n"' selinuxLabel
}

@test "container ids" {
	local id
	for id in . .. a/b /x 'a b' $'a\nb' 'é' '%s' -x .hidden "$(printf 'a%.0s' {1..129})"; do
		run -1 kist run -- "$id"
		has "container ID" || has "container id" || has ID
		run -1 kist state -- "$id"
		run kist delete --force -- "$id"
	done
	run -1 kist run ''
	nothing_left
	run -0 kist run "$CT-A_b+c.d-0"
}

@test "state: damaged, of another id, of a stranger's process" {
	run -0 running
	local record=$ROOT/$CT/state.json text
	cp "$record" saved
	sleep 1030 3>&- &
	local guard=$!
	for text in '' '{' 'null' '{"id": 5}' "$(jq '.id = "other"' saved)" "$(jq '.initPid = 1' saved)" "$(jq --argjson p $guard '.initPid = $p' saved)" \
		"$(jq '.initPid = -1' saved)" "$(jq '.initPid = 0' saved)"; do
		printf '%s' "$text" >"$record"
		run kist state "$CT"
		lacks panic '"running"'
		run kist kill "$CT" KILL
		[ "$status" -ne 0 ]
		run kist exec "$CT" true
		[ "$status" -ne 0 ]
		kill -0 $guard
	done
	kill $guard
	cat saved >"$record"
	run -0 status_of
	is running
}

@test "state: cgroup paths that are not the container's are never killed" {
	run -0 running
	local record=$ROOT/$CT/state.json
	cp "$record" saved
	sleep 1031 3>&- &
	local guard=$!
	jq '(.. | strings | select(startswith("/sys/fs/cgroup"))) |= sub("/[^/]*$"; "")' saved >"$record"
	! cmp -s "$record" saved || skip "the record has no cgroup paths"
	run kist kill --all "$CT" KILL
	run kist delete --force "$CT"
	kill -0 $guard
	kill $guard
	if [ -d "$ROOT/$CT" ]; then
		cat saved >"$record"
	else
		find /sys/fs/cgroup -depth -type d -name "$CT" -exec rmdir {} \; 2>/dev/null || true
	fi
}

@test "a directory without a record, and other things in the state directory" {
	run -0 running
	mkdir -m 700 "$ROOT/$CT-empty"
	touch "$ROOT/$CT-file"
	run -0 kist list -q
	has "$CT"
	run -1 kist state "$CT-empty"
	lacks panic
	run -0 kist delete --force "$CT-empty"
	[ ! -e "$ROOT/$CT-empty" ]
	rm -f "$ROOT/$CT-file"
}

@test "bundle: missing, a file" {
	run -1 kist run -b /no/such "$CT"
	has /no/such "no such file or directory"
	run -1 kist run -b config.json "$CT"
	nothing_left
}

@test "state directory: full, read-only" {
	mkdir small
	mount -t tmpfs -o size=64k,nr_inodes=5,mode=700 tmpfs small
	run "$KIST" --root "$BUNDLE/small/state" run "$CT"
	local result=$output
	mount -o remount,ro small
	run "$KIST" --root "$BUNDLE/small/other" run "$CT"
	result+=$output
	umount small
	output=$result
	has "no space left on device" "read-only file system"
	lacks panic
	nothing_left
}

@test "unknown properties are ignored, whatever they hold" {
	config '.somethingNew = {a: [1, 2, {b: null}]} | .process.newer = 5 | .linux.newest = "x" | .mounts[0].extra = true'
	run -0 in_container 'echo ran'
	is ran
}

@test "config.json: null, numbers and strings where objects belong" {
	bad '.process = null' /process
	bad '.process.user = "root"' /process/user
	bad '.root = []' /root
	bad '.linux = 5' /linux
	bad '.mounts = [null]' /mounts/0
	bad '.hooks = {prestart: {}}' /hooks/prestart
}

@test "config.json: more of a thing than anybody needs" {
	jq -c '.mounts = [range(5000) | {destination: "/m\(.)", type: "tmpfs", source: "tmpfs"}]' "$TEMPLATE/config.json" >config.json
	refused /mounts 4096
}

@test "devices: modes, numbers of a FIFO, a name outside of /dev through dots" {
	bad '.linux.devices = [{path: "/dev/x", type: "c", major: 1, minor: 5, fileMode: 65535}]' /linux/devices/0/fileMode
	bad '.linux.devices = [{path: "/dev/../etc/x", type: "c", major: 1, minor: 5}]' /linux/devices/0
	bad '.linux.devices = [{path: "/dev/x", type: "b"}, {path: "/dev/x", type: "c", major: 1, minor: 5}]' /linux/devices/1
	[ ! -e rootfs/etc/x ]
}

@test "rlimits, oom score, io priority, scheduler" {
	bad '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 2, hard: 1}]' /process/rlimits/0
	bad '.process.oomScoreAdj = 2000' /process/oomScoreAdj
	bad '.process.oomScoreAdj = -1001' /process/oomScoreAdj
	bad '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 9}' /process/ioPriority
	bad '.process.scheduler = {policy: "SCHED_FIFO", priority: 1000}' /process/scheduler
}

@test "mounts: two propagations, a NUL in a path" {
	bad '.mounts += [{destination: "/a\u0000b", type: "tmpfs", source: "x"}]' /mounts/7
	bad '.mounts += [{destination: "/tmp", source: "/a\u0000b", options: ["bind"]}]' /mounts/7
	bad '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["shared", "private"]}]' /mounts/7/options propagation
}

@test "namespaces: paths with a comma, a newline, and of a thousand bytes" {
	local path
	for path in /proc/self/ns/net,/proc/1/ns/net $'/proc/self/ns/net\n' "/$(printf 'x%.0s' {1..1000})" "$(printf '/%.0s' {1..5000})"; do
		cp "$TEMPLATE/config.json" config.json
		config '.linux.namespaces |= map(if .type == "network" then .path = $p else . end)' --arg p "$path"
		refused /linux/namespaces/
	done
}

@test "process.json of exec: a terminal without a socket, sizes, a damaged one" {
	run -0 running
	jq '.process | .terminal = true' config.json >p.json
	run -255 kist exec --detach --process p.json "$CT" </dev/null
	has "console socket"
	jq '.process | .terminal = true | .consoleSize = {height: -1, width: 80}' config.json >p.json
	run -255 kist exec --process p.json "$CT" </dev/null
	has consoleSize
	jq '.process | .user.uid = 4294967295' config.json >p.json
	run -255 kist exec --process p.json "$CT" </dev/null
	has /user/uid
	jq '.process | .cwd = "x"' config.json >p.json
	run -255 kist exec --process p.json "$CT" </dev/null
	has /cwd
	head -c 100 config.json >p.json
	run -255 kist exec --process p.json "$CT" </dev/null
	has p.json
	lacks panic
}

@test "--log and --pid-file on what is no plain file" {
	args /bin/nothing-here
	mkfifo fifo
	timeout "$HANG" cat fifo >/dev/null 3>&- 4>&- &
	local reader=$!
	run kist --log fifo run "$CT"
	[ "$status" -ne 124 ] || fail
	kill $reader 2>/dev/null || true
	mkdir directory
	args /bin/true
	run -1 kist run -d --pid-file directory "$CT"
	has directory
	nothing_left
}

@test "--root: relative ones, a file, somebody else's" {
	args /bin/echo ran
	run -0 "$KIST" --root relative/state run "$CT"
	is ran
	touch file
	run -1 "$KIST" --root file list
	has file
	mkdir -m 700 theirs
	chown 1234 theirs
	run -1 "$KIST" --root theirs run "$CT"
	has theirs
}

@test "a container that is being created: others are told, and wait for nobody" {
	config '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo >$0; read go <$1", $h, $f], env: ["PATH=/usr/bin:/bin"]}]' \
		--arg h "$BUNDLE/here" --arg f "$BUNDLE/fifo"
	mkfifo fifo
	args /bin/sleep 1000
	"$KIST" --root "$ROOT" create "$CT" </dev/null >"$LOG" 2>&1 3>&- 4>&- &
	local creator=$!
	eventually test -s here
	run -0 status_of
	is creating
	run -0 kist list -q
	is "$CT"
	run -1 kist create "$CT"
	has "already exists"
	echo go >fifo
	wait $creator
	run -0 status_of
	is created
}
