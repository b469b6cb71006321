# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Runs once, before all files: the root file system that every engine makes its image of, as a directory, as a layer and
# as an archive that can be loaded.

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

	local image=$STATE/image layer config
	mkdir "$image"
	layer=$(sha256sum <"$STATE/rootfs.tar" | cut -d ' ' -f 1)
	ln "$STATE/rootfs.tar" "$image/$layer.tar"
	jq -n --arg layer "sha256:$layer" '{architecture: $arch, os: "linux", rootfs: {type: "layers", diff_ids: [$layer]},
		config: {Env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["sleep", "100000"]}}' \
		--arg arch "$(dpkg --print-architecture)" >"$image/config.json"
	config=$(sha256sum <"$image/config.json" | cut -d ' ' -f 1)
	mv "$image/config.json" "$image/$config.json"
	jq -n --arg config "$config.json" --arg layer "$layer.tar" \
		'[{Config: $config, RepoTags: ["docker.io/library/box:latest"], Layers: [$layer]}]' >"$image/manifest.json"
	tar -C "$image" -cf "$STATE/image.tar" manifest.json "$config.json" "$layer.tar"
}
