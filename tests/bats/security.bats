#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# What an image, a bundle's author or a process in the container must not get. Each past CVE of a runtime that concerns
# kist keeps a test for ever. The canary is a directory of the host, below which nothing may ever change.

load helpers

setup() {
	prepare
	CANARY=$BATS_TEST_TMPDIR/canary
	mkdir -p "$CANARY/sub"
	echo untouched >"$CANARY/file"
	echo untouched >"$CANARY/ptmx"
	echo untouched >"$CANARY/null"
	config '.root.readonly = false'
	CANARY_WAS=$(canary)
}

teardown() {
	local bad=0
	[ "$(canary)" = "$CANARY_WAS" ] || {
		echo "the canary has changed"
		canary
		bad=1
	}
	clean && return $bad
}

canary() { find "$CANARY" -printf '%p %y %m %s %T@ %C@\n' | sort && cat "$CANARY"/file "$CANARY"/ptmx "$CANARY"/null; }
# link PATH TARGET: a link in the image in place of what was there.
link() {
	rm -rf "rootfs/$1"
	ln -s "$2" "rootfs/$1"
}

@test "cwd through a descriptor of the runtime (CVE-2024-21626)" {
	local n
	for n in {3..20}; do
		config '.process.cwd = $c' --arg c "/proc/self/fd/$n"
		run -1 --separate-stderr in_container 'pwd; ls'
		[ -z "$output" ] || fail "cwd is /proc/self/fd/$n"
	done
	config '.process.cwd = "/proc/self/fd/7/../../.."'
	run -1 in_container 'ls /'
	link trap /proc/self/fd/8
	config '.process.cwd = "/trap"'
	run -1 in_container 'pwd'
	config '.process.cwd = "/"'
	run -0 running
	for n in {3..20}; do
		run -255 kist exec --cwd "/proc/self/fd/$n" "$CT" pwd
	done
	run -255 kist exec --cwd /trap "$CT" pwd
}

@test "cwd through a link to the host is made inside (CVE-2026-55686)" {
	link w "$CANARY"
	config '.process.cwd = "/w/x/y"'
	run in_container pwd
	[ ! -e "$CANARY/x" ]
	# The control: the same below a link that stays inside.
	link w tmp
	run -0 in_container pwd
	is /tmp/x/y
}

@test "/proc or /sys of the image is a link (CVE-2019-19921, CVE-2023-27561, CVE-2025-54867)" {
	local name target
	for name in proc sys; do
		for target in /tmp tmp "$CANARY" ../../../../../.. /proc /nowhere; do
			link $name "$target"
			run -1 kist run "$CT"
			has /mounts/
			nothing_left
		done
		rm "rootfs/$name"
		mkdir "rootfs/$name"
	done
}

@test "/dev of the image is a link to the host (CVE-2026-41579, CVE-2026-47766)" {
	local without='.mounts |= map(select((.destination | startswith("/dev")) | not))'
	link dev "$CANARY"
	run kist run "$CT"
	config "$without"
	run kist run "$CT"
	config '.process.terminal = false | .linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 3}]'
	run kist run "$CT"
	rm rootfs/dev
	mkdir rootfs/dev
	run -0 in_container 'echo ran'
	is ran
	local name
	for name in null zero ptmx fd stdin core console pts shm mqueue; do
		link "dev/$name" "$CANARY/file"
		run kist run "$CT"
		rm -rf "rootfs/dev/$name"
		link "dev/$name" "$CANARY"
		run kist run "$CT"
		rm -rf "rootfs/dev/$name"
	done
}

@test "mount targets through links of the image (CVE-2021-30465, CVE-2024-45310)" {
	mkdir source
	link a "$CANARY"
	ln -s "../../../../../../../../../..$CANARY" rootfs/b
	ln -s "$CANARY/new" rootfs/c
	ln -s loop rootfs/loop
	ln -s /proc/self/root rootfs/magic
	local target
	for target in /a/x/y /b/x /c /a /a/file /magic/tmp/x; do
		cp "$TEMPLATE/config.json" config.json
		config '.root.readonly = false | .mounts += [{destination: $t, source: "source", options: ["bind"]}, {destination: ($t + "2"), type: "tmpfs", source: "tmpfs"}]' --arg t "$target"
		run kist run "$CT"
	done
	config '.mounts += [{destination: "/loop/x", type: "tmpfs", source: "tmpfs"}]'
	run -1 kist run "$CT"
	has "symbolic link"
}

