// SPDX-License-Identifier: Apache-2.0

// Package network reads the network part of an LXC configuration: the lines
// lxc.net.N.KEY of today and lxc.network.KEY of before LXC 2.1.
//
// Its input are directives that are lexed already, in the order of the file, its
// output a description of network cards (kist/lxc/network/nic), which the importer
// puts into the bundle as lxc-net.json, two OCI hooks that call kist back to make
// and to take down the cards, and an account of what became of every line.
//
// The package is pure. It runs in `kist import` and never looks at the host: the
// bundle may be started elsewhere. Whether a line is accepted or refused, and what
// wins when lines contradict each other, was compared with LXC 5.0.2.
package network

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/lxc/directive"
	"kist/lxc/network/nic"
)

// Class says how faithfully a line came across, in the words of the import report.
type Class string

// The classes that network lines can have; a line that LXC refuses is an error.
const (
	Exact        Class = "exact"
	Approximated Class = "approximated"
)

// Options is what the reading depends on besides the lines.
type Options struct {
	// Version is the LXC release the file was written for: major, minor, patch.
	Version [3]int
	// Container is the container's name.
	Container string
	// HookVersion is lxc.hook.version, 0 or 1.
	HookVersion int
	// Random replaces the x digits of hardware addresses.
	Random io.Reader
}

func (o Options) atLeast(major, minor, patch int) bool {
	return slices.Compare(o.Version[:], []int{major, minor, patch}) >= 0
}

// Outcome is what became of one line.
type Outcome struct {
	Directive directive.Directive
	Class     Class
	// Text is one sentence.
	Text string
}

// Result is the network of a container.
type Result struct {
	// HostNetwork means that the container shares the host's network: the spec
	// must not have a network namespace. Otherwise it must have a new one.
	HostNetwork bool
	// Set is the content of lxc-net.json; nil with HostNetwork. The file is needed
	// only when Hooks returns any.
	Set *nic.Set
	// Outcomes has an element per directive, in their order.
	Outcomes []Outcome
}

// Hooks returns the hooks that make the cards before the container starts and take
// them down after it ended, or none with HostNetwork. kist is the absolute path of
// the program; env is LXC's common set of variables, for the scripts.
//
// A container none of whose cards is up has the first hook too, to take lo down:
// LXC leaves it so, and OCI runtimes bring it up. kist does that before this hook
// runs, runc and crun after it, so that lo stays up there.
func (r *Result) Hooks(kist string, env []string) (createRuntime, poststop []specs.Hook) {
	if r.HostNetwork {
		return nil, nil
	}
	hook := func(verb string) []specs.Hook {
		return []specs.Hook{{Path: kist, Args: []string{"kist", "lxc-net", verb}, Env: slices.Clone(env)}}
	}
	createRuntime = hook("up")
	for _, c := range r.Set.Cards {
		if c.Type != nic.Empty && c.Type != nic.None || c.ScriptUp != "" || c.ScriptDown != "" {
			return createRuntime, hook("down")
		}
	}
	if len(r.Set.Cards) > 0 && r.Set.Up() {
		return nil, nil // an empty namespace with lo up is what any runtime makes
	}
	return createRuntime, nil
}

// Collect reads the network lines. The directives may be of any mixture of both
// spellings; lines that are not about the network are an error of the caller.
// Errors have the form "file:line: key: what is wrong".
func Collect(lines []directive.Directive, o Options) (*Result, error) {
	c := &collector{Options: o, outcomes: make([]Outcome, len(lines))}
	for i, d := range lines {
		c.outcomes[i] = Outcome{Directive: d, Class: Exact, Text: "a card made by a hook that calls kist"}
		if err := c.line(i, d); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", d.Position(), d.Key, err)
		}
	}
	return c.finish()
}

// card is a network card while its lines are read.
type card struct {
	nic.Card
	// typed is whether a type line was seen.
	typed bool
	// lines are the directives that made it, as positions in the input.
	lines []int
	// setBy is the line that last gave a key its value.
	setBy map[string]int
}

type collector struct {
	Options
	cards    []*card
	outcomes []Outcome
}

func (c *collector) say(line int, class Class, format string, args ...any) {
	c.outcomes[line].Class = class
	c.outcomes[line].Text = fmt.Sprintf(format, args...)
}

// drop forgets a card and says so on each of its lines.
func (c *collector) drop(gone *card, by directive.Directive) {
	for _, i := range gone.lines {
		c.say(i, Exact, "no effect, as in LXC: cleared by %s", by.Position())
	}
	c.cards = slices.DeleteFunc(c.cards, func(k *card) bool { return k == gone })
}

func (c *collector) dropAll(by directive.Directive) {
	for len(c.cards) > 0 {
		c.drop(c.cards[0], by)
	}
}

func (c *collector) byIndex(n int) *card {
	for _, k := range c.cards {
		if k.Index == n {
			return k
		}
	}
	return nil
}

func (c *collector) add(index int) *card {
	k := &card{Card: nic.Card{Index: index, Type: nic.Empty}, setBy: map[string]int{}}
	c.cards = append(c.cards, k)
	return k
}

