// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrAbsent is returned by operations that need a cgroup where there is none.
var ErrAbsent = errors.New("container has no cgroup (cgroups are disabled, or a rootless caller was not allowed to make one)")

// ErrNotExist is returned where the cgroup was expected but is gone.
var ErrNotExist = errors.New("cgroup not exist")

// ForeignError refuses an operation on a cgroup that kist did not make for
// this container (invariant I-46).
type ForeignError struct {
	Op   string // "kill", "freeze", "remove"
	Path string
	Why  string
}

func (e *ForeignError) Error() string {
	return "cgroup " + e.Path + ": " + e.Op + ": refused: " + e.Why
}

// NotEmptyError is returned by Create for a cgroup that somebody already uses.
type NotEmptyError struct {
	Path string
	N    int
}

func (e *NotEmptyError) Error() string {
	return "cgroup " + e.Path + ": container's cgroup is not empty: " + strconv.Itoa(e.N) + " process(es) found"
}

// FrozenError is returned by Create for a cgroup that is frozen: a process born
// into it would hang forever.
type FrozenError struct{ Path string }

func (e *FrozenError) Error() string {
	return "cgroup " + e.Path + ": container's cgroup unexpectedly frozen"
}

// DelegationError says which controller the caller may not use, or that there
// is no cgroup that it may make one below, and what to do about it.
type DelegationError struct {
	Controller string // "" if the cgroup itself could not be made
	Path       string
	Mode       Mode
	Err        error
}

func (e *DelegationError) Error() string {
	what, remedy := "cgroup", "let your systemd make one, with --systemd-cgroup, or run kist in a unit of your own:"+
		" systemd-run --user --scope -p Delegate=yes"
	if e.Controller != "" {
		what, remedy = "controller "+e.Controller, "the administrator: systemctl edit user@.service, and there"+
			" [Service] Delegate=cpu cpuset io memory pids"
	}
	if e.Mode != V2 {
		remedy = "cgroup v1 is delegated by hand only: the administrator gives you a directory in every hierarchy, or boots with cgroup v2"
	}
	return "cgroup " + e.Path + ": " + what + " is not delegated to uid " + strconv.Itoa(os.Geteuid()) + ": " + e.Err.Error() +
		" (" + remedy + "; or remove the limits and cgroupsPath from config.json)"
}

func (e *DelegationError) Unwrap() error { return e.Err }

// ResourceError is a limit that could not be set.
type ResourceError struct {
	Pointer string   // JSON pointer into config.json
	Path    string   // cgroup file, "" if none was reached
	Value   string   // what was written
	Applied []string // cgroup files written before, for update
	Err     error
}

func (e *ResourceError) Error() string {
	s := e.Pointer + ": "
	if e.Path != "" {
		s += "write " + strconv.Quote(e.Value) + " to " + e.Path + ": "
	}
	s += e.Err.Error()
	if len(e.Applied) > 0 {
		s += " (already applied:"
		for _, a := range e.Applied {
			s += " " + a
		}
		s += ")"
	}
	return s
}

func (e *ResourceError) Unwrap() error { return e.Err }

// isPermission covers what a caller without the right gets: EROFS is what an
// unprivileged user meets where cgroupfs is mounted read-only.
func isPermission(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
}