@test "mount targets while the image's links change (CVE-2021-30465)" {
	mkdir source rootfs/swap rootfs/dir
	ln -s "$CANARY" rootfs/trap
	config '.mounts += [{destination: "/swap/sub", source: "source", options: ["bind"]}]'
	cp "$PEERS/peer" ./peer
	./peer swap rootfs/swap rootfs/trap >/dev/null 2>&1 3>&- 4>&- &
	local job=$! round good=0
	args /bin/echo good
	for round in {1..60}; do
		run kist run "$CT"
		[ "$output" != good ] || good=$((good + 1))
	done
	kill $job
	# What is mounted is in the root filesystem: /swap, or where the link leads there.
	[ $good -gt 0 ] || fail "no round succeeded"
	[ ! -e "$CANARY/sub/x" ]
	run grep -F "$CANARY" /proc/self/mountinfo
	is ""
	rm -rf rootfs/swap rootfs/trap
}

@test "mask sources of the image (CVE-2025-31133)" {
	echo secret >rootfs/etc/secret
	config '.linux.maskedPaths = ["/etc/secret"]'
	local without='.mounts |= map(select((.destination | startswith("/dev")) | not))'
	config "$without"
	link dev/null "$CANARY/null"
	run in_container 'cat /etc/secret; echo x >/etc/secret'
	lacks secret untouched
	rm -f rootfs/dev/null
	echo plain >rootfs/dev/null
	run in_container 'cat /etc/secret'
	lacks secret plain
	rm -f rootfs/dev/null
	mknod rootfs/dev/null c 1 5
	run in_container 'head -c 10 /etc/secret | wc -c'
	[ "$status" -ne 0 ] || is 0
	# The control: with the real thing the mask is there and empty.
	rm -f rootfs/dev/null
	mknod rootfs/dev/null c 1 3
	run -0 in_container 'wc -c </etc/secret'
	is 0
}

@test "a bind of the host's directory as /dev brings no trust in its null" {
	mkdir hostdev
	ln -s "$CANARY/null" hostdev/null
	echo secret >rootfs/etc/secret
	config '.mounts |= map(if .destination == "/dev" then {destination: "/dev", source: "hostdev", options: ["rbind"]} else . end) | .linux.maskedPaths += ["/etc/secret"]'
	run in_container 'cat /etc/secret; cat /dev/null'
	lacks secret untouched
	rm hostdev/null
	mknod hostdev/null c 1 3
	run -0 in_container 'wc -c </etc/secret'
	is 0
}

@test "the console of the image is a link or a file with content (CVE-2025-52565)" {
	config '.process.terminal = true'
	local kind
	for kind in link file; do
		rm -rf rootfs/dev/console
		[ $kind = link ] && ln -s "$CANARY/file" rootfs/dev/console || echo content >rootfs/dev/console
		config '.mounts |= map(select(.destination == "/dev" | not))'
		"$PEERS/peer" tty "$BUNDLE/sock" >peer 2>&1 3>&- 4>&- &
		local job=$!
		eventually grep -q listening peer
		run detached run -d --console-socket sock "$CT"
		kist delete -f "$CT"
		kill $job 2>/dev/null || true
		wait $job || true
		rm -f sock
		[ $kind = link ] || [ "$(<rootfs/dev/console)" = content ]
		[ $kind = link ] || grep -q "^name /dev/pts/" peer
	done
}

@test "the program never sees kist's binary (CVE-2019-5736)" {
	link bin/self /proc/self/exe
	printf '#!/proc/self/exe\n' >rootfs/bin/script
	chmod 755 rootfs/bin/script
	local before program
	before=$(sha256sum <"$KIST")
	for program in /proc/self/exe /bin/self /bin/script; do
		args "$program" --version
		run kist run "$CT"
		lacks "kist version"
	done
	args /bin/echo control
	run -0 kist run "$CT"
	is control
	run -0 running
	for program in /proc/self/exe /bin/self /bin/script; do
		run kist exec "$CT" "$program" --version
		lacks "kist version"
	done
	[ "$(sha256sum <"$KIST")" = "$before" ]
}

