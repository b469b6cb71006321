# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What engines find of the machine, in the namespaces that tests/engines/run and bench/engines have made: a loopback
# device, an empty /run, and kist at its documented path. Nothing of it is left on the machine.

# engines_machine: KIST is the binary, STATE a directory on a disk. Sets what the files beside this one need.
engines_machine() {
	umask 022
	unset NOTIFY_SOCKET LISTEN_FDS LISTEN_PID XDG_RUNTIME_DIR DOCKER_HOST DOCKER_CONTEXT CONTAINER_HOST
	ip link set lo up
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p /run/lock
	mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
	cp "$KIST" /usr/local/bin/kist
	export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	export HOME=$STATE/home TMPDIR=$STATE/tmp
	DOC=$(realpath "${BASH_SOURCE[0]%/*}/../../docs/engines.md")
	export DOC
	mkdir -p "$HOME" "$TMPDIR"
}
