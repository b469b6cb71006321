// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a document. They keep a hostile file from costing more than a
// good one; no engine comes near them.
const (
	maxSize    = 16 << 20 // bytes of a document
	maxDepth   = 64       // nesting of objects and arrays
	maxUnknown = 1024     // unknown properties in a document
)

// decoder is a cursor over one document. The generated functions call it in
// document order.
//
// Failure is sticky: the first fault is kept, and the cursor moves to the end
// of the document, where every further request for a token returns at once.
// So the generated code needs no error returns.
//
// The decoder keeps no path. A pointer is needed only for a fault, and is then
// found again from the offset (pointer.go).
type decoder struct {
	doc       string // the document; decoded strings are substrings of it
	pos       int
	depth     int
	key       string   // the member name last read by next
	keyStart  int      // offset of that name's opening quote
	start     int      // offset of the bracket last opened, for faults
	unknown   []int    // offsets of unknown members, ascending
	unknownAt []string // their pointers, after finish
	seccomp   span     // where /linux/seccomp is
	err       *Error
	errAt     int // offset of err
}

// span is a range of bytes of the document.
type span struct{ from, to int }

// newDecoder checks what concerns the document as a whole.
func newDecoder(doc string) *decoder {
	d := &decoder{doc: doc}
	switch {
	case len(doc) > maxSize:
		d.failAt(0, "document larger than 16 MiB")
	case len(doc) >= 3 && doc[:3] == "\xef\xbb\xbf":
		d.failAt(0, "document begins with a byte order mark; save it as UTF-8 without one")
	case !utf8.ValidString(doc):
		i := 0
		for i < len(doc) {
			r, n := utf8.DecodeRuneInString(doc[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		d.failAt(i, "invalid UTF-8")
	}
	return d
}

// failAt records the first fault, found at the given offset.
func (d *decoder) failAt(offset int, format string, args ...any) {
	if d.err == nil {
		d.err = &Error{Msg: fmt.Sprintf(format, args...)}
		d.errAt = offset
	}
	d.pos = len(d.doc)
}

// finish refuses anything but white space after the top-level value and
// returns the fault, if any, with its place.
func (d *decoder) finish() error {
	if d.err == nil {
		if d.space(); d.pos < len(d.doc) {
			d.failAt(d.pos, "unexpected data after the top-level value")
			d.err.Line, d.err.Column = position(d.doc, d.errAt)
			return d.err
		}
		d.listUnknown()
	}
	if d.err == nil {
		return nil
	}
	d.err.Line, d.err.Column = position(d.doc, d.errAt)
	d.err.Pointer = pointersAt(d.doc, d.errAt)[0]
	return d.err
}

// listUnknown finds the pointers of the unknown properties. For them this is
// also the test for duplicates, since they have no bit in member.
func (d *decoder) listUnknown() {
	if len(d.unknown) == 0 {
		return
	}
	d.unknownAt = pointersAt(d.doc, d.unknown...)
	seen := make(map[string]bool, len(d.unknownAt))
	for i, pointer := range d.unknownAt {
		if seen[pointer] {
			d.failAt(d.unknown[i], "duplicate key %s", quoted(pointer[strings.LastIndexByte(pointer, '/')+1:]))
			return
		}
		seen[pointer] = true
	}
}

// space moves to the next byte that is not white space.
func (d *decoder) space() {
	for d.pos < len(d.doc) {
		switch d.doc[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek gives the first byte of the next token, 0 at the end of the document.
func (d *decoder) peek() byte {
	if d.space(); d.pos < len(d.doc) {
		return d.doc[d.pos]
	}
	return 0
}

// syntax reports a byte that cannot stand at the cursor.
func (d *decoder) syntax(want string) {
	if d.pos >= len(d.doc) {
		d.failAt(d.pos, "invalid JSON: expected %s, found the end of the document", want)
		return
	}
	r, _ := utf8.DecodeRuneInString(d.doc[d.pos:])
	d.failAt(d.pos, "invalid JSON: expected %s, found %s", want, strconv.QuoteRuneToASCII(r))
}

// mismatch reports a value of the wrong type at the cursor.
func (d *decoder) mismatch(want string) {
	if found := d.found(); found != "" {
		d.failAt(d.pos, "expected %s, found %s", want, found)
	} else {
		d.syntax(want)
	}
}

// found names the kind of value at the cursor, "" if there is none.
func (d *decoder) found() string {
	switch c := d.peek(); c {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		if c == '-' || c >= '0' && c <= '9' {
			return "a number"
		}
		return ""
	}
}

// open enters an object or array, whose description is want.
func (d *decoder) open(bracket byte, want string) bool {
	if d.peek() != bracket || d.err != nil {
		d.mismatch(want)
		return false
	}
	d.start = d.pos
	if d.depth++; d.depth > maxDepth {
		d.failAt(d.pos, "nesting deeper than %d", maxDepth)
		return false
	}
	d.pos++
	return true
}

// first tells whether an object or array just opened has anything in it, and
// consumes the closing bracket if not.
func (d *decoder) first(closing byte) bool {
	if d.peek() == closing && d.err == nil {
		d.pos++
		d.depth--
		return false
	}
	return d.err == nil
}

// more consumes the comma before the next element, or the closing bracket.
func (d *decoder) more(closing byte) bool {
	if d.err != nil {
		return false
	}
	switch d.peek() {
	case ',':
		d.pos++
		return true
	case closing:
		d.pos++
		d.depth--
		return false
	}
	d.syntax("',' or '" + string(closing) + "'")
	return false
}

// name reads a member's name and the colon into d.key.
func (d *decoder) name() bool {
	if d.peek() != '"' || d.err != nil {
		d.syntax("a member name in double quotes")
		return false
	}
	d.keyStart = d.pos
	d.key = d.str()
	if d.peek() != ':' || d.err != nil {
		d.syntax("':'")
		return false
	}
	d.pos++
	return true
}

// object enters the object at the cursor and reads its first member's name.
// It begins the loop of the generated functions:
//
//	for more := d.object(); more; more = d.next() { switch d.key … }
func (d *decoder) object() bool {
	return d.open('{', "an object") && d.first('}') && d.name()
}

// next moves to the next member of the object entered by object.
func (d *decoder) next() bool { return d.more('}') && d.name() }

// member marks property number bit of an object as seen and tells whether it
// has a value. A second occurrence is a fault; null means absent.
func (d *decoder) member(seen *uint64, bit uint) bool {
	if *seen&(1<<bit) != 0 {
		d.failAt(d.keyStart, "duplicate key %s", quoted(d.key))
		return false
	}
	*seen |= 1 << bit
	return !d.null()
}

// null consumes the literal null if it is the next token.
func (d *decoder) null() bool {
	if d.peek() != 'n' {
		return false
	}
	d.literal("null")
	return true
}

// literal consumes a literal whose first byte was seen.
func (d *decoder) literal(word string) {
	if len(d.doc)-d.pos < len(word) || d.doc[d.pos:d.pos+len(word)] != word {
		d.syntax(word)
		return
	}
	d.pos += len(word)
}

// unknownMember skips a property that this version of the specification does
// not have, or has for other platforms only under a different spelling. The
// specification demands to ignore it; it is remembered for the debug log.
func (d *decoder) unknownMember() {
	offset := d.keyStart
	if len(d.unknown) >= maxUnknown {
		d.failAt(offset, "more than %d unknown properties", maxUnknown)
		return
	}
	d.unknown = append(d.unknown, offset)
	d.skip()
}

// slice decodes an array. what names the expected type in plural.
func slice[T any](d *decoder, what string, limit int, element func(*decoder, *T)) []T {
	if !d.open('[', "an array of "+what) {
		return nil
	}
	start := d.start
	if !d.first(']') {
		return []T{}
	}
	list := make([]T, 0, 4)
	for {
		if len(list) == limit {
			d.failAt(start, "more than %d entries", limit)
			return nil
		}
		var zero T
		list = append(list, zero)
		element(d, &list[len(list)-1])
		if !d.more(']') {
			return list
		}
	}
}

// dictionary decodes an object whose keys are data. A null among the values is
// refused: whether the key then counts as present is anybody's guess.
func dictionary[T any](d *decoder, limit int, element func(*decoder, *T)) map[string]T {
	m := make(map[string]T)
	for more := d.object(); more; more = d.next() {
		key, offset := d.key, d.keyStart
		if _, dup := m[key]; dup {
			d.failAt(offset, "duplicate key %s", quoted(key))
			return nil
		}
		if len(m) == limit {
			d.failAt(offset, "more than %d members", limit)
			return nil
		}
		var v T
		element(d, &v)
		m[key] = v
	}
	return m
}
