// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// deviceRule is one line of devices.allow or devices.deny.
type deviceRule struct {
	// All is the bare word a, which resets the list.
	All bool
	// Path is a device of the host whose numbers are to be looked up.
	Path string
	// Type is a, b or c; nil numbers stand for *.
	Type         string
	Major, Minor *int64
	// Access is a subset of rwm.
	Access string
}

func parseDeviceRule(value string) (r deviceRule, err error) {
	f := strings.Fields(value)
	bad := fmt.Errorf("%q: want a, TYPE MAJOR:MINOR ACCESS such as c 1:3 rwm, or /dev/PATH ACCESS", value)
	switch {
	case len(f) == 0:
		return r, bad
	case len(f) == 1 && f[0] == "a":
		r.All = true
		return r, nil
	case strings.HasPrefix(f[0], "/"):
		// Whatever stands behind the access letters is ignored by LXC.
		if len(f) < 2 || !validAccess(f[1]) {
			return r, bad
		}
		r.Path, r.Access = filepath.Clean(f[0]), f[1]
		return r, nil
	case len(f) != 3 || f[0] != "a" && f[0] != "b" && f[0] != "c" || !validAccess(f[2]):
		return r, bad
	}
	major, minor, ok := strings.Cut(f[1], ":")
	if !ok {
		return r, bad
	}
	r.Type, r.Access = f[0], f[2]
	for _, n := range [...]struct {
		text string
		to   **int64
	}{{major, &r.Major}, {minor, &r.Minor}} {
		if n.text == "*" {
			continue
		}
		v, err := strconv.ParseUint(n.text, 10, 32)
		if err != nil {
			return r, bad
		}
		i := int64(v)
		*n.to = &i
	}
	return r, nil
}

func validAccess(s string) bool {
	return s != "" && len(s) <= 3 && strings.Trim(s, "rwm") == "" &&
		strings.Count(s, "r") <= 1 && strings.Count(s, "w") <= 1 && strings.Count(s, "m") <= 1
}

func checkDeviceRule(value string, _ Version) error {
	_, err := parseDeviceRule(value)
	return err
}

// oci is the rule in config.json's form.
func (r deviceRule) oci(allow bool) specs.LinuxDeviceCgroup {
	if r.All {
		return specs.LinuxDeviceCgroup{Allow: allow, Access: "rwm"}
	}
	return specs.LinuxDeviceCgroup{Allow: allow, Type: r.Type, Major: r.Major, Minor: r.Minor, Access: r.Access}
}

// lookup puts the numbers of a device of the host into a rule that names it.
func (r *deviceRule) lookup(h Host) error {
	if r.Path == "" {
		return nil
	}
	info, err := h.Stat(r.Path)
	if err != nil {
		return fmt.Errorf("device %s: %w", r.Path, err)
	}
	switch info.Kind {
	case KindBlock:
		r.Type = "b"
	case KindChar:
		r.Type = "c"
	default:
		return errors.New("device " + r.Path + ": is no device")
	}
	r.Major, r.Minor = &info.Major, &info.Minor
	return nil
}

// translateDevices emits linux.resources.devices, whose first element is always
// the default, because runtimes disagree about it.
func (t *translation) translateDevices() error {
	family, other := "lxc.cgroup.devices.", "lxc.cgroup2.devices."
	if t.unified && !(t.version.legacy() || !t.version.atLeast(3, 0, 0)) {
		family, other = other, family
	}
	for _, s := range t.deviceLines(other) {
		s.entry.say(Exact, "no effect on this host, as in LXC: %s", t.otherHierarchy(other))
	}
	lines := t.deviceLines(family)
	var rules []specs.LinuxDeviceCgroup
	var err error
	if family == "lxc.cgroup2.devices." {
		rules, err = t.unifiedDevices(lines)
	} else {
		rules, err = t.v1Devices(lines)
	}
	if err != nil {
		return err
	}
	t.resources().Devices = rules
	return nil
}

