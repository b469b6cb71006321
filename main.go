// SPDX-License-Identifier: Apache-2.0

// The runtime would read cgroup files at every start to size its thread pool,
// and again every second; kist needs two threads.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command kist is an OCI container runtime: a bundle in, a running container
// out. Its command line is runc's.
//
// This file has the command table, the global flags, logging and exit codes;
// each command is a thin file beside it, and the work is done in package
// libcontainer. To follow a container from here to execve: create.go, then
// libcontainer/create.go (prepare, record, start, serve), compile.Setup,
// launch.Start, nsexec.c, and compile.Process for the last steps.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer/logging"
	"kist/seccomp"
)

// Set by the linker.
var (
	version = "unknown"
	commit  = ""
)

// exitError ends the program with a status; a nil err says nothing more.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// log is set once the global flags are read.
var log *logging.Log

func main() {
	// A short command does not live long enough to collect garbage; those that
	// wait for a container turn it on again.
	debug.SetGCPercent(-1)
	os.Exit(run(os.Args))
}

func run(args []string) int {
	if err := refuseSetuid(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	openStdio()
	app := newApp()
	err := app.Run(reorder(app, args))
	if err == nil {
		if log != nil {
			log.Flush()
		}
		return 0
	}
	status := 1
	var exit *exitError
	var coder cli.ExitCoder
	switch {
	case errors.As(err, &exit):
		status = exit.status
		if exit.err == nil {
			return status
		}
	case errors.As(err, &coder):
		status = coder.ExitCode()
	}
	if log == nil {
		fmt.Fprintln(os.Stderr, err)
		return status
	}
	log.Fatal(err)
	return status
}

// refuseSetuid refuses to run with more privilege than the caller has: kist
// trusts its flags, its environment and the bundle.
func refuseSetuid() error {
	const atSecure = 23
	vec, err := unix.Auxv()
	if err != nil {
		return fmt.Errorf("auxiliary vector: %w", err)
	}
	for _, entry := range vec {
		if entry[0] == atSecure && entry[1] != 0 {
			return errors.New("refusing to run set-user-ID, set-group-ID or with file capabilities")
		}
	}
	return nil
}

// openStdio makes sure that descriptors 0 to 2 are open, else the next file
// that is opened would be taken for one of them, and that no other one is
// inherited.
func openStdio() {
	for fd := 0; fd < 3; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == unix.EBADF {
			_, _ = unix.Open("/dev/null", unix.O_RDWR, 0)
		}
	}
	// Engines leak descriptors into us; what is to be passed on is passed
	// explicitly, everything else ends here (CVE-2024-21626).
	_ = unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
}

func newApp() *cli.App {
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help"}
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version"}
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprint(c.App.Writer, versionText()) }
	return &cli.App{
		Name:     "kist",
		Usage:    "Open Container Initiative runtime and LXC importer",
		Version:  version,
		Compiled: epoch,
		Description: `kist runs containers from OCI bundles: a directory with config.json and a root filesystem.

   # cd /mycontainer
   # kist spec
   # kist run mycontainer`,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // run() decides
		OnUsageError:    usageError,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "debug", Usage: "enable debug logging"},
			&cli.StringFlag{Name: "log", Usage: "write the log to `FILE` (default: stderr)"},
			&cli.StringFlag{Name: "log-format", Value: "text", Usage: "`FORMAT` of the log: text or json"},
			&cli.StringFlag{Name: "root", Usage: "`DIR` for the state of containers (default: " + defaultRoot + ", for users $XDG_RUNTIME_DIR/kist)"},
			&cli.BoolFlag{Name: "systemd-cgroup", Usage: "let systemd manage cgroups; cgroupsPath is then slice:prefix:name"},
			&cli.StringFlag{Name: "cgroup-manager", Usage: "`MANAGER` of cgroups: cgroupfs, systemd or disabled"},
			&cli.StringFlag{Name: "rootless", Value: "auto", Usage: "tolerate missing cgroup permissions: `true, false or auto`"},
		},
		Before:   before,
		Commands: commands(),
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return fmt.Errorf("no such command: %q (see kist --help)", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
}

// commands is the command table, one file each.
func commands() []*cli.Command {
	list := []*cli.Command{
		apparmorCommand(),
		checkCommand(),
		checkpointCommand(),
		copyUpCommand(),
		createCommand(),
		deleteCommand(),
		eventsCommand(),
		execCommand(),
		featuresCommand(),
		importCommand(),
		killCommand(),
		listCommand(),
		lxcHookCommand(),
		lxcTerminalsCommand(),
		lxcConsoleCommand(),
		lxcNetCommand(),
		pauseCommand(),
		planCommand(),
		psCommand(),
		restoreCommand(),
		resumeCommand(),
		runCommand(),
		specCommand(),
		startCommand(),
		stateCommand(),
		updateCommand(),
	}
	for _, c := range list {
		c.HideHelpCommand = true // "help" and "h" are containers, as any other name
	}
	return list
}

// before opens the log, so that every error of a command reaches the engine.
func before(c *cli.Context) error {
	l, err := logging.Open(c.String("log"), c.String("log-format"), c.Bool("debug"))
	if err != nil {
		return err
	}
	log = l
	slog.SetDefault(slog.New(l.Handler()))
	return nil
}

func usageError(c *cli.Context, err error, _ bool) error {
	name := "kist"
	if c.Command != nil && c.Command.Name != "" && c.Command.Name != c.App.Name {
		name += " " + c.Command.Name
	}
	return fmt.Errorf("%s: %w (see %s --help)", name, err, name)
}

// versionText is the form that engines parse: name, commit, spec, a line each.
func versionText() string {
	text := "kist version " + version + "\n"
	if commit != "" {
		text += "commit: " + commit + "\n"
	}
	text += "spec: " + specs.Version + "\n" + "go: " + runtime.Version() + "\n"
	if v := seccomp.Version(); v != "" {
		text += "libseccomp: " + v + "\n"
	}
	return text
}
