// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"kist/libcontainer"
	"kist/libcontainer/spec"
)

func execCommand() *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Usage:     "run a further process in a container",
		ArgsUsage: "ID COMMAND [ARG…] | --process FILE ID",
		Description: `Flags come before ID; what follows it is the command. The exit status is that of the
process, or 255 if it could not be started.`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "console-socket", Usage: "`PATH` of a socket that takes the terminal's master"},
			&cli.StringFlag{Name: "pidfd-socket", Usage: "`PATH` of a socket that takes a pidfd of the process"},
			&cli.StringFlag{Name: "cwd", Usage: "working `DIR` in the container"},
			&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give the process a terminal"},
			&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "`UID[:GID]` of the process"},
			&cli.StringFlag{Name: "process", Aliases: []string{"p"}, Usage: "`FILE` with the process as JSON"},
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "return once the process runs"},
			&cli.StringFlag{Name: "pid-file", Usage: "write the process id to `FILE`"},
			&cli.StringFlag{Name: "process-label", Usage: "SELinux `LABEL` of the process"},
			&cli.StringFlag{Name: "apparmor", Usage: "AppArmor `PROFILE` of the process"},
			&cli.BoolFlag{Name: "no-new-privs", Usage: "set no_new_privs"},
			&cli.IntFlag{Name: "preserve-fds", Usage: "pass `N` further descriptors (3 and up) to the process"},
			&cli.BoolFlag{Name: "ignore-paused", Usage: "allow a paused container; the process starts when it is resumed"},
			traceFlag(),
		}, repeatable(
			[3]string{"env", "e", "set `KEY=VALUE`"},
			[3]string{"additional-gids", "g", "further group `GID`"},
			[3]string{"cap", "c", "add `CAPABILITY` to the bounding, effective and permitted sets"},
			[3]string{"cgroup", "", "run in `[CONTROLLER,…:]PATH` below the container's cgroup"},
		)...),
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			status, err := execAction(c)
			if err != nil {
				return &exitError{255, fmt.Errorf("exec failed: %w", err)}
			}
			return status
		},
	}
}

// execAction gives the process's own status, and an error if it could not be
// started.
func execAction(c *cli.Context) (status, err error) {
	if c.IsSet("process") {
		err = needArgs(c, 1, 1)
	} else {
		err = needArgs(c, 2, -1)
	}
	if err != nil {
		return nil, err
	}
	rt, err := newRuntime(c)
	if err != nil {
		return nil, err
	}
	container, err := rt.Open(c.Args().First())
	if err != nil {
		return nil, err
	}
	defer container.Close()
	o, err := execOptions(c)
	if err != nil {
		return nil, err
	}
	finish, err := startTrace(c, rt)
	if err != nil {
		return nil, err
	}
	detach := c.Bool("detach")
	fg := &foreground{}
	if !detach {
		fg.prepare()
		o.Meanwhile = catchSignals // not before: until then a signal may end kist, and nsexec with it
		if o.ConsoleSocket == "" {
			o.Console = fg.takeMaster
		}
	}
	defer fg.close()
	p, err := container.Exec(o)
	if e := finish(); err == nil {
		err = e
	}
	if err != nil || detach {
		return nil, err
	}
	debug.SetGCPercent(100)
	ws, err := fg.wait(p.Pid, p.Pidfd)
	if err != nil {
		return nil, err
	}
	return exitStatus(ws), nil
}

func execOptions(c *cli.Context) (*libcontainer.ExecOptions, error) {
	o := &libcontainer.ExecOptions{
		ConsoleSocket: c.String("console-socket"),
		PidfdSocket:   c.String("pidfd-socket"),
		PidFile:       c.String("pid-file"),
		PreserveFDs:   c.Int("preserve-fds"),
		Cgroup:        list(c, "cgroup"),
		IgnorePaused:  c.Bool("ignore-paused"),
	}
	if file := c.String("process"); file != "" {
		for _, flag := range []string{"user", "cwd", "env", "e", "additional-gids", "g", "cap", "c", "process-label", "apparmor", "no-new-privs"} {
			if c.IsSet(flag) {
				return nil, fmt.Errorf("--%s: cannot be combined with --process, whose file says it all", flag)
			}
		}
		data, err := readLimited(file)
		if err != nil {
			return nil, err
		}
		if o.Process, err = spec.DecodeProcess(data); err != nil {
			return nil, spec.InFile(err, file)
		}
		// conmon sends --tty along with a file that says the same.
		if c.Bool("tty") {
			o.Process.Terminal = true
		}
		return o, nil
	}
	o.Amend = func(p *specs.Process) error { return amend(c, p) }
	return o, nil
}

