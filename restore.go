// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"kist/libcontainer"
)

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "bring a saved container back",
		ArgsUsage: "ID",
		Description: `Makes a container of a bundle and of what ` + "`kist checkpoint`" + ` has saved, waits for its
process and deletes it. The exit status is that of the process.`,
		Flags: append(criuFlags(),
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "`DIR` of the bundle (default: the current directory)"},
			&cli.StringFlag{Name: "console-socket", Usage: "`PATH` of a socket that takes the terminal's master"},
			&cli.StringFlag{Name: "pid-file", Usage: "write the process id to `FILE`"},
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "return once the container runs"},
			&cli.BoolFlag{Name: "no-subreaper", Usage: "do not become the parent of orphans of the container"},
			&cli.BoolFlag{Name: "no-pivot", Usage: "refused: CRIU enters the root by pivot_root(2)"},
			&cli.BoolFlag{Name: "tcp-close", Usage: "restore open TCP connections as closed ones"},
			&cli.StringFlag{Name: "lsm-profile", Usage: "`TYPE:NAME` of the profile or label to be restored: apparmor or selinux"},
			&cli.StringFlag{Name: "lsm-mount-context", Usage: "SELinux `CONTEXT` of mounts"},
		),
		OnUsageError: usageError,
		Action:       restoreAction,
	}
}

func restoreAction(c *cli.Context) error {
	if err := needArgs(c, 1, 1); err != nil {
		return err
	}
	rt, err := newRuntime(c)
	if err != nil {
		return err
	}
	o, err := restoreOptions(c)
	if err != nil {
		return err
	}
	fg := &foreground{subreaper: !o.Detach && !c.Bool("no-subreaper")}
	if !o.Detach {
		fg.prepare()
		o.Meanwhile = catchSignals // not before: until then a signal may end kist, and nsexec with it
		if o.ConsoleSocket == "" {
			o.Console = fg.takeMaster
		}
	}
	defer fg.close()
	container, err := rt.Restore(o)
	if err != nil {
		return fmt.Errorf("kist restore failed: %w", err)
	}
	defer container.Close()
	if o.Detach {
		return nil
	}
	debug.SetGCPercent(100)
	status, err := fg.wait(container.State.InitPid, -1)
	if err != nil {
		return err
	}
	if err := destroy(rt, container); err != nil {
		return err
	}
	return exitStatus(status)
}

func restoreOptions(c *cli.Context) (*libcontainer.RestoreOptions, error) {
	o := &libcontainer.RestoreOptions{
		ID:             c.Args().First(),
		Bundle:         c.String("bundle"),
		ImagePath:      c.String("image-path"),
		WorkPath:       c.String("work-path"),
		ConsoleSocket:  c.String("console-socket"),
		PidFile:        c.String("pid-file"),
		Detach:         c.Bool("detach"),
		TCPEstablished: c.Bool("tcp-established"),
		TCPClose:       c.Bool("tcp-close"),
		ExtUnixSockets: c.Bool("ext-unix-sk"),
		ShellJob:       c.Bool("shell-job"),
		FileLocks:      c.Bool("file-locks"),
		AutoDedup:      c.Bool("auto-dedup"),
		LazyPages:      c.Bool("lazy-pages"),
		LSMProfile:     c.String("lsm-profile"),
		LSMContext:     c.String("lsm-mount-context"),
	}
	var err error
	if o.EmptyNetwork, err = emptyNetwork(c); err != nil {
		return nil, err
	}
	if o.CgroupMode, err = cgroupMode(c); err != nil {
		return nil, err
	}
	switch {
	case c.Bool("no-pivot"):
		return nil, errors.New("--no-pivot: CRIU enters a restored container's root by pivot_root(2), and by nothing else")
	case o.TCPEstablished && o.TCPClose:
		return nil, errors.New("--tcp-established: contradicts --tcp-close")
	}
	return o, nil
}
