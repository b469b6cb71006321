// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"kist/lxc/directive"
)

// Options says what to import and how to read it. Only Config is required.
type Options struct {
	// Config is a configuration file, a container directory that holds one, or
	// the name of a container below LXCPath.
	Config string
	// LXCPath is where containers live. Empty: lxc.lxcpath of SystemConfig,
	// else /var/lib/lxc.
	LXCPath string
	// SystemConfig is LXC's own configuration. Empty: /etc/lxc/lxc.conf.
	SystemConfig string
	// Name of the container. Empty: the container directory's name, or the
	// configuration file's without extension.
	Name string
	// Version is the LXC release to read the file as. Empty: detected.
	Version string
	// Set holds KEY=VALUE lines that are applied after the file, as with
	// lxc-start -s.
	Set []string
	// Kist is the path of the kist binary that hooks call. Empty:
	// /usr/bin/kist.
	Kist string
	// Bundle is the directory the bundle will be in; hooks and networks refer
	// to files there. Empty: relative names.
	Bundle string
	// Arch is the architecture, in Go's spelling, whose system calls a seccomp
	// policy means. Empty: the one kist was built for.
	Arch string
	// Host is where files are read. Nil: the machine itself.
	Host Host
	// Random makes the digits that replace x in MAC addresses. Nil: the
	// system's generator.
	Random io.Reader
}

// Result is an imported container.
type Result struct {
	// Name, Version and Config are what was imported and how it was read.
	Name    string
	Version Version
	// Detected says why Version was chosen.
	Detected string
	Config   string
	// Spec is the bundle's config.json, with the extensions as annotations.
	Spec *specs.Spec
	// Files are further files of the bundle by name; a name that ends in a
	// slash is an empty directory.
	Files map[string][]byte
	// Report has one entry for each line, in the order they were read, and
	// then the defaults that matter.
	Report []*Entry
}

// Import reads a configuration and translates it. An error is about one line
// and has the type *Error; the result then holds only the report up to that line.
func Import(o Options) (*Result, error) {
	im, err := newImporter(o)
	if err != nil {
		return nil, err
	}
	res := &Result{Name: im.name, Config: im.config, Version: im.version, Detected: im.detected}
	if err = im.load(); err == nil {
		err = im.translate(res)
	}
	res.Report = im.report
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			res.refuse(e)
		}
		res.Spec, res.Files = nil, nil
		return res, err
	}
	return res, nil
}

// refuse puts the line that stopped the import into the report. The lines before
// it show what they would have become.
func (r *Result) refuse(e *Error) {
	defer func() {
		for _, entry := range r.Report {
			if entry.Class == "" {
				entry.keep()
			}
		}
	}()
	for _, entry := range r.Report {
		if entry.File == e.File && entry.Line == e.Line && entry.Line != 0 && entry.Key == e.Key {
			entry.Class, entry.Effect = Refused, e.Msg
			return
		}
	}
	r.Report = append(r.Report, &Entry{File: e.File, Line: e.Line, Key: e.Key, Value: e.Value, Class: Refused, Effect: e.Msg})
}

// importer is one import on its way.
type importer struct {
	Options
	host     Host
	version  Version
	detected string
	// config is the file, name the container's, lxcPath where it lives.
	config, name, lxcPath string
	report                []*Entry
	// settings are the live lines of each row, oldest first.
	settings map[*Key][]*setting
	// network is every network line in order; their meaning depends on it.
	network []*setting
	// including is the chain of open files, to stop an include cycle.
	including []string
}

// setting is one line that took effect so far.
type setting struct {
	directive.Directive
	// rest is the free part of a family's key.
	rest  string
	entry *Entry
}

func newImporter(o Options) (*importer, error) {
	im := &importer{Options: o, host: o.Host, settings: map[*Key][]*setting{}}
	if im.host == nil {
		im.host = OSHost{}
	}
	if im.Kist == "" {
		im.Kist = "/usr/bin/kist"
	}
	if im.Arch == "" {
		im.Arch = runtime.GOARCH
	}
	if o.Config == "" {
		return nil, &Error{Msg: "no configuration named"}
	}
	if err := im.locate(); err != nil {
		return nil, err
	}
	if strings.ContainsAny(im.name, "/'\x00\n") || im.name == "" || im.name == "." || im.name == ".." {
		return nil, &Error{Msg: "container name " + quote(im.name) + ": not usable as a name; choose one with --name"}
	}
	if o.Version != "" {
		v, err := ParseVersion(o.Version)
		if err != nil {
			return nil, &Error{Msg: err.Error()}
		}
		im.version, im.detected = v, "asked for"
		return im, nil
	}
	data, err := im.host.ReadFile(im.config)
	if err != nil {
		return nil, &Error{File: im.config, Msg: "cannot read the configuration", Err: cause(err)}
	}
	im.version, im.detected = im.detect(data)
	return im, nil
}

