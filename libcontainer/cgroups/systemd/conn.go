// SPDX-License-Identifier: Apache-2.0

package systemd

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long systemd may take for one call and its job.
const patience = 30 * time.Second

// Error is a D-Bus error reply.
type Error struct {
	Name    string // e.g. org.freedesktop.systemd1.UnitExists
	Message string
}

func (e *Error) Error() string { return e.Message + " (" + e.Name + ")" }

func isError(err error, name string) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Name == name
}

// Conn is a connection to a systemd manager.
type Conn struct {
	fd     int
	bus    bool // through a message bus, not straight to systemd
	serial uint32
	buf    []byte // received, not parsed yet
	// Jobs that ended while another answer was waited for: path → result.
	ended map[string]string
}

// Connect connects to the system manager, or to the user's own.
func Connect(user bool) (*Conn, error) {
	all := errors.New("no address is known")
	for i, a := range addresses(user) {
		c, err := dial(a)
		if err == nil {
			return c, nil
		}
		if i > 0 {
			err = fmt.Errorf("%w; %w", all, err)
		}
		all = err
	}
	if user {
		return nil, fmt.Errorf("systemd: connect: %w (a user's systemd runs while the user is logged in, or always after"+
			" loginctl enable-linger; XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS must be set as in a login session)", all)
	}
	return nil, fmt.Errorf("systemd: connect: %w", all)
}

type address struct {
	path string // a leading "@" stands for an abstract name
	bus  bool
}

func addresses(user bool) []address {
	if !user {
		return []address{{"/run/systemd/private", false}, {"/run/dbus/system_bus_socket", true}}
	}
	var list []address
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		list = append(list, address{dir + "/systemd/private", false})
	}
	for a := range strings.SplitSeq(os.Getenv("DBUS_SESSION_BUS_ADDRESS"), ";") {
		if p := busPath(a); p != "" {
			list = append(list, address{p, true})
		}
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		list = append(list, address{dir + "/bus", true})
	}
	return list
}

// busPath extracts the socket from one address of the form
// unix:path=/run/user/1000/bus,guid=…, or returns "" for another transport.
func busPath(a string) string {
	rest, ok := strings.CutPrefix(strings.TrimSpace(a), "unix:")
	if !ok {
		return ""
	}
	for kv := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(kv, "=")
		v, ok := unescape(v)
		switch {
		case !ok || v == "":
		case k == "path":
			return v
		case k == "abstract":
			return "@" + v
		}
	}
	return ""
}

// unescape undoes the %XX escapes of D-Bus addresses.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		hi, lo := strings.IndexByte("0123456789abcdef", s[i+1]|0x20), strings.IndexByte("0123456789abcdef", s[i+2]|0x20)
		if hi < 0 || lo < 0 {
			return "", false
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	return b.String(), true
}

func dial(a address) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	c := &Conn{fd: fd, bus: a.bus, ended: make(map[string]string)}
	tv := unix.NsecToTimeval(int64(patience))
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: a.path}); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	if err := c.handshake(); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", a.path, err)
	}
	return c, nil
}

// Close closes the connection.
func (c *Conn) Close() { unix.Close(c.fd) }

