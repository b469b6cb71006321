// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Device access, one bit each.
const (
	accessRead = 1 << iota
	accessWrite
	accessMknod
	accessAll = accessRead | accessWrite | accessMknod
)

// anyNumber stands for every major or minor number.
const anyNumber = -1

// maxDeviceRules keeps the jumps of the v2 program within their 16 bits.
const maxDeviceRules = 4096

// deviceRule is one rule for one kind of device.
type deviceRule struct {
	kind         byte // 'b' or 'c'
	major, minor int64
	access       uint8
	allow        bool
}

// defaultDevices are allowed to every container after its own rules: making
// nodes of any kind (using them is another matter, and mounts are nodev), the
// default devices of the specification, ptys, and tun, which engines and their
// users have come to rely on (runc 1.2.0 took it away, 1.2.4 gave it back).
var defaultDevices = [...]deviceRule{
	{'c', anyNumber, anyNumber, accessMknod, true},
	{'b', anyNumber, anyNumber, accessMknod, true},
	{'c', 1, 3, accessAll, true},           // null
	{'c', 1, 8, accessAll, true},           // random
	{'c', 1, 7, accessAll, true},           // full
	{'c', 5, 0, accessAll, true},           // tty
	{'c', 1, 5, accessAll, true},           // zero
	{'c', 1, 9, accessAll, true},           // urandom
	{'c', 136, anyNumber, accessAll, true}, // pts
	{'c', 5, 2, accessAll, true},           // ptmx
	{'c', 10, 200, accessAll, true},        // tun
}

// deviceRules translates linux.resources.devices and adds the defaults. The
// list starts from "everything is denied"; later rules win over earlier ones.
func deviceRules(list []specs.LinuxDeviceCgroup) ([]deviceRule, error) {
	rules := make([]deviceRule, 0, len(list)+len(defaultDevices)+2)
	for i := range list {
		d := &list[i]
		access, err := parseAccess(d.Access)
		if err != nil {
			return nil, invalid(fmt.Sprintf("/devices/%d/access", i), "%w", err)
		}
		major, minor := int64(anyNumber), int64(anyNumber)
		if d.Major != nil {
			major = *d.Major
		}
		if d.Minor != nil {
			minor = *d.Minor
		}
		if major < anyNumber || major >= 1<<32 || minor < anyNumber || minor >= 1<<32 {
			return nil, invalid(fmt.Sprintf("/devices/%d", i), "%d:%d: is not a device number (-1 is any)", major, minor)
		}
		kinds := "bc"
		switch d.Type {
		case "", "a":
			// A rule for "all" that names numbers means just these, of both
			// kinds. (v1 would take it for everything.)
		case "b", "c":
			kinds = d.Type
		case "u":
			kinds = "c"
		default:
			return nil, invalid(fmt.Sprintf("/devices/%d/type", i), "%q: must be a, b, c or u", d.Type)
		}
		for _, k := range []byte(kinds) {
			rules = append(rules, deviceRule{k, major, minor, access, d.Allow})
		}
	}
	if len(rules) > maxDeviceRules {
		return nil, invalid("/devices", "%d rules: more than %d are not supported", len(rules), maxDeviceRules)
	}
	return append(rules, defaultDevices[:]...), nil
}

func parseAccess(s string) (uint8, error) {
	if s == "" {
		return 0, errors.New("must be set: a combination of r, w and m")
	}
	var a uint8
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case 'r':
			a |= accessRead
		case 'w':
			a |= accessWrite
		case 'm':
			a |= accessMknod
		default:
			return 0, fmt.Errorf("%q: must be a combination of r, w and m", s)
		}
	}
	return a, nil
}

// setDevices writes the device rules of a new container.
func (c *Cgroup) setDevices() error {
	var list []specs.LinuxDeviceCgroup
	if c.cfg.Resources != nil {
		list = c.cfg.Resources.Devices
	}
	rules, err := deviceRules(list)
	if err != nil {
		return err
	}
	return c.applyDevices(rules)
}

