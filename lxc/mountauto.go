// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// autoMount is what the words of lxc.mount.auto add up to: the last word of each
// kind counts.
type autoMount struct {
	proc, sys, cgroup, shmounts autoWord
}

type autoWord struct {
	// mode is "" (absent), "rw", "ro", "mixed" or "default"; for shmounts it
	// is HOST[:CONT].
	mode string
	// kind is "cgroup", "cgroup-full" or "cgroup2".
	kind  string
	force bool
	from  *setting
	// class and note are what the word became.
	class Class
	note  string
}

func (w *autoWord) say(c Class, format string, args ...any) {
	w.class, w.note = c, fmt.Sprintf(format, args...)
}

// parseAutoWord reads one word as a release does.
func (a *autoMount) parse(word string, v Version, s *setting) error {
	kind, mode, hasMode := strings.Cut(word, ":")
	unknown := fmt.Errorf("unknown word %q; known are proc sys cgroup cgroup-full with :ro :rw or :mixed (separate words by blanks)", word)
	switch kind {
	case "proc", "sys":
		w := autoWord{mode: mode, from: s}
		if !hasMode {
			w.mode = "mixed"
			// Bare sys was ro until 1.1 invented mixed.
			if kind == "sys" && !v.atLeast(1, 1, 0) {
				w.mode = "ro"
			}
		}
		if kind == "proc" {
			if w.mode != "rw" && w.mode != "mixed" {
				return unknown
			}
			a.proc = w
			return nil
		}
		if w.mode != "rw" && w.mode != "ro" && w.mode != "mixed" {
			return unknown
		}
		a.sys = w
		return nil
	case "cgroup", "cgroup-full", "cgroup2":
		if kind == "cgroup2" && !v.atLeast(4, 0, 12) {
			return fmt.Errorf("word %q: came with LXC 4.0.12, the file is read as %s", word, v)
		}
		mode, force := strings.CutSuffix(":"+mode, ":force")
		if force && (!v.atLeast(2, 0, 10) || v.Major == 2 && v.Minor == 1) {
			return fmt.Errorf("word %q: LXC %s does not know :force", word, v)
		}
		mode = strings.TrimPrefix(mode, ":")
		switch {
		case mode == "":
			mode = "default"
		case mode == "ro", mode == "rw" && kind != "cgroup2", mode == "mixed" && kind != "cgroup2":
		default:
			return unknown
		}
		if hasMode && word == kind+":" {
			return unknown
		}
		a.cgroup = autoWord{mode: mode, kind: kind, force: force || kind == "cgroup2", from: s}
		return nil
	case "shmounts":
		if !v.atLeast(3, 1, 0) {
			return fmt.Errorf("word %q: came with LXC 3.1, the file is read as %s", word, v)
		}
		if mode == "" || mode[0] == ':' {
			return fmt.Errorf("word %q: want shmounts:HOSTDIR[:CONTAINERDIR]", word)
		}
		a.shmounts = autoWord{mode: mode, from: s}
		return nil
	}
	return unknown
}

func checkMountAuto(value string, v Version) error {
	var a autoMount
	for _, w := range strings.Fields(value) {
		if err := a.parse(w, v, nil); err != nil {
			return err
		}
	}
	return nil
}

func (t *translation) mountAuto() (*autoMount, error) {
	a := &autoMount{}
	for _, s := range t.live("lxc.mount.auto") {
		for _, w := range strings.Fields(s.Value) {
			if err := a.parse(w, t.version, s); err != nil {
				return nil, refuse(s.Directive, "%s", err)
			}
		}
	}
	return a, nil
}

// report gives every line of lxc.mount.auto what its words became.
func (a *autoMount) report(t *translation) {
	for _, w := range [...]*autoWord{&a.proc, &a.sys, &a.cgroup, &a.shmounts} {
		if w.mode != "" {
			w.from.entry.say(w.class, "%s", w.note)
		}
	}
	for _, s := range t.live("lxc.mount.auto") {
		if s.entry.Class == "" {
			s.entry.say(Exact, "no effect: later words of the same kind replace these, as in LXC")
		}
	}
}

