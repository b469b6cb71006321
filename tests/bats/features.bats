#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist features: what containerd, CRI-O and dockerd read in it.

load helpers

setup() {
	prepare
	"$KIST" features >features.json 2>features.err
	[ -s features.json ]
}

@test "one JSON document, and nothing on stderr" {
	[ ! -s features.err ]
	jq -es 'length == 1' features.json
}

@test "versions" {
	jq -e '.ociVersionMin == "1.0.0" and (.ociVersionMax | test("^1\\.[0-9]+\\.[0-9]+"))' features.json
}

@test "what gates engines: rro, user namespaces, idmapped mounts" {
	jq -e '(.mountOptions | index("rro")) and (.linux.namespaces | index("user")) and .linux.mountExtensions.idmap.enabled' features.json
}

@test "every mount option of the specification is there, each once" {
	jq -e '.mountOptions as $o | ($o | length) == ($o | unique | length) and (["async","atime","bind","defaults","dev","diratime","dirsync","exec",
		"iversion","lazytime","loud","noatime","nodev","nodiratime","noexec","noiversion","nolazytime","norelatime","nostrictatime","nosuid",
		"private","ratime","rbind","rdev","rdiratime","relatime","remount","rexec","rnoatime","rnodiratime","rnoexec","rnorelatime",
		"rnostrictatime","rnosuid","rnosymfollow","ro","rprivate","rrelatime","rro","rrw","rshared","rslave","rstrictatime","rsuid",
		"rsymfollow","runbindable","rw","shared","silent","slave","strictatime","suid","symfollow","nosymfollow","sync","tmpcopyup",
		"unbindable","idmap","ridmap"] - $o) == []' features.json
}

@test "hooks, namespaces, cgroups, seccomp" {
	jq -e '.hooks == ["prestart","createRuntime","createContainer","startContainer","poststart","poststop"]
		and (.linux.namespaces | sort) == ["cgroup","ipc","mount","network","pid","time","user","uts"]
		and .linux.cgroup.v1 and .linux.cgroup.v2 and .linux.cgroup.systemd
		and .linux.seccomp.enabled and (.linux.seccomp.actions | index("SCMP_ACT_NOTIFY")) and (.linux.seccomp.operators | length == 7)
		and .linux.intelRdt.enabled and .linux.netDevices.enabled' features.json
}

@test "capabilities are those of this kernel" {
	jq -e --argjson last "$(</proc/sys/kernel/cap_last_cap)" '.linux.capabilities | length == $last + 1 and .[0] == "CAP_CHOWN" and index("CAP_SYS_ADMIN") == 21' features.json
}

@test "each listed mount option is accepted, or refused for a reason; none is unknown" {
	local option
	for option in $(jq -r '.mountOptions[]' features.json); do
		jq --arg o "$option" '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: [$o]}]' "$TEMPLATE/config.json" >config.json
		run kist plan .
		lacks "unknown" "not supported"
	done
}
