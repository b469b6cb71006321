// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxID is the largest user or group id. 4294967295 is (uid_t)-1, which the
// kernel's calls read as "leave unchanged": a process would keep root.
const maxID = 1<<32 - 2

// text decodes a string value.
func (d *decoder) text() string {
	if d.peek() != '"' || d.err != nil {
		d.mismatch("a string")
		return ""
	}
	return d.str()
}

// str decodes the string at the cursor, which is at its opening quote. A
// string without escapes costs no allocation.
func (d *decoder) str() string {
	start := d.pos
	raw, escaped, ok := d.scanString()
	if !ok || !escaped {
		return raw
	}
	return d.unescape(raw, start)
}

// scanString moves behind the string at the cursor and gives what is between
// its quotes. UTF-8 was checked for the whole document.
func (d *decoder) scanString() (raw string, escaped, ok bool) {
	doc := d.doc
	start := d.pos + 1
	for i := start; i < len(doc); i++ {
		switch c := doc[i]; {
		case c == '"':
			d.pos = i + 1
			return doc[start:i], escaped, true
		case c == '\\':
			escaped = true
			i++
		case c == 0:
			d.failAt(d.pos, "contains a NUL byte")
			return "", false, false
		case c < 0x20:
			d.failAt(i, "invalid JSON: control character 0x%02x in a string must be escaped", c)
			return "", false, false
		}
	}
	d.failAt(d.pos, "invalid JSON: string without closing quote")
	return "", false, false
}

// unescape resolves the escapes of raw, a string that began at offset start.
// NUL is refused because the kernel would end the string there, so that the
// checked value and the used one would differ. Half surrogate pairs are
// refused because they have no UTF-8 form.
func (d *decoder) unescape(raw string, start int) string {
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b = append(b, raw[i])
			continue
		}
		i++ // scanString saw that a byte follows
		switch c := raw[i]; c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			r, ok := hex4(raw[i+1:])
			i += 4
			if ok && utf16.IsSurrogate(r) {
				var low rune
				if len(raw) > i+2 && raw[i+1] == '\\' && raw[i+2] == 'u' {
					low, _ = hex4(raw[i+3:])
				}
				r = utf16.DecodeRune(r, low)
				ok = r != utf8.RuneError
				i += 6
			}
			if !ok {
				d.failAt(start, "invalid JSON: bad \\u escape in a string")
				return ""
			}
			if r == 0 {
				d.failAt(start, "contains a NUL byte")
				return ""
			}
			b = utf8.AppendRune(b, r)
		default:
			d.failAt(start, "invalid JSON: unknown escape in a string")
			return ""
		}
	}
	return string(b)
}

// hex4 reads the four digits of a \u escape.
func hex4(s string) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for i := range 4 {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// boolean decodes true or false.
func (d *decoder) boolean() bool {
	switch d.peek() {
	case 't':
		d.literal("true")
		return d.err == nil
	case 'f':
		d.literal("false")
	default:
		d.mismatch("a boolean")
	}
	return false
}

// scanNumber moves behind the number at the cursor and gives its text.
// integer tells whether it has neither fraction nor exponent.
func (d *decoder) scanNumber() (text string, integer, ok bool) {
	doc, start := d.doc, d.pos
	i := start
	digits := func() bool {
		from := i
		for i < len(doc) && doc[i] >= '0' && doc[i] <= '9' {
			i++
		}
		return i > from
	}
	if i < len(doc) && doc[i] == '-' {
		i++
	}
	leadingZero := i < len(doc) && doc[i] == '0'
	whole := i
	good := digits() && !(leadingZero && i > whole+1)
	integer = true
	if good && i < len(doc) && doc[i] == '.' {
		i++
		integer = false
		good = digits()
	}
	if good && i < len(doc) && (doc[i] == 'e' || doc[i] == 'E') {
		i++
		integer = false
		if i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		good = digits()
	}
	if !good {
		d.failAt(start, "invalid JSON: malformed number")
		return "", false, false
	}
	d.pos = i
	return doc[start:i], integer, true
}

// bounds is the range of an integer type.
type bounds struct {
	lowest  int64
	highest uint64
}

func (b bounds) String() string {
	return "an integer from " + strconv.FormatInt(b.lowest, 10) + " to " + strconv.FormatUint(b.highest, 10)
}

// number gives the text and offset of the integer at the cursor.
func (d *decoder) number(b bounds) (text string, start int, ok bool) {
	if c := d.peek(); c != '-' && (c < '0' || c > '9') || d.err != nil {
		if d.err == nil {
			d.mismatch(b.String())
		}
		return "", 0, false
	}
	start = d.pos
	text, integer, ok := d.scanNumber()
	if ok && !integer {
		// 1.0 and 1e3 are integers to some readers and not to others.
		d.failAt(start, "must be %s without fraction or exponent, found %s", b, clipped(text))
		return "", 0, false
	}
	return text, start, ok
}

// clipped bounds a number's text for an error.
func clipped(text string) string {
	if len(text) > maxQuoted {
		return text[:maxQuoted] + "..."
	}
	return text
}

// signed decodes an integer of the given width in bits.
func (d *decoder) signed(bits int) int64 {
	limit := int64(1)<<(bits-1) - 1
	b := bounds{-limit - 1, uint64(limit)}
	text, start, ok := d.number(b)
	if !ok {
		return 0
	}
	v, err := strconv.ParseInt(text, 10, bits)
	if err != nil {
		d.failAt(start, "must be %s, found %s", b, clipped(text))
		return 0
	}
	return v
}

// unsigned decodes an integer from 0 to maximum. A sign is refused even
// before a zero.
func (d *decoder) unsigned(maximum uint64) uint64 {
	b := bounds{0, maximum}
	text, start, ok := d.number(b)
	if !ok {
		return 0
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v > maximum {
		d.failAt(start, "must be %s, found %s", b, clipped(text))
		return 0
	}
	return v
}

// id decodes a user or group id.
func (d *decoder) id() uint32 { return uint32(d.unsigned(maxID)) }

// stringElement decodes an element of an array or object of strings.
func stringElement[T ~string](d *decoder, v *T) { *v = T(d.text()) }

// idElement decodes an element of an array of ids.
func idElement(d *decoder, v *uint32) { *v = d.id() }
