// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// LoadDefault loads kist-default: the installed file, which may be the
// administrator's version of it, else what kist brings.
func (h Host) LoadDefault() (from string, err error) {
	path := h.path(PolicyDir, DefaultName)
	if exists(path) {
		return path, h.LoadFile(path)
	}
	return "the profile that kist brings", h.LoadText(DefaultName, Default(h.Dialect()))
}

// Unload takes a profile out of the kernel. A process that it confines would be
// unconfined from then on, so that is refused; one that is not there is no
// error.
func (h Host) Unload(name string) error {
	pids, err := h.Processes(name)
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		return fmt.Errorf("AppArmor profile %s: confines %d processes (pid %s): they would go on unconfined", name, len(pids), strings.Join(pids[:min(len(pids), 10)], ", "))
	}
	return h.remove(name)
}

// remove takes a profile out of the kernel.
func (h Host) remove(name string) error {
	err := writeExisting(h.path(securityFS, ".remove"), name)
	if errors.Is(err, unix.ENOENT) && h.Mounted() {
		return nil // the kernel's word for a profile that it does not have
	}
	if err != nil {
		return fmt.Errorf("AppArmor profile %s: remove: %w", name, err)
	}
	return nil
}

// Make loads the profile of a container, with its namespace.
func (h Host) Make(c *Container) error {
	if c.Namespace != "" {
		if err := unix.Mkdir(h.namespace(c.Namespace), 0o755); err != nil && err != unix.EEXIST {
			return fmt.Errorf("AppArmor namespace %s: mkdir: %w", c.Namespace, err)
		}
	}
	return h.LoadText(c.Profile, c.Text(h.Dialect()))
}

// Take removes what Make has made; what is not there is no error. Nothing of
// the container may run any more.
func (h Host) Take(g Generated) error {
	if g.Profile == "" || !h.Mounted() {
		return nil
	}
	err := h.remove(g.Profile)
	if g.Namespace != "" {
		if e := unix.Rmdir(h.namespace(g.Namespace)); e != nil && e != unix.ENOENT {
			err = errors.Join(err, fmt.Errorf("AppArmor namespace %s: rmdir: %w", g.Namespace, e))
		}
	}
	return err
}

func (h Host) namespace(name string) string {
	return h.path(securityFS, "policy/namespaces", name)
}

// Installed says whether kist-default is in PolicyDir, and whether it is what
// this kist brings.
func (h Host) Installed() (is, same bool) {
	b, err := os.ReadFile(h.path(PolicyDir, DefaultName))
	return err == nil, err == nil && string(b) == shipped
}
