// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
)

// giveSource looks up what a mount binds, with the privilege that root of a
// user namespace lacks, and hands it to nsexec, which clones it. It is looked
// up where nsexec stands: nsexec may clone only mounts of its own mount
// namespace, and only those have the locks that keep root of the user
// namespace from taking the host's read-only off.
func (c *creation) giveSource(index int) error {
	path, name := c.state.Rootfs, "/root/path"
	switch {
	case index == compile.SourceRootfs:
	case index >= 0 && index < len(c.spec.Mounts):
		path, name = c.spec.Mounts[index].Source, "/mounts/"+strconv.Itoa(index)+"/source"
		if !filepath.IsAbs(path) {
			path = filepath.Join(c.Bundle, path)
		}
	default:
		return fmt.Errorf("nsexec asked for the source of mount %d", index)
	}
	fd, err := openAsSeenBy(c.session.Pid, path)
	if err != nil && c.lxc.Optional(index) {
		// Nothing that can be mounted: nsexec goes on without it.
		fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC)
	}
	if err != nil {
		return fmt.Errorf("config.json: %s: %s: %w", name, path, err)
	}
	defer unix.Close(fd)
	return c.session.GoFD(fd)
}

// openAsSeenBy opens a path (O_PATH) in the mount namespace and root of a
// process.
func openAsSeenBy(pid int, path string) (int, error) {
	root, err := openRoot(pid)
	if err != nil {
		return -1, err
	}
	defer unix.Close(root)
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT}
	for range 128 { // EAGAIN: somebody renames while ".." is resolved
		fd, err := unix.Openat2(root, path, how)
		switch err {
		case unix.EAGAIN, unix.EINTR:
			continue
		case unix.EXDEV, unix.ELOOP:
			// A magic link of procfs, such as that of a namespace, leads to the same file from everywhere.
			return unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		}
		return fd, err
	}
	return -1, unix.EAGAIN
}

// mapMount gives a mount, which nsexec has cloned, the id maps that the
// configuration asks for.
func (c *creation) mapMount(index, mount int) error {
	if mount < 0 || index < 0 || index >= len(c.spec.Mounts) {
		return fmt.Errorf("nsexec asked for the id maps of mount %d", index)
	}
	maps := mappingNamespaces{c: c}
	defer maps.close()
	userns, err := maps.of(index)
	if err == nil {
		err = setIDMap(mount, userns, ridmapped(c.spec.Mounts[index].Options))
	}
	if err != nil {
		return fmt.Errorf("config.json: /mounts/%d: %s: %w", index, c.spec.Mounts[index].Source, err)
	}
	return nil
}

func ridmapped(options []string) bool {
	for _, o := range options {
		if o == "ridmap" {
			return true
		}
	}
	return false
}

// setIDMap makes a detached mount show the ids of a user namespace.
func setIDMap(mount, userns int, recursive bool) error {
	at := uint(unix.AT_EMPTY_PATH)
	if recursive {
		at |= unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(mount, "", at, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns)})
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("mount_setattr idmap: %w (the filesystem may not support id-mapped mounts)", err)
	}
	if err != nil {
		return fmt.Errorf("mount_setattr idmap: %w", err)
	}
	return nil
}
