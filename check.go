// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer/check"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "say what this host can do for containers",
		ArgsUsage: " ",
		Description: `Tries what containers need, as the user who calls it: each line says what works, what
breaks without it and how to get it. What is required is marked with a star; the exit
status is 1 if any of that is missing. Nothing is changed.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print JSON, for scripts"},
			// What kist starts itself with, in namespaces made for it.
			&cli.StringFlag{Name: "probe", Hidden: true, Usage: "run a `SET` of probes here and print what came of them"},
		},
		OnUsageError: usageError,
		Action:       checkAction,
	}
}

func checkAction(c *cli.Context) error {
	if set := c.String("probe"); set != "" {
		return check.Probe(os.Stdout, set, c.Args().Slice())
	}
	if err := needArgs(c, 0, 0); err != nil {
		return err
	}
	rt, err := newRuntime(c)
	if err != nil {
		return err
	}
	report, err := check.Run(check.Options{Systemd: rt.SystemdCgroup, NoCgroup: rt.CgroupDisabled})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = report.WriteJSON(c.App.Writer)
	} else {
		_, notTerminal := unix.IoctlGetTermios(1, unix.TCGETS)
		err = report.Print(c.App.Writer, notTerminal == nil && os.Getenv("NO_COLOR") == "")
	}
	if err == nil && !report.OK {
		err = &exitError{status: 1}
	}
	return err
}
