// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// checkTree reads every Go file below root and lists what breaks a rule.
func checkTree(root string) ([]string, error) {
	var problems []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "testdata" || path == "build") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		found, err := checkFile(root, path)
		problems = append(problems, found...)
		return err
	})
	return problems, err
}

func checkFile(root, path string) ([]string, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(root, path)
	if err != nil {
		return nil, err
	}
	c := &checker{dir: filepath.ToSlash(filepath.Dir(rel)), file: rel, set: set, syntax: f}
	c.names()
	if strings.HasSuffix(path, "_test.go") {
		return c.problems, nil
	}
	c.imports()
	c.calls()
	c.start()
	return c.problems, c.length(path)
}

// checker looks at one file.
type checker struct {
	dir, file string
	set       *token.FileSet
	syntax    *ast.File
	problems  []string
}

func (c *checker) report(pos token.Pos, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("%s:%d: %s", c.file, c.set.Position(pos).Line, fmt.Sprintf(format, args...)))
}

// within says whether dir is pattern, or in the tree that pattern names.
func within(dir, pattern string) bool {
	if pattern == "..." {
		return true
	}
	tree, all := strings.CutSuffix(pattern, "/...")
	return dir == tree || all && strings.HasPrefix(dir, tree+"/")
}

func anyWithin(dir string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return within(dir, p) })
}

// imported says whether an import path is the named one, or below it.
func imported(path, name string) bool {
	return path == name || strings.HasSuffix(name, "/") && strings.HasPrefix(path, name)
}

func (c *checker) names() {
	if slices.Contains(badNames, c.syntax.Name.Name) {
		c.report(c.syntax.Name.Pos(), "package %s: a name that says nothing", c.syntax.Name.Name)
	}
	for _, suffix := range []string{"_linux.go", "_linux_test.go"} {
		if strings.HasSuffix(c.file, suffix) {
			c.report(c.syntax.Pos(), "suffix %s: kist is for Linux only", suffix)
		}
	}
}

func (c *checker) imports() {
	for _, spec := range c.syntax.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		for _, o := range owners {
			if imported(path, o.library) && !anyWithin(c.dir, o.dirs) {
				c.report(spec.Pos(), "imports %s, which only %s may", path, strings.Join(o.dirs, ", "))
			}
		}
		for _, f := range forbidden {
			if !within(c.dir, f.dir) {
				continue
			}
			for _, name := range f.imports {
				if imported(path, name) && !strings.HasPrefix(path, "kist/"+c.dir+"/") {
					c.report(spec.Pos(), "imports %s: %s", path, f.why)
				}
			}
		}
	}
}

// calls finds system calls in pure packages, and sleeping anywhere.
func (c *checker) calls() {
	isPure := anyWithin(c.dir, pure)
	isHot := anyWithin(c.dir, hot)
	ast.Inspect(c.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		name := pkg.Name + "." + sel.Sel.Name
		// A conversion such as unix.Errno(2) or unix.Signal(9) is no call.
		isType := slices.Contains([]string{"Errno", "Signal", "Rlimit", "Timespec"}, sel.Sel.Name)
		if isPure && pkg.Name == "unix" && !isType && !slices.Contains(computes, sel.Sel.Name) {
			c.report(call.Pos(), "calls %s: package %s is pure", name, c.syntax.Name.Name)
		}
		if name == "time.Sleep" && anyWithin(c.dir, mayWait) {
			return true
		}
		if isHot && slices.Contains([]string{"time.Sleep", "time.Tick", "os.StartProcess", "os.FindProcess"}, name) {
			c.report(call.Pos(), "calls %s: see the speed budget", name)
		}
		return true
	})
}

// start finds what would be computed before main.
func (c *checker) start() {
	if !anyWithin(c.dir, hot) || strings.Contains(c.dir, "/internal/") || strings.HasSuffix(c.dir, "/gen") {
		return
	}
	for _, decl := range c.syntax.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				c.report(d.Pos(), "func init: nothing is done before main")
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, s := range d.Specs {
				for _, v := range s.(*ast.ValueSpec).Values {
					if what := startWork(v); what != "" {
						c.report(v.Pos(), "package-level %s is built at every start; use switch, a sorted array or sync.OnceValue", what)
					}
				}
			}
		}
	}
}

// startWork says what an initial value costs at start; nothing if the linker
// can lay it out.
func startWork(v ast.Expr) (what string) {
	switch e := v.(type) {
	case *ast.CompositeLit:
		if _, ok := e.Type.(*ast.MapType); ok {
			return "map"
		}
	case *ast.CallExpr:
		sel, ok := e.Fun.(*ast.SelectorExpr)
		if !ok {
			return ""
		}
		pkg, ok := sel.X.(*ast.Ident)
		if !ok {
			return ""
		}
		switch name := pkg.Name + "." + sel.Sel.Name; name {
		case "errors.New", "sync.OnceValue", "sync.OnceFunc", "sync.OnceValues", "time.Unix":
			return ""
		default:
			return "call of " + name
		}
	}
	return ""
}

// maxLines keeps files to one subject.
const maxLines = 460

func (c *checker) length(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines, generated := 0, false
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		lines++
		generated = generated || strings.HasPrefix(s.Text(), "// Code generated ")
	}
	if lines > maxLines && !generated {
		c.problems = append(c.problems, fmt.Sprintf("%s: %d lines, more than %d", c.file, lines, maxLines))
	}
	return s.Err()
}
