// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"context"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/criu"
	"kist/libcontainer/hooks"
)

// notified does what a stage of the restore needs.
func (c *restoration) notified(n criu.Notice) ([]string, error) {
	switch n.Stage {
	case criu.SetupNamespaces:
		return nil, c.surroundings(n.Pid)
	case criu.OrphanTerminal:
		if n.FD < 0 {
			return nil, fmt.Errorf("criu sent no terminal")
		}
		return nil, c.giveConsole(n.FD)
	case criu.PostRestore:
		return nil, c.restored(n.Pid)
	}
	if n.FD >= 0 {
		unix.Close(n.FD)
	}
	return nil, nil
}

// surroundings runs the hooks that make what lies around a container, such as
// its network: that is gone. The others belong to the start of its program,
// which began long ago.
func (c *restoration) surroundings(pid int) error {
	c.hooked = true
	h := c.spec.Hooks
	if h == nil {
		return nil
	}
	doc := ociState(c.state, specs.StateCreated)
	doc.Pid = pid
	ctx := context.Background()
	if err := hooks.Run(ctx, "prestart", h.Prestart, doc, hooks.Host{}); err != nil { //nolint:staticcheck // deprecated, not gone
		return err
	}
	return hooks.Run(ctx, "createRuntime", h.CreateRuntime, doc, hooks.Host{})
}

// restored records the container, whose processes stand still until CRIU is
// answered: from here on it can be signalled and deleted by others.
func (c *restoration) restored(pid int) error {
	if pid <= 1 {
		return fmt.Errorf("criu told of pid %d", pid)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("restored process %d: pidfd_open: %w", pid, err)
	}
	// A number alone is CRIU's word: what is not our child, we must not come to signal.
	if err := unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
		unix.Close(pidfd)
		return fmt.Errorf("restored process %d: not a child of kist: %w", pid, err)
	}
	c.pid, c.pidfd = pid, pidfd
	if err := c.readonlyRoot(); err != nil {
		return err
	}
	if err := c.state.RecordInit(pid, c.pidfd); err != nil {
		return err
	}
	c.state.Finish()
	c.hooked = true // whatever fails from here on, poststop hooks are due
	if err := c.dir.Save(c.state); err != nil {
		return err
	}
	if c.PidFile != "" {
		return writePidFile(c.PidFile, pid)
	}
	return nil
}

// undo takes back what was made. CRIU has killed what it has restored, or is
// about to.
func (c *restoration) undo() {
	if c.session != nil {
		c.session.Close()
	}
	if c.pidfd >= 0 {
		_ = unix.PidfdSendSignal(c.pidfd, unix.SIGKILL, nil, 0)
		var ws unix.WaitStatus
		for {
			if _, err := unix.Wait4(c.pid, &ws, 0, nil); err != unix.EINTR {
				break
			}
		}
	}
	if c.cgroup != nil && !c.cgroup.Absent() && c.cgroup.Exists() {
		if err := c.cgroup.Kill(); err != nil && !isForeign(err) {
			c.rt.Log.Warn("processes of a failed restore", "error", err.Error())
		}
	}
	c.creation.undo()
}

// close gives back what belongs to the restore.
func (c *restoration) close() {
	if c.session != nil {
		c.session.Close()
	}
	c.closeImages()
	if c.options != nil {
		c.inherit = append(c.inherit, c.options.ImagesDir, c.options.WorkDir)
	}
	for _, fd := range append(c.inherit, c.images, c.work, c.pidfd) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
