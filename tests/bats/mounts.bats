#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Mounts: each option read back from mountinfo, order, sources and targets, copy-up, propagation.

load helpers

# add JSON: one more mount. mounted PATH: its mountinfo line in the container: options, then super block options.
add() { config '.mounts += [$m]' --argjson m "$1"; }
mounted() { in_container "awk '\$5 == \"$1\" { l = \$0 } END { print l }' /proc/self/mountinfo"; }

# option LIST: a tmpfs and a bind with these options; $output is the flags, after the container ran.
flags_of() {
	cp "$TEMPLATE/config.json" config.json
	mkdir -p source
	local options
	options=$(jq -cn '$ARGS.positional' --args -- "$@")
	case $kind in
	tmpfs) add '{"destination": "/m", "type": "tmpfs", "source": "tmpfs", "options": '"$options"'}' ;;
	bind) add '{"destination": "/m", "type": "none", "source": "'"$BUNDLE/source"'", "options": '"$(jq -c '["bind"] + .' <<<"$options")"'}' ;;
	esac
	config '.root.readonly = false'
	run -0 mounted /m
	output=,$(cut -d' ' -f6 <<<"$output"),
}

@test "flags of a tmpfs" {
	kind=tmpfs
	local o
	for o in ro nosuid nodev noexec noatime nodiratime relatime nosymfollow; do
		flags_of $o
		has ,$o,
	done
	flags_of ro rw nosuid suid nodev dev noexec exec noatime atime
	has ,rw,
	lacks nosuid nodev noexec noatime
	flags_of strictatime
	lacks ,relatime, ,noatime,
	flags_of defaults
	has ,rw,relatime,
}

@test "flags of a bind" {
	kind=bind
	local o
	for o in ro nosuid nodev noexec noatime nodiratime nosymfollow; do
		flags_of $o
		has ,$o,
	done
	flags_of ro rw
	has ,rw,
}

@test "a bind does not change the flags of its source" {
	mkdir -p source
	mount -t tmpfs -o nosuid,nodev tmpfs source
	add '{"destination": "/tmp", "source": "'"$BUNDLE"'/source", "options": ["bind", "ro"]}'
	run mounted /tmp
	local flags=,$(cut -d' ' -f6 <<<"$output"),
	local host=,$(awk -v p="$BUNDLE/source" '$5 == p { print $6 }' /proc/self/mountinfo),
	umount source
	[ "$status" -eq 0 ]
	# Flags of the source that are not named stay.
	[[ $flags == *,ro,* && $flags == *,nosuid,* && $flags == *,nodev,* ]] || fail "$flags"
	[[ $host == *,rw,* ]] || fail "$host"
}

