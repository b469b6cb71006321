// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// pidMax is the kernel's PID_MAX_LIMIT on 64-bit machines: no pid reaches it, whatever kernel.pid_max says.
const pidMax = 1 << 22

// check refuses a record that create could not have made. The state directory is root's, but a record decides which
// process gets SIGKILL and which directory is removed: a damaged one must end in an error that names the field.
// Save applies the same rules, so kist never writes what it would not read.
func (s *State) check(id string) error {
	if s.Version < 1 || s.Version > Version {
		return fmt.Errorf("version: %d is not a known version", s.Version)
	}
	if s.ID != id {
		return fmt.Errorf("id: %q is not the name of the directory, %q", s.ID, id)
	}
	if err := s.checkText(); err != nil {
		return err
	}
	if s.Owner < 0 {
		return fmt.Errorf("owner: %d is not a user id", s.Owner)
	}
	if _, err := time.Parse(time.RFC3339Nano, s.Created); err != nil {
		return fmt.Errorf("created: %q is not an RFC 3339 time", s.Created)
	}
	if !isBootID(s.BootID) {
		return fmt.Errorf("bootID: %q is not a boot id", s.BootID)
	}
	if err := s.checkProcesses(); err != nil {
		return err
	}
	if s.AppArmorProfile != "" && !strings.HasPrefix(s.AppArmorProfile, "lxc-") {
		return fmt.Errorf("appArmorProfile: %q is not one that create makes", s.AppArmorProfile)
	}
	if s.AppArmorNamespace != "" && (!strings.HasPrefix(s.AppArmorNamespace, "lxc-") || strings.Contains(s.AppArmorNamespace, "/")) {
		return fmt.Errorf("appArmorNamespace: %q is not one that create makes", s.AppArmorNamespace)
	}
	for controller, dir := range s.CgroupPaths {
		if err := checkCgroup(controller, dir); err != nil {
			return fmt.Errorf("cgroupPaths[%q]: %w", controller, err)
		}
	}
	return nil
}

// checkText applies the rules for strings: UTF-8 everywhere, since JSON cannot carry anything else; no control
// characters in what is printed or used as a name; absolute, clean paths.
func (s *State) checkText() error {
	for _, f := range [...]struct {
		name, value string
		isPath      bool
		optional    bool
	}{
		{"ociVersion", s.OCIVersion, false, false},
		{"id", s.ID, false, false},
		{"bundle", s.Bundle, true, false},
		{"rootfs", s.Rootfs, true, false},
		{"systemdUnit", s.SystemdUnit, false, true},
		{"resctrlGroup", s.ResctrlGroup, true, true},
		{"resctrlMonGroup", s.ResctrlMonGroup, true, true},
		{"appArmorProfile", s.AppArmorProfile, false, true},
		{"appArmorNamespace", s.AppArmorNamespace, false, true},
	} {
		if f.value == "" {
			if f.optional {
				continue
			}
			return fmt.Errorf("%s: missing", f.name)
		}
		if !isPlain(f.value) {
			return fmt.Errorf("%s: %q has control characters or is not UTF-8", f.name, f.value)
		}
		if f.isPath && (f.value[0] != '/' || path.Clean(f.value) != f.value) {
			return fmt.Errorf("%s: %q is not an absolute path in its shortest form", f.name, f.value)
		}
	}
	for _, f := range [...]struct {
		name   string
		values []string
	}{{"namespaces", s.Namespaces}, {"hooks", s.Hooks}, {"descriptors", s.Descriptors}} {
		for i, v := range f.values {
			if !isPlain(v) {
				return fmt.Errorf("%s[%d]: %q has control characters or is not UTF-8", f.name, i, v)
			}
		}
	}
	for k, v := range s.NetDevices {
		if !isInterface(k) || !isInterface(v) {
			return fmt.Errorf("netDevices[%q]: %q: not names of network devices", k, v)
		}
	}
	// An annotation is the user's text; line breaks in it are legal.
	for k, v := range s.Annotations {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("annotations[%q]: not UTF-8", k)
		}
	}
	return nil
}

func (s *State) checkProcesses() error {
	switch s.Phase {
	case Creating:
		// Without the creator's identity, nobody can tell whether create is still at work.
		if s.CreatorPid <= 0 || s.CreatorPid >= pidMax || s.CreatorStartTime == 0 {
			return fmt.Errorf("creatorPid: %d with start time %d is not a process", s.CreatorPid, s.CreatorStartTime)
		}
		if s.InitPid == 0 && s.InitStartTime == 0 {
			return nil
		}
	case Created:
	default:
		return fmt.Errorf("phase: %q is not a phase", s.Phase)
	}
	// Pid 1 is the machine's own init, or ours in a nested container: never a container's.
	if s.InitPid <= 1 || s.InitPid >= pidMax {
		return fmt.Errorf("initPid: %d is not the pid of a container", s.InitPid)
	}
	if s.InitStartTime == 0 {
		return fmt.Errorf("initStartTime: missing")
	}
	return nil
}

// checkCgroup refuses a path that is, or leads to, the root of a hierarchy. Package cgroups decides what may be killed
// or removed; this keeps the worst values away from it.
func checkCgroup(controller, dir string) error {
	const mount = "/sys/fs/cgroup"
	if !isPlain(controller) || !isPlain(dir) || !strings.HasPrefix(dir, "/") || path.Clean(dir) != dir {
		return fmt.Errorf("%q is not an absolute path in its shortest form", dir)
	}
	if dir == "/" || dir == mount || strings.HasPrefix(mount, dir+"/") {
		return fmt.Errorf("%q is not a container's cgroup", dir)
	}
	if rest, below := strings.CutPrefix(dir, mount+"/"); below && !strings.Contains(rest, "/") && (controller != "" || rest == "unified") {
		return fmt.Errorf("%q is the root of a hierarchy", dir)
	}
	return nil
}

// isPlain reports whether v is UTF-8 without control characters (C0, DEL, C1).
func isPlain(v string) bool {
	for _, r := range v {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return utf8.ValidString(v)
}

// isInterface reports whether v can be the name of a network device (IFNAMSIZ is 16 with the terminating zero).
func isInterface(v string) bool {
	return v != "" && len(v) < 16 && v != "." && v != ".." && isPlain(v) && !strings.ContainsAny(v, "/: ")
}

func isBootID(v string) bool {
	if len(v) != 36 {
		return false
	}
	for i := 0; i < len(v); i++ {
		c := v[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return false
		}
	}
	return true
}

// checkName refuses an id that is not one visible path component. The grammar of ids is package spec's business; this
// is what keeps every path in this package inside the state directory.
func checkName(id string) error {
	if id == "" || id[0] == '.' || strings.ContainsAny(id, "/\x00") || !isPlain(id) {
		return fmt.Errorf("invalid container ID format: %q", id)
	}
	return nil
}
