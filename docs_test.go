// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kist/libcontainer/compile"
)

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The tables of instructions, rules and sync points are complete.
func TestDocsTables(t *testing.T) {
	plan := readText(t, "docs/plan.md")
	rules := regexp.MustCompile(`(?m)^\tRule\w+ +Rule = "([a-z-]+)"$`).FindAllStringSubmatch(readText(t, "libcontainer/program/verify.go"), -1)
	ops := regexp.MustCompile(`(?m)^\t(Op[A-Z]\w+)\b`).FindAllStringSubmatch(readText(t, "libcontainer/program/program.go"), -1)
	if len(rules) < 20 || len(ops) < 6 {
		t.Fatalf("%d rules and %d operations found in the source", len(rules), len(ops))
	}
	for _, m := range append(rules, ops...) {
		if !strings.Contains(plan, "\n| `"+m[1]+"` |") {
			t.Errorf("docs/plan.md: has no row for %s", m[1])
		}
	}
	architecture := readText(t, "docs/architecture.md")
	for code := 1; !strings.HasPrefix(compile.SyncName(code), "sync-"); code++ {
		if name := "`" + compile.SyncName(code) + "`"; !strings.Contains(architecture, "\n| "+name) && !strings.Contains(architecture, ", "+name+" |") {
			t.Errorf("docs/architecture.md: has no row for sync point %s", name)
		}
	}
}

// What the documents refer to exists: files, headings, tests.
func TestDocsReferences(t *testing.T) {
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	top, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	name := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`")
	bats := regexp.MustCompile("`(\\w+\\.bats): ([^`]+)`") // a file of tests/bats and how the name of a test in it begins
	for _, file := range append(docs, top...) {
		text := readText(t, file)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], ":") {
				continue // on the web
			}
			to, fragment, _ := strings.Cut(m[1], "#")
			path := file
			if to != "" {
				path = filepath.Join(filepath.Dir(file), to)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: link to %s: %v", file, m[1], err)
			} else if fragment != "" && !hasHeading(readText(t, path), fragment) {
				t.Errorf("%s: link to %s: no such heading", file, m[1])
			}
		}
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			if !tests[m[1]] {
				t.Errorf("%s: there is no test %s", file, m[1])
			}
		}
		for _, m := range bats.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(readText(t, "tests/bats/"+m[1]), "\n@test \""+m[2]) {
				t.Errorf("%s: there is no test %q in tests/bats/%s", file, m[2], m[1])
			}
		}
	}
}

// hasHeading looks for the heading that a fragment names, as web sites make it.
func hasHeading(text, fragment string) bool {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		slug := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		if regexp.MustCompile(`[^\w-]`).ReplaceAllString(slug, "") == fragment {
			return true
		}
	}
	return false
}

// testNames lists the test functions of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w*)\(`)
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for _, m := range function.FindAllStringSubmatch(readText(t, path), -1) {
				names[m[1]] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