// handshake authenticates by the socket's credentials. No user id is sent:
// systemd takes it from the kernel, which is right in a user namespace too.
func (c *Conn) handshake() error {
	if err := c.write([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")); err != nil {
		return err
	}
	end := time.Now().Add(patience)
	for {
		line, err := c.line(end)
		if err != nil {
			return fmt.Errorf("authenticate: %w", err)
		}
		switch word, _, _ := strings.Cut(line, " "); word {
		case "DATA":
			continue
		case "OK":
		default:
			return fmt.Errorf("authenticate: %q", line)
		}
		break
	}
	if !c.bus {
		return nil
	}
	const bus = "org.freedesktop.DBus"
	if _, err := c.call(bus, "/org/freedesktop/DBus", bus, "Hello", "", nil); err != nil {
		return err
	}
	rule := "type='signal',interface='" + managerInterface + "',member='JobRemoved'"
	if _, err := c.call(bus, "/org/freedesktop/DBus", bus, "AddMatch", "s", func(e *encoder) { e.string(rule) }); err != nil {
		return err
	}
	_, err := c.manager("Subscribe", "", nil)
	return err
}

func (c *Conn) line(end time.Time) (string, error) {
	for {
		if s, rest, ok := strings.Cut(string(c.buf), "\r\n"); ok {
			c.buf = []byte(rest)
			return s, nil
		}
		if len(c.buf) > 4096 {
			return "", errMalformed
		}
		if err := c.receive(end); err != nil {
			return "", err
		}
	}
}

func (c *Conn) write(b []byte) error {
	for len(b) > 0 {
		n, err := unix.SendmsgN(c.fd, b, nil, nil, unix.MSG_NOSIGNAL)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// receive appends whatever arrives next to c.buf.
func (c *Conn) receive(end time.Time) error {
	for {
		left := time.Until(end)
		if left <= 0 {
			return fmt.Errorf("no answer within %s", patience)
		}
		fds := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(left/time.Millisecond)+1)
		if errors.Is(err, unix.EINTR) || err == nil && n == 0 {
			continue
		}
		if err != nil {
			return err
		}
		var chunk [4096]byte
		n, err = unix.Read(c.fd, chunk[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("receive: %w", err)
		case n == 0:
			return errors.New("the connection was closed")
		}
		c.buf = append(c.buf, chunk[:n]...)
		return nil
	}
}

// next returns the next message.
func (c *Conn) next(end time.Time) (*message, error) {
	for {
		if len(c.buf) >= 16 {
			header, body, err := headerLength(c.buf)
			if err != nil {
				return nil, err
			}
			if n := header + body; len(c.buf) >= n {
				m, err := parseMessage(c.buf[:n:n])
				c.buf = c.buf[n:]
				return m, err
			}
		}
		if err := c.receive(end); err != nil {
			return nil, err
		}
	}
}

// call makes a method call and waits for its answer.
func (c *Conn) call(destination, path, iface, member, sig string, body func(*encoder)) (*message, error) {
	serial, err := c.send(destination, path, iface, member, sig, body)
	if err != nil {
		return nil, err
	}
	return c.answer(serial, member)
}

// send sends a method call; answer(serial) has what comes of it.
func (c *Conn) send(destination, path, iface, member, sig string, body func(*encoder)) (serial uint32, err error) {
	c.serial++
	if err := c.write(encodeCall(c.bus, c.serial, destination, path, iface, member, sig, body)); err != nil {
		return 0, fmt.Errorf("%s: %w", member, err)
	}
	return c.serial, nil
}

// answer waits for the answer to a call; there is never more than one out. Ends
// of jobs that are reported meanwhile are remembered.
func (c *Conn) answer(serial uint32, member string) (*message, error) {
	end := time.Now().Add(patience)
	for {
		m, err := c.next(end)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", member, err)
		}
		if m.kind == typeSignal {
			c.noteJob(m)
			continue
		}
		if m.reply != serial {
			continue
		}
		if m.kind == typeError {
			text := m.errorName
			if strings.HasPrefix(m.signature, "s") {
				text = m.body.string()
			}
			return nil, fmt.Errorf("%s: %w", member, &Error{m.errorName, text})
		}
		return m, nil
	}
}

func encodeCall(bus bool, serial uint32, destination, path, iface, member, sig string, body func(*encoder)) []byte {
	var b encoder
	if body != nil {
		body(&b)
	}
	var e encoder
	e.buf = make([]byte, 0, 256+len(b.buf))
	e.buf = append(e.buf, 'l', typeCall, 0, 1)
	e.uint32(uint32(len(b.buf)))
	e.uint32(serial)
	e.array(8, func() {
		field := func(code byte, v Variant) {
			e.align(8)
			e.byte(code)
			e.variant(v)
		}
		field(fieldPath, Variant{"o", func(e *encoder) { e.string(path) }})
		field(fieldInterface, String(iface))
		field(fieldMember, String(member))
		if bus {
			field(fieldDestination, String(destination))
		}
		if sig != "" {
			field(fieldSignature, Variant{"g", func(e *encoder) { e.signature(sig) }})
		}
	})
	e.align(8)
	return append(e.buf, b.buf...)
}