@test "what joins a container shows it no file of the host (CVE-2016-9962, CVE-2019-5736)" {
	# A watcher inside, which may ptrace, looks at every process as it comes.
	config '.process.capabilities = {bounding: $c, permitted: $c, effective: $c}' --argjson c '["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_KILL"]'
	script 'cd /proc; while [ ! -e /tmp/stop ]; do for p in [0-9]*; do [ $p -le 1 ] || ls -l $p/fd $p/exe $p/cwd $p/root 2>/dev/null; done; done >/tmp/seen; touch /tmp/done; sleep 1000'
	run -0 detached run -d "$CT"
	eventually test -e rootfs/tmp/seen
	local round
	for round in {1..40}; do
		kist exec "$CT" true </dev/null >/dev/null 2>&1
	done
	touch rootfs/tmp/stop
	eventually test -e rootfs/tmp/done
	grep -oE -- '-> .*' rootfs/tmp/seen | sort -u >targets
	# Its own files and pipes, null, the memfd of nsexec: nothing else.
	run grep -vE -- '-> (/|/bin/busybox|/dev/null|pipe:.*|socket:.*|/memfd:.*|/proc/[0-9]*(/.*)?|/tmp/.*|anon_inode:.*|/etc/passwd)$' targets
	is ""
	run grep -F "$KIST" targets
	is ""
	run grep -F "$BATS_TEST_TMPDIR" targets
	is ""
}

@test "helpers are never taken from the image or the working directory (CVE-2026-84042)" {
	local name
	for name in newuidmap newgidmap criu ip ps mount nsexec kist; do
		printf '#!/bin/sh\necho bad >%s/file\n' "$CANARY" >"$BUNDLE/$name"
		chmod 755 "$BUNDLE/$name"
		rm -f "rootfs/bin/$name"
		cp "$BUNDLE/$name" "rootfs/bin/$name"
	done
	config '.process.env = ["PATH=/bin"]'
	run -0 running
	run kist ps "$CT"
	run -0 kist exec "$CT" echo ran
	is ran
	rm -f rootfs/bin/ps rootfs/bin/mount
}

@test "libraries and databases of the image are not loaded by kist (CVE-2019-14271)" {
	mkdir -p rootfs/lib rootfs/etc
	printf 'garbage' >rootfs/lib/libnss_files.so.2
	printf '/lib/evil.so\n' >rootfs/etc/ld.so.preload
	printf 'passwd: evil\n' >rootfs/etc/nsswitch.conf
	run -0 in_container 'echo $HOME'
	is /root
}

@test "an image that has its mount points is as before" {
	run -0 in_container 'echo ran'
	is ran
	find rootfs -printf '%P %y %m %u %g\n' | sort >after
	find "$TEMPLATE/rootfs" -printf '%P %y %m %u %g\n' | sort >before
	run -0 diff before after
}

@test "no privilege of the state directory for others (CVE-2021-41103)" {
	umask 0
	run -0 running
	umask 022
	run -0 find "$ROOT" -not -type l -perm /077
	is ""
	run setpriv --reuid 65534 --regid 65534 --clear-groups ls "$ROOT/$CT"
	[ "$status" -ne 0 ]
}

@test "a state directory that others can write is refused (CVE-2015-1331)" {
	mkdir -m 777 open
	run -1 "$KIST" --root "$BUNDLE/open" run "$CT"
	has 0777 "must not be writable"
	ln -s "$CANARY" statelink
	run "$KIST" --root "$BUNDLE/statelink/state" list
	[ ! -e "$CANARY/state" ]
}

@test "set-user-ID kist refuses to run (CVE-2018-6556)" {
	cp "$KIST" ./kist-suid
	chmod 4755 ./kist-suid
	chmod 711 "$BATS_TEST_TMPDIR"
	run -1 setpriv --reuid 1234 --regid 1234 --clear-groups ./kist-suid list
	has "set-user-ID"
}

