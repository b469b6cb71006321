// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/idmap"
)

// writeMaps gives the new user namespace its ids.
func (c *creation) writeMaps() error {
	defer c.rt.Trace.phase("id maps")()
	l := c.spec.Linux
	if _, err := idmap.Write(c.session.Pid, l.UIDMappings, l.GIDMappings, idmap.FindHelpers()); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	return nil
}

// deniesSetgroups says whether the process's user namespace has given up
// setgroups(2), as one with a single mapping made without privilege must.
func deniesSetgroups(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/setgroups")
	return err == nil && len(b) >= 4 && string(b[:4]) == "deny"
}

// mappingNamespaces makes the user namespaces that id-mapped mounts take their
// maps from, one for all mounts with the container's own.
type mappingNamespaces struct {
	c   *creation
	own int // descriptor, 0 if there is none yet
	fds []int
}

func (m *mappingNamespaces) close() {
	for _, fd := range m.fds {
		unix.Close(fd)
	}
}

// of gives the namespace for a mount.
func (m *mappingNamespaces) of(index int) (int, error) {
	mount := &m.c.spec.Mounts[index]
	own := len(mount.UIDMappings) == 0 && len(mount.GIDMappings) == 0 && m.c.lxc.IDMap(index) == ""
	if own && m.own != 0 {
		return m.own, nil
	}
	uids, gids := mount.UIDMappings, mount.GIDMappings
	var fd int
	var err error
	if path := m.c.lxc.IDMap(index); path != "" {
		if fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return -1, fmt.Errorf("user namespace %s: open: %w", path, err)
		}
		m.fds = append(m.fds, fd)
		return fd, nil
	}
	ns := findNamespace(m.c.spec.Linux.Namespaces, specs.UserNamespace)
	switch {
	case own && ns != nil && ns.Path != "":
		if fd, err = unix.Open(ns.Path, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			err = fmt.Errorf("user namespace %s: open: %w", ns.Path, err)
		}
	case own:
		uids, gids = m.c.spec.Linux.UIDMappings, m.c.spec.Linux.GIDMappings
		fallthrough
	default:
		fd, err = idmap.NewNamespace(uids, gids, idmap.FindHelpers())
	}
	if err != nil {
		return -1, err
	}
	m.fds = append(m.fds, fd)
	if own {
		m.own = fd
	}
	return fd, nil
}
