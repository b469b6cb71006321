// SPDX-License-Identifier: Apache-2.0

package spec

// skip moves behind the value at the cursor. The value must be well-formed
// JSON and not too deep; nothing else is asked of it, neither unique keys nor
// clean strings, since nobody will use it (or, for the seccomp profile, since
// DecodeSeccomp reads it again, strictly).
//
// It is a loop with one bit per level instead of a recursion, so that depth
// costs neither stack nor calls: the profile is two thirds of a usual file.
func (d *decoder) skip() {
	var objects [maxDepth + 1]bool // the kinds of the open brackets
	base := d.depth
	for {
		// A value begins here.
		switch c := d.peek(); {
		case d.err != nil:
			return
		case c == '"':
			d.skipString()
		case c == '{', c == '[':
			object := c == '{'
			if !d.open(c, "") {
				return
			}
			objects[d.depth] = object
			if object && d.first('}') {
				if d.skipName(); d.err != nil {
					return
				}
				continue
			}
			if !object && d.first(']') {
				continue
			}
		case c == 't':
			d.literal("true")
		case c == 'f':
			d.literal("false")
		case c == 'n':
			d.literal("null")
		case c == '-' || c >= '0' && c <= '9':
			d.scanNumber()
		default:
			d.syntax("a value")
		}
		// A value ended here: go on in the innermost open bracket.
		for {
			if d.err != nil || d.depth == base {
				return
			}
			if objects[d.depth] {
				if d.more('}') {
					d.skipName()
					break
				}
			} else if d.more(']') {
				break
			}
		}
	}
}

// skipName moves behind a member's name and colon.
func (d *decoder) skipName() {
	if d.peek() != '"' {
		d.syntax("a member name in double quotes")
		return
	}
	d.skipString()
	if d.peek() != ':' {
		d.syntax("':'")
		return
	}
	d.pos++
}

// skipString moves behind the string at the cursor and checks its escapes.
func (d *decoder) skipString() {
	start := d.pos
	raw, escaped, ok := d.scanString()
	if !ok || !escaped {
		return
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		switch raw[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if _, ok := hex4(raw[i+1:]); !ok {
				d.failAt(start, "invalid JSON: bad \\u escape in a string")
				return
			}
			i += 4
		default:
			d.failAt(start, "invalid JSON: unknown escape in a string")
			return
		}
	}
}
