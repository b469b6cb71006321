// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"path"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxPath is the longest path the kernel takes, without the terminating NUL.
const maxPath = 4095

// Validate checks every rule that can be decided without the host. It gives
// the first fault, an *Error with its place in the file. What the host
// decides (does the path exist, is the namespace of that type, is the feature
// there) is checked where it is used; the seccomp profile is checked by
// [DecodeSeccomp]; what Decode refuses already, like NUL bytes in strings, is
// not checked again except where flags can bring it in.
func (c *Config) Validate() error {
	if err := validateSpec(c.Spec); err != nil {
		return c.Locate(err)
	}
	return nil
}

func validateSpec(s *specs.Spec) error {
	linux := s.Linux
	if linux == nil {
		linux = new(specs.Linux) // the same rules hold: no namespace, no hostname
	}
	if err := validateVersion(s.Version); err != nil {
		return err
	}
	if s.Process != nil { // required by start only: "REQUIRED when start is called"
		if err := ValidateProcess(s.Process); err != nil {
			return within(err, "process")
		}
	}
	if s.Root == nil {
		return invalid("/root", "is required")
	}
	if err := validateRoot(s.Root); err != nil {
		return within(err, "root")
	}
	if err := validateNames(s, linux); err != nil {
		return err
	}
	for i := range s.Mounts {
		if err := validateMount(&s.Mounts[i]); err != nil {
			return within(err, "mounts", i)
		}
	}
	if s.Hooks != nil {
		if err := validateHooks(s.Hooks); err != nil {
			return within(err, "hooks")
		}
	}
	if _, empty := s.Annotations[""]; empty {
		return invalid("/annotations", "keys must not be empty")
	}
	if err := validateLinux(linux); err != nil {
		return within(err, "linux")
	}
	if s.Process != nil {
		if err := validateMapped(&s.Process.User, linux); err != nil {
			return within(err, "process", "user")
		}
	}
	return nil
}

// validateVersion checks /ociVersion. Every 1.x is accepted, also development
// versions, which real engines write, and versions newer than this runtime:
// minor versions only add properties.
func validateVersion(version string) error {
	const p = "/ociVersion"
	if version == "" {
		return invalid(p, "is required (supported: 1.x)")
	}
	// MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]; a build part may contain '-'.
	rest, build, hasBuild := strings.Cut(version, "+")
	core, pre, hasPre := strings.Cut(rest, "-")
	parts := strings.Split(core, ".")
	good := len(parts) == 3 && (!hasPre || identifiers(pre)) && (!hasBuild || identifiers(build))
	for _, part := range parts {
		good = good && isDecimal(part) && (part == "0" || part[0] != '0')
	}
	if !good {
		return invalid(p, "%s is not a semantic version (supported: 1.x)", quoted(version))
	}
	if parts[0] != "1" {
		return invalid(p, "unsupported major version %s (supported: 1.x)", clipped(parts[0]))
	}
	return nil
}

// identifiers tells whether s is a list of semantic-version identifiers.
func identifiers(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" {
			return false
		}
		for i := 0; i < len(part); i++ {
			if !alphanumeric(part[i]) && part[i] != '-' {
				return false
			}
		}
	}
	return true
}

// isDecimal tells whether s is one or more ASCII digits.
func isDecimal(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// validateRoot checks /root. Whether the directory exists is the host's
// business.
func validateRoot(root *specs.Root) error {
	switch {
	case root.Path == "":
		return invalid("/path", "is required")
	case clean(root.Path) == "/" && root.Path[0] == '/':
		return invalid("/path", `"/" is not allowed: the container would have the host's root file system`)
	}
	if err := validatePath(root.Path); err != nil {
		return within(err, "path")
	}
	return nil
}

// validateNames checks /hostname and /domainname. Without a UTS namespace of
// the container they would rename the host.
func validateNames(s *specs.Spec, linux *specs.Linux) error {
	const maxName = 64 // __NEW_UTS_LEN
	for _, n := range [...]struct{ property, value string }{{"hostname", s.Hostname}, {"domainname", s.Domainname}} {
		switch {
		case n.value == "":
		case len(n.value) > maxName:
			return invalid("/"+n.property, "longer than %d bytes", maxName)
		case !hasNamespace(linux, specs.UTSNamespace):
			return invalid("/"+n.property, "needs a private uts namespace; add {\"type\": \"uts\"} to /linux/namespaces")
		default:
			if err := validateText(n.value); err != nil {
				return within(err, n.property)
			}
		}
	}
	for name, value := range linux.Sysctl {
		if key, err := SysctlPath(name); err == nil && key == "kernel/domainname" && s.Domainname != "" && value != s.Domainname {
			return invalid(at("linux", "sysctl", name), "contradicts /domainname %s", quoted(s.Domainname))
		}
	}
	return nil
}

// validatePath checks what holds for every path: it fits the kernel's limit
// and has no NUL, which would end it early.
func validatePath(name string) error {
	if len(name) > maxPath {
		return invalid("", "path longer than %d bytes", maxPath)
	}
	if strings.IndexByte(name, 0) >= 0 {
		return invalid("", "contains a NUL byte")
	}
	return nil
}

// validateAbsolute checks a path that must be absolute.
func validateAbsolute(name string) error {
	if name == "" {
		return invalid("", "must not be empty")
	}
	if name[0] != '/' {
		return invalid("", "must be an absolute path, found %s", quoted(name))
	}
	return validatePath(name)
}

// validateText refuses control characters, which have no business in names
// and labels but would end a line in the files that carry them.
func validateText(s string) error {
	if hasControl(s) {
		return invalid("", "contains a control character: %s", quoted(s))
	}
	return nil
}

// hasControl tells whether s contains an ASCII control character.
func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// hasDotDot tells whether a path has a component "..".
func hasDotDot(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// clean gives the shortest form of a path taken from "/", without regard to
// symbolic links.
func clean(name string) string { return path.Clean("/" + name) }
