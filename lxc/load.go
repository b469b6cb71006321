// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"kist/lxc/directive"
)

// detect chooses the series a file was written for: a name that 2.1 removed
// makes it legacy, one that 2.1 introduced makes it modern, both together are
// only accepted by 2.1 itself.
func (im *importer) detect(data []byte) (Version, string) {
	var tell telltale
	im.tell(&tell, data, 0)
	switch {
	case tell.legacy != "" && tell.modern != "":
		return bothDefault(), "it has both " + tell.legacy + " and " + tell.modern
	case tell.legacy != "":
		return legacyDefault(), "it has " + tell.legacy
	case tell.modern != "":
		return modernDefault(), "it has " + tell.modern
	case tell.accident != "":
		return legacyDefault(), "it has " + tell.accident
	}
	return modernDefault(), "it has no key that tells"
}

// telltale holds the first key of each kind: known by the one series only, or
// known to the legacy one by the accident of its prefix match.
type telltale struct{ legacy, modern, accident string }

func (im *importer) tell(tell *telltale, data []byte, depth int) {
	first := func(to *string, key string) {
		if *to == "" {
			*to = key
		}
	}
	for _, text := range strings.Split(string(data), "\n") {
		text = strings.Trim(text, " \t\r")
		key, value, ok := strings.Cut(text, "=")
		if !ok || !strings.HasPrefix(text, "lxc.") {
			continue
		}
		key = strings.TrimRight(key, " \t")
		if key == "lxc.include" && depth < 8 {
			// What LXC installs says nothing about the file that includes it:
			// the importer knows those files in every series.
			path := strings.Trim(value, " \t")
			if more, err := im.host.ReadFile(path); err == nil && !installed(path) {
				im.tell(tell, more, depth+1)
			}
			continue
		}
		_, accident := lookup(key, legacyDefault())
		_, legacy := lookupExact(key, legacyDefault())
		_, modern := lookupExact(key, modernDefault())
		switch {
		case legacy && !modern:
			first(&tell.legacy, key)
		case modern && !legacy:
			first(&tell.modern, key)
		case accident && !modern:
			first(&tell.accident, key)
		}
	}
}

// lookupExact is lookup without the prefix accident of 4.0.6 and before.
func lookupExact(key string, v Version) (match, bool) {
	m, ok := lookup(key, v)
	if !ok || m.rest == "" && m.name.Key != withoutIndex(key) {
		return match{}, false
	}
	return m, true
}

// setFile stands for the command line in positions.
const setFile = "<--set>"

// load reads the configuration, its includes and the lines of --set.
func (im *importer) load() error {
	data, err := im.host.ReadFile(im.config)
	if err != nil {
		return &Error{File: im.config, Msg: "cannot read the configuration", Err: cause(err)}
	}
	if err := im.read(im.config, data); err != nil {
		return err
	}
	for i, kv := range im.Set {
		key, value, ok := strings.Cut(kv, "=")
		d := directive.Directive{File: setFile, Line: i + 1, Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)}
		if !ok || !strings.HasPrefix(d.Key, "lxc.") {
			return refuse(d, "want KEY=VALUE with a key that begins with lxc.")
		}
		d.Value = unquote(d.Value, im.version)
		if err := im.apply(d); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) read(file string, data []byte) error {
	lines, err := lex(file, data, im.version)
	if err != nil {
		return err
	}
	im.including = append(im.including, filepath.Clean(file))
	for _, l := range lines {
		if l.ignored {
			im.report = append(im.report, &Entry{File: l.File, Line: l.Line, Value: l.Value, Class: Exact,
				Effect: "skipped, as LXC skips every line that does not begin with lxc."})
			continue
		}
		if err := im.apply(l.Directive); err != nil {
			return err
		}
	}
	im.including = im.including[:len(im.including)-1]
	return nil
}

// apply finds the row of a directive and lets it take effect on what was read
// before, as LXC's loader does line by line.
func (im *importer) apply(d directive.Directive) error {
	e := &Entry{File: d.File, Line: d.Line, Key: d.Key, Value: d.Value}
	if d.Key == "lxc.network.lxcscript.up" {
		// A published server guide spells it so; people copied it.
		d.Key = "lxc.network.script.up"
		e.say(Approximated, "read as %s; LXC refuses this spelling", d.Key)
	}
	m, ok := lookup(d.Key, im.version)
	if !ok && d.File == setFile {
		// Who imports need not know the spelling of the file's time.
		m, ok = lookupExact(d.Key, modernDefault())
	}
	if !ok {
		return im.unknown(d)
	}
	e.row = m.key
	im.report = append(im.report, e)
	s := &setting{Directive: d, rest: m.rest, entry: e}
	if m.rest == "" && m.name.Key != withoutIndex(d.Key) {
		e.say(Exact, "taken for %s, of which it is a prefix match in LXC %s", m.name.Key, im.version)
	}
	if m.key.kind == netKey {
		im.network = append(im.network, s)
		return nil
	}
	if d.Value == "" && emptyClears(m.key) {
		im.clear(m, d)
		e.say(Exact, "clears what was set before")
		return nil
	}
	if m.key.check != nil {
		if err := m.key.check(d.Value, im.version); err != nil {
			return &Error{File: d.File, Line: d.Line, Key: d.Key, Msg: err.Error()}
		}
	}
	if m.key.Name() == "lxc.include" {
		e.keep()
		return im.include(d, e)
	}
	if err := im.exclusiveCaps(m.key, d); err != nil {
		return err
	}
	switch m.key.kind {
	case clearAll:
		for _, k := range table() {
			if strings.HasPrefix(k.Name(), "lxc.hook.") && k.kind == list {
				im.drop(k, "", d)
			}
		}
		e.keep()
		return nil
	case scalar:
		im.drop(m.key, "", d)
	case family:
		im.drop(m.key, m.rest, d)
	}
	im.settings[m.key] = append(im.settings[m.key], s)
	return nil
}

