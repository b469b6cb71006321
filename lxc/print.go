// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PrintTable writes a report for people: position, key, class and effect. Colour
// marks the classes; it is for terminals only.
func PrintTable(w io.Writer, report []*Entry, colour bool) error {
	out := bufio.NewWriter(w)
	position, key := len("LINE"), len("KEY")
	for _, e := range report {
		position = max(position, utf8.RuneCountInString(e.Position()))
		key = max(key, utf8.RuneCountInString(e.Key))
	}
	cell := func(s string, width int) {
		out.WriteString(s)
		for n := utf8.RuneCountInString(s); n < width+2; n++ {
			out.WriteByte(' ')
		}
	}
	cell("LINE", position)
	cell("KEY", key)
	cell("CLASS", len(Approximated))
	out.WriteString("WHAT BECAME OF IT\n")
	for _, e := range report {
		cell(clean(e.Position()), position)
		cell(clean(e.Key), key)
		if colour {
			out.WriteString(e.Class.colour())
		}
		cell(string(e.Class), len(Approximated))
		if colour {
			out.WriteString("\x1b[0m")
		}
		out.WriteString(clean(e.Effect) + "\n")
	}
	return out.Flush()
}

func (c Class) colour() string {
	switch c {
	case Exact:
		return "\x1b[32m"
	case Extension:
		return "\x1b[36m"
	case Approximated:
		return "\x1b[33m"
	case HostSide:
		return "\x1b[35m"
	}
	return "\x1b[31m"
}

// clean keeps what a configuration file holds from driving the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// Document is the report for scripts. Fields are only ever added.
type Document struct {
	// Format is 1.
	Format  int    `json:"format"`
	Name    string `json:"name"`
	Config  string `json:"config"`
	Version string `json:"lxcVersion"`
	// Detected says why the file was read as that version.
	Detected string   `json:"detected"`
	Imported bool     `json:"imported"`
	Error    string   `json:"error,omitempty"`
	Entries  []*Entry `json:"entries"`
}

// PrintJSON writes the report for scripts; failure is the error of Import or nil.
func PrintJSON(w io.Writer, r *Result, failure error) error {
	d := Document{Format: 1, Entries: []*Entry{}, Imported: failure == nil}
	if r != nil {
		d.Name, d.Config, d.Version, d.Detected = r.Name, r.Config, r.Version.String(), r.Detected
		if r.Report != nil {
			d.Entries = r.Report
		}
	}
	if failure != nil {
		d.Error = failure.Error()
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	return enc.Encode(d)
}
