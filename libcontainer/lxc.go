// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/libcontainer/hooks"
	"kist/libcontainer/launch"
	"kist/libcontainer/program"
	"kist/lxc"
)

// What create does for a bundle that `kist import` made of an LXC
// configuration, beyond config.json. The annotations are documented in package
// lxc and read by compile.ParseLXC; here are those that only the parent can
// honour. For any other bundle c.lxc is nil and nothing here does anything.

// loadLXC reads the annotations.
func (c *creation) loadLXC() (err error) {
	if c.lxc, err = compile.ParseLXC(c.spec.Annotations); c.lxc == nil || err != nil {
		return err
	}
	for _, x := range c.lxc.Mounts {
		if x.Index < 0 || x.Index >= len(c.spec.Mounts) {
			return &compile.AnnotationError{Key: lxc.AnnotationMounts, Msg: fmt.Sprintf("there is no mount %d", x.Index)}
		}
	}
	if c.lxc.Keyring {
		c.NoNewKeyring = true
	}
	if c.lxc.CgroupInner != "" && c.rt.SystemdCgroup {
		return &compile.AnnotationError{Key: lxc.AnnotationCgroupInner, Msg: "cannot be made with --systemd-cgroup: what is below a scope belongs to the container"}
	}
	return nil
}

// beginLXC does what comes before there is anything of the container: its
// pre-start hooks, which may even mount the root filesystem, and what is drawn
// by lot or found among other containers. If a hook fails there is nothing to
// undo, and LXC runs no others either.
func (c *creation) beginLXC() error {
	if c.lxc == nil {
		return nil
	}
	if c.lxc.BootID != "" {
		c.lxc.BootID = randomUUID()
	}
	if err := c.shareNamespaces(); err != nil {
		return err
	}
	if len(c.lxc.PreStart) == 0 {
		return nil
	}
	defer c.rt.Trace.phase("hooks")()
	doc := specs.State{Version: c.spec.Version, ID: c.ID, Status: specs.StateCreating, Bundle: c.Bundle, Annotations: c.spec.Annotations}
	if err := hooks.Run(c.context(), "preStart", c.lxc.PreStart, doc, hooks.Host{}); err != nil {
		return fmt.Errorf("config.json: /annotations/%s: %w", lxc.AnnotationHooks, err)
	}
	return nil
}

// randomUUID makes a version 4 UUID (RFC 9562), as the kernel's boot id is.
func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it does not fail: see crypto/rand
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// answerLXC serves the sync points that only imported containers have.
func (c *creation) answerLXC(ev launch.Event) (kept bool, err error) {
	if c.lxc == nil {
		return false, fmt.Errorf("nsexec: sync point %d is not known here", ev.Code)
	}
	switch ev.Code {
	case compile.SyncPreMount:
		return false, c.preMount()
	case compile.SyncTTY:
		c.ttys = append(c.ttys, ev.FD)
		return true, nil
	}
	return false, fmt.Errorf("nsexec: sync point %d is not known here", ev.Code)
}

// preMount runs the hooks that LXC has in the container's namespaces, where
// the host's files can still be seen.
func (c *creation) preMount() error {
	defer c.rt.Trace.phase("hooks")()
	c.hooked = true
	doc := ociState(c.state, specs.StateCreating)
	doc.Pid = c.session.Pid
	spawner := &inside{pidfd: c.session.Pidfd, namespaces: c.state.Namespaces, root: -1}
	if err := hooks.Run(c.context(), "preMount", c.lxc.PreMount, doc, spawner); err != nil {
		return fmt.Errorf("config.json: /annotations/%s: %w", lxc.AnnotationHooks, err)
	}
	return nil
}

// readyLXC sets what belongs to the process and is set from outside.
func (c *creation) readyLXC() error {
	if c.lxc == nil {
		return nil
	}
	dir := "/proc/" + strconv.Itoa(c.session.Pid) + "/"
	for _, p := range c.lxc.Proc {
		if err := writeExisting(dir+p.File, p.Value); err != nil {
			return &compile.AnnotationError{Key: p.Key, Msg: err.Error()}
		}
	}
	if c.lxc.SchedCore {
		// See Documentation/admin-guide/hw-vuln/core-scheduling.rst; children inherit the cookie.
		const prSchedCore, create, threadGroup = 62, 1, 1
		err := unix.Prctl(prSchedCore, create, uintptr(c.session.Pid), threadGroup, 0)
		if err != nil {
			why := ""
			if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EINVAL) {
				why = " (core scheduling needs CONFIG_SCHED_CORE and a processor with hyper-threads; leave lxc.sched.core out here)"
			}
			return &compile.AnnotationError{Key: lxc.AnnotationSchedCore, Msg: "prctl PR_SCHED_CORE: " + err.Error() + why}
		}
	}
	return nil
}

// writeExisting writes a file of the kernel's with one write(2).
func writeExisting(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

// processEnv is the environment of the process. LXC gives its first process no
// HOME that the configuration does not name.
func (c *creation) processEnv(passwd int) []string {
	p := c.spec.Process
	extra := append(c.fds.extra(), c.notifyEnv()...)
	env := environment(p.Env, passwd, p.User.UID, extra)
	if c.lxc != nil && !hasEnv(p.Env, "HOME") {
		return env[:len(env)-1] // environment adds it last
	}
	return env
}

// giveRootfs answers nsexec with the mounted root filesystem.
func (c *creation) giveRootfs() error {
	fd, err := c.mountRootfs()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return c.session.GoFD(fd)
}

// reaperFD is the descriptor of the reaper's image in nsexec, nil for none.
func (c *creation) reaperFD() *program.FD {
	for i := range c.plan.Needs {
		if n := &c.plan.Needs[i]; n.Kind == program.NeedInit {
			fd := program.Number(n.FD)
			return &fd
		}
	}
	return nil
}

// attachPath is what lxc-attach gives to a command where nothing else is said.
const attachPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// attachEnv is the environment of a further process. The first process of an
// imported container has no PATH, as under LXC; a command could not be found.
func (c *Container) attachEnv(env []string) []string {
	if c.State.Annotations[lxc.AnnotationVersion] == "" || hasEnv(env, "PATH") {
		return env
	}
	return append(append(make([]string, 0, len(env)+1), env...), attachPath)
}
