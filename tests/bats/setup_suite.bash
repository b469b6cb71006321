# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Runs once, before all files: what every test starts from.

# A root filesystem around busybox, and the configuration that `kist spec` writes, without a terminal. Tests hard-link the
# files: they are replaced, never written to.
setup_suite() {
	local IFS=$' \t\n' # bats 1.8 leaves a comma there, if tests are chosen by their tags
	bats_require_minimum_version 1.5.0
	[ "$(id -u)" -eq 0 ] || local ROOTLESS=yes
	export TEMPLATE=$BATS_RUN_TMPDIR/template
	local rootfs=$TEMPLATE/rootfs name
	# The root user of a user namespace must get to the bundles.
	chmod 711 "$BATS_RUN_TMPDIR"
	mkdir -p "$rootfs"/{bin,dev,etc,proc,sys,tmp,root,home/user,var}
	chmod 1777 "$rootfs/tmp"
	cp "$(command -v busybox)" "$rootfs/bin/busybox"
	for name in $("$rootfs/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -s busybox "$rootfs/bin/$name"
	done
	cat >"$rootfs/etc/passwd" <<-'END'
		root:x:0:0:root:/root:/bin/sh
		user:x:1000:1000:user:/home/user:/bin/sh
	END
	cat >"$rootfs/etc/group" <<-'END'
		root:x:0:
		user:x:1000:
	END
	(cd "$TEMPLATE" && "$KIST" spec ${ROOTLESS:+--rootless})
	jq '.process.terminal = false | .process.args = ["/bin/true"]' "$TEMPLATE/config.json" >"$TEMPLATE/new"
	mv "$TEMPLATE/new" "$TEMPLATE/config.json"
	# What a test's bundle is linked from at once.
	mkdir "$TEMPLATE.bundle"
	cp -al "$rootfs" "$TEMPLATE.bundle/rootfs"
}
