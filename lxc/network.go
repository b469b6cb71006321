// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"crypto/rand"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"kist/lxc/directive"
	"kist/lxc/network"
	"kist/lxc/network/nic"
)

// collectNetwork reads the network lines. It comes first, because they decide
// whether there is a network namespace at all.
func (t *translation) collectNetwork() error {
	lines := make([]directive.Directive, len(t.network))
	for i, s := range t.network {
		lines[i] = s.Directive
	}
	o := network.Options{
		Version:   [3]int{t.version.Major, t.version.Minor, t.version.Patch},
		Container: t.name,
		Random:    t.Random,
	}
	if t.value("lxc.hook.version", "0") == "1" {
		o.HookVersion = 1
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	cards, err := network.Collect(lines, o)
	if err != nil {
		for _, d := range lines {
			if text, ok := strings.CutPrefix(err.Error(), d.Position()+": "+d.Key+": "); ok {
				return &Error{File: d.File, Line: d.Line, Key: d.Key, Value: d.Value, Msg: text}
			}
		}
		return &Error{Msg: err.Error()}
	}
	t.cards = cards
	return nil
}

// translateNetwork emits the hooks that make the cards, and the file they read.
func (t *translation) translateNetwork() error {
	if t.ownNetwork() || t.cards.HostNetwork {
		for i, s := range t.network {
			o := t.cards.Outcomes[i]
			s.entry.say(Class(o.Class), "%s", o.Text)
		}
	} else {
		for _, s := range t.network {
			s.entry.say(Exact, "no effect, as in LXC: the network namespace is not the container's own")
		}
	}
	if len(t.network) == 0 && !t.cards.HostNetwork && t.ownNetwork() {
		t.defaulted("lxc.net", Exact, "no card named: a network namespace with nothing but lo, which stays down")
	}
	if t.cards.HostNetwork || !t.ownNetwork() {
		return nil
	}
	up, down := t.cards.Hooks(t.Kist, t.hookEnvironment(t.value("lxc.hook.version", "0")))
	if len(up)+len(down) == 0 {
		return nil
	}
	data, err := t.cards.Set.Encode()
	if err != nil {
		return &Error{Msg: "network: " + err.Error()}
	}
	t.files[nic.FileName] = data
	// The cards exist before start-host hooks run, and their scripts run before
	// the stop hooks.
	h := t.hooks()
	h.CreateRuntime = append(up, h.CreateRuntime...)
	h.Poststop = append(down, h.Poststop...)
	return nil
}

// ownNetwork reports whether the container has a new network namespace.
func (t *translation) ownNetwork() bool {
	for _, n := range t.spec.Linux.Namespaces {
		if n.Type == specs.NetworkNamespace {
			return n.Path == ""
		}
	}
	return false
}
