// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/libcontainer/criu"
	"kist/libcontainer/host"
)

// Mounts whose content is the host's. CRIU does not save it: a checkpoint has a
// name for each of them instead, and restore says what it stands for then.
//
// The name is the destination in config.json, and what lies below it in a
// recursive bind has its path from there; so the same configuration names the
// same mounts, wherever links of the image lead them. It is runc's rule, and
// its name for what masks a file too.

// nullMask is the name of the device that masks files.
const nullMask = "/dev/null"

// externalMounts finds the container's: mount point and name.
func (k *checkpoint) externalMounts() ([]criu.Pair, error) {
	root, err := openRoot(k.State.InitPid)
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	x := &external{root: root, table: k.mounts}
	// What config.json mounts inside a recursive bind is not part of that.
	for i := range k.spec.Mounts {
		x.claim(k.spec.Mounts[i].Destination)
	}
	for _, path := range slices.Concat(k.spec.Linux.MaskedPaths, k.spec.Linux.ReadonlyPaths) {
		x.claim(path)
	}
	for _, path := range k.spec.Linux.MaskedPaths {
		x.addFile(path, nullMask)
	}
	for _, path := range devicePaths(k.spec) {
		x.addFile(path, path)
	}
	for i := range k.spec.Mounts {
		m := &k.spec.Mounts[i]
		dest := filepath.Clean("/" + m.Destination)
		bind, recursive := isBind(m.Options)
		switch {
		case bind:
			x.add(dest, recursive, nil)
		case isCgroup(m.Type):
			x.add(dest, true, isCgroup)
		}
	}
	if k.State.NotifySocket {
		x.add(compile.NotifyTarget, false, nil)
	}
	return x.list, nil
}

// external collects mounts of a container.
type external struct {
	root    int
	table   mountTable
	claimed []uint32
	list    []criu.Pair
}

func (x *external) claim(path string) {
	if at, _ := x.at(path); at != nil {
		x.claimed = append(x.claimed, at.id)
	}
}

// add adds the mount at a path of the container and, if all of the tree is
// meant, those below it: named after the path, and only those of the right
// filesystems. A path on which nothing is mounted (the container may have
// unmounted it) is none.
func (x *external) add(path string, tree bool, right func(fstype string) bool) {
	at, _ := x.at(path)
	if at == nil {
		return
	}
	if right == nil || right(at.fstype) {
		x.put(at.point, path)
	}
	if !tree {
		return
	}
	for i := range x.table {
		t := &x.table[i]
		rest, inside := strings.CutPrefix(t.point, strings.TrimSuffix(at.point, "/")+"/")
		if inside && x.table.isBelow(t, at) && !slices.Contains(x.claimed, t.id) && (right == nil || right(t.fstype)) {
			x.put(t.point, path+"/"+rest)
		}
	}
}

// addFile adds a mount on something that is not a directory.
func (x *external) addFile(path, name string) {
	if at, mode := x.at(path); at != nil && mode != unix.S_IFDIR {
		x.put(at.point, name)
	}
}

func (x *external) put(point, name string) {
	if !slices.ContainsFunc(x.list, func(p criu.Pair) bool { return p.Key == point }) {
		x.list = append(x.list, criu.Pair{Key: point, Value: name})
	}
}

// at finds the mount whose root a path is.
func (x *external) at(path string) (*mountEntry, uint32) {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(x.root, path, how)
	if err != nil {
		return nil, 0
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID|unix.STATX_TYPE, &st) != nil || st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return nil, 0
	}
	return x.table.find(uint32(st.Mnt_id)), uint32(st.Mode) & unix.S_IFMT
}

func isBind(options []string) (bind, recursive bool) {
	for _, o := range options {
		switch o {
		case "remount":
			return false, false
		case "bind":
			bind = true
		case "rbind":
			bind, recursive = true, true
		}
	}
	return bind, recursive
}

// hostPath makes a path of the configuration absolute.
func hostPath(bundle, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(bundle, path)
}

func isCgroup(fstype string) bool { return fstype == "cgroup" || fstype == "cgroup2" }

// devicePaths are the nodes of a container, which in a user namespace are the
// host's, bound.
func devicePaths(s *specs.Spec) []string {
	var list []string
	for i := range compile.DefaultDevices {
		list = append(list, compile.DefaultDevices[i].Path)
	}
	for i := range s.Linux.Devices {
		list = append(list, filepath.Clean(s.Linux.Devices[i].Path))
	}
	return list
}

// sources is the other direction, for restore: what each name stands for now. A
// name that is not in the images does no harm.
func (c *restoration) sources() ([]criu.Pair, error) {
	table, err := readMounts(os.Getpid())
	if err != nil {
		return nil, err
	}
	list := []criu.Pair{{Key: nullMask, Value: nullMask}}
	put := func(name, source string) {
		// The container's own word on a path outranks what is usual there.
		list = slices.DeleteFunc(list, func(p criu.Pair) bool { return p.Key == name })
		list = append(list, criu.Pair{Key: name, Value: source})
	}
	for _, path := range devicePaths(c.spec) {
		put(path, path)
	}
	if dir := c.notifyPath(); dir != "" {
		put(compile.NotifyTarget, dir)
	}
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		dest := filepath.Clean("/" + m.Destination)
		bind, recursive := isBind(m.Options)
		if isCgroup(m.Type) {
			for _, p := range c.cgroupSources(dest, c.facts) {
				put(p.Key, p.Value)
			}
		}
		if !bind {
			continue
		}
		source, err := filepath.EvalSymlinks(hostPath(c.Bundle, m.Source))
		if err != nil {
			return nil, fmt.Errorf("config.json: /mounts/%d/source: %w", i, err)
		}
		put(dest, source)
		if !recursive {
			continue
		}
		for _, t := range table {
			if rest, ok := strings.CutPrefix(t.point, strings.TrimSuffix(source, "/")+"/"); ok {
				put(dest+"/"+rest, t.point)
			}
		}
	}
	return list, nil
}

// cgroupSources are the directories that a cgroup mount shows: the container's
// new cgroup, in each hierarchy.
func (c *restoration) cgroupSources(dest string, facts *host.Facts) []criu.Pair {
	if facts.CgroupV2 {
		path := c.cgroup.Path("")
		if path == "" {
			path = "/sys/fs/cgroup"
		}
		return []criu.Pair{{Key: dest, Value: path}}
	}
	var list []criu.Pair
	for _, h := range facts.Hierarchy {
		path := c.cgroup.Path(h.Options[0])
		if path == "" {
			path = h.Mountpoint
		}
		list = append(list, criu.Pair{Key: dest + "/" + filepath.Base(h.Mountpoint), Value: path})
	}
	return list
}
