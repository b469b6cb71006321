// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"

	"github.com/urfave/cli/v2"
)

// errNoCRIU is the answer of both commands: engines probe `checkpoint --help`
// to learn whether checkpoints work, so that fails too.
var errNoCRIU = errors.New("checkpoint and restore are not supported by this kist: it has no CRIU support built in")

func checkpointCommand() *cli.Command { return withoutCRIU("checkpoint") }

func restoreCommand() *cli.Command { return withoutCRIU("restore") }

func withoutCRIU(name string) *cli.Command {
	return &cli.Command{
		Name:            name,
		Usage:           "not supported: needs CRIU",
		Hidden:          true,
		SkipFlagParsing: true,
		HideHelp:        true,
		Action:          func(*cli.Context) error { return errNoCRIU },
	}
}
