// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Explain describes a key: its spellings, what it does in LXC and in kist.
func Explain(w io.Writer, key string) error {
	name := key
	if !strings.HasPrefix(name, "lxc.") {
		name = "lxc." + name
	}
	k := find(name)
	if k == nil {
		if hint := strangeKey(name); hint != "" {
			return errors.New(name + ": " + hint)
		}
		msg := name + ": no LXC knows this key"
		if near := nearest(name, modernDefault()); near != "" {
			msg += "; did you mean " + near + "?"
		}
		return errors.New(msg)
	}
	for _, n := range k.Names {
		if _, err := fmt.Fprintf(w, "%s  (LXC %s)\n", n.Key, n.Span()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "  in LXC:  %s\n  in kist: %s\n  class:   %s\n  repeat:  %s\n", k.LXC, k.Kist, k.Class, k.kind.repeat())
	return err
}

// find looks a key up whatever the release, in any of its spellings; the pattern
// of a family finds itself.
func find(name string) *Key {
	for _, v := range [...]Version{modernDefault(), {7, 0, 0}, bothDefault(), legacyDefault(), {0, 9, 0}} {
		if m, ok := lookupExact(name, v); ok {
			return m.key
		}
	}
	for _, k := range table() {
		for _, n := range k.Names {
			if n.Key == name || n.Key == name+".*" {
				return k
			}
		}
	}
	return nil
}

// repeat says what several lines of a key do.
func (k kind) repeat() string {
	switch k {
	case scalar:
		return "the last line counts, an empty value restores the default"
	case list:
		return "lines add up, an empty value clears all of them"
	case family:
		return "the last line for the same name counts, an empty value removes it"
	case familyList:
		return "lines for the same name are all applied in order, an empty value removes them"
	case netKey:
		return "belongs to one network card"
	}
	return "takes no value"
}

// WriteKeys writes the table of all keys as Markdown: docs/lxc-keys.md.
func WriteKeys(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# LXC keys in kist\n\n" +
		"Every key that a release of LXC accepts in a container's configuration, and what `kist import` makes of it.\n" +
		"This page is generated from the importer's own table (`go test ./lxc -run TestKeysDocument -update`);\n" +
		"`kist import --explain KEY` prints one row.\n\n" +
		"The class is what a line gets when no detail of its value changes it: *exact* (the same under every OCI runtime),\n" +
		"*approximated* (the report says what differs), *extension* (an annotation that kist honours),\n" +
		"*host-side* (not a runtime's business; the report names what is).\n\n" +
		"| key | LXC | in LXC | in kist | class |\n|---|---|---|---|---|\n")
	for _, k := range table() {
		var names, spans []string
		for _, n := range k.Names {
			names = append(names, "`"+n.Key+"`")
			spans = append(spans, n.Span())
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", strings.Join(names, "<br>"), strings.Join(spans, "<br>"),
			escapeCell(k.LXC), escapeCell(k.Kist), k.Class)
	}
	b.WriteString("\n`lxc.network.*` keys may carry a number (`lxc.network.0.type`): LXC 1.1 and later take it as the card's place,\n" +
		"0.9 and 1.0 ignored it. Up to 4.0.6 a key also matches a known one that it merely begins with.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// escapeCell escapes what would end a cell of a Markdown table.
func escapeCell(s string) string {
	return strings.ReplaceAll(s, "|", `\|`)
}
