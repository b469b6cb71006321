// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/libcontainer/launch"
)

// openGroup opens the cgroup that the process is to be in.
func (e *entry) openGroup() (err error) {
	if e.group, err = e.c.Cgroup(); err != nil {
		return err
	}
	e.target, err = e.group.OpenSub(e.c.innerCgroup(e.Cgroup))
	return err
}

// launch starts nsexec in the container's cgroup, or where that cannot be, on
// its way there.
func (e *entry) launch(cfg *launch.Config, in *compile.JoinInput) (err error) {
	e.session, err = launch.Start(cfg)
	if err == nil || cfg.CgroupFD < 0 {
		return spawnHint(err, 0)
	}
	if (errors.Is(err, unix.EBUSY) || errors.Is(err, unix.ENOENT)) && len(e.Cgroup) == 0 {
		// The cgroup has been divided by what runs in it (the rule of no
		// internal processes): go where init is.
		if err := e.followInit(); err != nil {
			return err
		}
		cfg.CgroupFD = e.target.Fd()
		e.session, err = launch.Start(cfg)
	}
	if errors.Is(err, unix.EACCES) {
		return e.launchOutside(cfg, in, err)
	}
	return spawnHint(err, 0)
}

func (e *entry) followInit() (err error) {
	e.target.Close()
	e.target, err = e.group.InitTarget(e.c.State.InitPid)
	return err
}

// launchOutside starts nsexec in kist's own cgroup. A user's login session
// (session-N.scope) is not below his systemd (user@UID.service), and the kernel
// lets him move nothing from here to there, by clone3 or by write, since he may
// not write to what both are in. systemd may: nsexec waits at its first
// instructions, in no namespace of the container, until joinCgroup has had it
// moved.
func (e *entry) launchOutside(cfg *launch.Config, in *compile.JoinInput, refused error) error {
	if !e.c.State.Systemd {
		return fmt.Errorf("%w (the container's cgroup %s was delegated to this user, but kist runs outside of what was: "+
			"run it where the container was created, or with systemd-run --user --scope)", refused, e.group.Path(""))
	}
	if len(e.Cgroup) == 0 && e.target.Divided() {
		if err := e.followInit(); err != nil {
			return err
		}
	}
	in.Waits = true
	again, err := e.launchConfig(in)
	if err != nil {
		return err
	}
	again.CgroupFD, again.Extra = -1, cfg.Extra
	e.outside = true
	e.session, err = launch.Start(again)
	return spawnHint(err, 0)
}

// joinCgroup has systemd move nsexec to the container's cgroup, once.
func (e *entry) joinCgroup() error {
	if !e.outside {
		return errors.New("nsexec: asks for its cgroup again")
	}
	e.outside = false
	defer e.c.rt.Trace.phase("cgroup attach")()
	return e.group.AttachBySystemd(e.target, e.session.Pid)
}
