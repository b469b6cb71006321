// SPDX-License-Identifier: Apache-2.0

// Package libcontainer is the runtime as a library: what the commands of kist
// do, without the command line.
//
// It runs in the host's namespaces, in the kist process. Create reads a
// bundle, has package compile make a program of it, and serves the sync points
// of the nsexec that executes it: everything that must be done from outside
// (id maps, cgroup, hooks, network devices, labels) is done there. Start,
// Exec, Kill, Delete and the rest find the container by its record in package
// state and by the pidfd of its init, never by a bare pid.
//
// No Go code of kist ever runs inside a container.
package libcontainer

import (
	"errors"
	"log/slog"
	"time"

	"kist/libcontainer/cgroups"
	"kist/libcontainer/state"
)

// Runtime is what all commands share: the global flags.
type Runtime struct {
	Root           string // state directory
	RootSticky     bool   // it lies in $XDG_RUNTIME_DIR
	SystemdCgroup  bool
	CgroupDisabled bool
	Rootless       bool // tolerate missing cgroup permissions
	Log            *slog.Logger
	Trace          *Trace // nil: do not trace
	CacheDir       string // compiled seccomp filters
	Build          string // version of the binary, part of the cache's key
}

// Errors that callers and engines tell apart; the texts are runc's, which
// engines match on.
var (
	ErrExist      = state.ErrExist
	ErrNotExist   = state.ErrNotExist
	ErrNotRunning = state.ErrNotRunning
	ErrPaused     = errors.New("container paused")
	ErrNotPaused  = errors.New("container not paused")
	ErrStopped    = errors.New("cannot start a container that has stopped")
	ErrRunning    = errors.New("cannot start an already running container")
)

// lockWait bounds how long a command waits for another one on the same
// container.
const lockWait = 10 * time.Second

// Container is one container, found by its record.
type Container struct {
	rt    *Runtime
	root  *state.Root
	State *state.State
}

// Open finds a container.
func (rt *Runtime) Open(id string) (*Container, error) {
	root, err := state.Open(rt.Root)
	if err != nil {
		if errors.Is(err, state.ErrNotExist) {
			return nil, notExist(id)
		}
		return nil, err
	}
	s, err := root.Load(id)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Container{rt: rt, root: root, State: s}, nil
}

func notExist(id string) error { return &containerError{id, state.ErrNotExist} }

// containerError says which container an error is about.
type containerError struct {
	id  string
	err error
}

func (e *containerError) Error() string { return "container " + e.id + ": " + e.err.Error() }
func (e *containerError) Unwrap() error { return e.err }

// Close forgets the container.
func (c *Container) Close() { c.root.Close() }

// Status derives the container's status.
func (c *Container) Status() (state.Status, error) {
	return c.State.Status(c.frozen)
}

func (c *Container) frozen() bool {
	cg, err := c.Cgroup()
	if err != nil {
		return false
	}
	frozen, err := cg.Frozen()
	return err == nil && frozen
}

// Cgroup gives the container's cgroup from its record.
func (c *Container) Cgroup() (*cgroups.Cgroup, error) {
	return cgroups.Load(cgroups.Config{
		ID:          c.State.ID,
		Systemd:     c.State.Systemd,
		Rootless:    c.State.Rootless,
		Annotations: c.State.Annotations,
		Fresh:       c.State.CgroupFresh && c.State.Phase == state.Creating,
	}, c.State.CgroupPaths)
}