// updateDevices changes the rules of a running container so that no access
// which both the old and the new rules allow fails meanwhile. Engines send the
// unchanged list with every update; then nothing is written, because a hook may
// have allowed further devices behind the runtime's back (GPUs).
func (c *Cgroup) updateDevices(old, list []specs.LinuxDeviceCgroup) error {
	rules, err := deviceRules(list)
	if err != nil {
		return err
	}
	if sameDevices(old, list) {
		return nil
	}
	return c.applyDevices(rules)
}

func sameDevices(old, list []specs.LinuxDeviceCgroup) bool {
	before, err := deviceRules(old)
	if err != nil {
		return false
	}
	rules, err := deviceRules(list)
	return err == nil && slices.Equal(before, rules)
}

func (c *Cgroup) applyDevices(rules []deviceRule) error {
	d := c.dir("devices")
	if d == nil {
		return nil // resolve has refused this for all but rootless callers
	}
	var err error
	if c.mode == V2 {
		err = attachDeviceFilter(d.path, deviceProgram(rules))
	} else {
		err = applyDevicesV1(d.path, rules)
	}
	if err == nil {
		return nil
	}
	// A user namespace has no say about devices: it cannot make nodes, it sees
	// only those that were given to it, and neither bpf(2) nor devices.allow
	// is open to it.
	if isPermission(err) && (c.cfg.Rootless || !privileged()) {
		return nil
	}
	if e := (*ResourceError)(nil); errors.As(err, &e) {
		return err
	}
	return &ResourceError{Pointer: resourcesPointer + "/devices", Err: fmt.Errorf("cgroup %s: %w", d.path, err)}
}

// deviceKey is what v1 identifies an exception by.
type deviceKey struct {
	kind         byte
	major, minor int64
}

// deviceSet is the state of a v1 devices cgroup: a default and the exceptions.
type deviceSet struct {
	allow bool // default: false means that the exceptions are what is allowed
	order []deviceKey
	perms map[deviceKey]uint8
}

