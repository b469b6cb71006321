// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/urfave/cli/v2"
)

func deleteCommand() *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "delete a container and what belongs to it",
		ArgsUsage: "ID",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill a running container; a missing one is no error"},
			&cli.BoolFlag{Name: "regex", Aliases: []string{"r"}, Usage: "the operand is a regular expression; delete every container whose id it matches"},
		},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 1, 1); err != nil {
				return err
			}
			rt, err := newRuntime(c)
			if err != nil {
				return err
			}
			if !c.Bool("regex") {
				return rt.Delete(c.Args().First(), c.Bool("force"))
			}
			ids, err := match(rt, c.Args().First())
			if err != nil {
				return err
			}
			var all error
			for _, id := range ids {
				all = errors.Join(all, rt.Delete(id, c.Bool("force")))
			}
			return all
		},
	}
}