@test "recursive flags reach the mounts below" {
	mkdir -p source
	mount -t tmpfs tmpfs source
	mkdir source/sub
	mount -t tmpfs tmpfs source/sub
	local o pairs=(rro:ro rnosuid:nosuid rnodev:nodev rnoexec:noexec rnoatime:noatime rnodiratime:nodiratime rnosymfollow:nosymfollow)
	for o in "${pairs[@]}"; do
		cp "$TEMPLATE/config.json" config.json
		add '{"destination": "/tmp", "source": "'"$BUNDLE"'/source", "options": ["rbind", "'"${o%:*}"'"]}'
		run mounted /tmp/sub
		[[ ,$(cut -d' ' -f6 <<<"$output"), == *,${o#*:},* ]] || { umount -R source; fail "$o"; }
	done
	cp "$TEMPLATE/config.json" config.json
	add '{"destination": "/tmp", "source": "'"$BUNDLE"'/source", "options": ["rbind", "ro"]}'
	run mounted /tmp/sub
	local flags=,$(cut -d' ' -f6 <<<"$output"),
	umount -R source
	[[ $flags == *,rw,* ]] || fail "ro reached below: $flags"
}

@test "rbind takes the mounts below along, bind does not" {
	mkdir -p source
	mount -t tmpfs tmpfs source
	mkdir source/sub
	mount -t tmpfs tmpfs source/sub
	touch source/sub/marker
	local seen=()
	local how
	for how in rbind bind; do
		cp "$TEMPLATE/config.json" config.json
		add '{"destination": "/tmp", "source": "'"$BUNDLE"'/source", "options": ["'$how'"]}'
		run in_container 'ls /tmp/sub'
		seen+=("$output")
	done
	umount -R source
	[ "${seen[0]}" = marker ]
	[ "${seen[1]}" = "" ]
}

@test "options of the file system are passed on" {
	add '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=123k", "mode=1750", "nr_inodes=77"]}'
	run -0 mounted /tmp
	has "mode=1750" "nr_inodes=77"
	like 'size=12[0-9]k'
	add '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nonsense=1"]}'
	run -1 kist run "$CT"
	has nonsense /mounts/
}

@test "sync, dirsync and lazytime belong to the super block" {
	local o
	for o in sync dirsync lazytime; do
		cp "$TEMPLATE/config.json" config.json
		add '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["'$o'"]}'
		run -0 mounted /tmp
		[[ ,${output##* }, == *,$o,* || ,$(cut -d' ' -f6 <<<"$output"), == *,$o,* ]] || fail $o
	done
}

@test "propagation of a mount" {
	local o
	for o in shared:shared: slave: private: unbindable:unbindable; do
		cp "$TEMPLATE/config.json" config.json
		mkdir -p source
		add '{"destination": "/tmp", "source": "'"$BUNDLE"'/source", "options": ["bind", "'"${o%%:*}"'"]}'
		run -0 mounted /tmp
		case ${o%%:*} in
		shared) like ' shared:[0-9]+ ' ;;
		unbindable) has " unbindable " ;;
		*) lacks " shared:" unbindable ;;
		esac
	done
}

@test "rootfsPropagation" {
	local o
	for o in private slave shared unbindable; do
		config '.linux.rootfsPropagation = $o' --arg o $o
		run -0 mounted /
		case $o in
		shared) like ' shared:[0-9]+ ' ;;
		unbindable) has " unbindable " ;;
		*) lacks " shared:" ;;
		esac
	done
	config '.linux.rootfsPropagation = "sideways"'
	run -1 kist run "$CT"
	has /linux/rootfsPropagation
}

@test "mounts are made in the listed order" {
	mkdir -p one two
	echo one >one/file
	echo two >two/file
	add '{"destination": "/tmp", "source": "'"$BUNDLE"'/one", "options": ["bind"]}'
	add '{"destination": "/tmp", "source": "'"$BUNDLE"'/two", "options": ["bind"]}'
	run -0 in_container 'cat /tmp/file'
	is two
}

@test "a missing target is made: a directory for a directory, a file for a file" {
	mkdir -p source
	echo content >file
	config '.root.readonly = false'
	add '{"destination": "/new/deep/dir", "source": "'"$BUNDLE"'/source", "options": ["bind"]}'
	add '{"destination": "/new/file", "source": "file", "options": ["bind"]}'
	run -0 in_container 'cat /new/file; [ -d /new/deep/dir ] && echo dir'
	is $'content\ndir'
}

@test "a relative source is relative to the bundle" {
	mkdir source
	touch source/marker
	add '{"destination": "/tmp", "source": "source", "options": ["bind"]}'
	cd /
	run -0 kist run -b "$BUNDLE" "$CT"
	cd "$BUNDLE"
	run -0 in_container 'ls /tmp'
	is marker
}

@test "targets through links stay in the root filesystem, dangling ones too" {
	mkdir source
	touch source/marker
	ln -s /etc rootfs/link
	ln -s ../../../../../../../../var/target rootfs/up
	ln -s /nowhere/yet rootfs/dangling
	mkdir -p rootfs/var/target
	config '.root.readonly = false'
	add '{"destination": "/link/inside", "source": "source", "options": ["bind"]}'
	add '{"destination": "/up", "source": "source", "options": ["bind"]}'
	add '{"destination": "/dangling", "source": "source", "options": ["bind"]}'
	run -0 in_container 'ls /etc/inside /var/target /nowhere/yet | grep -c marker'
	is 3
	[ ! -e /etc/inside ] && [ ! -e /nowhere ] && [ ! -e /var/target ]
}

