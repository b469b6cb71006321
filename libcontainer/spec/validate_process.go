// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// ValidateProcess checks the process of a `kist exec`, whether it came from a
// file or from flags. Pointers in errors begin at the process object.
func ValidateProcess(p *specs.Process) error {
	if len(p.Args) == 0 {
		return invalid("/args", "must not be empty")
	}
	if p.Args[0] == "" {
		return invalid("/args/0", "must not be empty: it names the program")
	}
	for i, arg := range p.Args {
		// The decoder refuses NUL; arguments given as flags come here only.
		if strings.IndexByte(arg, 0) >= 0 {
			return invalid(at("args", i), "contains a NUL byte")
		}
	}
	if err := validateEnv(p.Env); err != nil {
		return within(err, "env")
	}
	if p.Cwd == "" {
		return invalid("/cwd", "is required")
	}
	if err := validateAbsolute(p.Cwd); err != nil {
		return within(err, "cwd")
	}
	if err := validateUser(&p.User); err != nil {
		return within(err, "user")
	}
	if size := p.ConsoleSize; size != nil && (size.Height > maxConsole || size.Width > maxConsole) {
		return invalid("/consoleSize", "height and width must be at most %d", maxConsole)
	}
	if err := validateRlimits(p.Rlimits); err != nil {
		return within(err, "rlimits")
	}
	if err := validateLabels(p); err != nil {
		return err
	}
	if adj := p.OOMScoreAdj; adj != nil && (*adj < -1000 || *adj > 1000) {
		return invalid("/oomScoreAdj", "must be from -1000 to 1000, found %d", *adj)
	}
	return validateScheduling(p)
}

// maxConsole is the largest value of the 16-bit fields of struct winsize.
const maxConsole = 1<<16 - 1

// validateEnv checks a list of NAME=value.
func validateEnv(env []string) error {
	for i, entry := range env {
		eq := strings.IndexByte(entry, '=')
		switch {
		case eq < 0:
			return invalid(at(i), "must have the form NAME=value, found %s", quoted(entry))
		case eq == 0:
			return invalid(at(i), "the name before '=' must not be empty")
		case strings.IndexByte(entry, 0) >= 0:
			return invalid(at(i), "contains a NUL byte")
		}
	}
	return nil
}

func validateUser(u *specs.User) error {
	const rule = "must be an integer from 0 to 4294967294; 4294967295 means \"unchanged\" to the kernel"
	switch {
	case u.UID > maxID:
		return invalid("/uid", rule)
	case u.GID > maxID:
		return invalid("/gid", rule)
	case u.Username != "":
		return invalid("/username", "%s: the property is for Windows; name the user by uid and gid", quoted(u.Username))
	case u.Umask != nil && *u.Umask > 0o777:
		return invalid("/umask", "must be from 0 to 511 (octal 0777), found %d", *u.Umask)
	}
	for i, gid := range u.AdditionalGids {
		if gid > maxID {
			return invalid(at("additionalGids", i), rule)
		}
	}
	return nil
}

// rlimits are the names of the resource limits at their number (RLIMIT_*).
var rlimits = [...]string{
	"RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE",
	"RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
}

// RlimitNumber gives the number that prlimit(2) uses for a resource limit on
// Linux (except MIPS and SPARC, which kist does not support).
func RlimitNumber(name string) (number int, ok bool) {
	i := slices.Index(rlimits[:], name)
	return i, i >= 0
}

func validateRlimits(limits []specs.POSIXRlimit) error {
	var seen [len(rlimits)]bool
	for i, l := range limits {
		n, ok := RlimitNumber(l.Type)
		switch {
		case l.Type == "":
			return invalid(at(i, "type"), "is required")
		case !ok:
			return invalid(at(i, "type"), "unknown resource limit %s", quoted(l.Type))
		case seen[n]:
			return invalid(at(i), "duplicate %s", l.Type)
		case l.Soft > l.Hard:
			return invalid(at(i), "%s: soft limit %d is above the hard limit %d", l.Type, l.Soft, l.Hard)
		}
		seen[n] = true
	}
	return nil
}

// isProfile says whether a text can be written to AppArmor's file as the label
// that it looks like. A profile is a name, ":namespace:name", or with "//" that
// of a child in its parent; several, joined by "//&", are a stack, and a "&" in
// front stacks on what kist itself is confined by. Whether there are such
// profiles is the kernel's to say. A space would end the name there.
func isProfile(label string) bool {
	for part := range strings.SplitSeq(strings.TrimPrefix(label, "&"), "//&") {
		if rest, ok := strings.CutPrefix(part, ":"); ok {
			ns, name, found := strings.Cut(rest, ":")
			if !found || ns == "" {
				return false
			}
			if part = strings.TrimPrefix(name, "//"); part == "" {
				continue // unconfined in the namespace
			}
		}
		if part == "" || part[0] == '&' || strings.HasPrefix(part, "//") || strings.HasSuffix(part, "//") || strings.Contains(part, " ") {
			return false
		}
	}
	return true
}

// validateLabels checks the names that are written to the LSMs' files.
func validateLabels(p *specs.Process) error {
	if profile := p.ApparmorProfile; profile != "" {
		if err := validateText(profile); err != nil {
			return within(err, "apparmorProfile")
		}
		if !isProfile(profile) {
			return invalid("/apparmorProfile", "must be the name of an AppArmor profile without spaces, or several joined by \"//&\", found %s", quoted(profile))
		}
	}
	if err := validateText(p.SelinuxLabel); err != nil {
		return within(err, "selinuxLabel")
	}
	return nil
}
