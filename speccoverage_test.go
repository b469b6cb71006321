// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/compile"
)

const coveragePage = "docs/spec-conformance.md"

// specProperties lists every property of config.json that concerns Linux, with
// "*" for an element of a list or of an object with free keys.
func specProperties() []string {
	var list []string
	var walk func(path string, t reflect.Type)
	walk = func(path string, t reflect.Type) {
		for {
			switch k := t.Kind(); {
			case k == reflect.Pointer:
			case k == reflect.Slice, k == reflect.Map && t.Elem().Kind() == reflect.Struct:
				path += "/*"
			case k == reflect.Struct && t.NumField() > 0:
				for i := range t.NumField() {
					f := t.Field(i)
					name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
					platform := f.Tag.Get("platform")
					switch {
					case f.Anonymous && name == "":
						walk(path, f.Type)
					case platform == "" || slices.Contains(strings.Split(platform, ","), "linux"):
						walk(path+"/"+name, f.Type)
					}
				}
				return
			default:
				list = append(list, path)
				return
			}
			t = t.Elem()
		}
	}
	walk("", reflect.TypeFor[specs.Spec]())
	return list
}

// covers says whether a row is about a property. "/**" at its end stands for
// everything below.
func (r *coverageRow) covers(property string) bool {
	below, all := strings.CutSuffix(r.path, "/**")
	if all {
		return strings.HasPrefix(property, below+"/")
	}
	return property == r.path || property == r.path+"/*"
}

// word is what the sources call the property.
func (r *coverageRow) word() string {
	if r.name != "" {
		return r.name
	}
	segments := strings.FieldsFunc(r.path, func(c rune) bool { return c == '/' || c == '*' })
	return segments[len(segments)-1]
}

// mention gives the first three of the files that have the word, as Markdown
// links: more would tell the reader little, and change with every edit.
func mention(t *testing.T, files, word string) []string {
	t.Helper()
	re := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(word) + `\b`)
	var links []string
	for _, pattern := range strings.Fields(files) {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Errorf("%s: there is no such file", pattern)
		}
		for _, path := range paths {
			if len(links) < 3 && re.MatchString(readText(t, path)) {
				links = append(links, "["+filepath.Base(path)+"](../"+path+")")
			}
		}
	}
	return links
}

// suitePrograms are the programs of the conformance suite that must pass
// somewhere: those that the list does not have as wrong.
func suitePrograms(t *testing.T) map[string]bool {
	t.Helper()
	programs := map[string]bool{}
	for _, m := range regexp.MustCompile(`runtime-tools/validation/(\w+)`).FindAllStringSubmatch(readText(t, "tests/conformance/go.mod"), -1) {
		programs[m[1]] = true
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| always \\|").FindAllStringSubmatch(readText(t, "tests/conformance/README.md"), -1) {
		delete(programs, m[1])
	}
	return programs
}

// coverage writes the page.
func coverage(t *testing.T) []byte {
	t.Helper()
	var w bytes.Buffer
	w.WriteString(coverageHead)
	programs := suitePrograms(t)
	for i := range coverageGroups {
		g := &coverageGroups[i]
		fmt.Fprintf(&w, "\n## %s\n\n| Property | Linux | What kist does | Code | Tests |\n|---|---|---|---|---|\n", g.title)
		for j := range g.rows {
			r := &g.rows[j]
			code := mention(t, g.code, r.word())
			if len(code) == 0 {
				t.Errorf("%s: none of %s has the word %q", r.path, g.code, r.word())
			}
			tests := mention(t, g.tests, r.word())
			for _, name := range strings.Fields(r.suite) {
				if !programs[name] {
					t.Errorf("%s: the conformance suite has no program %s that can pass", r.path, name)
				}
				tests = append(tests, "suite: "+name)
			}
			if len(tests) == 0 {
				t.Errorf("%s: no test has the word %q (looked at %s)", r.path, r.word(), g.tests)
			}
			fmt.Fprintf(&w, "| `%s` | %s | %s | %s | %s |\n", r.path, r.since, r.does, strings.Join(code, ", "), strings.Join(tests, ", "))
		}
	}
	f := supported()
	w.WriteString("\n## Values\n\nFrom the tables that the code works with, which `kist features` prints too.\n\n| Values of | |\n|---|---|\n")
	for _, v := range []struct {
		of     string
		values []string
	}{
		{"`/linux/namespaces/*/type`", f.Linux.Namespaces},
		{"`/process/capabilities/*`, as far as the kernel has them", compile.CapabilityNames(63)},
		{"`/mounts/*/options`, besides those of filesystems", f.MountOptions},
		{"`/hooks`", f.Hooks},
		{"actions of `/linux/seccomp`", f.Linux.Seccomp.Actions},
		{"operators of `/linux/seccomp`", f.Linux.Seccomp.Operators},
		{"`/linux/seccomp/flags`", f.Linux.Seccomp.KnownFlags},
		{"`/linux/seccomp/architectures`", f.Linux.Seccomp.Archs},
		{"`/linux/memoryPolicy/mode`", f.Linux.MemoryPolicy.Modes},
		{"`/linux/memoryPolicy/flags`", f.Linux.MemoryPolicy.Flags},
	} {
		fmt.Fprintf(&w, "| %s | `%s` |\n", v.of, strings.Join(v.values, "` `"))
	}
	return w.Bytes()
}

// Every property of the specification's Go types is in exactly one row, and
// every row is about one.
func TestSpecCoverageComplete(t *testing.T) {
	properties := specProperties()
	if len(properties) < 150 {
		t.Fatalf("only %d properties found", len(properties))
	}
	used := map[string]bool{}
	for _, p := range properties {
		n := 0
		for i := range coverageGroups {
			for j := range coverageGroups[i].rows {
				if r := &coverageGroups[i].rows[j]; r.covers(p) {
					n++
					used[r.path] = true
				}
			}
		}
		if n != 1 {
			t.Errorf("%s: in %d rows", p, n)
		}
	}
	for i := range coverageGroups {
		for j := range coverageGroups[i].rows {
			if r := &coverageGroups[i].rows[j]; !used[r.path] {
				t.Errorf("%s: the specification has no such property", r.path)
			}
		}
	}
}

// The page in docs is what the tables say (go test -run SpecCoverage -update
// writes it).
func TestSpecCoveragePage(t *testing.T) {
	got := coverage(t)
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(coveragePage, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readText(t, coveragePage); want != string(got) {
		t.Errorf("%s is not current: go test -run SpecCoverage -update .", coveragePage)
	}
}
