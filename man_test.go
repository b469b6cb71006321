// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// page is the manual page of a command.
func page(name string) string {
	if name == "" {
		return filepath.Join("man", "kist.8")
	}
	return filepath.Join("man", "kist-"+name+".8")
}

// flagItem is an entry for flags in an mdoc list: ".It Fl -name , n Ar VALUE".
var flagItem = regexp.MustCompile(`(?m)^\.It Fl (.*)$`)

// documented gives the flags that a page has an entry for, as they are typed.
func documented(text string) []string {
	var flags []string
	for _, m := range flagItem.FindAllStringSubmatch(text, -1) {
		for _, word := range strings.Fields(m[1]) {
			switch word {
			case ",":
				continue
			case "Ns", "Ar", "Op":
			default:
				flags = append(flags, "-"+word)
				continue
			}
			break // what follows describes the value
		}
	}
	slices.Sort(flags)
	return flags
}

// typed gives all names of flags, as they are typed.
func typed(flags []cli.Flag) []string {
	var all []string
	for _, f := range flags {
		for _, n := range f.Names() {
			if len(n) == 1 {
				all = append(all, "-"+n)
			} else {
				all = append(all, "--"+n)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// commandFlags gives the flags of a command and of its subcommands.
func commandFlags(c *cli.Command) []cli.Flag {
	flags := slices.Clone(c.Flags)
	for _, s := range c.Subcommands {
		flags = append(flags, s.Flags...)
	}
	return flags
}

func TestManualFlags(t *testing.T) {
	app := newApp()
	check := func(name string, want []string) {
		text, err := os.ReadFile(page(name))
		if err != nil {
			t.Error(err)
			return
		}
		got := documented(string(text))
		for _, f := range want {
			if !slices.Contains(got, f) {
				t.Errorf("%s: has no entry for %s", page(name), f)
			}
		}
		for _, f := range got {
			if !slices.Contains(want, f) {
				t.Errorf("%s: %s is not a flag of this command", page(name), f)
			}
		}
	}
	check("", typed(append(slices.Clone(app.Flags), cli.HelpFlag, cli.VersionFlag)))
	for _, c := range app.Commands {
		check(c.Name, typed(commandFlags(c)))
	}
}

// Every page is a command's, and the overview names them all.
func TestManualPages(t *testing.T) {
	overview, err := os.ReadFile(page(""))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{page(""): true}
	for _, c := range newApp().Commands {
		names[page(c.Name)] = true
		if !strings.Contains(string(overview), "\n.It Xr kist-"+c.Name+" 8\n") {
			t.Errorf("%s: does not list kist-%s", page(""), c.Name)
		}
	}
	files, err := filepath.Glob("man/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !names[f] {
			t.Errorf("%s: is not the page of a command", f)
		}
	}
	reference := regexp.MustCompile(`\bXr (kist(?:-[a-z-]+)?) 8\b`)
	for f := range names {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range reference.FindAllStringSubmatch(string(text), -1) {
			if to := filepath.Join("man", m[1]+".8"); !names[to] {
				t.Errorf("%s: refers to %s, which is not there", f, to)
			}
		}
	}
}

func TestManualRenders(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	files, err := filepath.Glob("man/*.8")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		var complaints strings.Builder
		cmd := exec.Command(groff, "-ww", "-mandoc", "-Tutf8", "-K", "utf-8", f)
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil || complaints.Len() > 0 || len(out) == 0 {
			t.Errorf("%s: %v: %s", f, err, complaints.String())
		}
	}
}
