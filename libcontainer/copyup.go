// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// copyUp fills a tmpfs with the directory that it is about to cover (option
// tmpcopyup). Both are descriptors of the container's; names are only ever
// looked up one at a time below them, without following links.
func (c *creation) copyUp(to int) error {
	from := c.copied
	c.copied = -1
	if from < 0 || to < 0 {
		return fmt.Errorf("tmpcopyup: nsexec sent no directory")
	}
	defer unix.Close(from)
	// The descriptor of a new mount is only good for looking names up (O_PATH).
	dir, err := unix.Openat(to, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("tmpcopyup: %w", err)
	}
	defer unix.Close(dir)
	if err := asRootOf(c.session.Pid, func() error { return copyTree(from, dir, 0) }); err != nil {
		return fmt.Errorf("tmpcopyup: %w", err)
	}
	return nil
}

// asRootOf calls do with the file system ids of the root of a process's user
// namespace: a tmpfs that belongs to such a namespace takes new files only
// from ids that it can represent (EOVERFLOW).
func asRootOf(pid int, do func() error) error {
	uid, err := firstMapped(pid, "uid_map")
	if err != nil {
		return err
	}
	gid, err := firstMapped(pid, "gid_map")
	if err != nil {
		return err
	}
	if uid == unix.Geteuid() && gid == unix.Getegid() {
		return do()
	}
	done := make(chan error, 1)
	go func() {
		// The ids are this thread's, which ends with the goroutine: it is not unlocked.
		runtime.LockOSThread()
		if err := setFSIDs(uid, gid); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

// firstMapped gives the host's id for the first id of a map, which is root's
// in all that make sense.
func firstMapped(pid int, file string) (int, error) {
	name := "/proc/" + strconv.Itoa(pid) + "/" + file
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(data), "\n")
	f := strings.Fields(line)
	if len(f) != 3 {
		return 0, fmt.Errorf("%s: no map", name)
	}
	return strconv.Atoi(f[1])
}

// setFSIDs sets the file system ids of the calling thread. The kernel takes
// the capabilities over files away from who is no longer root; they come back.
func setFSIDs(uid, gid int) error {
	if err := unix.Setfsgid(gid); err != nil {
		return err
	}
	if err := unix.Setfsuid(uid); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	for i := range sets {
		sets[i].Effective = sets[i].Permitted
	}
	return unix.Capset(&header, &sets[0])
}

// chown gives a copy the owner of the original.
func chown(dir int, name string, st *unix.Stat_t) error {
	return unix.Fchownat(dir, name, int(st.Uid), int(st.Gid), unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH)
}

// maxCopyDepth bounds a tree that the image brings.
const maxCopyDepth = 128

func copyTree(from, to, depth int) error {
	if depth > maxCopyDepth {
		return fmt.Errorf("directories nested deeper than %d", maxCopyDepth)
	}
	names, err := readDir(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := copyEntry(from, to, name, depth); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return copyMetadata(from, to)
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

func copyEntry(from, to int, name string, depth int) error {
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
			return copyTree(a, b, depth+1)
		})
	case unix.S_IFREG:
		return withPair(from, to, name, unix.O_RDONLY, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, copyFile)
	case unix.S_IFLNK:
		buf := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(from, name, buf)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(string(buf[:n]), to, name); err != nil {
			return err
		}
		return chown(to, name, &st)
	default:
		if err := unix.Mknodat(to, name, st.Mode, int(st.Rdev)); err != nil {
			return err
		}
		return chown(to, name, &st)
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

func copyFile(a, b int) error {
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
	return copyMetadata(a, b)
}

func reopened(fd int) (*os.File, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(dup), strconv.Itoa(fd)), nil
}

// copyMetadata copies owner, mode, extended attributes and times.
func copyMetadata(a, b int) error {
	var st unix.Stat_t
	if err := unix.Fstat(a, &st); err != nil {
		return err
	}
	if err := chown(b, "", &st); err != nil {
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
