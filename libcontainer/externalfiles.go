// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/criu"
	"kist/libcontainer/state"
)

// Files that a container has from outside: its standard streams, as the caller
// of create has given them, and the null device that exec or an engine brings.
// CRIU finds a file by its mount, and these are on none of the container's, so
// it must be told; and at restore it gets those of the caller instead.
//
// Which ones they are is kept beside the images in descriptors.json: an array
// with a text for each of 0, 1 and 2. "pipe:[N]" is a pipe, as runc has it,
// which reads and writes the same file; "socket:[N]" a socket; "file[M:I]", in
// CRIU's terms, any other file. What follows are null devices.

const descriptorsFile = "descriptors.json"

// maxDescriptors bounds the file, which may come from anywhere.
const maxDescriptors = 1 << 20

// stdio gives the link texts of our standard streams, for the record.
func stdio() []string {
	names := make([]string, 3)
	for fd := range names {
		name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err != nil || strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\ufffd' }) {
			continue // not a name that the record can hold; a checkpoint will say that the file cannot be saved
		}
		names[fd] = name
	}
	return names
}

// externalFiles finds them.
type externalFiles struct {
	state  *state.State
	mounts mountTable
	stdio  [3]string // what goes to descriptors.json
	null   []string
	known  []string // what CRIU has been told
}

// find gives what CRIU has not been told yet.
func (f *externalFiles) find(c *Container) ([]string, error) {
	var list []string
	tell := func(key string) {
		if !slices.Contains(f.known, key) {
			f.known = append(f.known, key)
			list = append(list, key)
		}
	}
	for i, name := range f.state.Descriptors {
		if i >= len(f.stdio) {
			break
		}
		if f.stdio[i] == "" {
			f.stdio[i] = name
		}
		if ino, ok := strings.CutPrefix(name, "socket:["); ok {
			tell("unix[" + ino)
		}
	}
	pids, err := c.Pids()
	if err != nil {
		pids = []int{f.state.InitPid}
	}
	for _, pid := range pids {
		more, err := f.of(pid)
		if err != nil {
			return nil, err
		}
		for _, key := range more {
			tell(key)
		}
	}
	return list, nil
}

// of looks at the descriptors of one process.
func (f *externalFiles) of(pid int) ([]string, error) {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	entries, err := os.ReadDir(dir)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		var st unix.Stat_t
		if unix.Stat(dir+e.Name(), &st) != nil {
			continue
		}
		if t := st.Mode & unix.S_IFMT; t == unix.S_IFSOCK {
			continue
		}
		id, ok := mountOf(pid, e.Name())
		if !ok || f.mounts.has(id) {
			continue
		}
		name, err := os.Readlink(dir + e.Name())
		if err != nil || !strings.HasPrefix(name, "/") {
			continue // a pipe, or another file without a place
		}
		key := "file[" + strconv.FormatUint(uint64(id), 16) + ":" + strconv.FormatUint(st.Ino, 16) + "]"
		if f.note(key, name, &st) {
			list = append(list, key)
		}
	}
	return list, nil
}

// note remembers a file that restore can replace: one of the standard streams,
// or a null device.
func (f *externalFiles) note(key, name string, st *unix.Stat_t) bool {
	found := false
	for i, was := range f.state.Descriptors {
		if i < len(f.stdio) && was == name {
			f.stdio[i], found = key, true
		}
	}
	if !found && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3) {
		if !slices.Contains(f.null, key) {
			f.null = append(f.null, key)
		}
		found = true
	}
	return found
}

// mountOf reads the mount of an open file. See proc_pid_fdinfo(5).
func mountOf(pid int, fd string) (uint32, bool) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/fdinfo/" + fd)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			return uint32(id), err == nil
		}
	}
	return 0, false
}

// save writes descriptors.json.
func (f *externalFiles) save(images int) error {
	data, err := json.Marshal(append(f.stdio[:], f.null...))
	if err != nil {
		return err
	}
	fd, err := unix.Openat(images, descriptorsFile, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err == nil {
		file := os.NewFile(uintptr(fd), descriptorsFile)
		_, err = file.Write(data)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", descriptorsFile, err)
	}
	return nil
}

// inherited reads descriptors.json: which descriptor of CRIU's stands for which
// file. Those of the caller are 0, 1 and 2; null is the null device.
func inherited(images, null int) ([]criu.Inherited, error) {
	fd, err := unix.Openat(images, descriptorsFile, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil // nothing was external; CRIU says so if that is wrong
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", descriptorsFile, err)
	}
	file := os.NewFile(uintptr(fd), descriptorsFile)
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxDescriptors))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", descriptorsFile, err)
	}
	return parseInherited(data, null)
}

func parseInherited(data []byte, null int) ([]criu.Inherited, error) {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return nil, fmt.Errorf("%s: %w", descriptorsFile, err)
	}
	var list []criu.Inherited
	for i, name := range names {
		fd := i
		switch {
		case i >= 3 && strings.HasPrefix(name, "file["):
			fd = null
		case i >= 3:
			continue
		case strings.HasPrefix(name, "pipe:["), strings.HasPrefix(name, "socket:["), strings.HasPrefix(name, "file["):
		default:
			continue
		}
		if !slices.ContainsFunc(list, func(h criu.Inherited) bool { return h.Key == name }) {
			list = append(list, criu.Inherited{Key: name, FD: fd})
		}
	}
	return list, nil
}
