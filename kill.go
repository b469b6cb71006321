// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/urfave/cli/v2"

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
	sig, err := libcontainer.ParseSignal(name)
	if err != nil {
		return err
	}
	return container.Signal(sig, all)
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
