// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// translateMounts emits the mounts in the order LXC makes them: /dev, the words
// of mount.auto for proc and sys, the fstab file, the entries, the nesting
// helpers, idmapped entries, the words for cgroup, and last the devpts that
// nothing else may cover.
func (t *translation) translateMounts() error {
	auto, err := t.mountAuto()
	if err != nil {
		return err
	}
	t.mountDev()
	t.mountProcSys(auto)
	var idmapped []func()
	add := func(e *Entry, l *fstabLine) error {
		return t.mountLine(e, l, &idmapped)
	}
	if err := t.fstabFile(add); err != nil {
		return err
	}
	for _, s := range t.live("lxc.mount.entry") {
		l, err := parseFstabLine(s.Value)
		if err != nil {
			return refuse(s.Directive, "%s", err)
		}
		if l == nil {
			s.entry.say(Exact, "empty, as in LXC")
			continue
		}
		if err := add(s.entry, l); err != nil {
			return err
		}
	}
	if t.flag("lxc.apparmor.allow_nesting", false) {
		t.mount(specs.Mount{Destination: "/dev/.lxc/proc", Type: "proc", Source: "proc"}, MountExtra{Optional: true})
		t.mount(specs.Mount{Destination: "/dev/.lxc/sys", Type: "sysfs", Source: "sys"}, MountExtra{Optional: true})
	}
	for _, f := range idmapped {
		f()
	}
	t.mountCgroup(auto)
	t.mountPts()
	auto.report(t)
	return nil
}

// fstabFile reads the file of lxc.mount.fstab and reports each of its lines.
func (t *translation) fstabFile(add func(*Entry, *fstabLine) error) error {
	s := t.last("lxc.mount.fstab")
	if s == nil {
		return nil
	}
	data, err := t.host.ReadFile(s.Value)
	if err != nil {
		return &Error{File: s.File, Line: s.Line, Key: s.Key, Msg: "fstab " + s.Value, Err: cause(err)}
	}
	s.entry.keep()
	for n, text := range strings.Split(string(data), "\n") {
		e := &Entry{File: s.Value, Line: n + 1, Key: "fstab", Value: strings.Join(strings.Fields(text), " ")}
		if m := marker("fstab", text); m != "" && !strings.HasPrefix(strings.TrimSpace(text), "#") {
			return &Error{File: e.File, Line: e.Line, Key: e.Key, Msg: "unexpanded template marker " + m + "; fill the template in first"}
		}
		l, err := parseFstabLine(strings.TrimRight(text, "\r"))
		if err != nil {
			return &Error{File: e.File, Line: e.Line, Key: e.Key, Msg: err.Error()}
		}
		if l == nil {
			continue
		}
		t.report = append(t.report, e)
		if err := add(e, l); err != nil {
			return err
		}
	}
	return nil
}

// target applies LXC's rule for mount targets: relative ones are below the root
// filesystem, absolute ones only when they name it.
func (t *translation) target(path string) (string, bool) {
	if !filepath.IsAbs(path) {
		return filepath.Clean("/" + path), true
	}
	if t.noRootfs {
		return filepath.Clean(path), true
	}
	for _, prefix := range t.rootPrefixes {
		// LXC searches the prefix anywhere in the path.
		if i := strings.Index(path, prefix); prefix != "" && prefix != "/" && i >= 0 {
			return filepath.Clean("/" + path[i+len(prefix):]), true
		}
	}
	return "", false
}