// locate finds the file, the name and the lxcpath from what the user named.
func (im *importer) locate() error {
	im.lxcPath = im.LXCPath
	if im.lxcPath == "" {
		p, err := im.systemLXCPath()
		if err != nil {
			return err
		}
		im.lxcPath = p
	}
	im.name = im.Name
	info, err := im.host.Stat(im.Config)
	switch {
	case err == nil && info.Kind == KindDirectory:
		im.config = filepath.Join(im.Config, "config")
		im.nameAfter(filepath.Base(filepath.Clean(im.Config)))
		if im.LXCPath == "" && filepath.IsAbs(im.Config) {
			im.lxcPath = filepath.Dir(filepath.Clean(im.Config))
		}
	case err == nil:
		im.config = im.Config
		base := filepath.Base(im.Config)
		if base == "config" && filepath.IsAbs(im.Config) {
			dir := filepath.Dir(im.Config)
			im.nameAfter(filepath.Base(dir))
			if im.LXCPath == "" {
				im.lxcPath = filepath.Dir(dir)
			}
		}
		im.nameAfter(strings.TrimSuffix(base, filepath.Ext(base)))
	case errors.Is(err, fs.ErrNotExist) && !strings.Contains(im.Config, "/"):
		im.config = filepath.Join(im.lxcPath, im.Config, "config")
		im.nameAfter(im.Config)
		if _, err := im.host.Stat(im.config); err != nil {
			return &Error{Msg: "container " + quote(im.Config) + ": not defined: neither a file here nor " + im.config + " exists", Err: cause(err)}
		}
	default:
		return &Error{File: im.Config, Msg: "cannot read the configuration", Err: cause(err)}
	}
	return nil
}

func (im *importer) nameAfter(s string) {
	if im.name == "" {
		im.name = s
	}
}

// systemLXCPath reads lxc.lxcpath from LXC's own configuration, whose other keys
// are none of a container's.
func (im *importer) systemLXCPath() (string, error) {
	file := im.SystemConfig
	if file == "" {
		file = "/etc/lxc/lxc.conf"
	}
	data, err := im.host.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) && im.SystemConfig == "" {
		return "/var/lib/lxc", nil
	}
	if err != nil {
		return "", &Error{File: file, Msg: "cannot read LXC's system configuration", Err: cause(err)}
	}
	for _, text := range strings.Split(string(data), "\n") {
		key, value, ok := strings.Cut(text, "=")
		key = strings.TrimSpace(key)
		// The key had no prefix before 1.0.
		if ok && (key == "lxc.lxcpath" || key == "lxcpath") {
			if v := strings.TrimSpace(value); filepath.IsAbs(v) {
				return filepath.Clean(v), nil
			}
		}
	}
	return "/var/lib/lxc", nil
}

// live returns the settings of a row in order.
func (im *importer) live(name string) []*setting {
	return im.settings[rowOf(name)]
}

// last returns the one live setting of a scalar, or nil.
func (im *importer) last(name string) *setting {
	s := im.live(name)
	if len(s) == 0 {
		return nil
	}
	return s[len(s)-1]
}

// value returns a scalar's text, or def when it is not set.
func (im *importer) value(name, def string) string {
	if s := im.last(name); s != nil {
		return s.Value
	}
	return def
}

// flag returns a boolean, or def when it is not set.
func (im *importer) flag(name string, def bool) bool {
	s := im.last(name)
	if s == nil {
		return def
	}
	return s.Value == "1"
}

// keep accepts the default report of every live line of the named keys.
func (im *importer) keep(names ...string) {
	for _, n := range names {
		for _, s := range im.live(n) {
			s.entry.keep()
		}
	}
}

// defaulted reports something that holds because no line says otherwise.
func (im *importer) defaulted(key string, c Class, effect string) {
	im.report = append(im.report, &Entry{Key: key, Class: c, Effect: effect})
}

// rowOf finds a row by its modern name. A name that is not in the table is a
// programming error, which the first test to pass by finds.
func rowOf(name string) *Key {
	for _, k := range table() {
		if k.Names[0].Key == name {
			return k
		}
	}
	panic("lxc: no key " + name)
}
