// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"kist/libcontainer"
	"kist/libcontainer/compile"
	"kist/libcontainer/host"
	"kist/libcontainer/program"
)

func planCommand() *cli.Command {
	return &cli.Command{
		Name:      "plan",
		Usage:     "print the system calls that would set up a container",
		ArgsUsage: "BUNDLE",
		Description: `Compiles a bundle and prints the program, a line per system call with the part of
config.json that asks for it. Nothing is done, and no privilege is needed. With --diff
it prints what differs between the programs of two bundles.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "exec", Usage: "plan an exec of container `ID`'s own process in place of a create"},
			&cli.StringFlag{Name: "config", Aliases: []string{"f"}, Usage: "another `FILE` than config.json in the bundle"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON, an object per program"},
			&cli.StringFlag{Name: "facts", Usage: "take facts about the host from `FILE` (see --print-facts)"},
			&cli.BoolFlag{Name: "print-facts", Usage: "print the facts about this host, for --facts"},
			&cli.BoolFlag{Name: "diff", Usage: "compare two bundles"},
			&cli.BoolFlag{Name: "no-pivot", Usage: "plan as create --no-pivot"},
		},
		OnUsageError: usageError,
		Action:       planAction,
	}
}

func planAction(c *cli.Context) error {
	facts, err := planFacts(c.String("facts"))
	if err != nil {
		return err
	}
	if c.Bool("print-facts") {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "\t")
		return e.Encode(facts)
	}
	if c.Bool("diff") {
		return planDiff(c, facts)
	}
	programs, err := planPrograms(c, facts, c.Args().First())
	if err != nil {
		return err
	}
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush()
	if c.Bool("json") {
		return printJSON(w, programs)
	}
	for i, p := range programs {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "# %s: %d instructions, %d bytes of data\n", p.Name, len(p.Insns), len(p.Blob))
		for k := range p.Needs {
			n := &p.Needs[k]
			fmt.Fprintf(w, "# descriptor %d, from the parent: %s\n", n.FD, n.Describe())
		}
		if err := p.Print(w, program.PrintOptions{SyncName: compile.SyncName}); err != nil {
			return err
		}
	}
	return nil
}

func printJSON(w io.Writer, programs []*program.Program) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	docs := make([]json.RawMessage, len(programs))
	for i, p := range programs {
		docs[i] = p.JSON(program.PrintOptions{SyncName: compile.SyncName})
	}
	return e.Encode(docs)
}

func planFacts(file string) (*host.Facts, error) {
	if file == "" {
		f, err := host.Gather()
		if err == nil {
			f.LSMs()
		}
		return f, err
	}
	data, err := readLimited(file)
	if err != nil {
		return nil, err
	}
	f := &host.Facts{}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("--facts %s: %w", file, err)
	}
	return f, f.CheckKernel()
}

// planPrograms compiles what create, or exec, would send to nsexec.
func planPrograms(c *cli.Context, facts *host.Facts, bundle string) ([]*program.Program, error) {
	rt, err := newRuntime(c)
	if err != nil {
		return nil, err
	}
	if id := c.String("exec"); id != "" {
		if err := needArgs(c, 0, 0); err != nil {
			return nil, err
		}
		container, err := rt.Open(id)
		if err != nil {
			return nil, err
		}
		defer container.Close()
		return container.PlanExec(facts)
	}
	if bundle == "" {
		bundle = "."
	}
	return rt.Plan(&libcontainer.CreateOptions{
		ID:         "plan",
		Bundle:     bundle,
		ConfigFile: c.String("config"),
		NoPivot:    c.Bool("no-pivot"),
	}, facts)
}

// planDiff prints the lines that differ between two plans, as diff(1) does.
func planDiff(c *cli.Context, facts *host.Facts) error {
	if err := needArgs(c, 2, 2); err != nil {
		return err
	}
	var texts [2][]string
	for i := range texts {
		programs, err := planPrograms(c, facts, c.Args().Get(i))
		if err != nil {
			return err
		}
		for _, p := range programs {
			texts[i] = append(texts[i], "# "+p.Name)
			for k := range p.Insns {
				line := p.Format(k)
				if cause := p.Causes[k].String(); cause != "" {
					line += "  " + cause
				}
				texts[i] = append(texts[i], line)
			}
		}
	}
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush()
	if differ := writeDiff(w, texts[0], texts[1]); differ {
		return &exitError{status: 1}
	}
	return nil
}

// writeDiff prints the lines of a and b that have no partner in the other, in
// order, by their longest common subsequence.
func writeDiff(w io.Writer, a, b []string) (differ bool) {
	common := make([][]int32, len(a)+1)
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for k := len(b) - 1; k >= 0; k-- {
			if a[i] == b[k] {
				common[i][k] = common[i+1][k+1] + 1
			} else {
				common[i][k] = max(common[i+1][k], common[i][k+1])
			}
		}
	}
	i, k := 0, 0
	for i < len(a) || k < len(b) {
		switch {
		case i < len(a) && k < len(b) && a[i] == b[k]:
			if strings.HasPrefix(a[i], "# ") {
				fmt.Fprintln(w, a[i])
			}
			i, k = i+1, k+1
		case k == len(b) || i < len(a) && common[i+1][k] >= common[i][k+1]:
			fmt.Fprintln(w, "-", a[i])
			i, differ = i+1, true
		default:
			fmt.Fprintln(w, "+", b[k])
			k, differ = k+1, true
		}
	}
	return differ
}
