// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Set writes the limits and the device rules. Call it after Create and before
// the container's process is born into the cgroup (v2) or lets itself in (v1);
// with systemd, after Attach. The error is a ResourceError or DelegationError.
func (c *Cgroup) Set() error {
	if c.absent {
		return c.requireNone()
	}
	list, err := settings(c.cfg.Resources, c.mode == V2)
	if err != nil {
		return err
	}
	if c.cfg.Systemd && !c.limitsAtStart() {
		if err := c.setUnit(c.cfg.Resources, true); err != nil {
			return err
		}
	}
	if _, err := c.write(list); err != nil {
		return err
	}
	return c.setDevices()
}

// write writes settings in order and returns the files written.
func (c *Cgroup) write(list []setting) (applied []string, err error) {
	again := make([]*setting, 0, 4)
	for i := range list {
		s := &list[i]
		file, err := c.writeSetting(s)
		switch {
		case err == nil:
			if file != "" {
				applied = append(applied, file)
			}
		case s.retry && errors.Is(err, unix.EINVAL):
			again = append(again, s)
		default:
			return applied, err
		}
	}
	for _, s := range again {
		file, err := c.writeSetting(s)
		if err != nil {
			return applied, err
		}
		applied = append(applied, file)
	}
	return applied, nil
}

// writeSetting writes one setting and returns the file's name, or "" if it is
// optional and not there.
func (c *Cgroup) writeSetting(s *setting) (string, error) {
	d := c.dir(s.controller)
	if d == nil {
		if s.optional {
			return "", nil
		}
		return "", &ResourceError{Pointer: s.pointer, Err: fmt.Errorf("the %s controller is not mounted on this host", s.controller)}
	}
	file, value := s.file, s.value
	err := writeFile(d.path+"/"+file, value)
	if s.alt != "" && errors.Is(err, unix.ENOENT) {
		file, value = s.alt, s.altValue
		err = writeFile(d.path+"/"+file, value)
	}
	if err == nil {
		return file, nil
	}
	if s.optional && errors.Is(err, unix.ENOENT) {
		return "", nil
	}
	return "", c.explain(s, d, file, value, err)
}

// explain turns an errno into what it means for the user.
func (c *Cgroup) explain(s *setting, d *dir, file, value string, err error) error {
	e := &ResourceError{Pointer: s.pointer, Path: d.path + "/" + file, Value: value, Err: err}
	missing := errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES)
	switch {
	case missing && c.mode == V2 && s.controller != "cgroup":
		have, rerr := readFirst(d.path + "/cgroup.controllers")
		if rerr == nil && !strings.Contains(" "+have+" ", " "+s.controller+" ") {
			if c.cfg.Rootless {
				return &DelegationError{Controller: s.controller, Path: d.path, Mode: c.mode, Err: fmt.Errorf("%s: %w", s.pointer, err)}
			}
			e.Err = fmt.Errorf("controller %s is not available here (cgroup.controllers has %q): %w", s.controller, have, err)
		} else if errors.Is(err, unix.ENOENT) {
			e.Err = fmt.Errorf("%w: %w", errNoFile, err)
		}
	case c.cfg.Rootless && isPermission(err):
		return &DelegationError{Controller: s.controller, Path: d.path, Mode: c.mode, Err: fmt.Errorf("%s: %w", s.pointer, err)}
	case errors.Is(err, unix.ENOENT):
		e.Err = fmt.Errorf("%w: %w", errNoFile, err)
	case errors.Is(err, unix.EBUSY) && s.file == "memory.limit_in_bytes":
		usage, _ := readFirst(d.path + "/memory.usage_in_bytes")
		peak, _ := readFirst(d.path + "/memory.max_usage_in_bytes")
		e.Err = fmt.Errorf("unable to set memory limit to %s (current usage: %s, peak usage: %s): %w", value, usage, peak, err)
	}
	return e
}
