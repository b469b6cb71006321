#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# kist spec, --version, --help and the shape of the command line.

load helpers

@test "spec writes a configuration that runs" {
	rm config.json
	run -0 kist spec
	is ""
	jq -e '.ociVersion and .process.terminal and .root.path == "rootfs"' config.json
	config '.process.terminal = false | .process.args = ["echo", "works"]'
	run -0 kist run "$CT"
	is works
}

@test "spec does not overwrite" {
	run -1 kist spec
	has "config.json exists"
	lacks panic
}

@test "spec --bundle and --file" {
	mkdir other
	run -0 kist spec --bundle other
	[ -e other/config.json ]
	run -0 kist spec -b other -f mine.json
	cmp other/config.json other/mine.json
	run -1 kist spec --bundle missing
	has missing
}

@test "spec --rootless: a user namespace, and no cgroup limits" {
	rm config.json
	run -0 kist spec --rootless
	jq -e '(.linux.namespaces | map(.type) | index("user")) and (.linux.uidMappings | length == 1)
		and .linux.uidMappings[0].containerID == 0 and (.linux.resources.devices // [] | length == 0)' config.json
}

@test "spec --check says what is wrong, and where" {
	run -0 kist spec --check .
	config '.process.cwd = "relative" '
	run -1 kist spec --check "$BUNDLE"
	has /process/cwd
}

@test "--version: the lines that engines read" {
	run -0 kist --version
	like '^kist version [0-9][^ ]*'
	like $'\ncommit: '
	like $'\nspec: 1\\.[0-9]+\\.[0-9]+'
	run -0 kist -v
	like '^kist version '
}

@test "every command has help, with its name, on stdout and status 0" {
	local command
	for command in create start run exec kill delete state list ps pause resume update events features spec plan import; do
		run -0 --separate-stderr kist $command --help
		has "kist $command"
		[ -z "$stderr" ] || fail "$stderr"
	done
	run -0 kist --help
	for command in create start run exec kill delete state list ps pause resume update events features spec plan import; do
		like $'\n *'"$command "
	done
}

@test "unknown commands, flags and surplus operands are refused" {
	run -1 kist frobnicate
	has frobnicate
	run -1 kist --frobnicate list
	has frobnicate
	run -1 kist state --frobnicate "$CT"
	has frobnicate
	run -1 kist state a b
	has "exactly 1 argument"
	run -1 kist list a
	run -1 kist start
	nothing_left
}

@test "global flags: contradictions and wrong values" {
	run -1 kist --log-format xml list
	has --log-format
	run -1 kist --cgroup-manager podman list
	has --cgroup-manager
	run -1 kist --cgroup-manager cgroupfs --systemd-cgroup list
	has --systemd-cgroup
	run -1 kist --rootless maybe list
	has --rootless
	run -1 "$KIST" --root / list
	has --root
}
