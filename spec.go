// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer/host"
	"kist/libcontainer/spec"
)

func specCommand() *cli.Command {
	return &cli.Command{
		Name:      "spec",
		Usage:     "write a configuration to start from, or check one",
		ArgsUsage: " ",
		Description: `Writes config.json for a shell in the directory rootfs. With --check it reads the
configuration of a bundle and says what is wrong with it, without running anything.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "`DIR` of the bundle (default: the current directory)"},
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: "config.json", Usage: "`NAME` of the file"},
			&cli.BoolFlag{Name: "rootless", Usage: "for a user without privilege: user namespace, no cgroup mount"},
			&cli.StringFlag{Name: "check", Usage: "check the configuration of `BUNDLE`"},
		},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 0, 0); err != nil {
				return err
			}
			if bundle := c.String("check"); bundle != "" {
				return checkSpec(bundle, c)
			}
			return writeSpec(c)
		},
	}
}

func writeSpec(c *cli.Context) error {
	path := filepath.Join(c.String("bundle"), c.String("file"))
	var st unix.Statfs_t
	v2 := unix.Statfs(host.CgroupRoot, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
	data, err := spec.Marshal(spec.Default(c.Bool("rootless"), v2))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("file %s exists: remove it first", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func checkSpec(bundle string, c *cli.Context) error {
	config, err := spec.Load(bundle, c.String("file"))
	if err != nil {
		return err
	}
	if err := config.Validate(); err != nil {
		return err
	}
	for _, w := range config.Warnings() {
		fmt.Fprintln(c.App.Writer, "warning:", w)
	}
	for _, p := range config.Unknown {
		fmt.Fprintf(c.App.Writer, "warning: config.json: %s: unknown property, ignored\n", p)
	}
	return nil
}
