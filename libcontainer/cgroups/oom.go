// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/sys/unix"
)

// OOMKilled tells how many processes of the cgroup the kernel has killed for
// lack of memory. It is 0 without a memory controller.
func (c *Cgroup) OOMKilled() (uint64, error) {
	d := c.dir("memory")
	if d == nil {
		return 0, nil
	}
	file := d.path + "/memory.oom_control"
	if c.mode == V2 {
		file = d.path + "/memory.events"
	}
	data, err := readFile(file)
	if err != nil {
		if isGone(err) {
			return 0, nil
		}
		return 0, fmt.Errorf("cgroup %s: %w", file, err)
	}
	v := field(data, "oom_kill")
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("cgroup %s: %w", file, err)
	}
	return n, nil
}

// OOMEvents waits for the kernel to run out of the cgroup's memory. It belongs
// to one goroutine.
type OOMEvents struct {
	c       *Cgroup
	watched int // memory.events (v2) or an eventfd (v1)
	control int // v1: the directory's own end, see Wait
	last    uint64
}

// OOMEvents starts watching. ErrNotExist means that the cgroup is gone.
func (c *Cgroup) OOMEvents() (*OOMEvents, error) {
	if c.absent {
		return nil, ErrAbsent
	}
	d := c.dir("memory")
	if d == nil {
		return nil, errors.New("cgroup: watch for OOM: the memory controller is not mounted")
	}
	o := &OOMEvents{c: c, watched: -1, control: -1}
	var err error
	if c.mode == V2 {
		err = o.openV2(d.path)
	} else {
		err = o.openV1(d.path)
	}
	if err != nil {
		o.Close()
		if isGone(err) && !c.Exists() {
			err = ErrNotExist
		}
		return nil, fmt.Errorf("cgroup %s: watch for OOM: %w", d.path, err)
	}
	return o, nil
}

func (o *OOMEvents) openV2(p string) (err error) {
	if o.watched, err = openRetry(p+"/memory.events", unix.O_RDONLY); err != nil {
		return err
	}
	// The wake-up for memory.events does not come when the cgroup is removed;
	// that of cgroup.events does, when its last process ends.
	if o.control, err = openRetry(p+"/cgroup.events", unix.O_RDONLY); err != nil {
		return err
	}
	if _, err = readFD(o.control); err != nil {
		return err
	}
	o.last, err = o.count()
	return err
}

// openV1 registers an eventfd for memory.oom_control. The kernel signals it at
// every OOM, and once more when the cgroup is removed.
func (o *OOMEvents) openV1(p string) (err error) {
	if o.control, err = openRetry(p+"/memory.oom_control", unix.O_RDONLY); err != nil {
		return err
	}
	if o.watched, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return err
	}
	return writeFile(p+"/cgroup.event_control", strconv.Itoa(o.watched)+" "+strconv.Itoa(o.control))
}

// count reads oom and oom_kill from memory.events: either means an OOM.
func (o *OOMEvents) count() (uint64, error) {
	if _, err := unix.Seek(o.watched, 0, io.SeekStart); err != nil {
		return 0, err
	}
	data, err := readFD(o.watched)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(field(data, "oom_kill"), 10, 64)
}

// Wait blocks until the next OOM. It returns io.EOF when the cgroup is empty
// (v2) or removed (v1), or when stop, a descriptor, becomes readable; -1 for
// none.
func (o *OOMEvents) Wait(stop int) error {
	for {
		fds := []unix.PollFd{{Fd: int32(o.watched), Events: unix.POLLIN}, {Fd: int32(stop), Events: unix.POLLIN}, {Fd: -1}}
		if o.c.mode == V2 {
			fds[0].Events = unix.POLLPRI
			fds[2] = unix.PollFd{Fd: int32(o.control), Events: unix.POLLPRI}
		}
		if _, err := unix.Poll(fds, -1); err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			return fmt.Errorf("cgroup: wait for OOM: %w", err)
		}
		if fds[1].Revents != 0 {
			return io.EOF
		}
		oom, err := o.check()
		if oom || err != nil {
			return err
		}
	}
}

// check reads what the wake-up was about.
func (o *OOMEvents) check() (bool, error) {
	if o.c.mode != V2 {
		var b [8]byte
		if _, err := unix.Read(o.watched, b[:]); err != nil {
			return false, err
		}
		if !o.c.Exists() {
			return false, io.EOF
		}
		return binary.NativeEndian.Uint64(b[:]) > 0, nil
	}
	n, err := o.count()
	if err == nil && n > o.last {
		o.last = n
		return true, nil
	}
	if err == nil {
		if _, err = unix.Seek(o.control, 0, io.SeekStart); err == nil {
			var data string
			if data, err = readFD(o.control); err == nil && field(data, "populated") == "0" {
				err = io.EOF
			}
		}
	}
	if isGone(err) {
		err = io.EOF
	}
	return false, err
}

// Close stops watching.
func (o *OOMEvents) Close() {
	for _, fd := range [...]int{o.watched, o.control} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