// emptyClears reports whether an empty value restores the default, as it does
// for nearly every key.
func emptyClears(k *Key) bool {
	switch k.Name() {
	case "lxc.mount.fstab", "lxc.autodev", "lxc.rootfs.managed", "lxc.keyring.session":
		return false
	}
	return k.kind != clearAll
}

// clear handles an empty value.
func (im *importer) clear(m match, d directive.Directive) {
	im.drop(m.key, m.rest, d)
	// 4.0.11 made either capability key clear both lists.
	if name := m.key.Name(); im.version.atLeast(4, 0, 11) && (name == "lxc.cap.drop" || name == "lxc.cap.keep") {
		im.drop(rowOf("lxc.cap.drop"), "", d)
		im.drop(rowOf("lxc.cap.keep"), "", d)
	}
}

// drop takes away the live lines of a row, or of one free part of a family.
func (im *importer) drop(k *Key, rest string, by directive.Directive) {
	kept := im.settings[k][:0]
	for _, s := range im.settings[k] {
		if rest != "" && s.rest != rest {
			kept = append(kept, s)
			continue
		}
		s.entry.supersede(by)
	}
	im.settings[k] = kept
}

// exclusiveCaps refuses the second of cap.drop and cap.keep where LXC does; older
// releases refuse at start, which is no better for an import.
func (im *importer) exclusiveCaps(k *Key, d directive.Directive) error {
	other := ""
	switch k.Name() {
	case "lxc.cap.drop":
		other = "lxc.cap.keep"
	case "lxc.cap.keep":
		other = "lxc.cap.drop"
	default:
		return nil
	}
	if s := im.last(other); s != nil {
		return refuse(d, "cannot be combined with %s of %s; use one of them, or clear the other first", other, s.Position())
	}
	return nil
}

// include reads another file, or the *.conf files of a directory.
func (im *importer) include(d directive.Directive, e *Entry) error {
	path := d.Value
	if len(im.including) > 32 || slices.Contains(im.including, filepath.Clean(path)) {
		return refuse(d, "include %s: the files include each other: %s", path, strings.Join(im.including, " > "))
	}
	if info, err := im.host.Stat(path); err == nil && info.Kind == KindDirectory {
		if !im.version.atLeast(1, 1, 0) {
			return refuse(d, "include %s: is a directory; LXC %s includes only files, 1.1 was the first to include directories", path, im.version)
		}
		return im.includeDir(d, e)
	}
	if data, note := im.carried(path); data != nil {
		e.say(Approximated, "%s", note)
		return im.read(path, data)
	}
	data, err := im.host.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return refuse(d, "include %s: does not exist", path)
		}
		return &Error{File: d.File, Line: d.Line, Key: d.Key, Msg: "include " + path, Err: cause(err)}
	}
	return im.read(path, data)
}

func (im *importer) includeDir(d directive.Directive, e *Entry) error {
	names, err := im.host.ReadDir(d.Value)
	if err != nil {
		return &Error{File: d.File, Line: d.Line, Key: d.Key, Msg: "include " + d.Value, Err: cause(err)}
	}
	// LXC reads in the order the filesystem returns; its documentation
	// promises the alphabet. Only the latter can be repeated elsewhere.
	sort.Strings(names)
	files := 0
	for _, n := range names {
		if !strings.HasSuffix(n, ".conf") || len(n) < 6 {
			continue
		}
		files++
		path := filepath.Join(d.Value, n)
		data, err := im.host.ReadFile(path)
		if err != nil {
			return &Error{File: d.File, Line: d.Line, Key: d.Key, Msg: "include " + path, Err: cause(err)}
		}
		if err := im.read(path, data); err != nil {
			return err
		}
	}
	if files > 1 {
		e.say(Exact, "%d files in alphabetical order", files)
	}
	return nil
}

// unknown builds the message about a key that this release does not know.
func (im *importer) unknown(d directive.Directive) error {
	if hint := strangeKey(d.Key); hint != "" {
		return refuse(d, "%s", hint)
	}
	if withoutIndex(d.Key) == d.Key && strings.HasPrefix(d.Key, "lxc.net.") {
		return refuse(d, "a network key needs the number of its card, such as lxc.net.0.%s", strings.TrimPrefix(d.Key, "lxc.net."))
	}
	if n, ok := known(d.Key); ok {
		return refuse(d, "known to LXC %s, but the file is read as LXC %s because %s; choose another with --lxc-version",
			n.Span(), im.version, im.detected)
	}
	msg := "no LXC knows this key, so LXC refuses to load the file"
	if near := nearest(d.Key, im.version); near != "" {
		msg += "; did you mean " + near + "?"
	}
	return refuse(d, "%s", msg)
}

func quote(s string) string { return strconv.Quote(s) }