@test "a root filesystem that is read-only needs its mount points" {
	add '{"destination": "/missing/dir", "type": "tmpfs", "source": "tmpfs"}'
	mount --bind rootfs rootfs
	mount -o remount,bind,ro rootfs
	run kist run "$CT"
	umount rootfs
	[ "$status" -eq 1 ]
	has missing "read-only file system" /mounts/
	nothing_left
}

@test "a mount in a read-only root works when its target is there" {
	config '.root.readonly = true'
	add '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}'
	run -0 in_container 'touch /tmp/x && ! touch /x 2>/dev/null && echo good'
	is good
}

@test "a source that is not there is named" {
	add '{"destination": "/tmp", "source": "/no/such/source", "options": ["bind"]}'
	run -1 kist run "$CT"
	has /no/such/source /mounts/ "no such file or directory"
	nothing_left
}

@test "a file over a directory, and a directory over a file" {
	mkdir source
	touch file
	add '{"destination": "/tmp", "source": "file", "options": ["bind"]}'
	run -1 kist run "$CT"
	has /mounts/
	cp "$TEMPLATE/config.json" config.json
	add '{"destination": "/etc/passwd", "source": "source", "options": ["bind"]}'
	run -1 kist run "$CT"
	has /mounts/ "a directory cannot be mounted on a file"
}

@test "tmpcopyup" {
	mkdir -p rootfs/data/sub
	echo content >rootfs/data/file
	chmod 640 rootfs/data/file
	: >rootfs/data/writable
	ln -s file rootfs/data/link
	add '{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
	run -0 in_container 'cat /data/link; stat -c "%a %u %g" /data/file; echo more >>/data/file; [ -d /data/sub ] && echo dir'
	is $'content\n640 0 0\ndir'
	[ "$(<rootfs/data/file)" = content ]
}

@test "remount changes the flags of what is there" {
	add '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}'
	add '{"destination": "/tmp", "type": "", "source": "", "options": ["remount", "ro"]}'
	run kist run "$CT"
	if [ "$status" -eq 0 ]; then
		run -0 mounted /tmp
		[[ $(cut -d' ' -f6 <<<"$output") == ro* ]] || fail "not read-only"
	else
		# A configuration that cannot be honoured says so.
		has remount
	fi
}

@test "nothing can be mounted inside /proc but a short list" {
	touch file
	local target
	for target in /proc/self/attr /proc/sys /proc/1 /proc/sys/kernel/core_pattern /proc/../proc/sys; do
		cp "$TEMPLATE/config.json" config.json
		add '{"destination": "'$target'", "source": "file", "options": ["bind"]}'
		run -1 kist run "$CT"
		has /mounts/ /proc
	done
	cp "$TEMPLATE/config.json" config.json
	echo fake >file
	add '{"destination": "/proc/cpuinfo", "source": "file", "options": ["bind"]}'
	run -0 in_container 'cat /proc/cpuinfo'
	is fake
}

@test "the host's mount table is as before" {
	cut -d' ' -f2- /proc/self/mountinfo >before
	add '{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["shared"]}'
	run -0 in_container 'echo ran'
	is ran
	cut -d' ' -f2- /proc/self/mountinfo >after
	diff before after
}

@test "--no-pivot" {
	run -0 in_container 'ls /; cat /proc/self/mountinfo'
	run -0 kist run --no-pivot "$CT"
	has busybox || has bin
	lacks "$BUNDLE/rootfs/etc"
}

@test "a hundred mounts" {
	config '.mounts += [range(100) | {destination: "/tmp/m\(.)", type: "tmpfs", source: "tmpfs"}] | .root.readonly = false'
	run -0 in_container 'grep -c " /tmp/m" /proc/self/mountinfo'
	is 100
}