// reduce works the rules out to the state they end in.
func reduce(rules []deviceRule) (*deviceSet, error) {
	s := &deviceSet{perms: make(map[deviceKey]uint8, len(rules))}
	for i := 0; i < len(rules); i++ {
		r := rules[i]
		if i+1 < len(rules) && isAll(r) && isAll(rules[i+1]) && r.allow == rules[i+1].allow && r.kind != rules[i+1].kind {
			// The pair that "all devices" was expanded to sets the default.
			s.allow, s.order = r.allow, nil
			clear(s.perms)
			i++
			continue
		}
		if err := s.add(r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func isAll(r deviceRule) bool {
	return r.major == anyNumber && r.minor == anyNumber && r.access == accessAll
}

func (s *deviceSet) add(r deviceRule) error {
	key := deviceKey{r.kind, r.major, r.minor}
	if r.allow != s.allow {
		if _, ok := s.perms[key]; !ok {
			s.order = append(s.order, key)
		}
		s.perms[key] |= r.access
		return nil
	}
	// The rule takes back exceptions: its own, and narrower ones.
	for k, p := range s.perms {
		switch {
		case p&r.access == 0 || !overlap(k, key):
		case covers(key, k):
			s.perms[k] = p &^ r.access
		default:
			// The kernel would ignore it, and leave open what was to be closed.
			return &ResourceError{
				Pointer: resourcesPointer + "/devices",
				Err:     fmt.Errorf("%s after %s: cgroup v1 cannot make an exception to an exception: list the devices one by one", r, deviceLine(k, p)),
			}
		}
	}
	return nil
}

func overlap(a, b deviceKey) bool {
	return a.kind == b.kind &&
		(a.major == b.major || a.major == anyNumber || b.major == anyNumber) &&
		(a.minor == b.minor || a.minor == anyNumber || b.minor == anyNumber)
}

// covers tells whether every device of b is one of a.
func covers(a, b deviceKey) bool {
	return a.kind == b.kind && (a.major == anyNumber || a.major == b.major) && (a.minor == anyNumber || a.minor == b.minor)
}

func (r deviceRule) String() string {
	verb := "deny "
	if r.allow {
		verb = "allow "
	}
	return verb + deviceLine(deviceKey{r.kind, r.major, r.minor}, r.access)
}

// deviceLine formats an exception as devices.allow wants it.
func deviceLine(k deviceKey, access uint8) string {
	b := make([]byte, 0, 24)
	b = append(b, k.kind, ' ')
	b = appendNumber(b, k.major)
	b = append(b, ':')
	b = appendNumber(b, k.minor)
	b = append(b, ' ')
	for i, c := range []byte("rwm") {
		if access&(1<<i) != 0 {
			b = append(b, c)
		}
	}
	return string(b)
}

// applyDevicesV1 brings the cgroup from the state it is in to the one wanted
// and checks the result. A change of the default clears all exceptions in the
// kernel; apart from that only differences are written, so that a running
// container notices nothing.
func applyDevicesV1(p string, rules []deviceRule) error {
	want, err := reduce(rules)
	if err != nil {
		return err
	}
	have, err := readDeviceSet(p)
	if err != nil {
		return err
	}
	allow, err := openRetry(p+"/devices.allow", unix.O_WRONLY)
	if err != nil {
		return fmt.Errorf("devices.allow: %w", err)
	}
	defer unix.Close(allow)
	deny, err := openRetry(p+"/devices.deny", unix.O_WRONLY)
	if err != nil {
		return fmt.Errorf("devices.deny: %w", err)
	}
	defer unix.Close(deny)
	add, remove := allow, deny
	if want.allow {
		add, remove = deny, allow
	}
	if have.allow != want.allow || want.allow {
		// In allow mode the kernel does not list the exceptions, so the only
		// way to a known state is to start over.
		if err := writeFD(remove, "a"); err != nil {
			return fmt.Errorf("set the default: %w", err)
		}
		have = &deviceSet{allow: want.allow}
	}
	for _, k := range want.order {
		if a := want.perms[k] &^ have.perms[k]; a != 0 {
			if err := writeFD(add, deviceLine(k, a)); err != nil {
				return fmt.Errorf("%s: %w", deviceLine(k, a), err)
			}
		}
	}
	for _, k := range have.order {
		if a := have.perms[k] &^ want.perms[k]; a != 0 {
			if err := writeFD(remove, deviceLine(k, a)); err != nil {
				return fmt.Errorf("take back %s: %w", deviceLine(k, a), err)
			}
		}
	}
	return checkDevices(p, want)
}

// checkDevices reads the result back: the kernel ignores a rule that it cannot
// express without an error.
func checkDevices(p string, want *deviceSet) error {
	have, err := readDeviceSet(p)
	if err != nil {
		return err
	}
	same := have.allow == want.allow
	if !want.allow {
		for k, a := range want.perms {
			same = same && have.perms[k] == a
		}
		for k, a := range have.perms {
			same = same && want.perms[k] == a
		}
	}
	if !same {
		return errors.New("devices.list is not what was written: the parent cgroup allows less")
	}
	return nil
}

func readDeviceSet(p string) (*deviceSet, error) {
	data, err := readFile(p + "/devices.list")
	if err != nil {
		return nil, fmt.Errorf("devices.list: %w", err)
	}
	return parseDeviceList(data)
}

// parseDeviceList parses devices.list: "a *:* rwm" alone for the default to
// allow, else one allowed exception per line.
func parseDeviceList(data string) (*deviceSet, error) {
	s := &deviceSet{perms: make(map[deviceKey]uint8, 16)}
	for line := range strings.Lines(data) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Fields(line)
		if len(f) != 3 || len(f[0]) != 1 {
			return nil, fmt.Errorf("devices.list: malformed line %q", line)
		}
		if f[0] == "a" {
			s.allow = true
			continue
		}
		major, minor, ok := strings.Cut(f[1], ":")
		access, err := parseAccess(f[2])
		k := deviceKey{kind: f[0][0]}
		var err1, err2 error
		k.major, err1 = parseNumber(major)
		k.minor, err2 = parseNumber(minor)
		if !ok || err != nil || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("devices.list: malformed line %q", line)
		}
		if _, dup := s.perms[k]; !dup {
			s.order = append(s.order, k)
		}
		s.perms[k] |= access
	}
	return s, nil
}
