// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"kist/libcontainer"
)

// createFlags are those of create and run.
func createFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "`DIR` of the bundle (default: the current directory)"},
		&cli.StringFlag{Name: "config", Aliases: []string{"f"}, Usage: "another `FILE` than config.json in the bundle"},
		&cli.StringFlag{Name: "console-socket", Usage: "`PATH` of a socket that takes the terminal's master"},
		&cli.StringFlag{Name: "pidfd-socket", Usage: "`PATH` of a socket that takes a pidfd of the process"},
		&cli.StringFlag{Name: "pid-file", Usage: "write the process id to `FILE`"},
		&cli.BoolFlag{Name: "no-pivot", Usage: "do not use pivot_root; for a root filesystem on a ramdisk"},
		&cli.BoolFlag{Name: "no-new-keyring", Usage: "keep the caller's session keyring"},
		&cli.IntFlag{Name: "preserve-fds", Usage: "pass `N` further descriptors (3 and up) to the process"},
		traceFlag(),
	}
}

func createCommand() *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "create a container",
		ArgsUsage: "ID",
		Description: `Builds the environment of a container from a bundle. Its process waits, complete but
for its program, until ` + "`kist start`" + `.`,
		Flags:        createFlags(),
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
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
			o := createOptions(c)
			if err := interruptible(o); err != nil {
				return err
			}
			container, err := rt.Create(o)
			if e := finish(); err == nil {
				err = e
			}
			if err != nil {
				return interrupted(fmt.Errorf("kist create failed: %w", err))
			}
			container.Close()
			return nil
		},
	}
}

func createOptions(c *cli.Context) *libcontainer.CreateOptions {
	return &libcontainer.CreateOptions{
		ID:            c.Args().First(),
		Bundle:        c.String("bundle"),
		ConfigFile:    c.String("config"),
		ConsoleSocket: c.String("console-socket"),
		PidfdSocket:   c.String("pidfd-socket"),
		PidFile:       c.String("pid-file"),
		NoPivot:       c.Bool("no-pivot"),
		NoNewKeyring:  c.Bool("no-new-keyring"),
		PreserveFDs:   c.Int("preserve-fds"),
	}
}
