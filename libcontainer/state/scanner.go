// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner walks over JSON text. It knows the shapes that a record consists of, so it never recurses and cannot be
// made to use more memory than the file has bytes.
type scanner struct {
	b []byte
	i int
}

func (p *scanner) errorf(at int, msg string) error { return fmt.Errorf("byte %d: %s", at, msg) }

func (p *scanner) space() {
	for p.i < len(p.b) {
		switch p.b[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

// take skips c, after white space, if it is next.
func (p *scanner) take(c byte) bool {
	p.space()
	if p.i < len(p.b) && p.b[p.i] == c {
		p.i++
		return true
	}
	return false
}

func (p *scanner) end() error {
	p.space()
	if p.i != len(p.b) {
		return p.errorf(p.i, "text after the end of the record")
	}
	return nil
}

// object calls value for each key, with the scanner standing before the value.
func (p *scanner) object(value func(key string) error) error {
	if !p.take('{') {
		return p.errorf(p.i, "expected an object")
	}
	if p.take('}') {
		return nil
	}
	for {
		key, err := p.str()
		if err != nil {
			return err
		}
		if !p.take(':') {
			return p.errorf(p.i, "expected :")
		}
		if err := value(key); err != nil {
			return err
		}
		if p.take('}') {
			return nil
		}
		if !p.take(',') {
			return p.errorf(p.i, "expected , or }")
		}
	}
}

func (p *scanner) str() (string, error) {
	if !p.take('"') {
		return "", p.errorf(p.i, "expected a string")
	}
	from := p.i
	for p.i < len(p.b) {
		switch c := p.b[p.i]; {
		case c == '"':
			text := p.b[from:p.i]
			p.i++
			if !utf8.Valid(text) {
				return "", p.errorf(from, "string is not UTF-8")
			}
			return string(text), nil
		case c == '\\':
			return p.escaped(from)
		case c < 0x20:
			return "", p.errorf(p.i, "control character in a string")
		}
		p.i++
	}
	return "", p.errorf(from, "string without end")
}

// escaped finishes a string that has an escape at p.i.
func (p *scanner) escaped(from int) (string, error) {
	out := append([]byte(nil), p.b[from:p.i]...)
	for p.i < len(p.b) {
		c := p.b[p.i]
		switch {
		case c == '"':
			p.i++
			if !utf8.Valid(out) {
				return "", p.errorf(from, "string is not UTF-8")
			}
			return string(out), nil
		case c < 0x20:
			return "", p.errorf(p.i, "control character in a string")
		case c != '\\':
			out = append(out, c)
			p.i++
			continue
		}
		p.i++
		if p.i == len(p.b) {
			break
		}
		c = p.b[p.i]
		p.i++
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, err := p.unicode()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		default:
			return "", p.errorf(p.i-2, "unknown escape")
		}
	}
	return "", p.errorf(from, "string without end")
}

// unicode reads the digits after \u, and the second half of a surrogate pair.
func (p *scanner) unicode() (rune, error) {
	at := p.i - 2
	r, ok := p.hex4()
	if !ok {
		return 0, p.errorf(at, "expected four hexadecimal digits")
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if p.i+2 <= len(p.b) && p.b[p.i] == '\\' && p.b[p.i+1] == 'u' {
		p.i += 2
		if low, ok := p.hex4(); ok {
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				return r, nil
			}
		}
	}
	return 0, p.errorf(at, "half of a surrogate pair")
}

func (p *scanner) hex4() (rune, bool) {
	if len(p.b)-p.i < 4 {
		return 0, false
	}
	var r rune
	for _, c := range p.b[p.i : p.i+4] {
		switch {
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
	p.i += 4
	return r, true
}
