// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"strconv"
	"strings"
)

// Both directions between a place in the text and its JSON pointer. They run
// only when there is something to report, so that decoding and validation
// need not keep track of either.

// position converts an offset to line and column, both counted from 1.
func position(doc string, offset int) (line, column int) {
	before := doc[:min(offset, len(doc))]
	return strings.Count(before, "\n") + 1, len(before) - strings.LastIndexByte(before, '\n')
}

// frame is an open bracket on the way to an offset.
type frame struct {
	object bool
	index  int    // of the current element of an array
	key    string // of the current member of an object
	named  bool   // whether that member's name was read
}

// pointersAt gives the pointers of the innermost values (or members, if the
// offset is that of a name) at the given offsets, which must ascend. The text
// needs to be valid JSON only before each offset.
func pointersAt(doc string, offsets ...int) []string {
	var (
		pointers []string
		stack    []frame
	)
	for i := 0; i < len(doc) && len(pointers) < len(offsets); {
		end := i + 1
		var top *frame
		if len(stack) > 0 {
			top = &stack[len(stack)-1]
		}
		switch doc[i] {
		case '"':
			for end < len(doc) && doc[end] != '"' {
				if doc[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(doc))
			if top != nil && top.object && !top.named {
				top.key, top.named = (&decoder{doc: doc, pos: i}).str(), true
			}
		case ',':
			if top != nil {
				top.index++
				top.named = false
			}
		}
		for len(pointers) < len(offsets) && offsets[len(pointers)] < end {
			pointers = append(pointers, render(stack))
		}
		switch doc[i] {
		case '{', '[':
			stack = append(stack, frame{object: doc[i] == '{'})
		case '}', ']':
			if top != nil {
				stack = stack[:len(stack)-1]
			}
		}
		i = end
	}
	for len(pointers) < len(offsets) {
		pointers = append(pointers, render(stack))
	}
	return pointers
}

// render writes the pointer of the current place.
func render(stack []frame) string {
	var b []byte
	for _, f := range stack {
		switch {
		case !f.object:
			b = strconv.AppendInt(append(b, '/'), int64(f.index), 10)
		case f.named:
			b = appendToken(append(b, '/'), f.key)
		}
	}
	return string(b)
}

// offsetOf finds the value that pointer names in doc. If it is not there
// (because its absence is the fault), it gives the innermost value that is.
func offsetOf(doc, pointer string) int {
	d := &decoder{doc: doc}
	d.space()
	at := d.pos
	for pointer != "" {
		token, rest, more := strings.Cut(pointer[1:], "/")
		if !d.enter(token) {
			return at
		}
		d.space()
		at = d.pos
		if pointer = ""; more {
			pointer = "/" + rest
		}
	}
	return at
}

// enter moves from the object or array at the cursor to the member or element
// that a reference token names.
func (d *decoder) enter(token string) bool {
	switch d.peek() {
	case '{':
		name := strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		for more := d.object(); more; more = d.next() {
			if d.key == name {
				return true
			}
			d.skip()
		}
	case '[':
		index, err := strconv.Atoi(token)
		if err != nil || !d.open('[', "") || !d.first(']') {
			return false
		}
		for range index {
			if d.skip(); !d.more(']') {
				return false
			}
		}
		return true
	}
	return false
}
