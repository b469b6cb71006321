// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
)

// rule is one row of a table: pointer, value, error, and further pairs of
// pointer and value. The default configuration with these values put in (or
// removed, if the text is empty) must give the error, or none if that is
// empty. An error text that does not begin with a pointer gets the row's.
type rule []string

// runRules applies rows to the configuration that `kist spec` writes.
func runRules(t *testing.T, rules []rule) {
	t.Helper()
	base, err := Marshal(Default(false, true))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		pointer, value, want := r[0], r[1], r[2]
		name := pointer + "=" + value
		t.Run(name[:min(len(name), 80)], func(t *testing.T) {
			var doc any
			if err := json.Unmarshal(base, &doc); err != nil {
				t.Fatal(err)
			}
			for pairs := append([]string{pointer, value}, r[3:]...); len(pairs) > 0; pairs = pairs[2:] {
				doc = put(t, doc, strings.Split(pairs[0], "/")[1:], pairs[1])
			}
			data, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := check(data); err != nil {
				e, ok := errors.AsType[*Error](err)
				if !ok || e.File != "config.json" || e.Line != 1 || e.Column < 1 {
					t.Errorf("no place: %#v", err)
				}
				got = e.Pointer + ": " + e.Msg
			}
			if want != "" && want[0] != '/' {
				want = pointer + ": " + want
			}
			if got != want {
				t.Errorf("\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

// put sets the value at a path in a decoded document, making objects on the
// way. Empty text removes the member.
func put(t *testing.T, doc any, path []string, text string) any {
	if len(path) == 0 {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		return v
	}
	if list, ok := doc.([]any); ok {
		i, err := strconv.Atoi(path[0])
		if err != nil {
			t.Fatal(err)
		}
		list[i] = put(t, list[i], path[1:], text)
		return list
	}
	m, _ := doc.(map[string]any)
	if m == nil {
		m = make(map[string]any)
	}
	if len(path) == 1 && text == "" {
		delete(m, path[0])
		return m
	}
	m[path[0]] = put(t, m[path[0]], path[1:], text)
	return m
}

// q makes a JSON string.
func q(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
