// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"kist/lxc/directive"
)

// Class says how faithfully a line came across.
type Class string

// The classes, best first. The words are stable: scripts read them.
const (
	// Exact lines behave under every OCI runtime as they did under LXC.
	Exact Class = "exact"
	// Approximated lines behave nearly so; the report says what differs.
	Approximated Class = "approximated"
	// Extension lines need a runtime that honours the io.kist.lxc.* annotations.
	Extension Class = "extension"
	// HostSide lines are no business of a runtime; the report names what is.
	HostSide Class = "host-side"
	// Refused lines stop the import.
	Refused Class = "refused"
)

// rank orders classes from best to worst; merge keeps the worse one.
func (c Class) rank() int {
	switch c {
	case Exact:
		return 1
	case Extension:
		return 2
	case Approximated:
		return 3
	case HostSide:
		return 4
	case Refused:
		return 5
	}
	return 0
}

// Entry is what became of one line.
type Entry struct {
	// File and Line are where the line stands; Line is 0 for a default that no
	// line asked for.
	File string `json:"file"`
	Line int    `json:"line"`
	// Key and Value are as written. Key is empty for a line that LXC skips.
	Key   string `json:"key"`
	Value string `json:"value"`
	Class Class  `json:"class"`
	// Effect is one sentence: what the line became, and what differs.
	Effect string `json:"effect"`

	row *Key
}

// Position returns file:line, or "(default)".
func (e *Entry) Position() string {
	if e.Line == 0 {
		return "(default)"
	}
	return e.File + ":" + strconv.Itoa(e.Line)
}

// keep accepts the class and the sentence of the key's row.
func (e *Entry) keep() {
	if e.row != nil {
		e.say(e.row.Class, "%s", e.row.Kist)
	}
}

// say records what became of the line. A line that several translators touch
// keeps the worst class and all sentences.
func (e *Entry) say(c Class, format string, args ...any) {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	if c.rank() > e.Class.rank() {
		e.Class = c
	}
	switch {
	case e.Effect == "":
		e.Effect = text
	case !strings.Contains(e.Effect, text):
		e.Effect += "; " + text
	}
}

// supersede marks a line whose value a later one took away.
func (e *Entry) supersede(by directive.Directive) {
	e.Class = Exact
	e.Effect = "no effect: " + by.Position() + " replaces or clears it, as in LXC"
}

// Strict returns an error naming the first line that is neither exact nor an
// extension.
func Strict(report []*Entry) error {
	bad := 0
	var first *Entry
	for _, e := range report {
		if e.Class != Exact && e.Class != Extension {
			if first == nil {
				first = e
			}
			bad++
		}
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %s: %s (with --strict every line must be exact or an extension; %d are not)",
		first.Position(), first.Key, first.Class, first.Effect, bad)
}

// Error is the one message about a configuration that cannot be imported.
type Error struct {
	File string
	Line int
	Key  string
	// Value is the directive's, for the report.
	Value string
	// Msg is the cause and, after a semicolon, what to do about it.
	Msg string
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			b.WriteString(":" + strconv.Itoa(e.Line))
		}
		b.WriteString(": ")
	}
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Msg)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// refuse builds the error about a directive.
func refuse(d directive.Directive, format string, args ...any) *Error {
	return &Error{File: d.File, Line: d.Line, Key: d.Key, Value: d.Value, Msg: fmt.Sprintf(format, args...)}
}

// cause drops the operation and path that file errors carry, because the message
// around it names the path already.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
