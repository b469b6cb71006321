// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "create and start a container",
		ArgsUsage: "ID",
		Description: `Creates a container, starts it, waits for its process and deletes it. The exit status is
that of the process, 128 and the signal's number if a signal ended it.`,
		Flags: append(createFlags(),
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "return once the process runs"},
			&cli.BoolFlag{Name: "keep", Usage: "do not delete the container when its process ends"},
			&cli.BoolFlag{Name: "no-subreaper", Usage: "do not become the parent of orphans of the container"},
		),
		OnUsageError: usageError,
		Action:       runAction,
	}
}

func runAction(c *cli.Context) error {
	if err := needArgs(c, 1, 1); err != nil {
		return err
	}
	rt, err := newRuntime(c)
	if err != nil {
		return err
	}
	finish, err := startTrace(c, rt)
	if err != nil {
		return err
	}
	detach := c.Bool("detach")
	o := createOptions(c)
	o.Run, o.Detach = true, detach
	fg := &foreground{subreaper: !detach && !c.Bool("no-subreaper")}
	if detach {
		if err := interruptible(o); err != nil {
			return err
		}
	} else {
		fg.prepare()
		o.Meanwhile = catchSignals // not before: until then a signal may end kist, and nsexec with it
		if o.ConsoleSocket == "" {
			o.Console = fg.takeMaster
		}
	}
	defer fg.close()
	container, err := rt.Create(o)
	if e := finish(); err == nil {
		err = e
	}
	if err != nil {
		return interrupted(fmt.Errorf("kist run failed: %w", err))
	}
	defer container.Close()
	if detach {
		return nil
	}
	debug.SetGCPercent(100)
	status, err := fg.wait(container.State.InitPid, -1)
	if err != nil {
		return err
	}
	if !c.Bool("keep") {
		if err := destroy(rt, container); err != nil {
			return err
		}
	}
	return exitStatus(status)
}

// destroy deletes a container that has ended.
func destroy(rt *libcontainer.Runtime, c *libcontainer.Container) error {
	return rt.Delete(c.State.ID, true)
}

// exitStatus makes an exit status as a shell does.
func exitStatus(ws unix.WaitStatus) error {
	status := ws.ExitStatus()
	if ws.Signaled() {
		status = 128 + int(ws.Signal())
	}
	if status == 0 {
		return nil
	}
	return &exitError{status: status}
}
