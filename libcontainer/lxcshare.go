// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/libcontainer/state"
)

// shareNamespaces puts the namespaces of other containers (lxc.namespace.share)
// in the place of the paths that the importer could not know. They are opened
// here, while a pidfd proves whose they are, and nsexec finds them as
// descriptors of this process: a pid that is used again cannot slip in.
func (c *creation) shareNamespaces() error {
	for _, s := range c.lxc.Share {
		ns := findNamespace(c.spec.Linux.Namespaces, s.Type)
		if ns == nil || ns.Path == "" {
			return &compile.AnnotationError{Key: s.Key, Msg: fmt.Sprintf("/linux/namespaces has no %s namespace with a path", s.Type)}
		}
		fd, err := c.rt.openNamespace(s)
		if err != nil {
			return &compile.AnnotationError{Key: s.Key, Msg: err.Error()}
		}
		c.shared = append(c.shared, fd)
		ns.Path = "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(fd)
	}
	return nil
}

// openNamespace opens a namespace of a container's init.
func (rt *Runtime) openNamespace(s compile.Share) (int, error) {
	other, err := rt.Open(s.ID)
	if err != nil {
		return -1, err
	}
	defer other.Close()
	pidfd, err := other.State.OpenInit()
	if err != nil {
		return -1, fmt.Errorf("container %s: %w (start it first)", s.ID, err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.Open("/proc/"+strconv.Itoa(other.State.InitPid)+"/ns/"+procName(s.Type), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("container %s: namespace %s: open: %w", s.ID, s.Type, err)
	}
	// Still alive, so the pid was its own when the path was opened.
	if err := unix.PidfdSendSignal(pidfd, 0, nil, 0); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("container %s: %w", s.ID, state.ErrNotRunning)
	}
	return fd, nil
}
