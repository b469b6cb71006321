// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// openat opens with O_CLOEXEC; a signal (Go's scheduler sends many) does not end it.
func openat(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0o600)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// openat2 also survives EAGAIN, by which the kernel says that a rename somewhere came between its checks.
func openat2(dir int, name string, how *unix.OpenHow) (int, error) {
	for tries := 0; ; tries++ {
		fd, err := unix.Openat2(dir, name, how)
		if !errors.Is(err, unix.EINTR) && (!errors.Is(err, unix.EAGAIN) || tries == maxRaces) {
			return fd, err
		}
	}
}

func orShort(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeNew makes a file that does not exist yet.
func writeNew(dir int, name string, data []byte) error {
	fd, err := openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("%s: create: %w", name, err)
	}
	for len(data) > 0 && err == nil {
		var n int
		if n, err = unix.Write(fd, data); errors.Is(err, unix.EINTR) {
			err = nil
		} else if err == nil {
			data = data[n:]
		}
	}
	// close can report what a network file system could not write.
	if e := unix.Close(fd); err == nil && !errors.Is(e, unix.EINTR) {
		err = e
	}
	if err != nil {
		_ = unix.Unlinkat(dir, name, 0)
		return fmt.Errorf("%s: write: %w", name, err)
	}
	return nil
}

// replace puts a file in place of the one of that name, in one step for every reader. The caller holds the lock, so a
// temporary file that is already there is what a killed predecessor left.
//
// There is no fsync: a record is about processes, and what fsync guards against (a crash of the machine) ends them all.
// A record that such a crash has cut short is refused as damaged, and delete --force removes it.
func replace(dir int, name string, data []byte) error {
	temporary := "." + name + ".new"
	err := writeNew(dir, temporary, data)
	if errors.Is(err, unix.EEXIST) {
		if err = unix.Unlinkat(dir, temporary, 0); err == nil {
			err = writeNew(dir, temporary, data)
		}
	}
	if err != nil {
		return err
	}
	if err := unix.Renameat(dir, temporary, dir, name); err != nil {
		_ = unix.Unlinkat(dir, temporary, 0)
		return fmt.Errorf("%s: rename: %w", name, err)
	}
	return nil
}

func readNames(dir int) ([]string, error) {
	fd, err := openat(dir, ".", unix.O_RDONLY|unix.O_DIRECTORY) // an offset of its own
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), ".")
	defer f.Close()
	return f.Readdirnames(-1)
}

// maxDepth bounds removeContents; kist's own directories are two deep.
const maxDepth = 16

// removeContents empties a directory. It never follows a link nor enters a mount, and what somebody else removed
// meanwhile is fine.
func removeContents(dir, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("directories are nested too deep")
	}
	names, err := readNames(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := unix.Unlinkat(dir, name, 0)
		if errors.Is(err, unix.EISDIR) {
			err = removeTree(dir, name, depth+1)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("%s: remove: %w", name, err)
		}
	}
	return nil
}

// removeTree removes a directory with everything in it. A mount in it, which a container without a mount namespace of
// its own or an administrator may have left, is an error: what is below belongs to somebody else.
func removeTree(dir int, name string, depth int) error {
	fd, err := openat2(dir, name, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV})
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("%s: something is mounted there (unmount it first): %w", name, err)
	}
	if err != nil {
		return err
	}
	err = removeContents(fd, depth)
	unix.Close(fd)
	if err == nil {
		err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	}
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}