@test "idmapped bind" {
	mkdir source
	touch source/file
	chown 1000:1000 source/file
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 rootfs
	add '{"destination": "/tmp", "source": "source", "options": ["bind", "idmap"],
		"uidMappings": [{"containerID": 1000, "hostID": 101234, "size": 1}], "gidMappings": [{"containerID": 1000, "hostID": 101234, "size": 1}]}'
	run in_container 'stat -c "%u %g" /tmp/file'
	chown -R 0:0 rootfs
	# 1000 on the disk is 101234 of the host, which the user namespace calls 1234.
	is "1234 1234"
}

@test "tmpcopyup: modes, owners, links, fifos and set-user-ID files, also in a read-only tmpfs and in a user namespace" {
	mkdir -p rootfs/data/sub
	echo content >rootfs/data/sub/file
	ln -s sub/file rootfs/data/link
	mkfifo -m 600 rootfs/data/fifo
	echo program >rootfs/data/program
	chmod 4755 rootfs/data/program
	chmod 1777 rootfs/data
	local how text='cat /data/link; cd /data; for f in . sub link fifo program; do stat -c "%n %F %a %u %g" $f; done; touch /data/x 2>/dev/null && echo writable'
	local expected=$'content\n. directory 1777 0 0\nsub directory 755 0 0\nlink symbolic link 777 0 0\nfifo fifo 600 0 0\nprogram regular file 4755 0 0'
	for how in plain ro userns; do
		cp "$TEMPLATE/config.json" config.json
		add '{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
		case $how in
		ro) config '.mounts[7].options += ["ro"]' ;;
		userns)
			config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
			chown -hR 100000:100000 rootfs
			chmod 4755 rootfs/data/program
			;;
		esac
		run in_container "$text"
		if [ $how = ro ]; then is "$expected"; else is "$expected"$'\nwritable'; fi
	done
	[ ! -e rootfs/data/x ]
}

# mounting: whether the host sees, in $visible, what the container mounts in its /tmp, a bind of source.
mounting() {
	config '.process.capabilities = {bounding: $c, permitted: $c, effective: $c}' --argjson c '["CAP_SYS_ADMIN"]'
	run -0 in_container 'mkdir -p /tmp/new && busybox mount -t tmpfs tmpfs /tmp/new && grep -c " /tmp/new " /proc/self/mountinfo'
	is 1
	visible=$(grep -c " $BUNDLE/source/new " /proc/self/mountinfo || true)
	[ "$visible" -eq 0 ] || umount "$BUNDLE/source/new"
	rm -rf source/new
}

