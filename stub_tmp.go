package main

import "github.com/urfave/cli/v2"

func eventsCommand() *cli.Command   { return &cli.Command{Name: "events"} }
func featuresCommand() *cli.Command { return &cli.Command{Name: "features"} }
func updateCommand() *cli.Command   { return &cli.Command{Name: "update"} }
