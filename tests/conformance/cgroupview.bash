# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the programs see of cgroups. All mounts are made in a mount namespace of our own.

# Controllers of cgroup v1 that systemd leaves unmounted on some machines, and that the suite has programs for.
extra=(hugetlb net_cls net_prio)
mounted=()

view_v2() {
	[ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ] || return 0
	umount -l /sys/fs/cgroup
	mount -t cgroup2 none /sys/fs/cgroup
}

# view_host adds the controllers that are not mounted. The directories for them are made in a tmpfs of our own, as the
# machine's is shared with it.
view_host() {
	[ "$(stat -fc %T /sys/fs/cgroup)" = tmpfs ] || return 0
	local d c
	mkdir /run/cgroup
	mount --rbind /sys/fs/cgroup /run/cgroup
	mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
	for d in /run/cgroup/*; do
		if [ -L "$d" ]; then
			cp -P "$d" /sys/fs/cgroup/
		elif mountpoint -q "$d"; then
			mkdir "/sys/fs/cgroup/${d##*/}"
			mount --move "$d" "/sys/fs/cgroup/${d##*/}"
		fi
	done
	umount -l /run/cgroup
	for c in "${extra[@]}"; do
		[ ! -e "/sys/fs/cgroup/$c" ] || continue
		mkdir "/sys/fs/cgroup/$c"
		# EBUSY: cgroup v2 has the controller, and uses it.
		if mount -t cgroup -o "$c" "$c" "/sys/fs/cgroup/$c" 2>/dev/null; then
			mounted+=("$c")
		else
			rmdir "/sys/fs/cgroup/$c"
		fi
	done
}

# unview: a hierarchy outlives its last mount as long as it has cgroups, and a removed cgroup lives on for a moment.
unview() {
	local c tries
	for c in ${mounted[@]+"${mounted[@]}"}; do
		for ((tries = 0; tries < 50; tries++)); do
			[ "$(awk -v c="$c" '$1 == c { print $3 }' /proc/cgroups)" -gt 1 ] || break
			sleep 0.1
		done
		umount "/sys/fs/cgroup/$c"
	done
}
