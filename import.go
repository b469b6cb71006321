// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"kist/lxc"
)

// importCommand is `kist import`: a classic LXC configuration becomes a bundle.
// Exit status: 0 imported, 1 refused (nothing is written), 2 wrong usage.
func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "turn an LXC configuration into a bundle",
		ArgsUsage: "CONFIG|CONTAINER-DIR|NAME BUNDLE",
		Description: `Reads a configuration file, a container directory (/var/lib/lxc/NAME) or the name of
a container below the lxcpath, with its includes and fstab, and writes BUNDLE/config.json.
The root filesystem stays where it is. The report says for every line what became of it:

  exact         the same under every OCI runtime
  approximated  nearly so; the report says what differs
  extension     an annotation that kist honours and other runtimes ignore
  host-side     not a runtime's business; the report says whose
  refused       nothing is imported

` + "`kist import --explain KEY`" + ` describes one key.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "lxc-version", Usage: "read the configuration as this `RELEASE` of LXC does, such as 0.9, 2.0 or 6.0.4 (default: detected)"},
			&cli.GenericFlag{Name: "set", Value: &repeated{}, Usage: "apply a `KEY=VALUE` line after the configuration, as lxc-start -s does (repeatable)"},
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the container (default: that of its directory)"},
			&cli.StringFlag{Name: "lxcpath", Usage: "`DIR` that holds the containers (default: lxc.lxcpath of /etc/lxc/lxc.conf, or /var/lib/lxc)"},
			&cli.BoolFlag{Name: "strict", Usage: "fail unless every line is exact or an extension"},
			&cli.StringFlag{Name: "report", Usage: "write the report to `FILE` instead of standard output"},
			&cli.StringFlag{Name: "format", Value: "table", Usage: "`FORMAT` of the report: table or json"},
			&cli.StringFlag{Name: "explain", Usage: "describe `KEY` and exit"},
		},
		Action: importAction,
	}
}

// repeated collects the values of a flag as they are: a list flag of the library
// would split them at commas, which values contain.
type repeated struct{ values []string }

func (r *repeated) Set(v string) error { r.values = append(r.values, v); return nil }
func (r *repeated) String() string     { return "" }

func importAction(c *cli.Context) error {
	if key := c.String("explain"); key != "" {
		if c.NArg() > 0 {
			return &exitError{2, errors.New("import: --explain takes no further arguments")}
		}
		return lxc.Explain(os.Stdout, key)
	}
	if c.NArg() != 2 {
		return &exitError{2, errors.New("import: want CONFIG|CONTAINER-DIR|NAME and BUNDLE (see kist import --help)")}
	}
	format := c.String("format")
	if format != "table" && format != "json" {
		return &exitError{2, fmt.Errorf("import: --format %s: want table or json", format)}
	}
	bundle, err := filepath.Abs(c.Args().Get(1))
	if err != nil {
		return fmt.Errorf("import: bundle: %w", err)
	}
	kist, err := os.Executable()
	if err != nil {
		return fmt.Errorf("import: path of kist, which the bundle's hooks call: %w", err)
	}
	res, failure := lxc.Import(lxc.Options{
		Config:  c.Args().Get(0),
		Name:    c.String("name"),
		LXCPath: c.String("lxcpath"),
		Version: c.String("lxc-version"),
		Set:     c.Generic("set").(*repeated).values,
		Bundle:  bundle,
		Kist:    kist,
	})
	if failure == nil && c.Bool("strict") {
		failure = lxc.Strict(res.Report)
	}
	if failure == nil {
		failure = res.Write(bundle)
	}
	// The report is also for those whose import was refused: it shows how far
	// the reading got. A table would only repeat the message then.
	if failure == nil || format == "json" || c.String("report") != "" {
		if err := writeReport(c.String("report"), format, res, failure); err != nil {
			return errors.Join(failure, err)
		}
	}
	if failure != nil {
		return fmt.Errorf("import: %w", failure)
	}
	return nil
}

// writeReport prints the report to a file, or to standard output, there in colour
// if it is a terminal and nobody asked for none.
func writeReport(file, format string, res *lxc.Result, failure error) (err error) {
	var w io.Writer = os.Stdout
	colour := false
	if file == "" {
		st, err := os.Stdout.Stat()
		colour = err == nil && st.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	} else {
		f, err := os.Create(file)
		if err != nil {
			return fmt.Errorf("report: %w", err)
		}
		defer func() {
			if e := f.Close(); err == nil && e != nil {
				err = fmt.Errorf("report: %w", e)
			}
		}()
		w = f
	}
	if format == "json" {
		return lxc.PrintJSON(w, res, failure)
	}
	if res == nil {
		return nil
	}
	return lxc.PrintTable(w, res.Report, colour)
}
