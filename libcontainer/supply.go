// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"

	"golang.org/x/sys/unix"

	"kist/libcontainer/launch"
	"kist/libcontainer/program"
	"kist/libcontainer/reaper"
)

// supplied are the descriptors that a program needs of the parent.
type supplied struct {
	fds []int
}

func (s *supplied) close() {
	for _, fd := range s.fds {
		unix.Close(fd)
	}
	s.fds = nil
}

// supply opens what a program needs, in its order.
func (c *creation) supply(p *program.Program) (*supplied, error) {
	s := &supplied{}
	maps := mappingNamespaces{c: c}
	defer maps.close()
	for i := range p.Needs {
		n := &p.Needs[i]
		var fd int
		var err error
		switch n.Kind {
		case program.NeedTree:
			fd, err = c.openTree(n, &maps)
		case program.NeedListen:
			fd, err = listenStart(c.dir.FD())
		case program.NeedInit:
			fd, err = launch.Sealed("kist:init", reaper.Image)
		default:
			err = fmt.Errorf("a program of create cannot need %d", n.Kind)
		}
		if err != nil {
			s.close()
			return nil, fmt.Errorf("config.json: %s: %w", n.Cause, err)
		}
		s.fds = append(s.fds, fd)
	}
	return s, nil
}

// openTree clones a mount of the host, detached, with what only the host's
// root may do to it.
func (c *creation) openTree(n *program.Need, maps *mappingNamespaces) (int, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if n.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, n.Path, flags)
	if err != nil && c.lxc.Optional(n.Cause.Index) {
		// Nothing that can be mounted: nsexec goes on without it.
		return unix.Eventfd(0, unix.EFD_CLOEXEC)
	}
	if err != nil {
		return -1, fmt.Errorf("open_tree %s: %w", n.Path, err)
	}
	if n.IDMap >= 0 {
		userns, err := maps.of(n.IDMap)
		if err != nil {
			unix.Close(fd)
			return -1, err
		}
		if err := setIDMap(fd, userns, n.RIDMap); err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("%s: %w", n.Path, err)
		}
	}
	return fd, nil
}
