// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/libcontainer/hooks"
	"kist/libcontainer/launch"
	"kist/libcontainer/state"
)

// inside starts hooks in a container's namespaces: through an nsexec of their
// own, whose program joins them and executes the hook. A createContainer
// hook's path is resolved on the host, since the root has not been entered
// yet; a startContainer hook's in the container.
type inside struct {
	pidfd      int // of a process in the namespaces
	namespaces []string
	root       int // O_PATH of the container's root where its mount namespace does not have it, -1
}

// Spawn implements hooks.Spawner.
func (in *inside) Spawn(argv0 string, argv, env []string, files [3]int) (pid, pidfd int, err error) {
	flags := namespaceFlags(in.namespaces)
	p, spawn, err := compile.Hook(&compile.HookInput{Namespaces: flags, Chroot: in.root >= 0, Path: argv0, Args: argv, Env: env})
	if err != nil {
		return 0, -1, err
	}
	extra := []int{in.pidfd}
	if in.root >= 0 {
		extra = append(extra, in.root)
	}
	s, err := launch.Start(&launch.Config{
		Program:    p,
		Cloneflags: spawn.Cloneflags,
		Forks:      spawn.Forks,
		ChildCode:  compile.SyncChild,
		Stdio:      files,
		Extra:      extra,
		CgroupFD:   -1,
	})
	if err != nil {
		return 0, -1, err
	}
	if _, err := s.Next(); err != io.EOF {
		s.Kill()
		s.Close()
		var f *launch.Failure
		if errors.As(err, &f) && f.Errno != 0 {
			return 0, -1, fmt.Errorf("execute: %w%s", f.Errno, joinHint(f))
		}
		if err == nil {
			err = errors.New("unexpected sync point")
		}
		return 0, -1, fmt.Errorf("execute: %w", err)
	}
	s.Release()
	return s.Pid, s.Pidfd, nil
}

// joinHint says why a hook could not enter the container's namespaces.
func joinHint(f *launch.Failure) string {
	if f.Errno != unix.EPERM || f.Program == nil || f.Program.Insns[f.Insn].Nr != unix.SYS_SETNS {
		return ""
	}
	return notRevealed
}

// notRevealed is the hint for who may not look at nsexec: see compile.Reveals.
const notRevealed = " (an ordinary user has hooks in a container's namespaces only where its user namespace is a new one, and its pid namespace not joined)"

// createHooks runs the hooks between the mounts and the new root. The status
// that they are told is created: the specification has "creating" for step 2
// of the lifecycle, the making of the environment, and the hooks are the steps
// after it.
func (c *creation) createHooks() error {
	defer c.rt.Trace.phase("hooks")()
	c.hooked = true
	h := c.spec.Hooks
	c.state.InitPid = c.session.Pid
	doc := ociState(c.state, specs.StateCreated)
	c.state.InitPid = 0
	ctx := c.context()
	if err := hooks.Run(ctx, "prestart", h.Prestart, doc, hooks.Host{}); err != nil { //nolint:staticcheck // deprecated, not gone
		return err
	}
	if err := hooks.Run(ctx, "createRuntime", h.CreateRuntime, doc, hooks.Host{}); err != nil {
		return err
	}
	spawner := &inside{pidfd: c.session.Pidfd, namespaces: c.state.Namespaces, root: -1}
	return hooks.Run(ctx, "createContainer", h.CreateContainer, doc, spawner)
}

// startContainer runs the hooks between start and execve.
func (st *startup) startContainer(pidfd int) error {
	defer st.rt.Trace.phase("hooks")()
	h, err := st.hooks()
	if err != nil || h == nil {
		return err
	}
	spawner := &inside{pidfd: pidfd, namespaces: st.state.Namespaces, root: -1}
	// Its mount namespace may be one that it has joined, with another root.
	if spawner.root, err = openRoot(st.state.InitPid); err != nil {
		if errors.Is(err, unix.EACCES) {
			err = fmt.Errorf("/hooks/startContainer: %w%s", err, notRevealed)
		}
		return err
	}
	defer unix.Close(spawner.root)
	return hooks.Run(st.ctx, "startContainer", h.StartContainer, ociState(st.state, specs.StateCreated), spawner)
}

// poststart runs the hooks after the process has begun. If one fails the
// container is stopped, and left for delete to take away.
func (st *startup) poststart(pidfd int) error {
	if !st.state.HasHook("poststart") {
		return nil
	}
	defer st.rt.Trace.phase("hooks")()
	h, err := st.hooks()
	if err != nil || h == nil {
		return err
	}
	err = hooks.Run(st.ctx, "poststart", h.Poststart, ociState(st.state, specs.StateRunning), hooks.Host{})
	if err != nil {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	return err
}

// poststop runs the last hooks; a failure is only a warning, and keeps none of
// the others from running.
func (rt *Runtime) poststop(s *state.State, h *specs.Hooks) {
	if h == nil || len(h.Poststop) == 0 {
		return
	}
	doc := ociState(s, specs.StateStopped)
	doc.Pid = 0
	if err := hooks.RunAll(context.Background(), "poststop", h.Poststop, doc, hooks.Host{}); err != nil {
		rt.Log.Warn(err.Error())
	}
}