func (t *translation) otherHierarchy(prefix string) string {
	if strings.HasPrefix(prefix, "lxc.cgroup2") {
		return "it has no unified hierarchy with controllers"
	}
	return "it has only the unified hierarchy; write lxc.cgroup2.* to change it"
}

// deviceLines returns allow and deny lines in the order they were read.
func (t *translation) deviceLines(prefix string) []*setting {
	allow, deny := t.live(prefix+"allow"), t.live(prefix+"deny")
	position := map[*Entry]int{}
	for i, e := range t.report {
		position[e] = i
	}
	var out []*setting
	for len(allow) > 0 || len(deny) > 0 {
		if len(deny) == 0 || len(allow) > 0 && position[allow[0].entry] < position[deny[0].entry] {
			out, allow = append(out, allow[0]), allow[1:]
		} else {
			out, deny = append(out, deny[0]), deny[1:]
		}
	}
	return out
}

// v1Devices: LXC writes each line to the kernel, whose list begins as allow all.
func (t *translation) v1Devices(lines []*setting) ([]specs.LinuxDeviceCgroup, error) {
	rules := []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
	for _, s := range lines {
		r, err := t.rule(s)
		if err != nil {
			return nil, err
		}
		allow := strings.HasSuffix(s.entry.row.Name(), "allow")
		if r.All {
			rules = rules[:0]
		}
		rules = append(rules, r.oci(allow))
		s.entry.keep()
	}
	return rules, nil
}

// unifiedDevices: LXC compiles a program that starts from deny, in which a bare a
// sets the default and empties the list, and rules that agree with the default
// do nothing. Without any rule in the list it attaches no program at all.
func (t *translation) unifiedDevices(lines []*setting) ([]specs.LinuxDeviceCgroup, error) {
	allowAll := false
	var rules []specs.LinuxDeviceCgroup
	for _, s := range lines {
		r, err := t.rule(s)
		if err != nil {
			return nil, err
		}
		allow := strings.HasSuffix(s.entry.row.Name(), "allow")
		switch {
		case r.All:
			allowAll, rules = allow, nil
			s.entry.say(Exact, "linux.resources.devices: the default")
			continue
		case allow == allowAll:
			// An inert rule still undoes an identical opposite one.
			rules = withoutRule(rules, r.oci(!allow))
			s.entry.say(Exact, "agrees with the default, so that it only takes back an identical earlier rule, as in LXC")
			continue
		}
		rules = append(withoutRule(rules, r.oci(allow)), r.oci(allow))
		s.entry.keep()
	}
	// Without a rule behind the last bare a there is no program, even after
	// `deny = a`; a list of inert rules is still a list, and attached.
	if !specificRule(lines) {
		for _, s := range lines {
			s.entry.say(Exact, "no filter results: LXC attaches none without a rule for single devices")
		}
		return []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}, nil
	}
	return append([]specs.LinuxDeviceCgroup{{Allow: allowAll, Access: "rwm"}}, rules...), nil
}

// specificRule reports whether a rule for single devices follows the last bare a.
func specificRule(lines []*setting) bool {
	specific := false
	for _, s := range lines {
		specific = strings.TrimSpace(s.Value) != "a"
	}
	return specific
}

func withoutRule(rules []specs.LinuxDeviceCgroup, r specs.LinuxDeviceCgroup) []specs.LinuxDeviceCgroup {
	kept := rules[:0]
	for _, o := range rules {
		if !(o.Allow == r.Allow && o.Type == r.Type && o.Access == r.Access && same(o.Major, r.Major) && same(o.Minor, r.Minor)) {
			kept = append(kept, o)
		}
	}
	return kept
}

func same(a, b *int64) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func (t *translation) rule(s *setting) (deviceRule, error) {
	r, err := parseDeviceRule(s.Value)
	if err == nil {
		err = r.lookup(t.host)
	}
	if err != nil {
		return r, refuse(s.Directive, "%s", err)
	}
	return r, nil
}
