// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"kist/libcontainer"
	"kist/libcontainer/state"
)

func listCommand() *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "list the containers of a state directory",
		ArgsUsage: " ",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "`FORMAT`: table or json"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "only ids"},
		},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 0, 0); err != nil {
				return err
			}
			rt, err := newRuntime(c)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(os.Stdout)
			switch f := c.String("format"); {
			case c.Bool("quiet"):
				err = rt.Each(func(c *libcontainer.Container, _ error) { fmt.Fprintln(out, c.State.ID) })
			case f == "json":
				err = listJSON(rt, out)
			case f == "table":
				err = listTable(rt, out)
			default:
				err = fmt.Errorf("--format %q: must be table or json", f)
			}
			if err != nil {
				return err
			}
			return out.Flush()
		},
	}
}

// owners remembers user names: looking one up reads /etc/passwd.
type owners map[int]string

func (o owners) name(uid int) string {
	if n, ok := o[uid]; ok {
		return n
	}
	n := "#" + strconv.Itoa(uid)
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		n = u.Username
	}
	o[uid] = n
	return n
}

// eachStatus visits the readable containers with their status; what cannot be
// read is a warning, one bad record must not hide the others.
func eachStatus(rt *libcontainer.Runtime, visit func(*libcontainer.Container, state.Status)) error {
	return rt.Each(func(c *libcontainer.Container, err error) {
		var status state.Status
		if err == nil {
			status, err = c.Status()
		}
		if err != nil {
			rt.Log.Warn(err.Error())
			return
		}
		visit(c, status)
	})
}

func listJSON(rt *libcontainer.Runtime, out *bufio.Writer) error {
	names := owners{}
	var doc []byte
	err := eachStatus(rt, func(c *libcontainer.Container, s state.Status) {
		sep := byte('[')
		if len(doc) > 0 {
			sep = ','
		}
		doc = c.State.AppendDocument(append(doc, sep), s, names.name(c.State.Owner), false)
	})
	if err != nil {
		return err
	}
	if len(doc) == 0 {
		doc = []byte("null")
	} else {
		doc = append(doc, ']')
	}
	_, err = out.Write(append(doc, '\n'))
	return err
}

func listTable(rt *libcontainer.Runtime, out *bufio.Writer) error {
	names := owners{}
	w := tabwriter.NewWriter(out, 12, 1, 3, ' ', 0)
	fmt.Fprint(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	err := eachStatus(rt, func(c *libcontainer.Container, s state.Status) {
		pid := c.State.InitPid
		if s == state.StatusStopped {
			pid = 0
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", c.State.ID, pid, s, c.State.Bundle, c.State.Created, names.name(c.State.Owner))
	})
	if err != nil {
		return err
	}
	return w.Flush()
}
