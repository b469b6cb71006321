// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/urfave/cli/v2"

	"kist/libcontainer"
)

func startCommand() *cli.Command {
	return &cli.Command{
		Name:         "start",
		Usage:        "start a created container",
		ArgsUsage:    "ID",
		Description:  `Releases the process of a created container, and returns when it runs its program.`,
		OnUsageError: usageError,
		Action:       onContainer((*libcontainer.Container).Start),
	}
}
