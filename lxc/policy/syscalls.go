// SPDX-License-Identifier: Apache-2.0

package policy

import (
	_ "embed"
	"strconv"
	"strings"
)

// syscallTable has a line per system call: its name, then a number or "-" per
// architecture, in the order of the heading. It is text, and searched as text,
// so that nothing of it is touched by commands that read no policy.
//
//go:embed syscalls.tsv
var syscallTable string

// column finds the position of an architecture in the table's heading.
func column(arch string) int {
	heading, _, _ := strings.Cut(syscallTable, "\n")
	for i, name := range strings.Split(heading, "\t") {
		if i > 0 && name == arch {
			return i
		}
	}
	return -1
}

// row finds the fields of a system call, nil if there is none of that name.
func row(name string) []string {
	if name == "" || strings.ContainsAny(name, "\t\n") {
		return nil
	}
	i := strings.Index(syscallTable, "\n"+name+"\t")
	if i < 0 {
		return nil
	}
	line, _, _ := strings.Cut(syscallTable[i+1:], "\n")
	return strings.Split(line, "\t")
}

// known reports whether the host, or an architecture it also runs, has the call.
func (h host) known(name string) bool {
	fields := row(name)
	if fields == nil {
		return false
	}
	for _, arch := range h.columns {
		if i := column(arch); i > 0 && fields[i] != "-" {
			return true
		}
	}
	return false
}

// knownAnywhere reports whether any architecture has the call.
func knownAnywhere(name string) bool { return row(name) != nil }

// name returns the name of the host's own system call with a number, or "".
func (h host) name(nr uint32) string {
	want, i := strconv.FormatUint(uint64(nr), 10), column(h.columns[0])
	rest := syscallTable
	for rest != "" {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if fields := strings.Split(line, "\t"); i > 0 && len(fields) > i && fields[i] == want {
			return fields[0]
		}
	}
	return ""
}
