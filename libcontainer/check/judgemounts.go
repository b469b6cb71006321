// SPDX-License-Identifier: Apache-2.0

package check

// mounts is about the calls around mounts and the file systems of config.json's
// default mounts.
func (j *judge) mounts() {
	j.group = "Mounts"
	const everything = "every container"
	for _, l := range [...]Line{
		{ID: "mount.private", What: "make mounts private", Required: true, Breaks: everything},
		{ID: "mount.tmpfs", What: "fsopen, fsconfig, fsmount: tmpfs", Required: true, Breaks: everything, Remedy: "CONFIG_TMPFS"},
		{ID: "mount.move_mount", What: "move_mount", Required: true, Breaks: everything},
		{ID: "mount.open_tree", What: "open_tree", Required: true, Breaks: "bind mounts"},
		{ID: "mount.mount_setattr", What: "mount_setattr", Required: true, Breaks: "read-only mounts and paths"},
		{ID: "mount.proc", What: "proc", Required: true, Breaks: "containers with a procfs: all but rare ones", Remedy: revealing("/proc")},
		{ID: "mount.devpts", What: "devpts", Required: true, Breaks: "containers with a terminal of their own", Remedy: "CONFIG_UNIX98_PTYS"},
		{ID: "mount.mqueue", What: "mqueue", Required: true, Breaks: "/dev/mqueue, which the default configuration mounts", Remedy: "CONFIG_POSIX_MQUEUE"},
		{ID: "mount.sysfs", What: "sysfs", Breaks: "a sysfs of the container's own network; the host's is bound instead", Remedy: revealing("/sys")},
	} {
		j.tried(j.view, l)
	}
	if j.v2() {
		j.tried(j.view, Line{ID: "mount.cgroup2", What: "cgroup2", Breaks: "a view of its own cgroup; the host's mount is bound instead", Remedy: revealing("/sys/fs/cgroup")})
	}
	j.tried(j.view, Line{ID: "mount.overlay", What: "overlay", Breaks: "overlay root filesystems: engines' images, LXC's snapshots", Remedy: "modprobe overlay (CONFIG_OVERLAY_FS)"})
}

// revealing: a file system that could show what is hidden outside cannot be mounted
// in a user namespace.
func revealing(path string) string {
	return "in a user namespace: something is mounted over a part of " + path + " here, which a new mount would reveal; inside a container: one whose " + path + " is not masked"
}

func (j *judge) idmaps() {
	j.group = "Id-mapped mounts"
	const breaks = "mounts with uidMappings and gidMappings, or idmap"
	switch {
	case !j.s.Facts.Privileged():
		j.add(Line{ID: "idmap.namespace", What: "id-mapped mounts", Status: Missing, Found: "not as an ordinary user", Breaks: breaks, Remedy: "root of the initial user namespace"})
		return
	case j.s.Here["idmap.namespace"].Err != "":
		remedy := "see the user namespace above"
		if j.s.Sysctls["kernel/yama/ptrace_scope"] == "3" {
			remedy = "kernel.yama.ptrace_scope below 3, at boot: the process that holds the maps is stopped by ptrace"
		}
		j.tried(j.s.Here, Line{ID: "idmap.namespace", What: "a user namespace for the maps", Breaks: breaks, Remedy: remedy})
		return
	}
	for _, t := range j.s.Trees {
		kind, path := tree(t)
		what := kind
		if path != "" {
			what += " (" + path + ")"
		}
		j.tried(j.view, Line{ID: "idmap." + kind, What: what, Breaks: breaks + " on " + kind, Remedy: idmapRemedy(kind)})
	}
	j.tried(j.view, Line{ID: "idmap.overlay-layer", What: "layers of an overlay", Breaks: "engines that map an image's layers instead of copying them", Remedy: "Linux 5.19"})
}

// idmapRemedy says since when a file system can.
func idmapRemedy(kind string) string {
	switch kind {
	case "tmpfs":
		return "Linux 6.3"
	case "overlay":
		return "map the layers instead"
	case "btrfs":
		return "Linux 5.15"
	case "squashfs", "f2fs", "ntfs3":
		return "a newer kernel"
	case "erofs":
		return "Linux 5.19"
	case "fuse", "virtiofs":
		return "Linux 6.12, and a server that supports it"
	}
	return "the kernel's " + kind + " cannot: use another file system"
}

// userNamespace is, for root, what its containers with a user namespace can do.
func (j *judge) userNamespace() {
	if !j.s.root() {
		return
	}
	j.group = "In a user namespace"
	in := j.s.InUser
	if in["child."+setContainer].Err != "" {
		j.triedAs(in, "child."+setContainer, Line{ID: "userns.container", What: "a container", Breaks: "containers with a user namespace", Remedy: "see the user namespace above"})
		return
	}
	for _, l := range [...]Line{
		{ID: "mount.proc", What: "proc", Breaks: "containers with a user namespace and a procfs", Remedy: revealing("/proc")},
		{ID: "mount.sysfs", What: "sysfs", Breaks: "a sysfs of the container's own network; the host's is bound instead", Remedy: revealing("/sys")},
		{ID: "mount.devpts", What: "devpts", Breaks: "terminals of containers with a user namespace"},
		{ID: "mount.overlay", What: "overlay", Breaks: "overlays that a container mounts itself; rootless engines", Remedy: "Linux 5.11 and CONFIG_OVERLAY_FS"},
	} {
		name := l.ID
		l.ID = "userns." + name[len("mount."):]
		j.triedAs(in, name, l)
	}
}
