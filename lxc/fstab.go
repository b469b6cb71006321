// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"fmt"
	"strings"
)

// fstabLine is one line of an fstab or one lxc.mount.entry, with LXC's extra
// options taken out.
type fstabLine struct {
	Source, Target, Type string
	// Flags are mount flags and propagation, by their canonical names.
	Flags []string
	// Data are the options the filesystem itself reads.
	Data []string
	// Optional: a failure is ignored.
	Optional bool
	// Create is "dir", "file" or empty.
	Create string
	// Relative: the source is below the root filesystem.
	Relative bool
	// IDMap is the value of idmap=: "container", a user namespace file, or empty.
	IDMap string
	// Loose are options that LXC reads as a flag only because they begin like
	// one, as "option=flag".
	Loose []string
}

// bind reports whether the line attaches an existing tree.
func (l *fstabLine) bind() bool { return l.has("bind") || l.has("rbind") }

func (l *fstabLine) has(flag string) bool {
	for _, f := range l.Flags {
		if f == flag {
			return true
		}
	}
	return false
}

// parseFstabLine reads the fields as getmntent does. It returns nil for a line
// that holds nothing.
func parseFstabLine(text string) (*fstabLine, error) {
	text = strings.TrimLeft(text, " \t")
	if text == "" || text[0] == '#' {
		return nil, nil
	}
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' })
	if len(fields) < 3 {
		return nil, errors.New("fewer than three fields; want source, target, type and options")
	}
	l := &fstabLine{Source: unescape(fields[0]), Target: unescape(fields[1]), Type: unescape(fields[2])}
	if l.Target == "" {
		return nil, errors.New("empty target")
	}
	if len(fields) < 4 {
		return l, nil
	}
	// Fields five and six (dump and pass) mean nothing to LXC, whatever they hold.
	for _, opt := range strings.Split(unescape(fields[3]), ",") {
		if err := l.option(opt); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *fstabLine) option(opt string) error {
	name, value, hasValue := strings.Cut(opt, "=")
	switch {
	case opt == "" || opt == "defaults":
		return nil
	case opt == "optional":
		l.Optional = true
	case opt == "relative":
		l.Relative = true
	case name == "create":
		if value != "dir" && value != "file" {
			return fmt.Errorf("option %s: want create=dir or create=file", opt)
		}
		l.Create = value
	case name == "idmap" && hasValue:
		if value == "" {
			return errors.New("option idmap=: names neither container nor a user namespace")
		}
		l.IDMap = value
	default:
		flag := mountFlag(opt)
		switch {
		case flag == "":
			l.Data = append(l.Data, opt)
		case flag == "defaults":
		default:
			if flag != opt {
				l.Loose = append(l.Loose, opt+" as "+flag)
			}
			l.Flags = append(l.Flags, flag)
		}
	}
	return nil
}

// mountFlag returns the flag an option means. LXC compares only as many bytes as
// the flag's name has, so rootcontext=… is read as ro.
func mountFlag(opt string) string {
	for _, f := range [...]string{
		"async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "lazytime", "mand", "noatime",
		"nodev", "nodiratime", "noexec", "nomand", "norelatime", "nostrictatime", "nosuid", "rbind", "relatime",
		"remount", "ro", "rw", "strictatime", "suid", "sync",
		"private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable",
	} {
		if strings.HasPrefix(opt, f) {
			return f
		}
	}
	return ""
}

// propagation reports whether a flag changes a mount's propagation type.
func propagation(flag string) bool {
	switch flag {
	case "private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable":
		return true
	}
	return false
}

// unescape undoes getmntent's four octal escapes; others stay as they are.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\\`, `\`).Replace(s)
}