// mountProcSys emits proc, sys and the shared mounts, which come before fstab.
func (t *translation) mountProcSys(a *autoMount) {
	if w := &a.proc; w.mode != "" {
		t.mount(specs.Mount{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nodev", "noexec", "nosuid"}}, MountExtra{})
		if w.mode == "mixed" {
			t.spec.Linux.ReadonlyPaths = append(t.spec.Linux.ReadonlyPaths, t.procReadonly()...)
			w.say(Approximated, "proc: /proc, read-only below /proc/sys and at sysrq-trigger, path by path instead of as one mount")
		} else {
			w.say(Exact, "proc: /proc")
		}
	}
	if w := &a.sys; w.mode != "" {
		m := specs.Mount{Destination: "/sys", Type: "sysfs", Source: "sysfs"}
		switch w.mode {
		case "ro":
			m.Options = []string{"ro"}
			w.say(Exact, "sys: /sys read-only")
		case "rw":
			w.say(Exact, "sys: /sys")
		case "mixed":
			m.Options = []string{"ro", "nosuid", "nodev", "noexec"}
			t.annotate(AnnotationSysMixed, "true")
			w.say(Extension, "sys: /sys read-only; kist keeps /sys/devices/virtual/net writable")
		}
		t.mount(m, MountExtra{})
	}
	if w := &a.shmounts; w.mode != "" {
		from, to, ok := strings.Cut(w.mode, ":")
		if !ok {
			to = "/dev/.lxc-mounts"
		}
		t.mount(specs.Mount{Destination: "/" + strings.Trim(to, "/"), Type: "bind", Source: from, Options: []string{"bind", "slave"}}, MountExtra{})
		w.say(Exact, "shmounts: a bind mount that follows what the host mounts below %s", from)
	}
}

// procReadonly is what proc:mixed makes read-only. OCI cannot except one
// directory from a read-only one, so the children of /proc/sys are named; those
// a kernel does not have are skipped by every runtime.
func (t *translation) procReadonly() []string {
	// 4.0.6 began to leave /proc/sys/net read-only where the container could
	// not use it anyway; before 1.1.1 it always was.
	if !t.version.atLeast(1, 1, 1) || t.version.atLeast(4, 0, 6) && !t.capNetAdmin {
		return []string{"/proc/sys", "/proc/sysrq-trigger"}
	}
	paths := make([]string, 0, 10)
	for _, dir := range [...]string{"abi", "crypto", "debug", "dev", "fs", "kernel", "sunrpc", "user", "vm"} {
		paths = append(paths, "/proc/sys/"+dir)
	}
	return append(paths, "/proc/sysrq-trigger")
}

// mountCgroup emits the cgroup filesystem, which LXC mounts after the entries.
func (t *translation) mountCgroup(a *autoMount) {
	w := &a.cgroup
	if w.mode == "" {
		return
	}
	ownNamespace := t.hasNamespace(specs.CgroupNamespace)
	if !t.unified && ownNamespace && t.capSysAdmin && !w.force {
		w.say(Exact, "cgroup: nothing on a host with cgroup v1: LXC leaves the mounts to the container's init, which may make them")
		return
	}
	readonly := w.mode == "ro"
	if !t.unified && w.mode == "mixed" {
		w.say(Approximated, "cgroup: the container's own cgroup is writable, and so is the directory around it")
	}
	if w.mode == "default" && !t.capSysAdmin {
		w.mode = "mixed"
	}
	m := specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup", Options: []string{"nosuid", "nodev", "noexec", "relatime"}}
	if readonly {
		m.Options = append(m.Options, "ro")
	}
	t.mount(m, MountExtra{})
	switch {
	case w.note != "":
	case w.kind == "cgroup-full" && !t.unified:
		w.say(Approximated, "%s: the container sees its own cgroup only, not its siblings'", w.kind)
	case t.unified && !ownNamespace:
		w.say(Approximated, "%s: the container's own cgroup is mounted", w.kind)
	default:
		w.say(Exact, "%s: /sys/fs/cgroup", w.kind)
	}
}
