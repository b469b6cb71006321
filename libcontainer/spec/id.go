// SPDX-License-Identifier: Apache-2.0

package spec

import "fmt"

// maxIDLength bounds a container's id so that every name made from it, with
// suffixes of cgroups and units, stays below NAME_MAX.
const maxIDLength = 128

// ValidateID checks a container id: 1 to 128 of [A-Za-z0-9_+.-], not beginning
// with '.' or '-'. Ids become directory, cgroup and unit names and arguments
// of other programs, which is what the rule on the first character is for.
func ValidateID(id string) error {
	// Engines and users know the first words from runc.
	const rule = "invalid container ID format: %s: use 1 to 128 of [A-Za-z0-9_+.-], not beginning with '.' or '-'"
	good := len(id) >= 1 && len(id) <= maxIDLength && id[0] != '.' && id[0] != '-'
	for i := 0; good && i < len(id); i++ {
		c := id[i]
		good = alphanumeric(c) || c == '_' || c == '+' || c == '.' || c == '-'
	}
	if !good {
		return fmt.Errorf(rule, quoted(id))
	}
	return nil
}

// alphanumeric tells whether c is an ASCII letter or digit.
func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