@test "the process has no access to the caller's terminal (CVE-2016-10124)" {
	script '[ "$(cut -d" " -f7 /proc/self/stat)" = 0 ] && echo none; (: </dev/tty) 2>&1'
	run timeout "$HANG" "$(type -P script)" -qec "'$KIST' --root '$ROOT' run '$CT'" /dev/null
	has none
}

@test "annotations neither lower security nor choose programs (CVE-2026-53488)" {
	kist plan . >before
	config '.annotations = {"run.oci.handler": "krun", "krun.use_passt": "1", "org.criu.config": "/etc/shadow", "io.kubernetes.cri-o.Devices": "/dev/vda",
		"run.oci.seccomp.receiver": "/x", "run.oci.keep_original_groups": "1", "run.oci.hooks.stdout": "'"$CANARY"'/file", "module.wasm.image/variant": "compat"}'
	kist plan . >after
	[ -s before ]
	cmp before after
}

@test "the container cannot reach the host's cgroup files for writing" {
	run -0 in_container 'find /sys/fs/cgroup -maxdepth 3 -name release_agent -o -maxdepth 3 -name cgroup.procs | while read f; do (echo 1 >>$f) 2>/dev/null && echo "wrote $f"; done; echo end'
	has end
	lacks wrote
}

@test "init is not dumpable before it is the program" {
	run -0 detached create "$CT"
	# A process that is not dumpable belongs to root in /proc, whatever its credentials.
	config '.process.user.uid = 1000'
	run -0 detached create "$CT-user"
	[ "$(stat -c %u "/proc/$(pid "$CT-user")/fd")" = 0 ]
}

@test "no mount behind a link of the image into procfs" {
	mkdir -p source rootfs/deep
	echo fake >file
	local target
	for target in /proc/sys /proc/self/attr /proc/1 ../proc/sys; do
		ln -sfn "$target" rootfs/deep/m
		cp "$TEMPLATE/config.json" config.json
		config '.mounts += [{destination: "/deep/m", source: "source", options: ["bind"]}]'
		run -1 kist run "$CT"
		has /mounts/7 "symbolic link into /proc"
		config '.mounts[7] = {destination: "/deep/m", type: "tmpfs", source: "tmpfs"}'
		run -1 kist run "$CT"
		has /mounts/7 "symbolic link into /proc"
		nothing_left
	done
	ln -sfn /proc/sys/kernel/core_pattern rootfs/deep/m
	config '.mounts[7] = {destination: "/deep/m", source: "file", options: ["bind"]}'
	run -1 kist run "$CT"
	has /mounts/7 "symbolic link into /proc"
}

@test "only a procfs is bound on /proc (CVE-2019-16884)" {
	mkdir -p fake/self/attr
	touch fake/self/attr/exec
	config '.mounts |= map(if .destination == "/proc" then {destination: "/proc", source: "fake", options: ["rbind"]} else . end)'
	run -1 kist run "$CT"
	has /mounts/0 "only a procfs"
	[ ! -s fake/self/attr/exec ]
	nothing_left
	# The host's own is one.
	config '.linux.namespaces |= map(select(.type != "pid")) | .mounts[0].source = "/proc"'
	run -0 in_container 'echo ran'
	is ran
}

@test "no file of kist's own can be written in a container" {
	# What is bound of the state directory, the sockets of NOTIFY_SOCKET, is read-only; there is nothing else.
	"$PEERS/peer" notify "$BUNDLE/sock" >peer 2>&1 3>&- 4>&- &
	local job=$! line
	eventually grep -q listening peer
	NOTIFY_SOCKET=$BUNDLE/sock run -0 --separate-stderr in_container 'cat /proc/self/mountinfo'
	kill $job
	while read -r line; do
		read -r _ _ _ from to options _ <<<"$line"
		[[ $from != *state/$CT* ]] || [[ $options == ro,* ]] || fail "$to: $line"
	done <<<"$output"
	run grep -c "state/$CT" <<<"$output"
	is 1
}

@test "an error of another's container tells an ordinary user nothing" {
	run -0 running
	chmod 711 "$BATS_TEST_TMPDIR"
	run setpriv --reuid 1234 --regid 1234 --clear-groups "$KIST" --root "$ROOT" state "$CT"
	[ "$status" -eq 1 ] || fail
	lacks "$BUNDLE" running '"pid"'
}
