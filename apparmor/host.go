// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The directories and files of the kernel, and of the distribution's policy.
const (
	enabledFile = "/sys/module/apparmor/parameters/enabled"
	securityFS  = "/sys/kernel/security/apparmor"
	// PolicyDir is where distributions keep profiles, and where `make install`
	// puts kist-default.
	PolicyDir = "/etc/apparmor.d"
	// CacheDir keeps the texts of generated profiles and what the parser has
	// compiled of them. Without it they are compiled at every start.
	CacheDir = "/var/cache/kist/apparmor"
)

// Host is a machine's AppArmor. Root, for tests, is put before every path; the
// zero value is this machine.
type Host struct{ Root string }

func (h Host) path(elem ...string) string {
	return h.Root + filepath.Join(elem...)
}

// Enabled says whether the kernel enforces AppArmor policy: built in, and not
// switched off at boot. It is one small read.
func (h Host) Enabled() bool {
	b, err := readSmall(h.path(enabledFile))
	return err == nil && len(b) > 0 && b[0] == 'Y'
}

// Mounted says whether the kernel's interface can be seen: securityfs is
// mounted, which it is not in most containers.
func (h Host) Mounted() bool { return exists(h.path(securityFS, "features")) }

// Stacks says whether this kernel can confine a process by several profiles at
// once, and by policy namespaces.
func (h Host) Stacks() bool { return h.says("features/domain/stack", "yes") }

// Namespaced says whether the caller already lives in a policy namespace of
// its own, as inside a system container.
func (h Host) Namespaced() bool { return h.says(".ns_stacked", "yes") }

func (h Host) says(file, value string) bool {
	b, err := readSmall(h.path(securityFS, file))
	return err == nil && strings.TrimSpace(string(b)) == value
}

// Label is the caller's own confinement, such as "unconfined" or
// "kist-default (enforce)".
func (h Host) Label() (string, error) {
	for _, file := range []string{"/proc/thread-self/attr/apparmor/current", "/proc/thread-self/attr/current"} {
		b, err := readSmall(h.path(file))
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		return strings.TrimSpace(string(b)), err
	}
	return "", fmt.Errorf("%s: %w", h.path("/proc/thread-self/attr"), unix.ENOENT)
}

// ErrNotLoaded says that the kernel does not have a profile.
var ErrNotLoaded = errors.New("is not loaded")

// Check says whether a process could be put under label now: a profile's name,
// several joined by "//&", ":namespace:profile", or "unconfined". The error is
// ErrNotLoaded if the kernel does not have one of them. It asks the kernel,
// which resolves a name as the transition will: relative to the caller's
// policy namespace. Where securityfs is not mounted nobody can be asked, and
// the answer is nil: the kernel then refuses the transition itself.
func (h Host) Check(label string) error {
	space := ""
	for part := range strings.SplitSeq(strings.TrimPrefix(label, "&"), "//&") {
		// The kernel makes a stack with the transition, so that only its parts can
		// be asked for. What follows one of a namespace is relative to that.
		if strings.HasPrefix(part, ":") {
			name, _, _ := strings.Cut(part[1:], ":")
			space = ":" + name + ":"
		} else {
			part = space + part
		}
		if err := h.has(part); err != nil {
			return err
		}
	}
	return nil
}

// has asks the kernel for one profile.
func (h Host) has(name string) error {
	fd, err := unix.Open(h.path(securityFS, ".access"), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s/.access: %w", securityFS, err)
	}
	defer unix.Close(fd)
	// A query: may NAME open "/"? Only whether there is such a label matters.
	const classFile = "\x02"
	_, err = unix.Write(fd, []byte("label\x00"+name+"\x00"+classFile+"/"))
	switch {
	case errors.Is(err, unix.ENOENT):
		return ErrNotLoaded
	case err != nil:
		return fmt.Errorf("%s/.access: %q: %w", securityFS, name, err)
	}
	return nil
}

// Profile is one that the kernel has.
type Profile struct {
	Name string
	Mode string // enforce, complain, kill, prompt or unconfined
}

// Profiles lists what the kernel has in the caller's policy namespace and
// below. It needs root.
func (h Host) Profiles() ([]Profile, error) {
	b, err := os.ReadFile(h.path(securityFS, "profiles"))
	if err != nil {
		return nil, err
	}
	return parseProfiles(string(b))
}

// parseProfiles reads lines of the form "NAME (MODE)"; a name may have spaces
// and parentheses.
func parseProfiles(text string) ([]Profile, error) {
	var list []Profile
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		i := strings.LastIndex(line, " (")
		if i <= 0 || !strings.HasSuffix(line, ")") {
			return nil, fmt.Errorf("%s/profiles: %q: want NAME (MODE)", securityFS, line)
		}
		list = append(list, Profile{line[:i], line[i+2 : len(line)-1]})
	}
	return list, nil
}

// Processes lists the pids whose confinement includes a profile.
func (h Host) Processes(name string) ([]string, error) {
	entries, err := os.ReadDir(h.path("/proc"))
	if err != nil {
		return nil, err
	}
	var pids []string
	for _, e := range entries {
		if pid := e.Name(); pid[0] >= '0' && pid[0] <= '9' {
			b, err := readSmall(h.path("/proc", pid, "attr/apparmor/current"))
			if err != nil {
				b, err = readSmall(h.path("/proc", pid, "attr/current"))
			}
			if err == nil && includes(string(b), name) { // it may have ended since
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}

// includes says whether a label as the kernel prints it, "A//&B (MODE)", has a
// profile in it.
func includes(label, name string) bool {
	label = strings.TrimSpace(label)
	if i := strings.LastIndex(label, " ("); i > 0 {
		label = label[:i]
	}
	for part := range strings.SplitSeq(label, "//&") {
		if part == name {
			return true
		}
	}
	return false
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }

// readSmall reads a file of the kernel that fits in one read.
func readSmall(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	b := make([]byte, 4096)
	n, err := unix.Read(fd, b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b[:n], nil
}

// writeExisting writes a file of the kernel with one write(2): it takes no
// second one, and must not be made if it is not there.
func writeExisting(path, value string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(value)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
