// SPDX-License-Identifier: Apache-2.0

package systemd

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseVariant parses a value in the GVariant text format, as annotations of
// the form org.systemd.property.NAME carry it: 'text', true, 5 (an int32),
// uint64 5, ['a', 'b'], (1, 'x'), @as [], b'bytes'. Dictionaries, maybe types
// and nested variants, which no unit property of a scope or slice uses, are
// refused.
func ParseVariant(s string) (Variant, error) {
	p := &textParser{rest: s}
	v, err := p.value("", 0)
	if err == nil {
		if p.space(); p.rest != "" {
			err = fmt.Errorf("unexpected %q behind the value", p.rest)
		}
	}
	if err != nil {
		return Variant{}, fmt.Errorf("%q: is not a GVariant text: %w", s, err)
	}
	return v, nil
}

type textParser struct{ rest string }

func (p *textParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take consumes c if it comes next.
func (p *textParser) take(c byte) bool {
	p.space()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// word consumes up to the next delimiter.
func (p *textParser) word() string {
	n := strings.IndexAny(p.rest, " \t\r\n,()[]{}<>'\"")
	if n < 0 {
		n = len(p.rest)
	}
	w := p.rest[:n]
	p.rest = p.rest[n:]
	return w
}

// value parses one value. want is its type where that is known from an
// annotation or a neighbour, or "".
func (p *textParser) value(want string, depth int) (Variant, error) {
	if depth > 16 {
		return Variant{}, errors.New("nested too deeply")
	}
	p.space()
	if p.rest == "" {
		return Variant{}, errors.New("a value is missing")
	}
	switch c := p.rest[0]; c {
	case '@':
		p.rest = p.rest[1:]
		// A signature has parentheses, so it ends at white space only.
		sig, rest, _ := strings.Cut(p.rest, " ")
		if !validType(sig) {
			return Variant{}, fmt.Errorf("type %q is not supported", sig)
		}
		p.rest = rest
		return p.value(sig, depth+1)
	case '\'', '"':
		s, err := p.quoted()
		if err != nil {
			return Variant{}, err
		}
		return textOf(want, s)
	case '[':
		return p.array(want, depth)
	case '(':
		return p.tuple(want, depth)
	case 'b':
		if len(p.rest) > 1 && (p.rest[1] == '\'' || p.rest[1] == '"') {
			p.rest = p.rest[1:]
			s, err := p.quoted()
			if err != nil {
				return Variant{}, err
			}
			return mustBe(want, Bytes(append([]byte(s), 0)))
		}
	}
	w := p.word()
	if sig := typeKeyword(w); sig != "" {
		return p.value(sig, depth+1)
	}
	return scalar(want, w)
}

func mustBe(want string, v Variant) (Variant, error) {
	if want != "" && want != v.sig {
		return Variant{}, fmt.Errorf("a value of type %s where %s is expected", v.sig, want)
	}
	return v, nil
}

func textOf(want, s string) (Variant, error) {
	if strings.ContainsRune(s, 0) {
		return Variant{}, errors.New("a string must not contain NUL")
	}
	switch want {
	case "", "s":
		return String(s), nil
	case "o":
		return Variant{"o", String(s).write}, nil
	case "g":
		if len(s) > 255 {
			return Variant{}, errors.New("a signature has at most 255 bytes")
		}
		return Variant{"g", func(e *encoder) { e.signature(s) }}, nil
	}
	return mustBe(want, String(s))
}

func typeKeyword(w string) string {
	switch w {
	case "boolean":
		return "b"
	case "byte":
		return "y"
	case "int16":
		return "n"
	case "uint16":
		return "q"
	case "int32":
		return "i"
	case "handle":
		return "h"
	case "uint32":
		return "u"
	case "int64":
		return "x"
	case "uint64":
		return "t"
	case "double":
		return "d"
	case "string":
		return "s"
	case "objectpath":
		return "o"
	case "signature":
		return "g"
	}
	return ""
}

// validType accepts one complete type of those supported.
func validType(sig string) bool {
	rest, ok := skipType(sig, 0)
	return ok && rest == ""
}

func skipType(sig string, depth int) (string, bool) {
	if sig == "" || depth > 16 {
		return "", false
	}
	c, rest := sig[0], sig[1:]
	switch {
	case strings.IndexByte("bynqiuxtdsogh", c) >= 0:
		return rest, true
	case c == 'a':
		return skipType(rest, depth+1)
	case c == '(':
		ok := true
		for n := 0; ok; n++ {
			if n > 0 && strings.HasPrefix(rest, ")") {
				return rest[1:], true
			}
			rest, ok = skipType(rest, depth+1)
		}
	}
	return "", false
}

// scalar makes a boolean or a number. An integer without a type is an int32, a
// number with a point or an exponent a double.
func scalar(want, w string) (Variant, error) {
	if w == "true" || w == "false" {
		return mustBe(want, Bool(w == "true"))
	}
	if want == "" {
		want = "i"
		if hex := strings.Contains(w, "0x"); !hex && strings.ContainsAny(w, ".eE") {
			want = "d"
		}
	}
	bits, signed := 0, false
	switch want {
	case "y":
		bits = 8
	case "n":
		bits, signed = 16, true
	case "q":
		bits = 16
	case "i", "h":
		bits, signed = 32, true
	case "u":
		bits = 32
	case "x":
		bits, signed = 64, true
	case "t":
		bits = 64
	case "d":
		f, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return Variant{}, fmt.Errorf("%q is not a number", w)
		}
		return Variant{"d", func(e *encoder) { e.uint64(math.Float64bits(f)) }}, nil
	default:
		return Variant{}, fmt.Errorf("%q is not a value of type %s", w, want)
	}
	var n uint64
	var err error
	if signed {
		var i int64
		i, err = strconv.ParseInt(w, 0, bits)
		n = uint64(i)
	} else {
		n, err = strconv.ParseUint(w, 0, bits)
	}
	if err != nil {
		return Variant{}, fmt.Errorf("%q is not a value of type %s", w, want)
	}
	return Variant{want, func(e *encoder) {
		switch bits {
		case 8:
			e.byte(byte(n))
		case 16:
			e.uint16(uint16(n))
		case 32:
			e.uint32(uint32(n))
		default:
			e.uint64(n)
		}
	}}, nil
}

func (p *textParser) array(want string, depth int) (Variant, error) {
	elem := ""
	if want != "" {
		if want[0] != 'a' {
			return Variant{}, fmt.Errorf("an array where type %s is expected", want)
		}
		elem = want[1:]
	}
	p.take('[')
	var list []Variant
	for !p.take(']') {
		if len(list) > 0 && !p.take(',') {
			return Variant{}, errors.New("a comma or ] is missing")
		}
		v, err := p.value(elem, depth+1)
		if err != nil {
			return Variant{}, err
		}
		elem = v.sig // the first element decides
		list = append(list, v)
	}
	if elem == "" {
		return Variant{}, errors.New("an empty array needs a type, as in @as []")
	}
	return Variant{"a" + elem, func(e *encoder) {
		e.array(alignment(elem[0]), func() {
			for _, v := range list {
				v.write(e)
			}
		})
	}}, nil
}

func (p *textParser) tuple(want string, depth int) (Variant, error) {
	members := ""
	if want != "" {
		if want[0] != '(' {
			return Variant{}, fmt.Errorf("a tuple where type %s is expected", want)
		}
		members = want[1 : len(want)-1]
	}
	p.take('(')
	sig := ""
	var list []Variant
	for !p.take(')') {
		if len(list) > 0 && !p.take(',') {
			return Variant{}, errors.New("a comma or ) is missing")
		}
		if len(list) > 0 && p.take(')') {
			break // "(1,)" is a tuple of one
		}
		one := ""
		if want != "" {
			rest, ok := skipType(members, 0)
			if !ok {
				return Variant{}, errors.New("the tuple has too many members")
			}
			one, members = members[:len(members)-len(rest)], rest
		}
		v, err := p.value(one, depth+1)
		if err != nil {
			return Variant{}, err
		}
		sig += v.sig
		list = append(list, v)
	}
	if len(list) == 0 || members != "" {
		return Variant{}, errors.New("the tuple has too few members")
	}
	return Variant{"(" + sig + ")", func(e *encoder) {
		e.align(8)
		for _, v := range list {
			v.write(e)
		}
	}}, nil
}

// quoted parses a string with its quotes and backslash escapes.
func (p *textParser) quoted() (string, error) {
	quote := p.rest[0]
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		c := p.rest[i]
		if c == quote {
			p.rest = p.rest[i+1:]
			return b.String(), nil
		}
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		if i++; i == len(p.rest) {
			break
		}
		switch c := p.rest[i]; c {
		case 'a', 'b', 'f', 'n', 'r', 't', 'v':
			b.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case 'u', 'U':
			n := 4
			if c == 'U' {
				n = 8
			}
			if i+n >= len(p.rest) {
				return "", errors.New("an escape is incomplete")
			}
			r, err := strconv.ParseUint(p.rest[i+1:i+1+n], 16, 32)
			if err != nil || r > 0x10ffff {
				return "", errors.New("an escape is not hexadecimal")
			}
			b.WriteRune(rune(r))
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("a quote is missing")
}

// Microseconds converts a number to uint64 microseconds, taking it for seconds,
// for the properties whose D-Bus names end in USec but which unit files name
// with Sec.
func (v Variant) Microseconds() (Variant, error) {
	var e encoder
	if len(v.sig) != 1 {
		return Variant{}, errors.New("must be a number of seconds")
	}
	v.write(&e)
	var n float64
	switch b := e.buf; v.sig {
	case "y":
		n = float64(b[0])
	case "n", "q", "i", "u", "x", "t", "d":
		n = number(v.sig[0], b)
	default:
		return Variant{}, errors.New("must be a number of seconds")
	}
	us := n * 1e6
	if us < 0 || us >= math.MaxUint64 || us != us {
		return Variant{}, errors.New("must be a number of seconds, not negative")
	}
	return Uint64(uint64(us)), nil
}

func number(sig byte, b []byte) float64 {
	var n uint64
	for i := len(b) - 1; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	switch sig {
	case 'n':
		return float64(int16(n))
	case 'i':
		return float64(int32(n))
	case 'x':
		return float64(int64(n))
	case 'd':
		return math.Float64frombits(n)
	}
	return float64(n)
}
