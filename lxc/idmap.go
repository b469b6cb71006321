// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// parseIDMap reads "u 0 100000 65536".
func parseIDMap(value string, v Version) (group bool, m specs.LinuxIDMapping, err error) {
	f := strings.Fields(value)
	bad := func(format string, args ...any) (bool, specs.LinuxIDMapping, error) {
		return false, m, fmt.Errorf("%q: "+format, append([]any{value}, args...)...)
	}
	if len(f) == 0 {
		return bad("want u or g, then id inside, id outside and count")
	}
	switch f[0] {
	case "u":
	case "g":
		group = true
	case "U", "G":
		return bad("no release reads a capital letter; a test version of 2013 did, with the order outside inside count: write %q",
			strings.Join(swapped(f), " "))
	default:
		return bad("must begin with u or g")
	}
	// Up to 2.0.8 text behind the count was ignored.
	if len(f) < 4 || len(f) > 4 && v.atLeast(2, 0, 9) {
		return bad("want exactly u or g, then id inside, id outside and count")
	}
	for i, p := range [...]*uint32{&m.ContainerID, &m.HostID, &m.Size} {
		n, err := strconv.ParseUint(f[i+1], 10, 32)
		if err != nil {
			return bad("%q is not an id between 0 and 4294967295", f[i+1])
		}
		*p = uint32(n)
	}
	if m.Size == 0 {
		return bad("the count is 0, which maps nothing and which the kernel refuses")
	}
	if uint64(m.ContainerID)+uint64(m.Size) > 1<<32 || uint64(m.HostID)+uint64(m.Size) > 1<<32 {
		return bad("the range ends beyond the last id")
	}
	return group, m, nil
}

// swapped is the hint for the order of the 2013 test version.
func swapped(f []string) []string {
	out := append([]string{strings.ToLower(f[0])}, f[1:]...)
	if len(out) >= 3 {
		out[1], out[2] = out[2], out[1]
	}
	return out
}

func checkIDMap(value string, v Version) error {
	_, _, err := parseIDMap(value, v)
	return err
}

// translateIDMap adds the user namespace. It runs before everything that asks
// whether there is one.
func (t *translation) translateIDMap() error {
	for _, s := range t.live("lxc.idmap") {
		group, m, err := parseIDMap(s.Value, t.version)
		if err != nil {
			return refuse(s.Directive, "%s", err)
		}
		maps := &t.spec.Linux.UIDMappings
		if group {
			maps = &t.spec.Linux.GIDMappings
		}
		for _, o := range *maps {
			if overlaps(o.ContainerID, m.ContainerID, o.Size, m.Size) || overlaps(o.HostID, m.HostID, o.Size, m.Size) {
				return refuse(s.Directive, "%q overlaps an earlier map; the kernel refuses such maps", s.Value)
			}
		}
		*maps = append(*maps, m)
		s.entry.keep()
	}
	t.userns = len(t.live("lxc.idmap")) > 0
	return nil
}

func overlaps(a, b, sizeA, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}
