// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// mountEntry is a line of /proc/PID/mountinfo, which proc_pid_mountinfo(5)
// describes.
type mountEntry struct {
	id, parent uint32
	point      string // seen from the process's root
	options    string // of the mount, not of the filesystem
	fstype     string
}

type mountTable []mountEntry

// maxMounts bounds what is read: the container decides how many there are.
const maxMounts = 32 << 20

func readMounts(pid int) (mountTable, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/mountinfo"
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) > maxMounts {
		return nil, fmt.Errorf("%s: more than %d bytes", path, maxMounts)
	}
	return parseMounts(string(data)), nil
}

func parseMounts(data string) mountTable {
	var table mountTable
	for line := range strings.Lines(data) {
		left, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		f := strings.Fields(left)
		fstype, _, _ := strings.Cut(right, " ")
		if !ok || len(f) < 6 {
			continue
		}
		id, err1 := strconv.ParseUint(f[0], 10, 32)
		parent, err2 := strconv.ParseUint(f[1], 10, 32)
		if err1 == nil && err2 == nil {
			table = append(table, mountEntry{uint32(id), uint32(parent), unescapeMount(f[4]), f[5], fstype})
		}
	}
	return table
}

// unescapeMount undoes the kernel's octal escapes of space, tab, newline, number
// sign and backslash.
func unescapeMount(s string) string {
	if !strings.ContainsRune(s, '\\') {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (t mountTable) find(id uint32) *mountEntry {
	for i := range t {
		if t[i].id == id {
			return &t[i]
		}
	}
	return nil
}

func (t mountTable) has(id uint32) bool { return t.find(id) != nil }

// isBelow says whether m is attached somewhere below the mount up.
func (t mountTable) isBelow(m, up *mountEntry) bool {
	for range t {
		if m.parent == up.id {
			return true
		}
		if m = t.find(m.parent); m == nil {
			return false
		}
	}
	return false
}

// idMapped gives the mount point of an id-mapped mount, "" if there is none.
func (t mountTable) idMapped() string {
	for i := range t {
		if slices.Contains(strings.Split(t[i].options, ","), "idmapped") {
			return t[i].point
		}
	}
	return ""
}
