// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxLine is the longest line including its end. A pipe takes this much in one piece or not at all only up to 4 KiB,
// but a file opened for appending takes any length; the limit is against floods.
const maxLine = 8 << 10

// minMessage is what is kept of a message before its fields are given up. Escapes make it at most six times longer.
const minMessage = 1 << 10

// line encodes the record. What is too long is shortened in its texts, so that the line stays well-formed.
func (r *record) line(json bool) []byte {
	fields := r.fields
	for limit := maxLine - 512; ; limit /= 2 {
		var b []byte
		if json {
			b = r.appendJSON(nil, fields, limit)
		} else {
			b = r.appendText(nil, fields, limit)
		}
		if len(b) <= maxLine {
			return b
		}
		if limit < 64 {
			fields = fields[:len(fields)/2] // so many that even short ones do not fit
		}
	}
}

func (r *record) appendJSON(b []byte, fields []field, limit int) []byte {
	b = append(b, `{"level":"`...)
	b = append(b, levelName(r.level)...)
	b = append(b, `","msg":`...)
	b = appendJSONString(b, shorten(r.msg, max(limit, minMessage)))
	b = append(b, `,"time":"`...)
	// UTC: the local zone would be read from a file.
	b = r.time.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, '"')
	for i, w := range r.warnings {
		if i == 0 {
			b = append(b, `,"warnings":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendJSONString(b, shorten(w, limit/4))
		if i == len(r.warnings)-1 {
			b = append(b, ']')
		}
		if len(b) > maxLine {
			break
		}
	}
	for _, f := range fields {
		b = append(b, ',')
		b = appendJSONString(b, shorten(f.key, 64))
		b = append(b, ':')
		b = appendJSONString(b, shorten(f.value, limit/4))
	}
	return append(b, "}\n"...)
}

func (r *record) appendText(b []byte, fields []field, limit int) []byte {
	b = append(b, `time="`...)
	b = r.time.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, `" level=`...)
	b = append(b, levelName(r.level)...)
	b = append(b, " msg="...)
	b = appendTextValue(b, shorten(r.msg, max(limit, minMessage)))
	for _, f := range fields {
		b = append(b, ' ')
		b = appendTextValue(b, shorten(f.key, 64))
		b = append(b, '=')
		b = appendTextValue(b, shorten(f.value, limit/4))
	}
	return append(b, '\n')
}

// appendTextValue quotes a value unless it consists of letters, digits and -._/@^+ only, as runc's log does.
func appendTextValue(b []byte, v string) []byte {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '-', c == '.', c == '_', c == '/', c == '@', c == '^', c == '+':
		default:
			return strconv.AppendQuote(b, v) // escapes everything that is not printable
		}
	}
	return append(b, v...)
}

const hexDigits = "0123456789abcdef"

// appendJSONString escapes also what JSON would allow but a terminal obeys: C1 controls, line separators, marks that
// change the direction of text.
func appendJSONString(b []byte, v string) []byte {
	b = append(b, '"')
	for _, r := range v {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case isObeyed(r) && r > 0xffff:
			// Outside the 16 bits of \u; none of them is worth a surrogate pair in a log.
			b = utf8.AppendRune(b, utf8.RuneError)
		case isObeyed(r):
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r) // invalid bytes have become U+FFFD
		}
	}
	return append(b, '"')
}

// appendPlain appends text for standard error, where line breaks are wanted and nothing is quoted.
func appendPlain(b []byte, v string) []byte {
	for _, r := range v {
		if r == '\n' || r == '\t' || !isObeyed(r) {
			b = utf8.AppendRune(b, r)
		} else {
			q := strconv.AppendQuoteRuneToASCII(nil, r)
			b = append(b, q[1:len(q)-1]...)
		}
	}
	return b
}

// isObeyed reports whether a terminal or an editor acts on r instead of showing it.
func isObeyed(r rune) bool {
	return unicode.IsControl(r) || r >= 0x80 && unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// shorten takes out the middle of a text: errors have the object at the beginning and the cause at the end.
func shorten(v string, limit int) string {
	if len(v) <= limit {
		return v
	}
	const room = 32 // for the note
	keep := max(limit-room, 0) / 2
	head, tail := v[:keep], v[len(v)-keep:]
	for len(head) > 0 && !utf8.RuneStart(v[len(head)]) {
		head = head[:len(head)-1]
	}
	for len(tail) > 0 && !utf8.RuneStart(tail[0]) {
		tail = tail[1:]
	}
	return head + " …" + strconv.Itoa(len(v)-len(head)-len(tail)) + " bytes… " + tail
}
