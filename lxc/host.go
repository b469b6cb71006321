// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// FileKind is what stat says a path is.
type FileKind int

// The kinds that decide a translation.
const (
	KindRegular FileKind = iota + 1
	KindDirectory
	KindBlock
	KindChar
	KindOther
)

// FileInfo is the part of stat the importer needs: whether a root filesystem is
// a directory, an image or a device, and the numbers behind a device path.
type FileInfo struct {
	Kind         FileKind
	Major, Minor int64
}

// Host is all the importer may ask of the machine. Errors must satisfy
// errors.Is(err, fs.ErrNotExist) for what is absent.
type Host interface {
	ReadFile(name string) ([]byte, error)
	// ReadDir returns the names in a directory, in any order.
	ReadDir(name string) ([]string, error)
	Stat(name string) (FileInfo, error)
	Getenv(name string) (string, bool)
}

// maxFileSize bounds what is read: a configuration is some kilobytes, and an
// include of a disk image must end as an error, not in memory.
const maxFileSize = 4 << 20

// OSHost is the machine the importer runs on.
type OSHost struct{}

// ReadFile returns a regular file of at most 4 MiB.
func (OSHost) ReadFile(name string) ([]byte, error) {
	// O_NONBLOCK: opening a fifo must not hang the import.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: syscall.EISDIR}
	}
	// The security filesystem shows its lists as regular files of size 0, so
	// the limit is on what is read and not on what stat says. /dev/null stands
	// for an empty file in real configurations.
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize {
		return nil, fmt.Errorf("%s: larger than %d bytes, not a configuration", name, maxFileSize)
	}
	return data, nil
}

// ReadDir returns the names in a directory.
func (OSHost) ReadDir(name string) ([]string, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

// Stat follows symlinks, as LXC's own checks do.
func (OSHost) Stat(name string) (FileInfo, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(filepath.Clean(name), &st); err != nil {
		return FileInfo{}, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	info := FileInfo{Kind: KindOther}
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		info.Kind = KindRegular
	case syscall.S_IFDIR:
		info.Kind = KindDirectory
	case syscall.S_IFBLK, syscall.S_IFCHR:
		info.Kind = KindBlock
		if st.Mode&syscall.S_IFMT == syscall.S_IFCHR {
			info.Kind = KindChar
		}
		// The kernel's 64-bit dev_t: major and minor are each split in two.
		dev := uint64(st.Rdev)
		info.Major = int64(dev>>8&0xfff | dev>>32&^uint64(0xfff))
		info.Minor = int64(dev&0xff | dev>>12&^uint64(0xff))
	}
	return info, nil
}

// Getenv looks a variable up in the caller's environment.
func (OSHost) Getenv(name string) (string, bool) { return os.LookupEnv(name) }
