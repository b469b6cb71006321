// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"strings"
	"sync"
)

// kind is how repeated lines of a key combine.
type kind int

const (
	// scalar: the last line wins, an empty value restores the default.
	scalar kind = iota
	// list: lines append, an empty value clears all of them.
	list
	// family: the key has a free last part; the same part replaces, an empty
	// value removes that part.
	family
	// familyList: as family, but the same part appends.
	familyList
	// netKey: belongs to a network card; package network combines these.
	netKey
	// clearAll: takes no value and clears other keys.
	clearAll
)

// Key is one row of the table of all keys LXC ever accepted.
type Key struct {
	// Names are the modern spelling first, then the legacy ones. A trailing
	// ".*" is a free part; "N" stands for a network index.
	Names []Name
	// Class and Kist are what becomes of a line when no detail changes it.
	Class Class
	// LXC is what the key does in LXC, Kist what it becomes.
	LXC, Kist string

	kind  kind
	check func(value string, v Version) error
}

// Name is one spelling of a key and the releases that accept it.
type Name struct {
	Key  string
	span span
}

// Span returns "since 2.1" or "0.7 to 2.1".
func (n Name) Span() string { return n.span.String() }

// Name returns the modern spelling, or the only one.
func (k *Key) Name() string { return k.Names[0].Key }

// row is how the tables in keys_*.go are written: names as
// "key first-last, key first-last".
type row struct {
	names string
	kind  kind
	class Class
	check func(value string, v Version) error
	lxc   string
	kist  string
}

// table is built once, and only by commands that import: nothing of it runs at
// program start.
var table = sync.OnceValue(func() []*Key {
	var keys []*Key
	for _, rows := range [][]row{
		identityRows(), consoleRows(), rootfsRows(), securityRows(), namespaceRows(),
		cgroupRows(), networkRows(), hookRows(), managementRows(),
	} {
		for _, r := range rows {
			k := &Key{Class: r.class, LXC: r.lxc, Kist: r.kist, kind: r.kind, check: r.check}
			for _, n := range strings.Split(r.names, ", ") {
				key, releases, _ := strings.Cut(n, " ")
				s, err := parseSpan(releases)
				if err != nil {
					// The test of the table reads every row, so this
					// cannot leave the tree.
					panic("lxc: key table: " + n + ": " + err.Error())
				}
				k.Names = append(k.Names, Name{key, s})
			}
			keys = append(keys, k)
		}
	}
	return keys
})

// Keys returns the table in the order of the documentation.
func Keys() []*Key { return table() }

// match is a key that was found: its row, the spelling with an index or a free
// part put back in canonical form, and that free part.
type match struct {
	key  *Key
	name Name
	// rest is the part behind a family's prefix.
	rest string
}

// lookup finds the row for a key as one release does.
func lookup(key string, v Version) (match, bool) {
	plain := withoutIndex(key)
	var prefix match
	for _, k := range table() {
		for _, n := range k.Names {
			if !n.span.includes(v) {
				continue
			}
			if stem, ok := strings.CutSuffix(n.Key, ".*"); ok {
				if rest, ok := strings.CutPrefix(key, stem+"."); ok && rest != "" {
					return match{k, n, rest}, true
				}
				continue
			}
			if n.Key == plain {
				return match{k, n, ""}, true
			}
			// The longest prefix is the one LXC meets first: its tables
			// list the specific names before the general ones.
			if v.matchesPrefixes() && strings.HasPrefix(plain, n.Key) && !clearsOnly(n.Key) &&
				(prefix.key == nil || len(n.Key) > len(prefix.name.Key)) {
				prefix = match{k, n, ""}
			}
		}
	}
	return prefix, prefix.key != nil
}

// clearsOnly reports whether a name exists only to be given an empty value. LXC's
// prefix match reaches these too, and then fails because there is a value.
func clearsOnly(name string) bool {
	switch name {
	case "lxc.hook", "lxc.net", "lxc.net.N", "lxc.network", "lxc.network.N":
		return true
	}
	return false
}

// withoutIndex replaces the number in lxc.net.0.type by N, and drops the one in
// the legacy lxc.network.0.type.
func withoutIndex(key string) string {
	for _, stem := range [...]string{"lxc.net.", "lxc.network."} {
		rest, ok := strings.CutPrefix(key, stem)
		if !ok {
			continue
		}
		index, sub, more := strings.Cut(rest, ".")
		if index == "" || strings.Trim(index, "0123456789") != "" {
			return key
		}
		if stem == "lxc.net." {
			index = "N"
		}
		switch {
		case stem == "lxc.net." && more:
			return stem + "N." + sub
		case stem == "lxc.net.":
			return stem + "N"
		case more:
			return stem + sub
		default:
			return stem + "N"
		}
	}
	return key
}

// known finds the rows that have a spelling at all, whatever the release, so
// that the message about an unknown key can say which LXC would know it.
func known(key string) (Name, bool) {
	plain := withoutIndex(key)
	for _, k := range table() {
		for _, n := range k.Names {
			if n.Key == plain {
				return n, true
			}
			if stem, ok := strings.CutSuffix(n.Key, ".*"); ok && strings.HasPrefix(key, stem+".") && len(key) > len(stem)+1 {
				return n, true
			}
		}
	}
	return Name{}, false
}
