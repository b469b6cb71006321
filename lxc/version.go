// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is an LXC release. The same bytes mean different things to different
// series, so nothing can be translated without one.
type Version struct{ Major, Minor, Patch int }

// The series that a file is read as when nobody says which LXC it was written
// for. A modern file is not read as 7.x, which refuses the lxc.cgroup.* that most
// real files still contain.
func legacyDefault() Version { return Version{2, 0, 11} }
func bothDefault() Version   { return Version{2, 1, 1} }
func modernDefault() Version { return Version{6, 0, 6} }

// ParseVersion reads "6", "2.0" or "4.0.12". A missing part means the last
// release of the series, so that "2.0" has the fixes of 2.0.11.
func ParseVersion(s string) (Version, error) {
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return Version{}, fmt.Errorf("lxc version %q: want MAJOR[.MINOR[.PATCH]], such as 2.0 or 6.0.4", s)
	}
	n := [3]int{0, 99, 99}
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 7)
		if err != nil {
			return Version{}, fmt.Errorf("lxc version %q: want MAJOR[.MINOR[.PATCH]], such as 2.0 or 6.0.4", s)
		}
		n[i] = int(v)
	}
	v := Version{n[0], n[1], n[2]}
	if v.Less(Version{0, 6, 0}) || v.Major > 7 {
		return Version{}, fmt.Errorf("lxc version %q: known are 0.6 to 7.x", s)
	}
	return v, nil
}

// Less orders releases.
func (v Version) Less(o Version) bool {
	if v.Major != o.Major {
		return v.Major < o.Major
	}
	if v.Minor != o.Minor {
		return v.Minor < o.Minor
	}
	return v.Patch < o.Patch
}

// atLeast reports v >= major.minor.patch.
func (v Version) atLeast(major, minor, patch int) bool {
	return !v.Less(Version{major, minor, patch})
}

// String returns "2.0.11", or "2.0" for the end of a series.
func (v Version) String() string {
	s := strconv.Itoa(v.Major)
	if v.Minor != 99 {
		s += "." + strconv.Itoa(v.Minor)
		if v.Patch != 99 {
			s += "." + strconv.Itoa(v.Patch)
		}
	}
	return s
}

// legacy reports whether the series uses the key names of before 2.1.
func (v Version) legacy() bool { return v.Less(Version{2, 1, 0}) }

// stripsQuotes reports whether one pair of quotes around a value is removed. It
// came with 2.0.1 and was carried back to 1.0.9, but never to 1.1.
func (v Version) stripsQuotes() bool {
	return v.atLeast(2, 0, 1) || (v.Major == 1 && v.Minor == 0 && v.Patch >= 9)
}

// matchesPrefixes reports whether a key that merely begins with a known one is
// taken for it; 4.0.7 made the match exact.
func (v Version) matchesPrefixes() bool { return v.Less(Version{4, 0, 7}) }

// looseNumbers reports whether integers stop at the first character that is no
// digit, as atoi does; 3.0 began to refuse trailing text.
func (v Version) looseNumbers() bool { return v.Less(Version{3, 0, 0}) }

// span is the range of releases that accept a name; the zero value of last means
// up to today.
type span struct{ first, last Version }

func (s span) includes(v Version) bool {
	return !v.Less(s.first) && (s.last == Version{} || !s.last.Less(v))
}

// parseSpan reads "2.1-", "0.1-2.1" or "2.1-2.1".
func parseSpan(s string) (span, error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return span{}, fmt.Errorf("span %q: no dash", s)
	}
	f, err := parseBound(first, 0)
	if err != nil {
		return span{}, err
	}
	if last == "" {
		return span{first: f}, nil
	}
	l, err := parseBound(last, 99)
	return span{f, l}, err
}

func parseBound(s string, fill int) (Version, error) {
	n := [3]int{fill, fill, fill}
	for i, p := range strings.SplitN(s, ".", 3) {
		v, err := strconv.Atoi(p)
		if err != nil {
			return Version{}, fmt.Errorf("release %q: %w", s, err)
		}
		n[i] = v
	}
	return Version{n[0], n[1], n[2]}, nil
}

// String is the form in the documentation: "since 2.1", "0.1 to 2.1".
func (s span) String() string {
	short := func(v Version) string {
		if v.Patch != 0 && v.Patch != 99 {
			return v.String()
		}
		if v.Minor == 99 {
			return strconv.Itoa(v.Major) + ".x"
		}
		return strconv.Itoa(v.Major) + "." + strconv.Itoa(v.Minor)
	}
	if (s.last == Version{}) {
		return "since " + short(s.first)
	}
	if short(s.first) == short(s.last) {
		return short(s.first) + " only"
	}
	return short(s.first) + " to " + short(s.last)
}
