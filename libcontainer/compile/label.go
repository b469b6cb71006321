// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/host"
	"kist/libcontainer/program"
	"kist/lxc"
)

// The labels of the security modules. They are written to files of procfs that
// are a process's own attributes, so that what matters is that it is procfs:
// an image could have a file of that name (CVE-2019-16884, CVE-2023-28642).
// At create the file is opened through the host's procfs, while nothing of the
// container is in the way; at exec through the container's, with nothing mounted
// in between, since a descriptor of the host must not be taken into it. It is
// written when no other program is executed any more: the next execve takes
// the label.

// asksLabel says whether a process asks for a label.
func asksLabel(p *specs.Process) bool {
	return p != nil && (p.ApparmorProfile != "" || p.SelinuxLabel != "")
}

// CheckLabels refuses labels of a module that is not enabled.
func CheckLabels(p *specs.Process, facts *host.Facts) error {
	if p.ApparmorProfile != "" && !facts.AppArmor {
		return errorf(program.Cause{Pointer: "/process/apparmorProfile", Index: -1}, "AppArmor is not enabled on this host")
	}
	if p.SelinuxLabel != "" && !facts.SELinux {
		return errorf(program.Cause{Pointer: "/process/selinuxLabel", Index: -1}, "SELinux is not enabled on this host")
	}
	return nil
}

// label opens the files that labels are written to, while the host's procfs
// can be reached. They are the attributes of this very process, so that holding
// them gives nobody else anything.
func (s *setup) label() error {
	if p := s.Spec.Process; asksLabel(p) {
		if err := openLabel(s.b, s.proc.FD(), p, s.Facts); err != nil {
			return err
		}
	}
	if s.keyringLabel() != "" {
		s.forAnnotation(lxc.AnnotationKeyringContext)
		openAttr(s.b, s.proc.FD(), slotKeyLabel, "keycreate")
	}
	return nil
}

// keyringLabel is the SELinux context of a new session keyring, "" for the
// default.
func (s *setup) keyringLabel() string {
	if s.LXC == nil || s.NoNewKeyring {
		return ""
	}
	return s.LXC.KeyringLabel
}

// openLabel opens the file that the label for the next execve is written to.
func openLabel(b *program.Builder, proc program.FD, p *specs.Process, facts *host.Facts) error {
	if err := CheckLabels(p, facts); err != nil {
		return err
	}
	if p.ApparmorProfile != "" {
		b.At("/process/apparmorProfile")
		// Before 5.8 AppArmor had no directory of its own, and may be built without it.
		openAttr(b, proc, slotLabel, "apparmor/exec", "exec")
		return nil
	}
	b.At("/process/selinuxLabel")
	openAttr(b, proc, slotLabel, "exec")
	return nil
}

// openAttr opens an attribute of this process for writing: the first of the
// names that exists.
func openAttr(b *program.Builder, proc program.FD, into program.Reg, names ...string) {
	// thread-self is a symbolic link of procfs; the directory it leads to is opened first, with that allowed.
	own, _ := b.Openat2(proc, program.OwnAttr, unix.O_PATH|unix.O_DIRECTORY, 0, program.OwnProc)
	done := b.NewLabel()
	for i, name := range names {
		on := b.Call(unix.SYS_OPENAT2, own.V(), b.Str(name).V(), b.How(unix.O_WRONLY|unix.O_NOCTTY, 0, program.OnProc).V(), program.I(unix.SizeofOpenHow)).
			Into(into)
		if i < len(names)-1 {
			next := b.NewLabel()
			on.Jump(next, unix.ENOENT)
			b.Jump(done)
			b.Bind(next)
		}
	}
	b.Bind(done)
	b.Close(own)
}

// label writes the label for the next execve.
func (p *process) label() error {
	switch {
	case p.Process.ApparmorProfile != "":
		p.at("apparmorProfile")
		p.b.Write(slotLabel.FD(), "exec "+p.Process.ApparmorProfile)
		p.b.Close(slotLabel)
	case p.Process.SelinuxLabel != "":
		p.at("selinuxLabel")
		p.b.Write(slotLabel.FD(), p.Process.SelinuxLabel)
		p.b.Close(slotLabel)
	}
	return nil
}

// keyringLabel writes the label of the keyring that is made next.
func (p *process) keyringLabel() {
	if p.KeyringLabel == "" {
		return
	}
	p.b.At("/annotations/" + escape(lxc.AnnotationKeyringContext))
	p.b.Write(slotKeyLabel.FD(), p.KeyringLabel)
	p.b.Close(slotKeyLabel)
}
