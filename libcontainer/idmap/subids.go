// SPDX-License-Identifier: Apache-2.0

package idmap

import (
	"os"
	"strconv"
	"strings"
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
