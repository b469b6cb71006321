// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// copier copies a tree. Its ids are those that owners get who have none in the
// file system that is copied to, -1 if that has none for them either: then
// copies stay the copier's, which is the container's root.
type copier struct{ uid, gid int }

// chown gives a copy the owner of the original. One without an id on the tmpfs
// does not keep the container's root from reading the copy any more, and so it
// is made only of what everybody may read.
func (c *copier) chown(dir int, name string, st *unix.Stat_t) error {
	const flags = unix.AT_SYMLINK_NOFOLLOW | unix.AT_EMPTY_PATH
	err := unix.Fchownat(dir, name, int(st.Uid), int(st.Gid), flags)
	if !unrepresentable(err) {
		return err
	}
	open := uint32(0o004)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		open = 0o005
	case unix.S_IFLNK:
		open = 0
	}
	if st.Mode&open != open {
		return fmt.Errorf("its owner %d:%d has no id in the container, and others may not read it: %w", st.Uid, st.Gid, unix.EACCES)
	}
	for _, id := range [2]struct{ uid, gid, uid2, gid2 int }{
		{int(st.Uid), -1, c.uid, -1},
		{-1, int(st.Gid), -1, c.gid},
	} {
		err := unix.Fchownat(dir, name, id.uid, id.gid, flags)
		if unrepresentable(err) && (id.uid2 >= 0 || id.gid2 >= 0) {
			err = unix.Fchownat(dir, name, id.uid2, id.gid2, flags)
		}
		if err != nil && !unrepresentable(err) {
			return err
		}
	}
	return nil
}

// unrepresentable: the id is none in the caller's user namespace, or (before
// Linux 6.0) none in that of the file system.
func unrepresentable(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOVERFLOW)
}

// maxCopyDepth bounds a tree that the image brings.
const maxCopyDepth = 128

func (c *copier) copyTree(from, to, depth int) error {
	if depth > maxCopyDepth {
		return fmt.Errorf("directories nested deeper than %d", maxCopyDepth)
	}
	names, err := readDir(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.copyEntry(from, to, name, depth); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return c.copyMetadata(from, to)
}

func readDir(fd int) ([]string, error) {
	own, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(own), "directory")
	defer f.Close()
	return f.Readdirnames(-1)
}

func (c *copier) copyEntry(from, to int, name string, depth int) error {
	var st unix.Stat_t
	if err := unix.Fstatat(from, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		if err := unix.Mkdirat(to, name, 0o700); err != nil && err != unix.EEXIST {
			return err
		}
		return withPair(from, to, name, unix.O_RDONLY|unix.O_DIRECTORY, unix.O_RDONLY|unix.O_DIRECTORY, func(a, b int) error {
			return c.copyTree(a, b, depth+1)
		})
	case unix.S_IFREG:
		return withPair(from, to, name, unix.O_RDONLY, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, c.copyFile)
	case unix.S_IFLNK:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(from, name, buf)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(string(buf[:n]), to, name); err != nil {
			return err
		}
		return c.chown(to, name, &st)
	default:
		if err := unix.Mknodat(to, name, st.Mode, int(st.Rdev)); err != nil {
			return err
		}
		return c.chown(to, name, &st)
	}
}

func withPair(from, to int, name string, readFlags, writeFlags int, do func(a, b int) error) error {
	a, err := unix.Openat(from, name, readFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer unix.Close(a)
	b, err := unix.Openat(to, name, writeFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(b)
	return do(a, b)
}

func (c *copier) copyFile(a, b int) error {
	src, err := reopened(a)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := reopened(b)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return c.copyMetadata(a, b)
}

func reopened(fd int) (*os.File, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(dup), strconv.Itoa(fd)), nil
}

// copyMetadata copies owner, mode, extended attributes and times.
func (c *copier) copyMetadata(a, b int) error {
	var st unix.Stat_t
	if err := unix.Fstat(a, &st); err != nil {
		return err
	}
	if err := c.chown(b, "", &st); err != nil {
		return err
	}
	if err := unix.Fchmod(b, st.Mode&0o7777); err != nil {
		return err
	}
	copyAttributes(a, b)
	times := []unix.Timespec{st.Atim, st.Mtim}
	return unix.UtimesNanoAt(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(b), times, 0)
}

// copyAttributes copies what the tmpfs takes; it knows fewer than a disk.
func copyAttributes(a, b int) {
	buf := make([]byte, 64<<10)
	n, err := unix.Flistxattr(a, buf)
	if err != nil {
		return
	}
	value := make([]byte, 64<<10)
	for start, i := 0, 0; i < n; i++ {
		if buf[i] != 0 {
			continue
		}
		name := string(buf[start:i])
		start = i + 1
		if m, err := unix.Fgetxattr(a, name, value); err == nil {
			_ = unix.Fsetxattr(b, name, value[:m], 0)
		}
	}
}
