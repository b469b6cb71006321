// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"kist/libcontainer/cgroups"
	"kist/libcontainer/intelrdt"
	"kist/libcontainer/state"
)

// killLimit bounds how long a killed container may take to die: a process in
// uninterruptible sleep cannot be helped, and is reported.
const killLimit = 10 * time.Second

// Delete removes a container and everything that its record names. With force
// a living one is killed first, a damaged record is no obstacle, and a missing
// container is a success.
func (rt *Runtime) Delete(id string, force bool) error {
	root, err := state.Open(rt.Root)
	if err != nil {
		if errors.Is(err, state.ErrNotExist) {
			return absent(id, force)
		}
		return err
	}
	defer root.Close()
	dir, err := root.Lock(id, lockWait)
	if err != nil {
		if !errors.Is(err, state.ErrNotExist) {
			return err
		}
		if err := root.Sweep(id); err != nil {
			return err
		}
		return absent(id, force)
	}
	defer dir.Unlock()
	s, err := dir.Load()
	if err != nil {
		return rt.deleteDamaged(dir, id, force, err)
	}
	c := &Container{rt: rt, root: root, State: s}
	if err := c.stop(force); err != nil {
		return err
	}
	return c.remove(dir)
}

func absent(id string, force bool) error {
	if force {
		return nil
	}
	return notExist(id)
}

// deleteDamaged removes a container whose record cannot be read: only what
// follows from its id is touched.
func (rt *Runtime) deleteDamaged(dir *state.Dir, id string, force bool, err error) error {
	if !force {
		return err
	}
	rt.Log.Warn("record of the container is damaged: removing its directory and its default cgroup", "id", id, "error", err.Error())
	if cg, err := cgroups.New(cgroups.Config{ID: id, Systemd: rt.SystemdCgroup, Rootless: rt.Rootless, Disabled: rt.CgroupDisabled}); err == nil && cg.Exists() {
		if err := cg.Kill(); err != nil {
			rt.Log.Warn("kill", "id", id, "error", err.Error())
		}
		if err := cg.Destroy(); err != nil {
			rt.Log.Warn("cgroup", "id", id, "error", err.Error())
		}
	}
	if err := rt.dropRootMount(id); err != nil {
		return err
	}
	if err := rt.takeProfileOf(id); err != nil {
		return err
	}
	return dir.Remove()
}

// stop makes sure that nothing of the container runs.
func (c *Container) stop(force bool) error {
	status, err := c.Status()
	if err != nil && !force {
		return err
	}
	switch status {
	case state.StatusStopped:
	case state.StatusCreated: // it has never run: as good as stopped, engines rely on it
	case state.StatusCreating:
		if !force {
			return c.about(fmt.Errorf("is being created by pid %d", c.State.CreatorPid))
		}
	default:
		if !force {
			return fmt.Errorf("cannot delete container %s that is not stopped: %s", c.State.ID, status)
		}
		if status == state.StatusRunning {
			c.stopLXC()
		}
	}
	return c.killAll()
}

// killAll kills init and, where its death does not take the others along,
// everything in the cgroup, and waits until they are gone.
func (c *Container) killAll() error {
	cg, err := c.Cgroup()
	if err != nil {
		return err
	}
	pidfd, err := c.State.OpenInit()
	switch {
	case err == nil:
		defer unix.Close(pidfd)
		if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
			return c.about(fmt.Errorf("kill: %w", err))
		}
	case !errors.Is(err, ErrNotRunning):
		return err
	}
	// The death of a pid namespace's first process is the death of all in it.
	gone := pidfd < 0 && c.State.PrivatePID && c.State.Phase == state.Created
	if !gone && !cg.Absent() && cg.Exists() {
		if pidfd < 0 || !c.State.PrivatePID || c.frozen() {
			if err := cg.Kill(); isForeign(err) {
				c.spared(cg)
			} else if err != nil {
				return c.about(err)
			}
		}
	}
	if pidfd >= 0 && !waitExit(pidfd, killLimit) {
		return c.about(fmt.Errorf("init, pid %d, does not die (uninterruptible sleep?)", c.State.InitPid))
	}
	return nil
}

// isForeign says that a cgroup is not kist's to kill or to remove: somebody had
// made it before the container came.
func isForeign(err error) bool {
	var foreign *cgroups.ForeignError
	return errors.As(err, &foreign)
}

// spared tells of processes that outlive the container: in somebody else's
// cgroup only init is known to be the container's.
func (c *Container) spared(cg *cgroups.Cgroup) {
	pids, err := cg.Pids()
	pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == c.State.InitPid })
	if err == nil && len(pids) > 0 {
		c.rt.Log.Warn("the cgroup was there before the container: only init is killed, not what else runs in it", "id", c.State.ID, "pids", pids)
	}
}

// waitExit waits for the end of a process.
func waitExit(pidfd int, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		left := max(time.Until(deadline), 0) + time.Millisecond - 1 // rounded up
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		return err == nil && n > 0
	}
}

// remove takes away what create made: cgroup, resctrl group, record; then the
// poststop hooks run, whose failure is only a warning.
func (c *Container) remove(dir *state.Dir) error {
	cg, err := c.Cgroup()
	if err != nil {
		return err
	}
	if err := cg.Destroy(); err != nil {
		return c.about(err)
	}
	if err := intelrdt.Remove(c.State.ResctrlGroup, c.State.ResctrlMonGroup); err != nil {
		return c.about(err)
	}
	if err := c.rt.dropRootMount(c.State.ID); err != nil {
		return c.about(err)
	}
	if err := takeProfile(c.State); err != nil {
		return c.about(err)
	}
	run := func() {}
	if c.State.HasHook("poststop") {
		hooks, err := c.hooks()
		if err != nil {
			c.rt.Log.Warn("poststop hooks are not run", "error", err.Error())
		} else {
			run = func() { c.rt.poststop(c.State, hooks) }
		}
	}
	if err := dir.Remove(); err != nil {
		return err
	}
	run()
	return nil
}
