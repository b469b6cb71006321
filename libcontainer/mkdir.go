// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
)

// mkdirDangling makes what a mount's target, the working directory or a
// device's directory leads to, where a symbolic link on the way points to
// nothing. That is rare and needs link-by-link work, so it is done here, on
// the descriptor of the container's root that nsexec sent.
func (c *creation) mkdirDangling(index, root int) error {
	if root < 0 {
		return fmt.Errorf("nsexec sent no root directory")
	}
	var path string
	file := false
	switch {
	case index == compile.MkdirCwd:
		path = c.spec.Process.Cwd
	case index == compile.MkdirNotify:
		path = compile.NotifyTarget
	case index <= compile.MkdirDevice:
		i := compile.MkdirDevice - index
		if i >= len(c.spec.Linux.Devices) {
			return fmt.Errorf("nsexec asked for device %d", i)
		}
		path = filepath.Dir(c.spec.Linux.Devices[i].Path)
	case index < len(c.spec.Mounts):
		m := &c.spec.Mounts[index]
		path = m.Destination
		source := m.Source
		if !filepath.IsAbs(source) {
			source = filepath.Join(c.Bundle, source)
		}
		var st unix.Stat_t
		bind := slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
		file = bind && unix.Stat(source, &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR
	default:
		return fmt.Errorf("nsexec asked for mount %d", index)
	}
	err := makeBehindLinks(root, path, file)
	if err != nil && c.lxc.Optional(index) {
		return nil // nsexec finds no target, and goes on without the mount
	}
	return err
}

// maxLinks is the kernel's own limit on symbolic links in a path.
const maxLinks = 40

// makeBehindLinks makes a directory or an empty file below root, and what is
// missing above it, reading symbolic links itself: each component is looked at
// by a descriptor, and links are taken from root. Only what does not exist is
// made (O_EXCL), so that a link put in the way is an error and never followed.
func makeBehindLinks(root int, path string, file bool) error {
	how := &unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	dirHow := &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: how.Resolve}
	done, rest, links := "/", strings.Trim(filepath.Clean(path), "/"), 0
	for rest != "" {
		name, after, _ := strings.Cut(rest, "/")
		next := filepath.Join(done, name)
		fd, err := unix.Openat2(root, next, how)
		switch {
		case err == unix.ENOENT:
			parent, err := unix.Openat2(root, done, dirHow)
			if err != nil {
				return fmt.Errorf("%s: open: %w", done, err)
			}
			if file && after == "" {
				err = unix.Mknodat(parent, name, unix.S_IFREG|0o644, 0)
			} else {
				err = unix.Mkdirat(parent, name, 0o755)
			}
			unix.Close(parent)
			if err != nil {
				return fmt.Errorf("%s: make: %w", next, err)
			}
		case err != nil:
			return fmt.Errorf("%s: open: %w", next, err)
		default:
			target, err := readLink(fd)
			unix.Close(fd)
			if err == nil {
				if links++; links > maxLinks {
					return fmt.Errorf("%s: %w", path, unix.ELOOP)
				}
				if !filepath.IsAbs(target) {
					target = filepath.Join(done, target)
				}
				done, rest = "/", strings.Trim(filepath.Clean(target)+"/"+after, "/")
				continue
			}
		}
		done, rest = next, after
	}
	return nil
}

// readLink reads the link behind an O_PATH descriptor; an error says that it
// is none.
func readLink(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}
