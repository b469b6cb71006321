# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Runs once, before all files: the root file system that every engine makes its image of.

setup_suite() {
	bats_require_minimum_version 1.5.0
	local root=$STATE/rootfs name
	mkdir -p "$root"/{bin,dev,etc,home/user,proc,root,run,sys,tmp,var}
	chmod 1777 "$root/tmp"
	chown 1000:1000 "$root/home/user"
	cp "$(command -v busybox)" "$root/bin/busybox"
	for name in $("$root/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -s busybox "$root/bin/$name"
	done
	printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'user:x:1000:1000:user:/home/user:/bin/sh' >"$root/etc/passwd"
	printf '%s\n' 'root:x:0:' 'user:x:1000:' 'extra:x:2000:user' >"$root/etc/group"
	tar -C "$root" -cf "$STATE/rootfs.tar" .
}
