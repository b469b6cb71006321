// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer"
	"kist/libcontainer/host"
)

const defaultRoot = "/run/kist"

// epoch keeps the library from looking up when the binary was built.
var epoch = time.Unix(0, 0)

// reorder puts a command's flags before its operands. Go's flag package stops
// at the first operand, while runc and its callers write `delete ID --force`.
// For exec, ps and plan's exec form what follows the operand belongs to
// somebody else and is left alone.
func reorder(app *cli.App, args []string) []string {
	i := 1
	for i < len(args) && strings.HasPrefix(args[i], "-") && args[i] != "--" {
		i += 1 + values(app.Flags, args[i])
	}
	if i >= len(args) {
		return args
	}
	cmd := findCommand(app, args[i])
	if cmd == nil || cmd.Name == "exec" || cmd.Name == "ps" {
		return args
	}
	out := append([]string{}, args[:i+1]...)
	var operands []string
	rest := args[i+1:]
	for k := 0; k < len(rest); k++ {
		a := rest[k]
		if a == "--" {
			operands = append(operands, rest[k+1:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' || cmd.Name == "kill" && isNumber(a[1:]) {
			operands = append(operands, a)
			continue
		}
		out = append(out, a)
		for n := values(cmd.Flags, a); n > 0 && k+1 < len(rest); n-- {
			k++
			out = append(out, rest[k])
		}
	}
	if len(operands) > 0 {
		out = append(append(out, "--"), operands...)
	}
	return out
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

func findCommand(app *cli.App, name string) *cli.Command {
	for _, c := range app.Commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// values says how many further arguments a flag takes: none if it is a switch,
// if it can only have its value behind an equals sign, or has it there.
func values(flags []cli.Flag, arg string) int {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return 0
	}
	for _, f := range flags {
		for _, n := range f.Names() {
			if n != name {
				continue
			}
			if d, ok := f.(cli.DocGenerationFlag); ok && !d.TakesValue() {
				return 0
			}
			if g, ok := f.(*cli.GenericFlag); ok {
				if b, ok := g.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
					return 0 // as --trace, --trace=FILE
				}
			}
			return 1
		}
	}
	return 0
}

// needArgs refuses a wrong number of operands.
func needArgs(c *cli.Context, lo, hi int) error {
	n := c.NArg()
	if n >= lo && (hi < 0 || n <= hi) {
		return nil
	}
	want := fmt.Sprintf("exactly %d argument(s)", lo)
	if hi < 0 {
		want = fmt.Sprintf("a minimum of %d argument(s)", lo)
	} else if hi != lo {
		want = fmt.Sprintf("%d to %d arguments", lo, hi)
	}
	return fmt.Errorf("kist: %q requires %s, got %d (see kist %s --help)", c.Command.Name, want, n, c.Command.Name)
}

// newRuntime makes the runtime of the global flags.
func newRuntime(c *cli.Context) (*libcontainer.Runtime, error) {
	rt := &libcontainer.Runtime{Log: slog.Default(), Build: version + " " + commit}
	switch m := c.String("cgroup-manager"); m {
	case "", "cgroupfs":
		rt.SystemdCgroup = c.Bool("systemd-cgroup")
		if m != "" && rt.SystemdCgroup {
			return nil, fmt.Errorf("--cgroup-manager cgroupfs contradicts --systemd-cgroup")
		}
	case "systemd":
		rt.SystemdCgroup = true
	case "disabled":
		rt.CgroupDisabled = true
	default:
		return nil, fmt.Errorf("--cgroup-manager %q: must be cgroupfs, systemd or disabled", m)
	}
	user := !realRoot()
	switch r := c.String("rootless"); r {
	case "auto", "":
		rt.Rootless = user
	case "true":
		rt.Rootless = true
	case "false":
	default:
		return nil, fmt.Errorf("--rootless %q: must be true, false or auto", r)
	}
	rt.Root = c.String("root")
	if rt.Root == "" {
		rt.Root = defaultRoot
		if dir := os.Getenv("XDG_RUNTIME_DIR"); user && dir != "" {
			rt.Root = filepath.Join(dir, "kist")
			rt.RootSticky = true
		}
	}
	rt.CacheDir = filepath.Join(rt.Root, ".cache", "seccomp")
	return rt, nil
}

// realRoot says whether the caller is root of the machine, as opposed to a
// user or to root of somebody's user namespace.
func realRoot() bool { return unix.Geteuid() == 0 && (!host.InUserNS() || os.Getenv("USER") == "root") }

// open finds the container that is the first operand.
func open(c *cli.Context) (*libcontainer.Container, error) {
	rt, err := newRuntime(c)
	if err != nil {
		return nil, err
	}
	return rt.Open(c.Args().First())
}
