// SPDX-License-Identifier: Apache-2.0

package systemd

import (
	"encoding/binary"
	"errors"
)

var errMalformed = errors.New("malformed D-Bus message")

// decoder reads values from a message. The first error sticks, and everything
// read after it is zero, so that the callers need to look only once.
type decoder struct {
	buf   []byte
	at    int
	order binary.ByteOrder
	err   error
}

func (d *decoder) align(n int) {
	for d.at%n != 0 {
		d.at++
	}
}

func (d *decoder) next(n int) []byte {
	if d.err != nil || n < 0 || d.at > len(d.buf) || n > len(d.buf)-d.at {
		d.err = errMalformed
		return nil
	}
	b := d.buf[d.at : d.at+n]
	d.at += n
	return b
}

func (d *decoder) byte() byte {
	if b := d.next(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	d.align(4)
	if b := d.next(4); b != nil {
		return d.order.Uint32(b)
	}
	return 0
}

func (d *decoder) string() string {
	n := d.uint32()
	if n > maxMessage {
		d.err = errMalformed
		return ""
	}
	s := string(d.next(int(n)))
	d.next(1)
	return s
}

func (d *decoder) signature() string {
	s := string(d.next(int(d.byte())))
	d.next(1)
	return s
}

// Message types and header fields of the D-Bus specification.
const (
	typeCall   = 1
	typeReturn = 2
	typeError  = 3
	typeSignal = 4

	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSignature   = 8
)

// maxMessage is far above anything systemd answers to the calls made here.
const maxMessage = 1 << 20

// message is a received message, as far as it is of interest.
type message struct {
	kind      byte
	reply     uint32 // serial of the call that it answers
	iface     string
	member    string
	errorName string
	signature string
	body      *decoder
}

// headerLength tells from the first 16 bytes how long the header with its
// fields, and how long the body is.
func headerLength(fixed []byte) (header, body int, err error) {
	order, err := byteOrder(fixed[0])
	if err != nil {
		return 0, 0, err
	}
	fields, length := order.Uint32(fixed[12:]), order.Uint32(fixed[4:])
	if fixed[3] != 1 || fields > maxMessage || length > maxMessage {
		return 0, 0, errMalformed
	}
	return (16 + int(fields) + 7) &^ 7, int(length), nil
}

func byteOrder(b byte) (binary.ByteOrder, error) {
	switch b {
	case 'l':
		return binary.LittleEndian, nil
	case 'B':
		return binary.BigEndian, nil
	}
	return nil, errMalformed
}

// parseMessage parses a complete message.
func parseMessage(buf []byte) (*message, error) {
	if len(buf) < 16 {
		return nil, errMalformed
	}
	header, body, err := headerLength(buf)
	if err != nil || len(buf) != header+body {
		return nil, errMalformed
	}
	order, _ := byteOrder(buf[0])
	m := &message{kind: buf[1]}
	d := &decoder{buf: buf[:header], at: 12, order: order}
	end := int(d.uint32()) + 16
	for d.at < end && d.err == nil {
		d.align(8)
		m.field(d)
	}
	if d.err != nil || end > header {
		return nil, errMalformed
	}
	m.body = &decoder{buf: buf[header:], order: order}
	return m, nil
}

func (m *message) field(d *decoder) {
	code := d.byte()
	switch sig := d.signature(); sig {
	case "s", "o":
		s := d.string()
		switch code {
		case fieldInterface:
			m.iface = s
		case fieldMember:
			m.member = s
		case fieldErrorName:
			m.errorName = s
		}
	case "g":
		if s := d.signature(); code == fieldSignature {
			m.signature = s
		}
	case "u":
		if n := d.uint32(); code == fieldReplySerial {
			m.reply = n
		}
	default:
		d.err = errMalformed
	}
}
