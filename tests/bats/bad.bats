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
