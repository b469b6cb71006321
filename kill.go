// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer"
)

func killCommand() *cli.Command {
	return &cli.Command{
		Name:      "kill",
		Usage:     "send a signal to a container's init process",
		ArgsUsage: "ID [SIGNAL]",
		Description: `SIGNAL is a number or a name with or without SIG; the default is SIGTERM, or what the
container's annotations name as its stop signal.`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "signal every process in the container's cgroup"},
			&cli.BoolFlag{Name: "regex", Aliases: []string{"r"}, Usage: "the operand is a regular expression; signal every container whose id it matches"},
		},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 1, 2); err != nil {
				return err
			}
			rt, err := newRuntime(c)
			if err != nil {
				return err
			}
			ids := []string{c.Args().First()}
			if c.Bool("regex") {
				if ids, err = match(rt, c.Args().First()); err != nil {
					return err
				}
			}
			var all error
			for _, id := range ids {
				all = errors.Join(all, kill(rt, id, c.Args().Get(1), c.Bool("all")))
			}
			return all
		},
	}
}

func kill(rt *libcontainer.Runtime, id, name string, all bool) error {
	container, err := rt.Open(id)
	if err != nil {
		return err
	}
	defer container.Close()
	if name == "" {
		name = container.StopSignal()
	}
	sig, err := parseSignal(name)
	if err != nil {
		return err
	}
	return container.Signal(sig, all)
}

// parseSignal reads a signal's name or number. Zero is allowed, as a probe.
func parseSignal(s string) (unix.Signal, error) {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		if n > 64 {
			return 0, fmt.Errorf("invalid signal %q", s)
		}
		return unix.Signal(n), nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	for _, rt := range []struct {
		name string
		base int
		sign int
	}{{"SIGRTMIN", 34, 1}, {"SIGRTMAX", 64, -1}} {
		rest, ok := strings.CutPrefix(name, rt.name)
		if !ok {
			continue
		}
		if rest == "" {
			return unix.Signal(rt.base), nil
		}
		n, err := strconv.ParseUint(strings.TrimLeft(rest, "+-"), 10, 8)
		v := rt.base + rt.sign*int(n)
		if err == nil && len(rest) > 1 && (rest[0] == '+') == (rt.sign > 0) && v >= 34 && v <= 64 {
			return unix.Signal(v), nil
		}
	}
	return 0, fmt.Errorf("invalid signal %q", s)
}

// match lists the ids that a regular expression matches.
func match(rt *libcontainer.Runtime, pattern string) ([]string, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("regular expression: %w", err)
	}
	var ids []string
	err = rt.Each(func(c *libcontainer.Container, err error) {
		if err == nil && re.MatchString(c.State.ID) {
			ids = append(ids, c.State.ID)
		}
	})
	return ids, err
}