@test "a shared bind of a shared mount: what is mounted inside is on the host (Bidirectional)" {
	mkdir -p source
	mount --bind source source
	mount --make-shared source
	local visible results=() case prop option
	for case in rshared:rshared shared:shared rshared:rprivate rshared:rslave :rshared rprivate:rshared :rprivate; do
		prop=${case%:*} option=${case#*:}
		cp "$TEMPLATE/config.json" config.json
		add '{"destination": "/tmp", "source": "'"$BUNDLE"'/source", "options": ["rbind", "'"$option"'"]}'
		[ -z "$prop" ] || config '.linux.rootfsPropagation = $p' --arg p "$prop"
		mounting
		results+=("$case $visible")
	done
	umount source
	output=$(printf '%s\n' "${results[@]}")
	is $'rshared:rshared 1\nshared:shared 1\nrshared:rprivate 0\nrshared:rslave 0\n:rshared 0\nrprivate:rshared 0\n:rprivate 0'
}

@test "a slave bind: what is mounted on the host is seen inside, and not the other way round" {
	mkdir -p source
	mount --bind source source
	mount --make-shared source
	mkdir source/late
	add '{"destination": "/tmp", "source": "'"$BUNDLE"'/source", "options": ["rbind", "rslave"]}'
	run running
	mount -t tmpfs tmpfs source/late
	touch source/late/marker
	run kist exec "$CT" ls /tmp/late
	local inside=$output
	umount source/late
	kist delete -f "$CT"
	umount source
	[ "$inside" = marker ] || fail "inside: $inside"
}

@test "a cgroup mount and /run/notify behind links of the image to nowhere" {
	ln -s /nowhere/cg rootfs/cg
	ln -s /not/there/run rootfs/run
	config '.root.readonly = false | .mounts |= map(if .type == "cgroup" then .destination = "/cg/group" else . end)'
	"$PEERS/peer" notify "$BUNDLE/sock" >peer 2>&1 3>&- 4>&- &
	local job=$!
	eventually grep -q listening peer
	script 'ls /nowhere/cg/group | grep -q . && echo cgroup; [ -S /not/there/run/notify/notify.sock ] && echo "$NOTIFY_SOCKET"'
	NOTIFY_SOCKET=$BUNDLE/sock run -0 --separate-stderr kist run "$CT"
	kill $job
	is $'cgroup\n/run/notify/notify.sock'
	[ ! -e /nowhere ] && [ ! -e /not ]
	rm -rf rootfs/run rootfs/cg
}

@test "tmpcopyup: extended attributes, also in a user namespace" {
	mkdir rootfs/data
	echo content >rootfs/data/file
	python3 -c 'import os; os.setxattr("rootfs/data/file", "user.kist", b"value")' || skip "no extended attributes here"
	add '{"destination": "/data", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}'
	args /bin/sleep 1000
	local how
	for how in plain userns; do
		if [ $how = userns ]; then
			config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
			chown -hR 100000:100000 rootfs
		fi
		run -0 detached run -d "$CT"
		run python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.kist").decode())' "/proc/$(pid)/root/data/file"
		[[ $output != *"not supported"* ]] || skip "tmpfs has no user attributes here"
		is value
		run -0 kist delete --force "$CT"
	done
}

# What each option string does, seen in mountinfo. Binds are made of three trees, each with a mount at sub: plain, one
# with every flag, and one that is shared. "A: B" is what the mount shows or, with !, does not; "sub" stands before what
# the mount below shows; [x] is an option before it.
options_table() {
	cat <<-'END'
		ro        plain   ro, sub !ro
		nosuid    plain   nosuid, sub !nosuid
		nodev     plain   nodev, sub !nodev
		noexec    plain   noexec, sub !noexec
		noatime   plain   noatime !relatime, sub !noatime
		nodiratime plain  nodiratime, sub !nodiratime
		nosymfollow plain nosymfollow, sub !nosymfollow
		strictatime plain !relatime !noatime, sub relatime
		norelatime plain  !relatime !noatime, sub relatime
		rro       plain   ro, sub ro
		rnosuid   plain   nosuid, sub nosuid
		rnodev    plain   nodev, sub nodev
		rnoexec   plain   noexec, sub noexec
		rnoatime  plain   noatime !relatime, sub noatime !relatime
		rnodiratime plain nodiratime, sub nodiratime
		rnosymfollow plain nosymfollow, sub nosymfollow
		rstrictatime plain !relatime !noatime, sub !relatime !noatime
		rnorelatime plain !relatime !noatime, sub !relatime !noatime
		rw        flags   rw nosuid nodev noexec noatime nodiratime nosymfollow, sub ro
		suid      flags   ro !nosuid nodev noexec noatime nodiratime nosymfollow, sub nosuid
		dev       flags   ro nosuid !nodev noexec noatime nodiratime nosymfollow, sub nodev
		exec      flags   ro nosuid nodev !noexec noatime nodiratime nosymfollow, sub noexec
		atime     flags   ro nosuid nodev noexec !noatime nodiratime nosymfollow, sub noatime
		diratime  flags   ro nosuid nodev noexec noatime !nodiratime nosymfollow, sub nodiratime
		symfollow flags   ro nosuid nodev noexec noatime nodiratime !nosymfollow, sub nosymfollow
		relatime  flags   ro relatime !noatime nodiratime, sub noatime
		nostrictatime flags ro relatime !noatime nodiratime, sub noatime
		rrw       flags   rw nosuid nodev noexec noatime nodiratime nosymfollow, sub rw nosuid nodev noexec noatime nodiratime nosymfollow
		rsuid     flags   ro !nosuid nodev, sub ro !nosuid nodev
		rdev      flags   ro nosuid !nodev, sub ro nosuid !nodev
		rexec     flags   nodev !noexec, sub nodev !noexec
		ratime    flags   ro !noatime nodiratime, sub ro !noatime nodiratime
		rdiratime flags   noatime !nodiratime, sub noatime !nodiratime
		rsymfollow flags  nodev !nosymfollow, sub nodev !nosymfollow
		rrelatime flags   relatime !noatime, sub relatime !noatime
		rnostrictatime flags relatime !noatime, sub relatime !noatime
		defaults  plain   rw relatime, sub rw relatime
		shared    plain   shared:, sub !shared:
		rshared   plain   shared:, sub shared:
		slave     shared  master: !shared:
		rslave    shared  master: !shared:, sub master: !shared:
		private   shared  !shared: !master:
		rprivate  shared  !shared: !master:, sub !shared: !master:
		unbindable plain  unbindable, sub !unbindable
		runbindable plain unbindable, sub unbindable
		sync      tmpfs   sync
		async     [sync]  !sync
		dirsync   tmpfs   dirsync
		lazytime  tmpfs   lazytime
		nolazytime [lazytime] !lazytime
		mand      tmpfs   mand
		nomand    [mand]  !mand
		silent    tmpfs   rw
		loud      tmpfs   rw
		noiversion tmpfs  rw
	END
}

# shows OPTION PATH WANTED...: whether the mount has, in the copy of mountinfo, what it should.
shows() {
	local option=$1 path=$2 line w
	shift 2
	line=$(awk -v p="$path" '$5 == p { l = $0 } END { print l }' info)
	[ -n "$line" ] || fail "$option: no mount at $path" || return
	line=" ${line//,/ } "
	for w; do
		case $w in
		!*:) [[ $line != *" ${w#!}"* ]] || fail "$option: $path has ${w#!}:$line" || return ;;
		*:) [[ $line == *" $w"* ]] || fail "$option: $path lacks $w:$line" || return ;;
		!*) [[ $line != *" ${w#!} "* ]] || fail "$option: $path has ${w#!}:$line" || return ;;
		*) [[ $line == *" $w "* ]] || fail "$option: $path lacks $w:$line" || return ;;
		esac
	done
}

