// SPDX-License-Identifier: Apache-2.0

// Package idmap writes the id maps of user namespaces, and makes namespaces that exist only for their maps.
//
// It runs in the kist process, on the host: the maps of a container's user namespace are written from outside, while its
// first process waits for them. Where the kernel does not let us write them (kist is not privileged, and maps more than
// its own id), the set-user-id helpers newuidmap and newgidmap do it, which know /etc/subuid and /etc/subgid.
//
// Every map is read back and compared: a process must not go on in a namespace whose ids are not those of config.json.
//
// The package must not look helpers up in PATH, in the working directory or in a container's root (see FindHelpers),
// and must not run a helper that it has not been given.
package idmap

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// maxExtents is the kernel's limit for the lines of a map (UID_GID_MAP_MAX_EXTENTS).
const maxExtents = 340

// Write writes the maps of the process's user namespace, which must have none yet, and proves them. The process must be
// a child that has not been waited for, so that its pid means no other. Helpers may be the zero value if none exist.
//
// SetgroupsDenied is true if the kernel demanded that the process gives up setgroups(2): the container then cannot have
// supplementary groups.
func Write(pid int, uids, gids []specs.LinuxIDMapping, helpers Helpers) (setgroupsDenied bool, err error) {
	for _, m := range [2]struct {
		name string
		maps []specs.LinuxIDMapping
	}{{"uidMappings", uids}, {"gidMappings", gids}} {
		if err := check(m.maps); err != nil {
			return false, fmt.Errorf("/linux/%s: %w", m.name, err)
		}
	}
	proc, err := openProc(pid)
	if err != nil {
		return false, err
	}
	defer unix.Close(proc)
	if err := write(proc, pid, "uid_map", "/linux/uidMappings", uids, helpers.NewUIDMap); err != nil {
		return false, err
	}
	// Without privilege over the outer namespace, the kernel lets us map our own group only after setgroups has been
	// denied: dropping a group could otherwise give access that the group is refused (CVE-2014-8989). The helper may
	// hold that privilege, so it comes first where there is one.
	err = write(proc, pid, "gid_map", "/linux/gidMappings", gids, helpers.NewGIDMap)
	// It refuses users that it cannot name, though, and the own group needs no help.
	if err != nil && len(gids) == 1 && gids[0].Size == 1 && gids[0].HostID == uint32(os.Getegid()) {
		if err = writeFile(proc, "setgroups", []byte("deny")); err == nil {
			setgroupsDenied = true
			err = write(proc, pid, "gid_map", "/linux/gidMappings", gids, "")
		}
	}
	return setgroupsDenied, err
}

// check refuses what the kernel would refuse without saying why.
func check(maps []specs.LinuxIDMapping) error {
	if len(maps) == 0 {
		return errors.New("must not be empty: every id of the container would be unmapped")
	}
	if len(maps) > maxExtents {
		return fmt.Errorf("%d mappings, the kernel takes at most %d", len(maps), maxExtents)
	}
	for i, m := range maps {
		if m.Size == 0 {
			return fmt.Errorf("%d: size must not be 0", i)
		}
		// The last id, 2³²-1, means "none".
		if uint64(m.ContainerID)+uint64(m.Size) > math.MaxUint32 || uint64(m.HostID)+uint64(m.Size) > math.MaxUint32 {
			return fmt.Errorf("%d: goes beyond the last id, %d", i, uint32(math.MaxUint32-1))
		}
		for j, o := range maps[:i] {
			if overlap(m.ContainerID, o.ContainerID, m.Size, o.Size) || overlap(m.HostID, o.HostID, m.Size, o.Size) {
				return fmt.Errorf("%d: overlaps with mapping %d", i, j)
			}
		}
	}
	return nil
}

func overlap(a, b, sizeA, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

// write writes one map, through the helper if the kernel does not let us, and compares what the kernel has.
func write(proc, pid int, file, pointer string, maps []specs.LinuxIDMapping, helper string) error {
	data := text(maps)
	if page := os.Getpagesize(); len(data) >= page {
		return fmt.Errorf("%s: %d mappings are %d bytes of text, the kernel takes less than %d", pointer, len(maps), len(data), page)
	}
	err := writeFile(proc, file, data)
	if errors.Is(err, unix.EPERM) && os.Geteuid() == 0 && mapsRoot(maps) && !hasSetfcap() {
		err = fmt.Errorf("%w (a container that maps root of the present user namespace needs CAP_SETFCAP there)", err)
	} else if m, ok := unmapped(maps, file); errors.Is(err, unix.EPERM) && ok {
		err = fmt.Errorf("%w (kist is in a user namespace, and host ids %s are not in one line of its /proc/self/%s: map what is, line by line)", err, span(m.HostID, m.Size), file)
	} else if errors.Is(err, unix.EPERM) && helper != "" {
		if err = runHelper(helper, pid, maps); err != nil {
			err = fmt.Errorf("%w%s", err, helperAdvice(helper, maps))
		}
	} else if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w (without privileges more than the own id needs newuidmap and newgidmap, of the package uidmap or shadow-utils, and a range in /etc/subuid and /etc/subgid)", err)
	}
	if err != nil {
		return fmt.Errorf("%s: write %s of pid %d: %w", pointer, file, pid, err)
	}
	got, err := readMap(proc, file)
	if err != nil {
		return fmt.Errorf("%s: read %s of pid %d: %w", pointer, file, pid, err)
	}
	if !same(got, maps) {
		return fmt.Errorf("%s: %s of pid %d: the kernel has %q after %q was written", pointer, file, pid, text(got), data)
	}
	return nil
}

