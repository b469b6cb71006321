// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"slices"
	"strings"
)

// AppArmor's patterns have no "everything but": a rule for all of /proc/sys
// except kernel/hostname must be spelled as the patterns of all names that
// begin in another way. They are what complement makes, of the paths that are
// to be left out.

// pathNode is a place in the tree of spellings: what has been read so far.
type pathNode struct {
	next []pathEdge // sorted
	end  bool       // a path ends here
	all  bool       // everything that begins so is left out
}

// pathEdge is a character, or a class of characters such as "0-9".
type pathEdge struct {
	class string
	to    *pathNode
}

func (n *pathNode) edge(class string) *pathNode {
	for _, e := range n.next {
		if e.class == class {
			return e.to
		}
	}
	to := &pathNode{}
	n.next = append(n.next, pathEdge{class, to})
	slices.SortFunc(n.next, func(a, b pathEdge) int { return strings.Compare(a.class, b.class) })
	return to
}

// add reads a path relative to the root of the tree: "kernel/hostname", with
// "*" at its end for all that begins so, or "[0-9]*" for a class.
func (n *pathNode) add(path string) {
	for path != "" {
		if strings.HasPrefix(path, "*") {
			n.all = true
			return
		}
		class := path[:1]
		path = path[1:]
		if class == "[" {
			class, path, _ = strings.Cut(path, "]")
		}
		n = n.edge(class)
	}
	n.end = true
}

// complement gives patterns for everything below a directory but the paths
// except. Together they match each other path, with all below it.
func complement(dir string, except ...string) []string {
	root := &pathNode{}
	for _, path := range except {
		root.add(path)
	}
	return root.others(strings.TrimSuffix(dir, "/")+"/", nil)
}

func (n *pathNode) others(prefix string, list []string) []string {
	if n.all {
		return list
	}
	letters, dir := "", false
	for _, e := range n.next {
		if e.class == "/" {
			dir = true
		} else {
			letters += e.class
		}
	}
	begun := !strings.HasSuffix(prefix, "/") // within a name
	name := "?*"
	if letters != "" {
		name = "[^" + letters + "]*"
	}
	switch {
	case begun && !n.end && !dir:
		list = append(list, prefix+"{,"+name+"}{,/**}") // the name that ends here is another one
	case begun || letters != "":
		list = append(list, prefix+name+"{,/**}")
	}
	for _, e := range n.next {
		class := e.class
		if len(class) > 1 {
			class = "[" + class + "]"
		}
		list = e.to.others(prefix+class, list)
	}
	return list
}
