// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/urfave/cli/v2"
)

func stateCommand() *cli.Command {
	return &cli.Command{
		Name:         "state",
		Usage:        "print the state of a container",
		ArgsUsage:    "ID",
		Description:  `Prints the state document of the runtime specification as JSON.`,
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 1, 1); err != nil {
				return err
			}
			container, err := open(c)
			if err != nil {
				return err
			}
			defer container.Close()
			status, err := container.Status()
			if err != nil {
				return err
			}
			doc := container.State.AppendDocument(nil, status, "", true)
			_, err = os.Stdout.Write(append(doc, '\n'))
			return err
		},
	}
}
