// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"fmt"
	"strconv"
	"strings"
)

// Error is a fault in a configuration document.
type Error struct {
	File    string // name of the file as the user gave it; empty if the document did not come from a file known here
	Pointer string // JSON pointer (RFC 6901) of the value at fault; empty for the whole document
	Line    int    // line counted from 1; 0 if the position is not known
	Column  int    // column counted from 1, in bytes
	Msg     string // what is wrong and what would be right
}

// Error gives "config.json:41:3: /process/cwd: must be an absolute path".
// Parts that are not known are left out.
func (e *Error) Error() string {
	b := make([]byte, 0, len(e.File)+len(e.Pointer)+len(e.Msg)+24)
	b = append(b, e.File...)
	if e.Line > 0 {
		if e.File != "" {
			b = append(b, ':')
		}
		b = strconv.AppendInt(b, int64(e.Line), 10)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(e.Column), 10)
	}
	if len(b) > 0 {
		b = append(b, ": "...)
	}
	if e.Pointer != "" {
		b = append(b, printable(e.Pointer)...)
		b = append(b, ": "...)
	}
	return string(append(b, e.Msg...))
}

// InFile names, in an error of this package, the file that the document came
// from; other errors are returned as they are.
func InFile(err error, file string) error {
	if e, ok := err.(*Error); ok && e.File == "" {
		e.File = file
	}
	return err
}

// invalid builds an error for the value at pointer. Each validating function
// gives pointers relative to the value it was handed; its callers prefix the
// way there with within, so that no pointer is built unless there is a fault.
func invalid(pointer, format string, args ...any) error {
	return &Error{Pointer: pointer, Msg: fmt.Sprintf(format, args...)}
}

// within prefixes the pointer of an *Error.
func within(err error, tokens ...any) error {
	e := err.(*Error)
	e.Pointer = at(tokens...) + e.Pointer
	return e
}

// at joins reference tokens to a JSON pointer. Tokens are strings (member
// names, escaped here) or ints (array indices).
func at(tokens ...any) string {
	var b []byte
	for _, t := range tokens {
		b = append(b, '/')
		switch t := t.(type) {
		case int:
			b = strconv.AppendInt(b, int64(t), 10)
		case string:
			b = appendToken(b, t)
		}
	}
	return string(b)
}

// appendToken appends a member name with the two escapes of RFC 6901.
func appendToken(b []byte, name string) []byte {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '~':
			b = append(b, "~0"...)
		case '/':
			b = append(b, "~1"...)
		default:
			b = append(b, name[i])
		}
	}
	return b
}

// maxQuoted is how much of a bad value an error repeats.
const maxQuoted = 64

// quoted renders a value from the document for an error text: quoted, cut to
// maxQuoted bytes, and with every character escaped that could forge a log
// line or turn the reading direction.
func quoted(s string) string {
	if len(s) <= maxQuoted {
		return strconv.QuoteToASCII(s)
	}
	cut := maxQuoted
	for cut > 0 && s[cut]&0xc0 == 0x80 { // do not cut inside a UTF-8 sequence
		cut--
	}
	return strconv.QuoteToASCII(s[:cut]) + "..."
}

// printable escapes control and non-ASCII characters of a pointer, whose
// member names come from the document, and bounds its length.
func printable(s string) string {
	plain := len(s) <= 4*maxQuoted
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= 0x20 && s[i] < 0x7f
	}
	if plain {
		return s
	}
	if len(s) > 4*maxQuoted {
		s = s[:4*maxQuoted] + "..."
	}
	return strings.Trim(strconv.QuoteToASCII(s), `"`)
}