// mountLine emits one line of an fstab.
func (t *translation) mountLine(e *Entry, l *fstabLine, idmapped *[]func()) error {
	fail := func(msg string) error {
		return &Error{File: e.File, Line: e.Line, Key: e.Key, Msg: msg}
	}
	dest, ok := t.target(l.Target)
	if !ok {
		e.say(Exact, "skipped, as LXC does: the target is absolute but not below the root filesystem; write %q to mount it there",
			strings.TrimLeft(l.Target, "/"))
		return nil
	}
	if dest == "/" {
		return fail("the target is the root filesystem itself; use lxc.rootfs.path")
	}
	if insideProc(dest) {
		if !l.Optional {
			return fail("OCI runtimes refuse mounts inside /proc, except over cpuinfo, meminfo, stat, uptime and the like: a mount elsewhere below it could redirect what they write there; remove the line, or add optional to go without it")
		}
		e.say(Approximated, "left out, being optional: OCI runtimes refuse mounts inside /proc")
		return nil
	}
	m := specs.Mount{Destination: dest, Type: l.Type, Source: l.Source, Options: append(append([]string{}, l.Flags...), l.Data...)}
	x := MountExtra{Optional: l.Optional, NoCreate: l.Optional && l.Create == ""}
	switch {
	case l.bind():
		m.Type = "bind"
		if len(l.Data) > 0 {
			m.Options = append([]string{}, l.Flags...)
			e.say(Exact, "without %s, which the kernel ignores for a bind mount", strings.Join(l.Data, ","))
		}
		if !filepath.IsAbs(m.Source) && !l.Relative {
			return fail("the source " + quote(m.Source) + " of a bind mount must be absolute, unless the option relative is given")
		}
	case l.Type == "none" || l.Type == "bind":
		if !l.has("remount") && !onlyPropagation(l) {
			return fail("type " + l.Type + " without the option bind or rbind: the kernel has no such filesystem, so LXC cannot mount it")
		}
	}
	if l.Relative {
		x.Relative = filepath.Clean("/" + l.Source)
		m.Source = filepath.Join(t.rootfsDir, x.Relative)
	}
	if l.IDMap != "" {
		if !l.bind() {
			return fail("option idmap= applies to bind mounts only")
		}
		if l.IDMap != "container" {
			x.IDMap = l.IDMap
		} else {
			if !t.userns {
				return fail("option idmap=container: the container has no user namespace; add lxc.idmap lines")
			}
			m.UIDMappings, m.GIDMappings = t.spec.Linux.UIDMappings, t.spec.Linux.GIDMappings
		}
		m.Options = append(m.Options, "idmap")
		*idmapped = append(*idmapped, func() { t.mount(m, x) })
	} else {
		t.mount(m, x)
	}
	t.reportMount(e, l, x)
	return nil
}

// insideProc reports whether a target is one of those that OCI runtimes, kist
// among them, do not mount on: everything below /proc but the files of lxcfs.
func insideProc(dest string) bool {
	rest, ok := strings.CutPrefix(dest, "/proc/")
	if !ok {
		return false
	}
	switch rest {
	case "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo",
		"sys/kernel/ns_last_pid", "sys/crypto/fips_enabled":
		return false
	}
	return true
}

func (t *translation) reportMount(e *Entry, l *fstabLine, x MountExtra) {
	if l.Create == "" && !l.Optional {
		e.say(Exact, "a mount; a missing target is created, where LXC would refuse to start")
	} else {
		e.say(Exact, "a mount")
	}
	if len(l.Loose) > 0 {
		e.say(Exact, "LXC reads the option %s", strings.Join(l.Loose, ", "))
	}
	if x.Optional {
		e.say(Extension, "optional: kist starts without it when it fails or has no target, other runtimes do not")
	}
	if x.Relative != "" {
		e.say(Extension, "relative: kist takes the source from inside the container")
	}
	if x.IDMap != "" {
		e.say(Extension, "idmap: kist takes the maps of %s", x.IDMap)
	}
}

func onlyPropagation(l *fstabLine) bool {
	for _, f := range l.Flags {
		if propagation(f) {
			return true
		}
	}
	return false
}

// mount appends to mounts, and to the annotation when OCI cannot say all of it.
func (t *translation) mount(m specs.Mount, x MountExtra) {
	if x.Optional || x.Relative != "" || x.IDMap != "" {
		x.Index = len(t.spec.Mounts)
		t.extras = append(t.extras, x)
	}
	t.spec.Mounts = append(t.spec.Mounts, m)
}