@test "every option string of features, alone, read back from mountinfo" {
	local s option kind wants words covered=() mounts=()
	mkdir plain flags shared
	for s in plain flags shared; do
		mount -t tmpfs tmpfs $s
		mkdir $s/sub
		mount -t tmpfs tmpfs $s/sub
	done
	mount --make-rshared shared
	for s in flags/sub flags; do
		mount -o remount,bind,ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow $s
	done
	while read -r option kind wants; do
		covered+=("$option")
		case $kind in
		tmpfs) mounts+=("$(jq -nc --arg o "$option" '{destination: "/m/\($o)", type: "tmpfs", source: "tmpfs", options: [$o]}')") ;;
		\[*) mounts+=("$(jq -nc --arg o "$option" --arg b "${kind//[][]/}" '{destination: "/m/\($o)", type: "tmpfs", source: "tmpfs", options: [$b, $o]}')") ;;
		*) mounts+=("$(jq -nc --arg o "$option" --arg s "$BUNDLE/$kind" '{destination: "/m/\($o)", source: $s, options: ["rbind", $o]}')") ;;
		esac
	done < <(options_table)
	printf '%s\n' "${mounts[@]}" | jq -s . >mounts.json
	config '.root.readonly = false | .mounts += $m[0]' --slurpfile m mounts.json
	run in_container 'cat /proc/self/mountinfo'
	umount -R plain flags shared
	[ "$status" -eq 0 ] || fail "$output"
	echo "$output" >info
	while read -r option kind wants; do
		read -ra words <<<"${wants%%,*}"
		shows "$option" "/m/$option" "${words[@]}"
		[[ $wants == *", sub "* ]] || continue
		read -ra words <<<"${wants##*, sub }"
		shows "$option" "/m/$option/sub" "${words[@]}"
	done < <(options_table)
	# What the others of this file are about.
	covered+=(bind rbind remount idmap ridmap tmpcopyup iversion)
	diff <(printf '%s\n' "${covered[@]}" | sort) <(kist features | jq -r '.mountOptions[]' | sort)
}
