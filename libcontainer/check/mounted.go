// SPDX-License-Identifier: Apache-2.0

package check

import (
	"os"
	"slices"
	"strings"

	"kist/libcontainer/host"
)

// local are the file systems that a container's root or its volumes may lie on, and
// that answer at once. Those of the network are tried if we stand on one.
var local = [...]string{"ext4", "xfs", "btrfs", "f2fs", "bcachefs", "zfs", "overlay", "erofs", "squashfs", "vfat", "ntfs3", "fuse", "fuseblk", "virtiofs", "9p"}

// mounted chooses what is tried with an id map, as "TYPE=PATH": a new tmpfs, the
// file system of the working directory, and the first mount of each kind.
func mounted() []string {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return []string{"tmpfs="}
	}
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "/"
	}
	return chooseMounts(string(data), cwd)
}

// chooseMounts is mounted for the text of /proc/self/mountinfo: proc(5).
func chooseMounts(mountinfo, cwd string) []string {
	trees := []string{"tmpfs="}
	seen := []string{"tmpfs"}
	standsOn, longest := "", -1
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 1 {
			continue
		}
		path, kind := host.UnescapeMount(f[4]), g[0]
		// The last of equals is on top.
		if below(cwd, path) && len(path) >= longest {
			standsOn, longest = kind, len(path)
		}
		kind, _, _ = strings.Cut(kind, ".") // fuse.sshfs
		if slices.Contains(local[:], kind) && !slices.Contains(seen, kind) {
			seen = append(seen, kind)
			trees = append(trees, kind+"="+path)
		}
	}
	if kind, _, _ := strings.Cut(standsOn, "."); kind != "" && !slices.Contains(seen, kind) {
		trees = append(trees, kind+"="+cwd)
	}
	return trees
}

// below says whether path is dir or below it.
func below(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/")
}

// knowsFileSystem says whether the kernel lists a file system. Modules that are not
// loaded are not in the list, but what is asked for here cannot be a module.
func knowsFileSystem(name string) bool {
	data, err := os.ReadFile("/proc/filesystems")
	return err == nil && strings.Contains(string(data), "\t"+name+"\n")
}
