// SPDX-License-Identifier: Apache-2.0

package systemd

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	serviceName      = "org.freedesktop.systemd1"
	managerPath      = "/org/freedesktop/systemd1"
	managerInterface = "org.freedesktop.systemd1.Manager"
)

func (c *Conn) manager(member, sig string, body func(*encoder)) (*message, error) {
	return c.call(serviceName, managerPath, managerInterface, member, sig, body)
}

// noteJob remembers the result of a finished job: JobRemoved(id, job, unit,
// result).
func (c *Conn) noteJob(m *message) {
	if m.member != "JobRemoved" || m.iface != managerInterface || m.signature != "uoss" {
		return
	}
	m.body.uint32()
	job := m.body.string()
	m.body.string()
	result := m.body.string()
	if m.body.err == nil {
		c.ended[job] = result
	}
}

// wait waits for the end of the job in the answer m.
func (c *Conn) wait(m *message) (result string, err error) {
	job := m.body.string()
	if m.body.err != nil {
		return "", m.body.err
	}
	end := time.Now().Add(patience)
	for {
		if result, ok := c.ended[job]; ok {
			delete(c.ended, job)
			return result, nil
		}
		m, err := c.next(end)
		if err != nil {
			return "", fmt.Errorf("job %s: %w", job, err)
		}
		if m.kind == typeSignal {
			c.noteJob(m)
		}
	}
}

// Job is a transient unit that systemd has been asked for.
type Job struct {
	conn   *Conn
	name   string
	body   func(*encoder)
	serial uint32
}

const startUnit = "StartTransientUnit"

// Start asks for a transient unit. systemd works on it until Wait is called.
func (c *Conn) Start(name string, properties []Property) (*Job, error) {
	j := &Job{conn: c, name: name, body: func(e *encoder) {
		e.string(name)
		e.string("replace")
		e.properties(properties)
		e.array(8, func() {}) // auxiliary units: none
	}}
	if err := j.ask(); err != nil {
		return nil, fmt.Errorf("systemd: unit %s: %w", name, err)
	}
	return j, nil
}

func (j *Job) ask() (err error) {
	j.serial, err = j.conn.send(serviceName, managerPath, managerInterface, startUnit, "ssa(sv)a(sa(sv))", j.body)
	return err
}

// Wait waits until the unit has started. A failed unit of the same name that
// was left behind is cleared away, and systemd asked again.
func (j *Job) Wait() error {
	m, err := j.conn.answer(j.serial, startUnit)
	if isError(err, "org.freedesktop.systemd1.UnitExists") && j.conn.ResetFailed(j.name) == nil {
		if err = j.ask(); err == nil {
			m, err = j.conn.answer(j.serial, startUnit)
		}
	}
	if err != nil {
		return fmt.Errorf("systemd: unit %s: %w", j.name, err)
	}
	result, err := j.conn.wait(m)
	if err == nil && result != "done" {
		err = errors.New("start: " + result)
	}
	if err != nil {
		_ = j.conn.ResetFailed(j.name)
		return fmt.Errorf("systemd: unit %s: %w", j.name, err)
	}
	return nil
}

// Stop stops a unit and waits for it. A unit that does not exist is fine.
func (c *Conn) Stop(name string) error {
	m, err := c.manager("StopUnit", "ss", func(e *encoder) {
		e.string(name)
		e.string("replace")
	})
	if err == nil {
		_, err = c.wait(m)
	}
	if isError(err, "org.freedesktop.systemd1.NoSuchUnit") {
		err = nil
	}
	// A unit that failed (its processes were killed for memory, say) would stay
	// in the list of failed units for ever.
	_ = c.ResetFailed(name)
	if err != nil {
		return fmt.Errorf("systemd: unit %s: %w", name, err)
	}
	return nil
}

// ResetFailed makes systemd forget that a unit failed.
func (c *Conn) ResetFailed(name string) error {
	_, err := c.manager("ResetFailedUnit", "s", func(e *encoder) { e.string(name) })
	return err
}

// SetProperties changes a unit until the next boot.
func (c *Conn) SetProperties(name string, properties []Property) error {
	_, err := c.manager("SetUnitProperties", "sba(sv)", func(e *encoder) {
		e.string(name)
		e.bool(true)
		e.properties(properties)
	})
	if err != nil {
		return fmt.Errorf("systemd: unit %s: %w", name, err)
	}
	return nil
}

// Attach moves a process into the unit, or into the existing sub-cgroup of it
// that sub names ("" for none, else starting with "/").
func (c *Conn) Attach(name, sub string, pid int) error {
	_, err := c.manager("AttachProcessesToUnit", "ssau", func(e *encoder) {
		e.string(name)
		e.string(sub)
		Uint32s(uint32(pid)).write(e)
	})
	if err != nil {
		return fmt.Errorf("systemd: unit %s: pid %d: %w", name, pid, err)
	}
	return nil
}

// ControlGroup returns the cgroup of the manager itself: "/" for the system's,
// /user.slice/user-1000.slice/user@1000.service for a user's.
func (c *Conn) ControlGroup() (string, error) { return c.property("ControlGroup") }

// Version returns the major version of systemd.
func (c *Conn) Version() (int, error) {
	s, err := c.property("Version")
	if err != nil {
		return 0, err
	}
	v, ok := parseVersion(s)
	if !ok {
		return 0, fmt.Errorf("systemd: version %q: not understood", s)
	}
	return v, nil
}

// parseVersion finds the first number: "252.31-1~deb12u1", "v245.4-1.fc32".
func parseVersion(s string) (int, bool) {
	v, ok := 0, false
	for i := 0; i < len(s) && v < 1<<20; i++ {
		switch b := s[i]; {
		case b >= '0' && b <= '9':
			v, ok = 10*v+int(b-'0'), true
		case ok:
			return v, true
		}
	}
	return v, ok
}

func (c *Conn) property(name string) (string, error) {
	return c.propertyOf(managerPath, managerInterface, name)
}

func (c *Conn) propertyOf(path, iface, name string) (string, error) {
	m, err := c.call(serviceName, path, "org.freedesktop.DBus.Properties", "Get", "ss", func(e *encoder) {
		e.string(iface)
		e.string(name)
	})
	if err != nil {
		return "", fmt.Errorf("systemd: property %s: %w", name, err)
	}
	sig := m.body.signature()
	s := m.body.string()
	if m.body.err != nil || sig != "s" {
		return "", fmt.Errorf("systemd: property %s: %w", name, errMalformed)
	}
	return s, nil
}

// Unit is what tells one unit from another of the same name.
type Unit struct {
	Description string
	Slice       string // of a scope, else ""
}

// Unit returns a unit, nil for one that systemd does not have.
func (c *Conn) Unit(name string) (*Unit, error) {
	m, err := c.manager("GetUnit", "s", func(e *encoder) { e.string(name) })
	if isError(err, "org.freedesktop.systemd1.NoSuchUnit") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("systemd: unit %s: %w", name, err)
	}
	path := m.body.string()
	if m.body.err != nil || m.signature != "o" {
		return nil, fmt.Errorf("systemd: unit %s: %w", name, errMalformed)
	}
	u := &Unit{}
	if u.Description, err = c.propertyOf(path, "org.freedesktop.systemd1.Unit", "Description"); err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".scope") {
		u.Slice, err = c.propertyOf(path, "org.freedesktop.systemd1.Scope", "Slice")
	}
	return u, err
}
