#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh [GROUP...]: install the Debian packages that kist's make targets need (Debian 12 or later, as root).
#
#   build   make                     bench   make bench
#   test    make test, make demo     lint    make lint
#   arm64   make arm64            engines tests/engines/run
#   vm      make test-vm
#
# Without a group: build and test. Does nothing, quickly, when everything is installed.
#
# Go is not among them: Debian 12's is too old to build kist. Any Go from 1.21 on fetches the version that go.mod asks
# for; this script says so when there is none.
set -eu

machine=$(dpkg --print-architecture)

packages() {
	case $1 in
	build) echo gcc libseccomp-dev linux-libc-dev make musl-dev pkg-config ;;
	test) echo apparmor attr bats busybox-static iproute2 jq libcap2-bin lxc procps runc strace uidmap util-linux ;;
	bench) echo busybox-static crun jq runc strace util-linux ;;
	engines)
		echo aardvark-dns buildah busybox-static catatonit conmon containerd containernetworking-plugins docker.io iproute2 \
			iptables jq netavark podman slirp4netns socat tini uidmap util-linux
		;;
	vm) echo busybox-static debootstrap e2fsprogs openssh-client qemu-system-x86 util-linux ;;
	lint) echo clang-format codespell shellcheck ;;
	arm64)
		# linux-libc-dev-arm64-cross has the kernel headers that the foreign libseccomp needs; qemu runs the result.
		if [ "$machine" != arm64 ]; then
			echo gcc-aarch64-linux-gnu libseccomp-dev:arm64 linux-libc-dev-arm64-cross musl-dev:arm64 qemu-user-static
		fi
		;;
	*)
		echo "$0: $1: no such group (build, test, engines, bench, lint, arm64, vm)" >&2
		return 2
		;;
	esac
}

[ $# -gt 0 ] || set -- build test

wanted=
for group; do
	list=$(packages "$group")
	wanted="$wanted $list"
done

# One dpkg-query for all: each run of it reads the whole package database. A package that was removed but keeps its
# configuration is known to it, hence the look at the state.
# shellcheck disable=SC2016,SC2086 # dpkg-query's own variables; a list of package names
installed=$(dpkg-query -W -f '${Package}:${Architecture}=${db:Status-Status}\n' $wanted 2>/dev/null) || true

missing=
for package in $wanted; do
	case $package in
	*:*) native=$package any=$package ;;
	*) native=$package:$machine any=$package:all ;;
	esac
	case "
$installed
" in
	*"
$native=installed
"* | *"
$any=installed
"*) ;;
	*) missing="$missing $package" ;;
	esac
done

if [ -n "$missing" ]; then
	if [ "$(id -u)" -ne 0 ]; then
		echo "$0: root is needed to install:$missing" >&2
		exit 1
	fi
	case $missing in
	*:arm64*) dpkg --add-architecture arm64 ;;
	esac
	export DEBIAN_FRONTEND=noninteractive
	# A broken third-party source must not stop this: if it mattered, the installation says so.
	apt-get -qq update || echo "$0: apt-get update: some package lists could not be read" >&2
	# shellcheck disable=SC2086 # a list of package names
	apt-get -qq -y --no-install-recommends install $missing
fi

case " $* " in
*" build "*)
	if ! command -v go >/dev/null; then
		echo "$0: go: not found; install Go 1.21 or later from https://go.dev/dl" >&2
		exit 1
	fi
	;;
esac