// line applies one directive.
func (c *collector) line(i int, d directive.Directive) error {
	key, err := c.split(d.Key)
	if err != nil {
		return err
	}
	switch {
	case key.sub == "" && d.Value != "":
		return fmt.Errorf("takes no value: empty, it clears; a card's keys look like %s", key.example())
	case key.sub == "" && key.index < 0:
		c.dropAll(d)
		c.say(i, Exact, "drops every card above")
		return nil
	case key.sub == "":
		k, err := c.find(key)
		if err != nil {
			return err
		}
		c.drop(k, d)
		c.say(i, Exact, "drops this card")
		return nil
	}
	k, err := c.target(key, d)
	if err != nil {
		return err
	}
	if k == nil {
		c.say(i, Exact, "drops every card above")
		return nil
	}
	k.lines = append(k.lines, i)
	k.setBy[key.sub] = i
	return c.set(k, key.sub, i, d)
}

// find returns the card a key with an index names.
func (c *collector) find(key key) (*card, error) {
	if key.legacy {
		if key.index >= len(c.cards) {
			return nil, fmt.Errorf("there are %d cards before this line", len(c.cards))
		}
		return c.cards[key.index], nil
	}
	if k := c.byIndex(key.index); k != nil {
		return k, nil
	}
	return nil, fmt.Errorf("no line before this one is about card %d", key.index)
}

// target returns the card a line is about, a new one if the line begins one. It
// returns nil if the line dropped all cards.
func (c *collector) target(key key, d directive.Directive) (*card, error) {
	if !key.legacy {
		k := c.byIndex(key.index)
		switch {
		case k == nil && d.Value == "":
			return nil, fmt.Errorf("nothing to clear: no line before this one is about card %d", key.index)
		case k == nil:
			return c.add(key.index), nil
		case key.sub == "type" && c.atLeast(4, 0, 7):
			// Setting the type wipes what the index had.
			for _, i := range k.lines {
				c.say(i, Exact, "no effect, as in LXC: the type at %s resets the card", d.Position())
			}
			*k = card{Card: nic.Card{Index: key.index, Type: nic.Empty}, setBy: map[string]int{}}
		}
		return k, nil
	}
	if key.sub == "type" {
		if d.Value == "" {
			c.dropAll(d)
			return nil, nil
		}
		index := 0
		for _, k := range c.cards {
			index = max(index, k.Index+1)
		}
		return c.add(index), nil
	}
	// 0.9 and 1.0 drop the index of lxc.network.N.key.
	if key.index >= 0 && c.atLeast(1, 1, 0) {
		return c.find(key)
	}
	if len(c.cards) == 0 {
		return nil, fmt.Errorf("no lxc.network.type before this line, so there is no card it could be about")
	}
	return c.cards[len(c.cards)-1], nil
}

func (c *collector) finish() (*Result, error) {
	slices.SortStableFunc(c.cards, func(a, b *card) int { return cmp.Compare(a.Index, b.Index) })
	r := &Result{Outcomes: c.outcomes}
	if len(c.cards) == 0 {
		// Before 1.0 a container without network lines shared the host's network.
		r.HostNetwork = !c.atLeast(1, 0, 0)
	} else if len(c.cards) == 1 && c.cards[0].Type == nic.None {
		r.HostNetwork = true
		for _, i := range c.cards[0].lines {
			c.say(i, Exact, "the container shares the host's network: no network namespace")
		}
	}
	if r.HostNetwork {
		return r, nil
	}
	r.Set = &nic.Set{Format: nic.Format, Container: c.Container, HookVersion: c.HookVersion, Cards: []nic.Card{}}
	names := map[string]int{}
	for _, k := range c.cards {
		if !k.typed {
			c.say(k.lines[0], Exact, "card %d has no type line: LXC takes it for empty", k.Index)
		}
		if k.Type == nic.None {
			for _, i := range k.lines {
				c.say(i, Exact, "no effect, as in LXC: none shares the host's network only when it is the only card")
			}
		}
		if err := k.Validate(); err != nil {
			return nil, c.blame(k, err)
		}
		if k.Name != "" && k.Type != nic.None && k.Type != nic.Empty && !strings.Contains(k.Name, "%") {
			if other, taken := names[k.Name]; taken {
				return nil, c.blame(k, fmt.Errorf("/name: %q is also the name of card %d", k.Name, other))
			}
			names[k.Name] = k.Index
		}
		c.remark(k)
		r.Set.Cards = append(r.Set.Cards, k.Card)
	}
	if err := r.Set.Validate(); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	return r, nil
}

// blame says which line a failed check of a whole card is about.
func (c *collector) blame(k *card, err error) error {
	pointer, text, _ := strings.Cut(err.Error(), ": ")
	line := k.lines[0]
	if i, ok := k.setBy["type"]; ok {
		line = i
	}
	for _, sub := range subKeysOf(pointer) {
		if i, ok := k.setBy[sub]; ok {
			line = i
			break
		}
	}
	d := c.outcomes[line].Directive
	return fmt.Errorf("%s: %s: %s", d.Position(), d.Key, text)
}
