// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits of the numbers in lists: the largest values that the kernel's
// configuration allows (NR_CPUS, MAX_NUMNODES).
const (
	MaxCPUs  = 8192
	MaxNodes = 1024
)

// ParseList reads a list of CPUs or memory nodes in the kernel's format
// ("0-3,8,16-31:2/4") as a bit mask of 64-bit words, lowest first and no
// longer than needed. Every number must be less than limit.
func ParseList(list string, limit int) ([]uint64, error) {
	var mask []uint64
	for part := range strings.SplitSeq(list, ",") {
		first, last, used, group, err := parseRange(strings.Trim(part, " \t\n"))
		if err != nil {
			return nil, err
		}
		if last >= limit {
			return nil, fmt.Errorf("%d is too large (at most %d)", last, limit-1)
		}
		for n := first; n <= last; n++ {
			if (n-first)%group >= used {
				continue
			}
			for len(mask) <= n/64 {
				mask = append(mask, 0)
			}
			mask[n/64] |= 1 << (n % 64)
		}
	}
	return mask, nil
}

// parseRange reads "N", "N-M" or "N-M:used/group".
func parseRange(s string) (first, last, used, group int, err error) {
	bad := fmt.Errorf("bad range %s", quoted(s))
	span, stride, strided := strings.Cut(s, ":")
	from, to, ranged := strings.Cut(span, "-")
	if first, err = decimal(from); err != nil {
		return 0, 0, 0, 0, bad
	}
	last, used, group = first, 1, 1
	if ranged {
		if last, err = decimal(to); err != nil || last < first {
			return 0, 0, 0, 0, bad
		}
	}
	if strided {
		a, b, _ := strings.Cut(stride, "/")
		used, err = decimal(a)
		if err == nil {
			group, err = decimal(b)
		}
		if err != nil || !ranged || used == 0 || used > group {
			return 0, 0, 0, 0, bad
		}
	}
	return first, last, used, group, nil
}

// decimal reads an unsigned number without sign or spaces.
func decimal(s string) (int, error) {
	if !isDecimal(s) || len(s) > 9 {
		return 0, strconv.ErrSyntax
	}
	return strconv.Atoi(s)
}

// validateList checks a list of numbers less than limit.
func validateList(list string, limit int) error {
	if _, err := ParseList(list, limit); err != nil {
		return invalid("", "%s: %s", quoted(list), err)
	}
	return nil
}
