// SPDX-License-Identifier: Apache-2.0

// Package directive holds the one type that every part of the lxc.conf
// importer shares: a line of a configuration after lexing.
//
// It exists so that kist/lxc (which reads files and owns the key table),
// kist/lxc/network (which turns the network directives into network cards) and
// kist/lxc/policy (which reads seccomp policies) can talk about lines without
// importing each other. It runs wherever they run, in `kist import`, and must
// do nothing by itself: no parsing, no file access, no imports beyond strconv.
package directive

import "strconv"

// Directive is one `key = value` line of an LXC configuration.
type Directive struct {
	// File is the path as it was opened, or a description in angle brackets for
	// a line that comes from elsewhere (`<--set>`).
	File string
	// Line counts from 1.
	Line int
	// Key is trimmed of blanks, and otherwise as written: the dialect decides
	// which row of the key table it means.
	Key string
	// Value is trimmed of blanks and, in the dialects that do so, of one pair
	// of quotes. The empty value clears.
	Value string
}

// Position returns "file:line", the form every message of the importer begins
// with.
func (d Directive) Position() string {
	return d.File + ":" + strconv.Itoa(d.Line)
}
