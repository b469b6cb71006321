# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Podman, with its own storage, for the podman*.bats files.

podman() {
	local run=(timeout --foreground -k 5 "${LIMIT:-90}" /usr/bin/podman --cgroup-manager cgroupfs)
	case $1 in
	run | create | build) run+=("$1" --cgroup-parent "/$ENGINES_CGROUP-podman") && shift ;;
	pod) [ "$2" != create ] || { run+=(pod create --cgroup-parent "/$ENGINES_CGROUP-podman") && shift 2; } ;;
	esac
	"${run[@]}" "$@" 3>&- 4>&-
}
export -f podman

# podman_up: the documented containers.conf and, beside it, what this machine and the tests want.
podman_up() {
	mkdir -p "$STATE/etc"
	export CONTAINERS_CONF=$STATE/etc/containers.conf CONTAINERS_STORAGE_CONF=$STATE/etc/storage.conf
	{
		snippet containers.conf
		# The defaults are above what a root without CAP_SYS_RESOURCE may set.
		printf '%s\n' '[containers]' 'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]'
		printf '%s\n' '[network]' 'network_backend = "netavark"' "network_config_dir = \"$STATE/networks\""
	} >"$CONTAINERS_CONF"
	printf '%s\n' '[storage]' 'driver = "overlay"' "graphroot = \"$STATE/podman\"" 'runroot = "/run/containers/storage"' \
		>"$CONTAINERS_STORAGE_CONF"
	podman import "$STATE/rootfs.tar" box >/dev/null
}

# podman_clean: twice, as Podman 4 now and then fails to remove the /dev/shm of a container that it is still cleaning up
# after (with every runtime).
podman_clean() {
	eventually 20 podman pod rm -a -f -t 0
	eventually 20 podman rm -a -f -t 0
}

podman_down() {
	podman_clean
	# Podman leaves the parents of its own making.
	find /sys/fs/cgroup -depth -type d -path "*/$ENGINES_CGROUP-podman*" -exec rmdir {} + 2>/dev/null || true
}
