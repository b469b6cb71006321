// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// autodev reports whether the container gets a /dev of its own. The default
// changed twice; 1.0 guessed from the word systemd in the init's path.
func (t *translation) autodev() bool {
	switch {
	case t.version.atLeast(1, 1, 0):
		return t.flag("lxc.autodev", true)
	case t.version.atLeast(1, 0, 0):
		return t.flag("lxc.autodev", strings.Contains(t.spec.Process.Args[0], "systemd"))
	}
	return t.flag("lxc.autodev", false)
}

// mountDev emits the tmpfs of autodev. The nodes on it are the ones every OCI
// runtime makes by itself: full null random tty urandom zero.
func (t *translation) mountDev() {
	s, tmpfsSize := t.last("lxc.autodev"), t.last("lxc.autodev.tmpfs.size")
	if !t.autodev() {
		t.annotate(AnnotationDev, "none")
		const text = "annotation: kist leaves the root filesystem's /dev as it is; other runtimes make their standard nodes in it"
		if s != nil {
			s.entry.say(Extension, text)
		} else {
			t.defaulted("lxc.autodev", Extension, "off by default in LXC "+t.version.String()+": "+text)
		}
		if tmpfsSize != nil {
			tmpfsSize.entry.say(Exact, "no effect without lxc.autodev, as in LXC")
		}
		return
	}
	limit := "500000"
	if tmpfsSize != nil {
		limit = tmpfsSize.Value
		tmpfsSize.entry.keep()
	}
	t.mount(specs.Mount{Destination: "/dev", Type: "tmpfs", Source: "none", Options: []string{"mode=755", "size=" + limit}}, MountExtra{})
	t.annotate(AnnotationBootID, "true")
	if s != nil {
		s.entry.keep()
	}
}

// mountPts emits the container's own devpts. It is the last mount, because LXC
// sets it up when everything else is in place, even over a bound host /dev.
func (t *translation) mountPts() {
	s := t.last("lxc.pty.max")
	limit, ttys := t.count("lxc.pty.max"), t.count("lxc.tty.max")
	if !t.version.atLeast(1, 0, 0) && limit == 0 {
		// Before 1.0 no number meant the host's devpts, which OCI runtimes
		// cannot share; the container then has the one its init mounts.
		t.defaulted("lxc.pts", Approximated, "unset in LXC "+t.version.String()+" means the host's devpts; the container gets its own")
	}
	m := specs.Mount{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
		Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}}
	// gid 5 is tty; in a user namespace it must be mapped, or the mount fails.
	if t.gidMapped(5) {
		m.Options = append(m.Options, "gid=5")
	}
	switch {
	case s == nil:
	case !t.version.atLeast(1, 0, 0):
		s.entry.say(Exact, "a devpts of its own; LXC %s ignores the number", t.version)
	case limit > 0:
		m.Options = append(m.Options, "max="+strconv.FormatUint(limit+ttys, 10))
		s.entry.keep()
	default:
		s.entry.say(Exact, "a devpts of its own, without a limit")
	}
	t.mount(m, MountExtra{})
}

func (t *translation) count(key string) uint64 {
	s := t.last(key)
	if s == nil {
		return 0
	}
	n, err := integer(s.Value, t.version)
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}

func (t *translation) gidMapped(gid uint32) bool {
	if !t.userns {
		return true
	}
	for _, m := range t.spec.Linux.GIDMappings {
		if gid >= m.ContainerID && uint64(gid) < uint64(m.ContainerID)+uint64(m.Size) {
			return true
		}
	}
	return false
}

// translateConsole carries the terminals.
func (t *translation) translateConsole() error {
	t.resolveCommand()
	// lxc-start gives its first process the console, whatever it was called
	// with; lxc-execute passes its own standard files on.
	execute := t.spec.Annotations[AnnotationExecute] != ""
	t.spec.Process.Terminal = !execute
	if s := t.last("lxc.console.path"); s != nil {
		switch {
		case s.Value == "none":
			t.spec.Process.Terminal = false
			s.entry.say(Exact, "process.terminal is false: no /dev/console")
		case !filepath.IsAbs(s.Value):
			return refuse(s.Directive, "%q: must be none or an absolute path", s.Value)
		default:
			t.annotate(AnnotationConsolePath, s.Value)
			s.entry.keep()
		}
	} else if execute {
		t.defaulted("lxc.console.path", Approximated, "process.terminal is false: the command has the standard files of the caller, as with lxc-execute; there is no /dev/console")
	} else {
		t.defaulted("lxc.console.path", Exact, "process.terminal is true: LXC's console is a terminal of its own")
	}
	if n := t.count("lxc.tty.max"); n > 0 {
		s := t.last("lxc.tty.max")
		if n > 4096 {
			return refuse(s.Directive, "%d terminals: the kernel has 4096 for the whole system by default", n)
		}
		if execute {
			s.entry.say(Exact, "no effect: lxc-execute makes no terminals")
		} else {
			t.annotate(AnnotationTTYMax, strconv.FormatUint(n, 10))
			s.entry.keep()
		}
	} else if s := t.last("lxc.tty.max"); s != nil {
		s.entry.say(Exact, "no terminals, as by default")
	}
	if s := t.last("lxc.tty.dir"); s != nil {
		t.annotate(AnnotationTTYDir, filepath.Clean(s.Value))
		s.entry.keep()
	}
	t.translateConsoleLog()
	t.translateKmsg()
	return nil
}

func (t *translation) translateConsoleLog() {
	s := t.last("lxc.console.logfile")
	if s != nil {
		t.annotate(AnnotationConsoleLog, s.Value)
		s.entry.keep()
	}
	if b := t.last("lxc.console.size"); b != nil {
		if n, err := size(b.Value); err == nil && n > 0 && s != nil {
			// LXC rounds up to a power of two, a page at least.
			rounded := uint64(4096)
			for rounded < n {
				rounded <<= 1
			}
			t.annotate(AnnotationConsoleLogSize, strconv.FormatUint(rounded, 10))
			b.entry.keep()
		} else {
			b.entry.say(Exact, "no effect without lxc.console.logfile")
		}
	}
	if r := t.last("lxc.console.rotate"); r != nil {
		if r.Value == "1" && s != nil {
			t.annotate(AnnotationConsoleLogRotate, "true")
			r.entry.keep()
		} else {
			r.entry.say(Exact, "no rotation, as by default")
		}
	}
}

func (t *translation) translateKmsg() {
	s := t.last("lxc.kmsg")
	on := t.flag("lxc.kmsg", !t.version.atLeast(1, 1, 0) && t.version.atLeast(0, 9, 0))
	switch {
	case t.version.atLeast(2, 1, 0):
		on = false
		if s != nil {
			s.entry.say(Exact, "no effect from LXC 2.1 on")
		}
	case s != nil && !on:
		s.entry.keep()
	case s != nil:
		s.entry.say(Extension, "annotation: kist links /dev/kmsg to the console")
	}
	if on {
		t.annotate(AnnotationKmsg, "true")
		if s == nil {
			t.defaulted("lxc.kmsg", Extension, "on by default in LXC "+t.version.String()+": kist links /dev/kmsg to the console")
		}
	}
}
