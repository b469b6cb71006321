// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/urfave/cli/v2"

	"kist/libcontainer"
)

func pauseCommand() *cli.Command {
	return &cli.Command{
		Name:         "pause",
		Usage:        "suspend all processes of a container",
		ArgsUsage:    "ID",
		OnUsageError: usageError,
		Action:       onContainer((*libcontainer.Container).Pause),
	}
}

func resumeCommand() *cli.Command {
	return &cli.Command{
		Name:         "resume",
		Usage:        "resume the processes of a paused container",
		ArgsUsage:    "ID",
		OnUsageError: usageError,
		Action:       onContainer((*libcontainer.Container).Resume),
	}
}

// onContainer makes a command of something that is done to one container.
func onContainer(do func(*libcontainer.Container) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := needArgs(c, 1, 1); err != nil {
			return err
		}
		container, err := open(c)
		if err != nil {
			return err
		}
		defer container.Close()
		return do(container)
	}
}
