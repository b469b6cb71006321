// SPDX-License-Identifier: Apache-2.0

package lxc

import "strings"

// strangeKey explains keys that circulate in guides and generated files but that
// LXC itself never had.
func strangeKey(key string) string {
	switch key {
	case "lxc.rootfs.type", "lxc.rootfs.device":
		return "no LXC knows this key; the storage type is a prefix of lxc.rootfs.path, such as dir:/path or loop:/image"
	case "lxc.container":
		return "no LXC knows this key; the container's name is the directory's, its host name is lxc.uts.name"
	case "lxc.systemd.wants", "lxc.template.dir":
		return "no LXC knows this key; remove the line"
	case "lxc.selinux.category":
		return "no LXC knows this key; categories are part of lxc.selinux.context"
	case "lxc.hook.post-start":
		return "no LXC knows this key; the nearest is lxc.hook.start-host, which runs before the first process"
	case "lxc.hook.pre-stop":
		return "no LXC knows this key; the nearest is lxc.hook.stop"
	case "lxc.devtty.dir":
		return "no LXC knows this key; write lxc.tty.dir"
	}
	switch {
	case strings.HasPrefix(key, "lxc.net.") && strings.HasSuffix(key, ".macvlan.vlan"):
		return "no LXC knows this key; a VLAN below a macvlan needs a vlan device on the host as lxc.net.N.link"
	case strings.HasPrefix(key, "lxc.isulad."), key == "lxc.console.logdriver", strings.HasPrefix(key, "lxc.console.syslog_"):
		return "a key of openEuler's patched LXC, written by iSulad from an OCI configuration; import that configuration instead"
	case key == "lxc.lxcpath", key == "lxc.default_config", strings.HasPrefix(key, "lxc.bdev."),
		key == "lxc.cgroup.use", key == "lxc.cgroup.pattern":
		return "a key of LXC's system configuration (lxc.conf), not of a container; name the container's own config file"
	}
	return ""
}

// nearest finds a key of the release that is a slip of the hand away.
func nearest(key string, v Version) string {
	best, bestDistance := "", 3
	for _, k := range table() {
		for _, n := range k.Names {
			if !n.span.includes(v) || strings.HasSuffix(n.Key, ".*") {
				continue
			}
			if d := distance(withoutIndex(key), n.Key); d < bestDistance {
				best, bestDistance = n.Key, d
			}
		}
	}
	return best
}

// distance is the number of single-letter edits between two keys.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		corner := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next := min(row[j]+1, row[j-1]+1, corner+cost)
			corner, row[j] = row[j], next
		}
	}
	return row[len(b)]
}
