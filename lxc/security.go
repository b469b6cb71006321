// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"bytes"
	"errors"
	"io/fs"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"kist/lxc/policy"
)

func (t *translation) translateSecurity() error {
	if s := t.last("lxc.no_new_privs"); s != nil {
		t.spec.Process.NoNewPrivileges = s.Value == "1"
		s.entry.keep()
	}
	t.translateApparmor()
	if s := t.last("lxc.selinux.context"); s != nil {
		switch {
		case s.Value == "unconfined_t":
			s.entry.say(Exact, "no label: the caller's context is kept")
		case !t.exists("/sys/fs/selinux/enforce"):
			s.entry.say(Exact, "no effect, as in LXC: this host has no SELinux; import again on one that has it")
		default:
			t.spec.Process.SelinuxLabel = s.Value
			s.entry.keep()
		}
	}
	if s := t.last("lxc.keyring.session"); s != nil {
		if s.Value == "1" {
			t.annotate(AnnotationKeyring, "inherit")
			s.entry.say(Extension, "annotation: kist makes no session keyring; with other runtimes use --no-new-keyring")
		} else {
			s.entry.keep()
		}
	}
	if s := t.last("lxc.selinux.context.keyring"); s != nil {
		if t.exists("/sys/fs/selinux/enforce") {
			t.annotate(AnnotationKeyringContext, s.Value)
			s.entry.keep()
		} else {
			s.entry.say(Exact, "no effect, as in LXC: this host has no SELinux; import again on one that has it")
		}
	}
	return t.translateSeccomp()
}

func (t *translation) translateApparmor() {
	profile := t.last("lxc.apparmor.profile")
	generated := profile != nil && profile.Value == "generated" && t.version.atLeast(3, 1, 0) && t.exists("/sys/kernel/security/apparmor/profiles")
	switch {
	case profile == nil:
		t.defaultApparmor()
	// Before 3.1 the word was the name of a profile like any other.
	case generated:
		t.annotate(AnnotationApparmor, "generated")
		profile.entry.say(Extension, "annotation: kist generates a profile for the container")
	case profile.Value == "unchanged" || profile.Value == "unconfined":
		profile.entry.say(Exact, "no process.apparmorProfile: the process keeps the caller's, which LXC does not change either")
	case !t.exists("/sys/kernel/security/apparmor/profiles"):
		profile.entry.say(Exact, "no effect, as in LXC: this host has no AppArmor; import again on one that has it")
	default:
		t.spec.Process.ApparmorProfile = profile.Value
		profile.entry.keep()
	}
	if s := t.last("lxc.apparmor.allow_incomplete"); s != nil {
		s.entry.keep()
	}
	if s := t.last("lxc.apparmor.allow_nesting"); s != nil {
		switch {
		case s.Value != "1":
			s.entry.say(Exact, "off, as by default")
		case generated:
			t.annotate(AnnotationApparmorNesting, "true")
			s.entry.keep()
		default:
			s.entry.say(Extension, "the two helper mounts, optional as in LXC; the profile is not a generated one")
		}
	}
	if raw := t.live("lxc.apparmor.raw"); len(raw) > 0 {
		var rules []string
		for _, s := range raw {
			if generated {
				rules = append(rules, s.Value)
				s.entry.keep()
			} else {
				s.entry.say(Exact, "no effect, as in LXC: the profile is not a generated one")
			}
		}
		if generated {
			t.annotateJSON(AnnotationApparmorRaw, rules)
		}
	}
}

// exists reports whether the host has a file.
func (t *translation) exists(path string) bool {
	_, err := t.host.Stat(path)
	return err == nil
}

// defaultApparmor applies the profile LXC uses when none is named, if this host
// has it. On a host without AppArmor LXC starts the container without one.
func (t *translation) defaultApparmor() {
	if !t.version.atLeast(0, 8, 0) {
		return
	}
	name := "lxc-container-default-cgns"
	if !t.hasNamespace(specs.CgroupNamespace) {
		name = "lxc-container-default"
	}
	data, err := t.host.ReadFile("/sys/kernel/security/apparmor/profiles")
	if err != nil {
		t.defaulted("lxc.apparmor.profile", Exact, "unset, and this host has no AppArmor: no profile")
		return
	}
	for _, line := range strings.Split(string(data), "\n") {
		if loaded, _, _ := strings.Cut(line, " ("); loaded == name {
			t.spec.Process.ApparmorProfile = name
			t.defaulted("lxc.apparmor.profile", Exact, "unset: process.apparmorProfile is "+name+", LXC's default")
			return
		}
	}
	// LXC would not start it; without a profile it must not run either.
	t.annotate(AnnotationApparmor, "generated")
	t.defaulted("lxc.apparmor.profile", Approximated, "unset: LXC would apply "+name+", which is not loaded on this host; kist generates a profile with the same limits")
}

func (t *translation) translateSeccomp() error {
	proxy, cookie := t.last("lxc.seccomp.notify.proxy"), t.last("lxc.seccomp.notify.cookie")
	t.keep("lxc.seccomp.allow_nesting")
	s := t.last("lxc.seccomp.profile")
	if s == nil {
		for _, o := range [...]*setting{proxy, cookie} {
			if o != nil {
				o.entry.say(Exact, "no effect without lxc.seccomp.profile")
			}
		}
		return nil
	}
	data, note := t.carried(s.Value)
	if data == nil {
		var err error
		if data, err = t.host.ReadFile(s.Value); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return refuse(s.Directive, "policy %s: does not exist", s.Value)
			}
			return &Error{File: s.File, Line: s.Line, Key: s.Key, Msg: "policy " + s.Value, Err: cause(err)}
		}
	} else {
		s.entry.say(Approximated, "%s", note)
	}
	profile, notes, err := policy.ParseFor(bytes.NewReader(data), s.Value, t.Arch)
	if err != nil {
		return &Error{File: s.File, Line: s.Line, Key: s.Key, Msg: "policy", Err: err}
	}
	t.spec.Linux.Seccomp = profile
	s.entry.keep()
	for _, n := range notes {
		e := &Entry{File: s.Value, Line: n.Line, Key: "seccomp", Class: Approximated, Effect: n.Text}
		if n.Exact {
			e.Class = Exact
		}
		t.report = append(t.report, e)
	}
	if proxy != nil {
		profile.ListenerPath = strings.TrimPrefix(proxy.Value, "unix:")
		proxy.entry.keep()
	}
	if cookie != nil {
		if proxy != nil {
			profile.ListenerMetadata = cookie.Value
			cookie.entry.keep()
		} else {
			cookie.entry.say(Exact, "no effect without lxc.seccomp.notify.proxy")
		}
	}
	return nil
}
