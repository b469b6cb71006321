// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"kist/libcontainer/compile"
)

var update = flag.Bool("update", false, "rewrite the shell completions")

// valueKind says what a shell offers for the value of a flag or an operand.
type valueKind int

const (
	valueNone   valueKind = iota // takes no value
	valueAny                     // nothing to offer
	valueFile                    // a file
	valueDir                     // a directory
	valueID                      // a container's id
	valueChoice                  // one of the words
)

// completedFlag is a flag as the shells are told of it.
type completedFlag struct {
	names  []string // as typed
	usage  string
	kind   valueKind
	joined bool // the value, if there is one, follows an equals sign only
	words  []string
}

// completedCommand is a command as the shells are told of it.
type completedCommand struct {
	name, usage string
	flags       []completedFlag
	operand     valueKind
}

// completionTable is what all three files are made of: the command table.
func completionTable() (global []completedFlag, commands []completedCommand) {
	app := newApp()
	global = completedFlags(append(slices.Clone(app.Flags), cli.HelpFlag, cli.VersionFlag))
	for _, c := range app.Commands {
		if c.Hidden {
			continue
		}
		flags := slices.Clone(c.Flags)
		if !c.HideHelp {
			flags = append(flags, cli.HelpFlag)
		}
		commands = append(commands, completedCommand{c.Name, c.Usage, completedFlags(flags), operandKind(c)})
	}
	return global, commands
}

// operandKind: create, run and restore take an id that does not exist yet.
func operandKind(c *cli.Command) valueKind {
	switch {
	case c.Name == "create", c.Name == "run", c.Name == "restore":
		return valueNone
	case strings.HasPrefix(c.ArgsUsage, "ID"):
		return valueID
	case c.Name == "import":
		return valueFile
	case strings.Contains(c.ArgsUsage, "BUNDLE"):
		return valueDir
	}
	return valueNone
}

func completedFlags(flags []cli.Flag) []completedFlag {
	var list []completedFlag
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		// The short form of a repeatable flag is a hidden flag of its own.
		if v, can := f.(cli.VisibleFlag); !ok || can && !v.IsVisible() && len(f.Names()[0]) > 1 {
			continue
		}
		c := completedFlag{names: typed([]cli.Flag{f}), usage: strings.NewReplacer("`=", "", "`", "").Replace(doc.GetUsage())}
		slices.Reverse(c.names) // the long one first
		slices.SortStableFunc(c.names, func(a, b string) int { return len(b) - len(a) })
		_, placeholder, _ := strings.Cut(doc.GetUsage(), "`")
		placeholder, rest, _ := strings.Cut(placeholder, "`")
		switch {
		case !doc.TakesValue():
			c.kind = valueNone
		case strings.HasPrefix(placeholder, "="):
			c.kind, c.joined = valueFile, true
		case placeholder == "CAPABILITY":
			c.kind, c.words = valueChoice, compile.CapabilityNames(63)
		case placeholder == "ID":
			c.kind = valueID
		case placeholder == "FILE", placeholder == "PATH":
			c.kind = valueFile
		case placeholder == "DIR", placeholder == "BUNDLE":
			c.kind = valueDir
		default:
			c.kind = valueAny
			// "`true, false or auto`" and "`FORMAT` of the log: text or json"
			if c.words = choices(placeholder); c.words == nil {
				_, after, _ := strings.Cut(rest, ": ")
				c.words = choices(after)
			}
			if c.words != nil {
				c.kind = valueChoice
			}
		}
		list = append(list, c)
	}
	return list
}

// choices takes "a, b or c" apart; nil if the text is not of that form.
func choices(text string) []string {
	before, last, ok := strings.Cut(text, " or ")
	if !ok {
		return nil
	}
	words := append(strings.Split(before, ", "), last)
	for _, w := range words {
		if w == "" || strings.ContainsAny(w, " :`") {
			return nil
		}
	}
	return words
}

// completionFiles gives the content of each file.
func completionFiles() map[string]string {
	global, commands := completionTable()
	return map[string]string{
		"kist.bash": bashCompletion(global, commands),
		"_kist":     zshCompletion(global, commands),
		"kist.fish": fishCompletion(global, commands),
	}
}

func TestCompletionsCurrent(t *testing.T) {
	for name, want := range completionFiles() {
		path := filepath.Join("completions", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s is not current (go test -run Completions -update .):\n%s", path, d)
		}
	}
}

func TestCompletionsParse(t *testing.T) {
	for shell, file := range map[string]string{"bash": "kist.bash", "zsh": "_kist", "fish": "kist.fish"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		if out, err := exec.Command(path, "-n", filepath.Join("completions", file)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", file, err, out)
		}
	}
}

// What bash offers for a command line, the last word of which is being typed.
func TestCompletionsBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	dir := t.TempDir()
	fake := "#!/bin/sh\ncase \"$*\" in\n'--root /r list --quiet') echo other;;\n'list --quiet') printf 'one\\ntwo\\n';;\nesac\n"
	if err := os.WriteFile(filepath.Join(dir, "kist"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	const script = `. completions/kist.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _kist; printf '%s\n' "${COMPREPLY[@]}"`
	for line, want := range map[string]string{
		"kist sta":                               "start state",
		"kist --log-f":                           "--log-format",
		"kist --log-format ":                     "json text",
		"kist --log-format = j":                  "json",
		"kist --debug --log /x pau":              "pause",
		"kist delete --f":                        "--force",
		"kist kill o":                            "one",
		"kist kill ":                             "one two",
		"kist --root /r kill ":                   "other",
		"kist --root = /r kill ":                 "other",
		"kist kill one TE":                       "TERM",
		"kist exec --cap CAP_NET_B":              "CAP_NET_BIND_SERVICE CAP_NET_BROADCAST",
		"kist exec --cap CAP_SYS_ADMIN --pre":    "--preserve-fds",
		"kist run --trace --keep --bundle compl": "completions",
		"kist exec -e A=1 --ig":                  "--ignore-paused",
		"kist plan --exec t":                     "two",
		"kist run ":                              "",
		"kist nosuch ":                           "",
	} {
		cmd := exec.Command(bash, append([]string{"-c", script, "bash"}, strings.Split(line, " ")...)...)
		cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		got := strings.Fields(string(out))
		slices.Sort(got)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
}
