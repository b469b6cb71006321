// SPDX-License-Identifier: Apache-2.0

package idmap

import (
	"fmt"
	"os"
	"os/user"
	"path"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Range is one of subordinate ids: subuid(5).
type Range struct{ Start, Size uint32 }

// SubordinateRanges lists the ranges that a file such as /etc/subuid gives to a user, who stands there by name or by id.
// A file that is not there has none; lines that newuidmap would not understand are passed over, as it does.
func SubordinateRanges(file, name string, uid int) ([]Range, error) {
	data, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseRanges(string(data), name, uid), nil
}

func parseRanges(data, name string, uid int) []Range {
	var ranges []Range
	for line := range strings.Lines(data) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != strconv.Itoa(uid) && (name == "" || f[0] != name) {
			continue
		}
		start, err1 := strconv.ParseUint(f[1], 10, 32)
		size, err2 := strconv.ParseUint(f[2], 10, 32)
		if err1 != nil || err2 != nil || size == 0 {
			continue
		}
		ranges = append(ranges, Range{uint32(start), uint32(size)})
	}
	return ranges
}

// lacking says what the host does not give the caller for a map that a helper has refused, and how to give it; "" if
// that is not known. File is /etc/subuid or /etc/subgid, own the caller's id of that kind, which needs no range.
func lacking(maps []specs.LinuxIDMapping, file string, own int) string {
	uid := os.Getuid()
	name := strconv.Itoa(uid)
	account := ""
	if u, err := user.LookupId(name); err == nil {
		name, account = u.Username, u.Username
	}
	ranges, err := SubordinateRanges(file, account, uid)
	if err != nil {
		return ""
	}
	return lackingOf(maps, ranges, file, name, own)
}

func lackingOf(maps []specs.LinuxIDMapping, ranges []Range, file, name string, own int) string {
	for _, m := range maps {
		if m.Size == 1 && int64(m.HostID) == int64(own) || inside(m, ranges) {
			continue
		}
		has := "no range"
		for i, r := range ranges {
			if i == 0 {
				has = ""
			} else {
				has += ", "
			}
			has += span(r.Start, r.Size)
		}
		flag := " --add-" + path.Base(file) + "s "
		return fmt.Sprintf("%s has %s in %s: map what is there, or let the administrator give more: usermod%s%s %s",
			name, has, file, flag, span(m.HostID, m.Size), name)
	}
	return ""
}

// inside says whether one range covers the mapping: newuidmap does not join ranges.
func inside(m specs.LinuxIDMapping, ranges []Range) bool {
	for _, r := range ranges {
		if m.HostID >= r.Start && uint64(m.HostID)+uint64(m.Size) <= uint64(r.Start)+uint64(r.Size) {
			return true
		}
	}
	return false
}

func span(start, size uint32) string {
	return strconv.FormatUint(uint64(start), 10) + "-" + strconv.FormatUint(uint64(start)+uint64(size)-1, 10)
}
