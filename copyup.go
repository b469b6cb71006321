// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"kist/libcontainer"
)

// copyUpCommand is the hidden `kist copy-up`, which create starts in a user
// namespace of its own for tmpcopyup by an ordinary user.
func copyUpCommand() *cli.Command {
	return &cli.Command{
		Name:   libcontainer.CopyUpCommand,
		Usage:  "copy what a tmpfs covers",
		Hidden: true,
		Action: func(*cli.Context) error {
			if err := libcontainer.CopyUpInNamespace(); err != nil {
				fmt.Fprintln(os.Stderr, err) // for create, which reports it
				return &exitError{status: 1}
			}
			return nil
		},
	}
}
