// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (t *translation) translateProcess() error {
	p := t.spec.Process
	if err := t.translateCommand(); err != nil {
		return err
	}
	for _, id := range []struct {
		key string
		to  *uint32
	}{{"lxc.init.uid", &p.User.UID}, {"lxc.init.gid", &p.User.GID}} {
		if s := t.last(id.key); s != nil {
			n, err := integer(s.Value, t.version)
			if err != nil {
				return refuse(s.Directive, "%s", err)
			}
			*id.to = uint32(n)
			s.entry.keep()
		}
	}
	for _, s := range t.live("lxc.init.groups") {
		for _, g := range strings.Split(s.Value, ",") {
			n, err := integer(strings.TrimSpace(g), t.version)
			if err != nil {
				return refuse(s.Directive, "%s", err)
			}
			p.User.AdditionalGids = append(p.User.AdditionalGids, uint32(n))
		}
		s.entry.keep()
	}
	if s := t.last("lxc.init.cwd"); s != nil {
		p.Cwd = filepath.Clean(s.Value)
		s.entry.keep()
	}
	if s := t.last("lxc.uts.name"); s != nil {
		if t.hasNamespace(specs.UTSNamespace) {
			t.spec.Hostname = s.Value
			s.entry.keep()
		} else {
			s.entry.say(HostSide, "not set: without a UTS namespace of its own the container would rename the host; use hostnamectl there")
		}
	}
	if s := t.last("lxc.arch"); s != nil {
		switch bits, err := archBits(s.Value); {
		case err != nil:
			s.entry.say(Exact, "ignored: LXC %s does not know the name and only warns", t.version)
		case bits == 32:
			t.spec.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
			s.entry.keep()
		default:
			t.spec.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux}
			s.entry.keep()
		}
	}
	if s := t.last("lxc.sched.core"); s != nil {
		if s.Value == "1" {
			t.annotate(AnnotationSchedCore, "true")
			s.entry.keep()
		} else {
			s.entry.say(Exact, "off, as by default")
		}
	}
	t.translateSignals()
	env, err := t.environment("lxc.environment", "lxc.environment.runtime")
	if err != nil {
		return err
	}
	// LXC sets this last, so that it wins over the user's own.
	p.Env = setenv(env, "container=lxc")
	t.keep("lxc.environment", "lxc.environment.runtime")
	return nil
}

func (t *translation) translateCommand() error {
	s, execute := t.last("lxc.init.cmd"), t.last("lxc.execute.cmd")
	switch {
	case s != nil && execute != nil:
		execute.entry.say(HostSide, "lxc.init.cmd is what the container starts with; run this one with `kist exec`, or import again without lxc.init.cmd")
	case execute != nil:
		s = execute
		t.annotate(AnnotationExecute, "true")
	case s == nil:
		t.defaulted("lxc.init.cmd", Exact, "process.args is /sbin/init, LXC's default")
		return nil
	}
	args, err := splitCommand(s.Value)
	if err != nil {
		return refuse(s.Directive, "%s", err)
	}
	t.spec.Process.Args = args
	s.entry.keep()
	return nil
}

// resolveCommand makes the program's path absolute. LXC looks it up in the
// container along the C library's default path, since the environment holds no
// PATH; OCI runtimes only look along PATH.
func (t *translation) resolveCommand() {
	args := t.spec.Process.Args
	if strings.Contains(args[0], "/") {
		return
	}
	for _, e := range t.spec.Process.Env {
		if strings.HasPrefix(e, "PATH=") {
			return
		}
	}
	s := t.last("lxc.init.cmd")
	if s == nil {
		s = t.last("lxc.execute.cmd")
	}
	for _, dir := range [...]string{"/bin", "/usr/bin"} {
		if t.rootfsDir == "" {
			break
		}
		if _, err := t.host.Stat(filepath.Join(t.rootfsDir, dir, args[0])); err == nil {
			args[0] = dir + "/" + args[0]
			if s != nil {
				s.entry.say(Exact, "found as %s", args[0])
			}
			return
		}
	}
	if s != nil {
		s.entry.say(Approximated, "%s is looked up by the runtime, since it was not found in the root filesystem now; an absolute path is safer", args[0])
	}
}

func (t *translation) translateSignals() {
	for _, sig := range [...]struct{ key, annotation string }{
		{"lxc.signal.halt", AnnotationSignalHalt},
		{"lxc.signal.reboot", AnnotationSignalReboot},
		{"lxc.signal.stop", AnnotationSignalStop},
	} {
		s := t.last(sig.key)
		if s == nil {
			continue
		}
		name, err := signalName(s.Value)
		if err != nil {
			// checkSignal has seen the value already.
			continue
		}
		t.annotate(sig.annotation, name)
		if sig.annotation == AnnotationSignalHalt {
			t.annotate(AnnotationStopSignal, name)
		}
		s.entry.keep()
	}
	if t.last("lxc.signal.halt") == nil {
		t.annotate(AnnotationSignalHalt, "auto")
	}
}

// environment collects the variables of some keys. NAME alone takes the value of
// whoever imports; under LXC it was that of whoever started.
func (t *translation) environment(keys ...string) ([]string, error) {
	var env []string
	for _, k := range keys {
		for _, s := range t.live(k) {
			kv := s.Value
			if !strings.Contains(kv, "=") {
				v, ok := t.host.Getenv(kv)
				if !ok {
					return nil, refuse(s.Directive, "%s is not set in the environment of the import; write %s=VALUE", kv, kv)
				}
				kv += "=" + v
				s.entry.say(Approximated, "the value %q of this import is used, LXC takes that of each start", v)
			}
			env = setenv(env, kv)
		}
	}
	return env, nil
}

// setenv adds a variable, or replaces it in place as putenv does.
func setenv(env []string, kv string) []string {
	name, _, _ := strings.Cut(kv, "=")
	for i, old := range env {
		if n, _, _ := strings.Cut(old, "="); n == name {
			env[i] = kv
			return env
		}
	}
	return append(env, kv)
}

// archBits returns what LXC makes of an architecture's name.
func archBits(name string) (int, error) {
	switch name {
	case "arm", "armel", "armhf", "armv7l", "athlon", "i386", "i486", "i586", "i686", "linux32", "mips", "mipsel",
		"ppc", "powerpc", "x32", "x86":
		return 32, nil
	case "aarch64", "amd64", "arm64", "linux64", "loong64", "loongarch64", "mips64", "mips64el", "ppc64", "ppc64el",
		"ppc64le", "powerpc64", "riscv64", "s390x", "x86_64":
		return 64, nil
	}
	return 0, &Error{Msg: "unknown architecture " + quote(name)}
}

func checkArch(value string, v Version) error {
	_, err := archBits(value)
	// 1.0 only warned about a name it did not know, and left the personality alone.
	if v.Major == 1 && v.Minor == 0 {
		return nil
	}
	return err
}
