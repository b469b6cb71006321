// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"errors"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Config is a decoded bundle configuration.
type Config struct {
	// Spec is the configuration. Spec.Linux.Seccomp is always nil, see
	// Seccomp. Properties for other platforms (windows, solaris, vm, zos,
	// freebsd and process.commandLine) are not decoded; process.user.username
	// is, to be refused.
	Spec *specs.Spec

	// Seccomp is the JSON text of /linux/seccomp, well-formed but otherwise
	// unchecked; nil if absent or null. It stays text because the compiled
	// filter is cached by content: on a hit nobody needs the profile, which is
	// two thirds of a usual file. DecodeSeccomp reads it.
	Seccomp []byte

	// Raw is the whole file. Seccomp is a part of it.
	Raw []byte

	// Unknown lists the JSON pointers of properties that are not part of the
	// runtime specification. It demands to ignore them; they belong in the
	// debug log, because one of them may be a misspelling.
	Unknown []string

	file string // for errors
}

// Decode reads a config.json. The result is not yet validated. Errors are of
// type *Error and name the file "config.json". data must not be changed later.
func Decode(data []byte) (*Config, error) { return decodeConfig(data, "config.json") }

func decodeConfig(data []byte, file string) (*Config, error) {
	d := newDecoder(string(data))
	c := &Config{Spec: new(specs.Spec), Raw: data, file: file}
	d.spec(c.Spec)
	if err := d.finish(); err != nil {
		return nil, named(err, file)
	}
	if s := d.seccomp; s.to > s.from {
		c.Seccomp = data[s.from:s.to:s.to]
	}
	c.Unknown = d.unknownAt
	return c, nil
}

// DecodeProcess reads the process object that `exec --process` takes, with the
// properties of /process. Pointers in errors begin at that object; the caller
// prefixes the name of the file. ValidateProcess checks the result.
func DecodeProcess(data []byte) (*specs.Process, error) {
	d := newDecoder(string(data))
	p := new(specs.Process)
	d.process(p)
	if err := d.finish(); err != nil {
		return nil, err
	}
	return p, nil
}

// DecodeResources reads the object that `update --resources` takes, with the
// properties of /linux/resources. Pointers in errors begin at that object.
// ValidateResources checks the result.
func DecodeResources(data []byte) (*specs.LinuxResources, error) {
	d := newDecoder(string(data))
	r := new(specs.LinuxResources)
	d.linuxResources(r)
	if err := d.finish(); err != nil {
		return nil, err
	}
	return r, nil
}

// DecodeSeccomp reads and validates a seccomp profile, usually
// [Config.Seccomp]. Pointers in errors begin with /linux/seccomp and there is
// no line; if the profile came from a Config, [Config.Locate] adds it.
func DecodeSeccomp(raw []byte) (*specs.LinuxSeccomp, error) {
	d := newDecoder(string(raw))
	s := new(specs.LinuxSeccomp)
	d.linuxSeccomp(s)
	if err := d.finish(); err != nil {
		e := err.(*Error)
		e.Line, e.Column = 0, 0 // they would count from the profile's beginning
		return nil, within(e, "linux", "seccomp")
	}
	if err := validateSeccomp(s); err != nil {
		return nil, within(err, "linux", "seccomp")
	}
	return s, nil
}

// DecodeHooks reads only /hooks from a config.json, for the commands after
// create, which run hooks but need nothing else. The rest must be well-formed
// JSON and is not looked at: it was checked when the container was created.
// The result is nil if there are no hooks.
func DecodeHooks(data []byte) (*specs.Hooks, error) {
	d := newDecoder(string(data))
	var hooks *specs.Hooks
	var seen uint64
	for more := d.object(); more; more = d.next() {
		if d.key != "hooks" {
			d.skip()
		} else if d.member(&seen, 0) {
			hooks = new(specs.Hooks)
			d.hooks(hooks)
		}
	}
	if err := d.finish(); err != nil {
		return nil, named(err, "config.json")
	}
	return hooks, nil
}

// rawSeccomp notes where the profile is and skips it.
func (d *decoder) rawSeccomp() {
	if d.peek() != '{' {
		d.mismatch("an object")
		return
	}
	from := d.pos
	d.skip()
	d.seccomp = span{from, d.pos}
}

// Locate adds file, line and column to an *Error (also a wrapped one) whose
// pointer refers to this configuration. It returns err itself.
func (c *Config) Locate(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Line > 0 || len(c.Raw) == 0 {
		return err
	}
	doc := string(c.Raw)
	e.File = c.file
	e.Line, e.Column = position(doc, offsetOf(doc, e.Pointer))
	return err
}

// named sets the file of an *Error.
func named(err error, file string) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.File = file
	}
	return err
}
