// SPDX-License-Identifier: Apache-2.0

package systemd

import "encoding/binary"

// encoder builds a message in the D-Bus wire format, little endian. Alignment
// counts from the start of the buffer, so header and body are encoded apart.
type encoder struct{ buf []byte }

func (e *encoder) align(n int) {
	for len(e.buf)%n != 0 {
		e.buf = append(e.buf, 0)
	}
}

func (e *encoder) byte(b byte) { e.buf = append(e.buf, b) }

func (e *encoder) uint16(v uint16) {
	e.align(2)
	e.buf = binary.LittleEndian.AppendUint16(e.buf, v)
}

func (e *encoder) uint32(v uint32) {
	e.align(4)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, v)
}

func (e *encoder) uint64(v uint64) {
	e.align(8)
	e.buf = binary.LittleEndian.AppendUint64(e.buf, v)
}

func (e *encoder) bool(v bool) {
	if v {
		e.uint32(1)
	} else {
		e.uint32(0)
	}
}

func (e *encoder) string(s string) {
	e.uint32(uint32(len(s)))
	e.buf = append(append(e.buf, s...), 0)
}

func (e *encoder) signature(s string) {
	e.byte(byte(len(s)))
	e.buf = append(append(e.buf, s...), 0)
}

// array writes the length in front of what elements writes. The padding before
// the first element is there even if there is none, and does not count.
func (e *encoder) array(alignment int, elements func()) {
	e.uint32(0)
	at := len(e.buf) - 4
	e.align(alignment)
	start := len(e.buf)
	elements()
	binary.LittleEndian.PutUint32(e.buf[at:], uint32(len(e.buf)-start))
}

// alignment returns the alignment of a type from the first character of its
// signature.
func alignment(t byte) int {
	switch t {
	case 'y', 'g', 'v':
		return 1
	case 'n', 'q':
		return 2
	case 'x', 't', 'd', '(', '{':
		return 8
	}
	return 4
}

// Variant is a value with its type.
type Variant struct {
	sig   string
	write func(*encoder)
}

// Signature returns the D-Bus type.
func (v Variant) Signature() string { return v.sig }

// String makes a variant of type s.
func String(s string) Variant { return Variant{"s", func(e *encoder) { e.string(s) }} }

// Text returns the value of a string.
func (v Variant) Text() (string, bool) {
	if v.sig != "s" {
		return "", false
	}
	var e encoder
	v.write(&e)
	return string(e.buf[4 : len(e.buf)-1]), true
}

// Bool makes a variant of type b.
func Bool(b bool) Variant { return Variant{"b", func(e *encoder) { e.bool(b) }} }

// Uint64 makes a variant of type t.
func Uint64(n uint64) Variant { return Variant{"t", func(e *encoder) { e.uint64(n) }} }

// Bytes makes a variant of type ay.
func Bytes(b []byte) Variant {
	return Variant{"ay", func(e *encoder) { e.array(1, func() { e.buf = append(e.buf, b...) }) }}
}

// Strings makes a variant of type as.
func Strings(list ...string) Variant {
	return Variant{"as", func(e *encoder) {
		e.array(4, func() {
			for _, s := range list {
				e.string(s)
			}
		})
	}}
}

// Uint32s makes a variant of type au.
func Uint32s(list ...uint32) Variant {
	return Variant{"au", func(e *encoder) {
		e.array(4, func() {
			for _, n := range list {
				e.uint32(n)
			}
		})
	}}
}

// Pairs makes a variant of type a(ss).
func Pairs(list [][2]string) Variant {
	return Variant{"a(ss)", func(e *encoder) {
		e.array(8, func() {
			for _, p := range list {
				e.align(8)
				e.string(p[0])
				e.string(p[1])
			}
		})
	}}
}

// Property is a named setting of a unit, org.freedesktop.systemd1(5).
type Property struct {
	Name  string
	Value Variant
}

func (e *encoder) properties(list []Property) {
	e.array(8, func() {
		for _, p := range list {
			e.align(8)
			e.string(p.Name)
			e.variant(p.Value)
		}
	})
}

func (e *encoder) variant(v Variant) {
	e.signature(v.sig)
	v.write(e)
}
