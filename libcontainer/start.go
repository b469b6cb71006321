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
	"kist/libcontainer/launch"
	"kist/libcontainer/notify"
	"kist/libcontainer/spec"
	"kist/libcontainer/state"
	"kist/seccomp"
)

// startup is what a starting process may ask of its parent.
type startup struct {
	ctx      context.Context
	rt       *Runtime
	state    *state.State
	hooks    func() (*specs.Hooks, error) // decoded only if there are some
	listener listener
	limits   []specs.POSIXRlimit // of the process, if there is a listener
	attached bool                // to a process that another kist has made
}

// listener is where the seccomp agent waits, if the profile has one.
type listener struct{ path, metadata string }

// Start releases a created container's process. It returns when the process
// has executed its program and the poststart hooks have run.
func (c *Container) Start() error {
	dir, err := c.root.Lock(c.State.ID, lockWait)
	if err != nil {
		return err
	}
	defer dir.Unlock()
	if c.State, err = dir.Load(); err != nil {
		return err
	}
	status, err := c.Status()
	if err != nil {
		return err
	}
	switch status {
	case state.StatusCreated:
	case state.StatusStopped:
		return c.about(ErrStopped)
	case state.StatusPaused:
		return c.about(ErrPaused)
	case state.StatusCreating:
		return c.about(errors.New("container init still running")) // its create has not finished
	default:
		return c.about(ErrRunning)
	}
	if c.State.NoProcess {
		return c.about(errNoProcess)
	}
	pidfd, err := c.State.OpenInit()
	if err != nil {
		return c.about(ErrStopped)
	}
	defer unix.Close(pidfd)
	socket, err := listenNotify(c.State, dir)
	if err != nil {
		return c.about(err)
	}
	sock, err := connectStart(dir.FD())
	if err != nil {
		if errors.Is(err, unix.ECONNREFUSED) {
			return c.about(ErrStopped)
		}
		return c.about(err)
	}
	// Whatever comes now, there is nobody to start any more.
	if err := unix.Unlinkat(dir.FD(), state.StartSocket, 0); err != nil {
		c.rt.Log.Debug("remove "+state.StartSocket, "error", err.Error())
	}
	s := launch.Attach(sock, c.State.InitPid, pidfd)
	defer s.Release()
	st := &startup{ctx: context.Background(), rt: c.rt, state: c.State, hooks: c.hooks, attached: true}
	if c.State.SeccompNotify {
		if err := c.findListener(st); err != nil {
			return err
		}
	}
	if err := serveStart(s, st); err != nil {
		return c.about(c.failure(err, s, dir))
	}
	dir.Unlock() // what follows may take long, and the container is there for others
	if err := relayNotify(socket, pidfd, c.State.InitPid); err != nil && !errors.Is(err, notify.ErrExited) {
		return c.about(err)
	}
	return nil
}

// errKilled says why a container cannot be started although it had been created.
var errKilled error = killedError{}

type killedError struct{}

func (killedError) Error() string {
	return ErrStopped.Error() + ": init was killed before it executed its program"
}

func (killedError) Unwrap() error { return ErrStopped }

// serveStart serves a process between its release and its execve, and then
// runs the poststart hooks.
func serveStart(s *launch.Session, st *startup) error {
	leaving := false
	for {
		ev, err := s.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch ev.Code {
		case compile.SyncExec:
			leaving = true
			continue
		case compile.SyncStart:
			err = st.startContainer(s.Pidfd)
		case compile.SyncListener:
			if err = st.sendListener(s.Pid, ev.FD, specs.StateCreated); err == nil {
				err = limitFiles(s.Pid, st.limits)
			}
		default:
			err = fmt.Errorf("nsexec: sync point %d is not known here", ev.Code)
		}
		if ev.FD >= 0 {
			unix.Close(ev.FD)
		}
		if err != nil {
			return err
		}
		if err := s.Go(0); err != nil {
			return err
		}
	}
	if st.attached && (!leaving || waitExit(s.Pidfd, 0) && st.state.DiedWaiting()) {
		return errKilled
	}
	return st.poststart(s.Pidfd)
}

// sendListener hands the seccomp listener to its agent.
func (st *startup) sendListener(pid, fd int, status specs.ContainerState) error {
	doc := specs.ContainerProcessState{
		Version:  specs.Version,
		Pid:      pid,
		Metadata: st.listener.metadata,
		State:    ociState(st.state, status),
	}
	return seccomp.SendListener(st.listener.path, doc, fd)
}

// hooks decodes the hooks of the snapshot taken at create.
func (c *Container) hooks() (*specs.Hooks, error) {
	raw, err := c.root.Config(c.State.ID)
	if err != nil {
		return nil, err
	}
	return spec.DecodeHooks(raw)
}

// findListener finds the agent, and what is to be done when it has got the
// listener, in the snapshot taken at create.
func (c *Container) findListener(st *startup) error {
	raw, err := c.root.Config(c.State.ID)
	if err != nil {
		return err
	}
	cfg, err := spec.Decode(raw)
	if err != nil {
		return err
	}
	f, err := c.rt.filter(cfg.Seccomp)
	if err != nil || f == nil {
		return err
	}
	st.listener = listener{f.ListenerPath, f.ListenerMetadata}
	st.limits = cfg.Spec.Process.Rlimits
	return nil
}

func (c *Container) about(err error) error {
	if err == nil {
		return nil
	}
	return &containerError{c.State.ID, err}
}

// ociState is the state document of the specification, as hooks and agents
// get it.
func ociState(s *state.State, status specs.ContainerState) specs.State {
	return specs.State{
		Version:     s.OCIVersion,
		ID:          s.ID,
		Status:      status,
		Pid:         s.InitPid,
		Bundle:      s.Bundle,
		Annotations: s.Annotations,
	}
}