// amend applies the flags to a copy of the container's process.
func amend(c *cli.Context, p *specs.Process) error {
	p.Args = c.Args().Slice()[1:]
	p.Terminal = c.Bool("tty")
	if v := c.String("cwd"); v != "" {
		p.Cwd = v
	}
	p.Env = append(append([]string{}, p.Env...), list(c, "env")...)
	if v := c.String("process-label"); v != "" {
		p.SelinuxLabel = v
	}
	if v := c.String("apparmor"); v != "" {
		p.ApparmorProfile = v
	}
	if c.IsSet("no-new-privs") {
		p.NoNewPrivileges = c.Bool("no-new-privs")
	}
	if v := c.String("user"); c.IsSet("user") {
		uid, gid, hasGid := strings.Cut(v, ":")
		u, err := parseID(uid)
		if err != nil {
			return fmt.Errorf("--user %q: %w", v, err)
		}
		p.User = specs.User{UID: u, GID: p.User.GID, Umask: p.User.Umask}
		if hasGid {
			if p.User.GID, err = parseID(gid); err != nil {
				return fmt.Errorf("--user %q: %w", v, err)
			}
		}
	}
	for _, g := range list(c, "additional-gids") {
		gid, err := parseID(g)
		if err != nil {
			return fmt.Errorf("--additional-gids %q: %w", g, err)
		}
		p.User.AdditionalGids = append(append([]uint32{}, p.User.AdditionalGids...), gid)
	}
	return amendCaps(p, list(c, "cap"))
}

// amendCaps adds capabilities to the bounding, effective and permitted sets,
// to the ambient set only where the inheritable one has them already: a
// process must not pass on what nobody asked it to (CVE-2022-29162).
func amendCaps(p *specs.Process, caps []string) error {
	if len(caps) == 0 {
		return nil
	}
	own := specs.LinuxCapabilities{}
	if p.Capabilities != nil {
		own = *p.Capabilities
	}
	for _, c := range caps {
		if _, ok := spec.CapabilityNumber(c); !ok {
			return fmt.Errorf("--cap %q: unknown capability", c)
		}
		for _, set := range []*[]string{&own.Bounding, &own.Effective, &own.Permitted} {
			*set = append(append([]string{}, *set...), c)
		}
		for _, i := range own.Inheritable {
			if i == c {
				own.Ambient = append(append([]string{}, own.Ambient...), c)
			}
		}
	}
	p.Capabilities = &own
	return nil
}

// parseID reads a user or group id: decimal digits, no sign, no name, and not
// the one value that means "leave as it is".
func parseID(s string) (uint32, error) {
	const bad = "must be a number from 0 to 4294967294"
	if s == "" || len(s) > 1 && s[0] == '0' {
		return 0, fmt.Errorf("%s", bad)
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, fmt.Errorf("%s", bad)
		}
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, fmt.Errorf("%s", bad)
	}
	return uint32(n), nil
}

// repeatable makes flags that may be given several times: name, short form,
// usage. Both forms share one value; the library's own aliases would copy it
// from one to the other, and refuse to have them mixed.
func repeatable(flags ...[3]string) []cli.Flag {
	var list []cli.Flag
	for _, f := range flags {
		value := &repeated{}
		usage := f[2] + " (repeatable"
		if f[1] != "" {
			usage += ", short -" + f[1]
			list = append(list, &cli.GenericFlag{Name: f[1], Value: value, Hidden: true, Usage: f[2]})
		}
		list = append(list, &cli.GenericFlag{Name: f[0], Value: value, Usage: usage + ")"})
	}
	return list
}

// list gives the values of a repeatable flag.
func list(c *cli.Context, name string) []string {
	if r, ok := c.Generic(name).(*repeated); ok && r != nil {
		return r.values
	}
	return nil
}

// readLimited reads a regular file of a sensible size.
func readLimited(path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	const limit = 16 << 20
	if !st.Mode().IsRegular() || st.Size() > limit {
		return nil, fmt.Errorf("%s: not a regular file of at most 16 MiB", path)
	}
	return os.ReadFile(path)
}
