// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer"
)

// lxcTerminalsCommand is the hidden `kist lxc-terminals`, which create starts
// for an imported container: it holds the terminals while the container runs.
func lxcTerminalsCommand() *cli.Command {
	return &cli.Command{
		Name:      "lxc-terminals",
		Usage:     "hold the terminals of an imported LXC container",
		ArgsUsage: "ID",
		Hidden:    true,
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "ttys", Usage: "number of terminals"},
			&cli.BoolFlag{Name: "console", Usage: "descriptor 5 is the console"},
			&cli.StringFlag{Name: "path", Usage: "terminal device or file that is the console's other end"},
			&cli.StringFlag{Name: "logfile", Usage: "file that gets what the console prints"},
			&cli.Int64Flag{Name: "size", Usage: "bytes after which the file begins anew"},
			&cli.BoolFlag{Name: "rotate", Usage: "keep the full file as FILE.1"},
		},
		Action: func(c *cli.Context) error {
			k := &libcontainer.Keeper{
				Pidfd: 3, Socket: 4, Console: -1,
				Path: c.String("path"), Logfile: c.String("logfile"), Size: c.Int64("size"), Rotate: c.Bool("rotate"),
			}
			if c.Bool("console") {
				k.Console = 5
			}
			for i := range c.Int("ttys") {
				k.TTYs = append(k.TTYs, 6+i)
			}
			return k.Serve()
		},
	}
}

// lxcConsoleCommand is `kist lxc-console`, which takes the place of lxc-console.
func lxcConsoleCommand() *cli.Command {
	return &cli.Command{
		Name:      "lxc-console",
		Usage:     "attach to a terminal of an imported LXC container",
		ArgsUsage: "ID",
		Description: `Connects the caller's terminal with /dev/ttyN of a container that was imported with
lxc.tty.max. It ends with the container, with the caller's input, or by Ctrl-A q.`,
		Flags:        []cli.Flag{&cli.IntFlag{Name: "tty", Aliases: []string{"t"}, Usage: "terminal `N` (default: the first that is free)"}},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 1, 1); err != nil {
				return err
			}
			rt, err := newRuntime(c)
			if err != nil {
				return err
			}
			container, err := rt.Open(c.Args().First())
			if err != nil {
				return err
			}
			defer container.Close()
			master, n, conn, err := container.Terminal(c.Int("tty"))
			if err != nil {
				return err
			}
			defer unix.Close(conn)
			fmt.Fprintf(os.Stderr, "connected to tty %d; Ctrl-A q leaves\n", n)
			return container.AttachTerminal(master, 0, 1)
		},
	}
}