// mapsRoot says whether the host's root is mapped, which the kernel lets only those do who could give files capabilities:
// root of the new namespace could give them to files that work outside.
func mapsRoot(maps []specs.LinuxIDMapping) bool {
	for _, m := range maps {
		if m.HostID == 0 {
			return true
		}
	}
	return false
}

func hasSetfcap() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&header, &data[0]) != nil || data[0].Effective&(1<<unix.CAP_SETFCAP) != 0
}

// unmapped finds a mapping to ids that our own user namespace does not have, or has in more than one piece: the kernel
// takes neither, whoever asks.
func unmapped(maps []specs.LinuxIDMapping, file string) (specs.LinuxIDMapping, bool) {
	data, err := os.ReadFile("/proc/self/" + file)
	if err != nil {
		return specs.LinuxIDMapping{}, false
	}
	own, err := Parse(data)
	if err != nil {
		return specs.LinuxIDMapping{}, false
	}
	ranges := make([]Range, len(own))
	for i, m := range own {
		ranges[i] = Range{m.ContainerID, m.Size}
	}
	for _, m := range maps {
		if !inside(m, ranges) {
			return m, true
		}
	}
	return specs.LinuxIDMapping{}, false
}

// text gives a map as the kernel takes it: in one write, one mapping per line.
func text(maps []specs.LinuxIDMapping) []byte {
	b := make([]byte, 0, 32*len(maps))
	for _, m := range maps {
		b = strconv.AppendUint(b, uint64(m.ContainerID), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(m.HostID), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(m.Size), 10)
		b = append(b, '\n')
	}
	return b
}

// same compares maps as sets, since the kernel sorts longer ones.
func same(a, b []specs.LinuxIDMapping) bool {
	if len(a) != len(b) {
		return false
	}
	for _, m := range a {
		found := false
		for _, o := range b {
			if m == o { // within one map no mapping occurs twice
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// Parse reads the text of a map file, such as /proc/self/uid_map.
func Parse(data []byte) ([]specs.LinuxIDMapping, error) {
	var maps []specs.LinuxIDMapping
	for line := range bytes.Lines(data) {
		f := bytes.Fields(line)
		if len(f) != 3 || len(maps) == maxExtents {
			return nil, fmt.Errorf("line %d: %q is not a mapping", len(maps)+1, bytes.TrimSpace(line))
		}
		var n [3]uint32
		for i := range f {
			v, err := strconv.ParseUint(string(f[i]), 10, 32)
			if err != nil {
				return nil, fmt.Errorf("line %d: %q is not a mapping", len(maps)+1, bytes.TrimSpace(line))
			}
			n[i] = uint32(v)
		}
		maps = append(maps, specs.LinuxIDMapping{ContainerID: n[0], HostID: n[1], Size: n[2]})
	}
	return maps, nil
}

// openProc opens the directory of a process and proves that it is the kernel's.
func openProc(pid int) (int, error) {
	name := "/proc/" + strconv.Itoa(pid)
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: open: %w", name, err)
	}
	var st unix.Statfs_t
	if err = unix.Fstatfs(fd, &st); err == nil && st.Type != unix.PROC_SUPER_MAGIC {
		err = errors.New("is not on procfs")
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: %w", name, err)
	}
	return fd, nil
}

func writeFile(proc int, name string, data []byte) error {
	fd, err := openFile(proc, name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	n, err := unix.Write(fd, data) // the kernel takes a map in one piece, before which no signal is looked at
	unix.Close(fd)
	if err == nil && n != len(data) {
		err = fmt.Errorf("wrote %d of %d bytes", n, len(data))
	}
	return err
}

func readMap(proc int, name string) ([]specs.LinuxIDMapping, error) {
	fd, err := openFile(proc, name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	data := make([]byte, 0, 4096)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return Parse(data)
		}
		data = data[:len(data)+n]
	}
}

func openFile(proc int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(proc, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
