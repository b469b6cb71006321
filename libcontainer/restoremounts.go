// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// apart runs f on a thread in the surroundings that CRIU, which f starts, and
// the container inherit:
//
//   - a mount namespace of its own, in which the root filesystem is mounted on
//     the container's state directory. CRIU wants the root to be a mount whose
//     parent nothing covers. Nobody else sees this mount and nothing needs to
//     take it away, whoever dies;
//   - a session keyring of its own. CRIU does not save keyrings, and the
//     container must not come back with the caller's;
//   - without supplementary groups. CRIU does not set an empty list, and the
//     container must not come back with the caller's;
//   - with no_new_privs, where config.json has it. CRIU has no such thing
//     before 4.0, and set-user-ID programs would have their way again.
//
// The thread is not used again: it ends with its goroutine.
func (c *restoration) apart(f func() error) error {
	done := make(chan error)
	go apart(done, func() error {
		if err := c.mountRoot(); err != nil {
			return fmt.Errorf("root filesystem: %w", err)
		}
		if err := c.newKeyring(); err != nil {
			return err
		}
		// Of this thread only, unlike what packages syscall and unix do.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
			return fmt.Errorf("setgroups: %w", errno)
		}
		if c.spec.Process.NoNewPrivileges {
			if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
				return fmt.Errorf("config.json: /process/noNewPrivileges: %w", err)
			}
		}
		return f()
	})
	return <-done
}

func apart(done chan<- error, f func() error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The first thread stands for the process in /proc, and stays what it is.
		inner := make(chan error)
		go apart(inner, f)
		err := <-inner
		runtime.UnlockOSThread()
		done <- err
		return
	}
	done <- f()
}

// rootPath is where the root filesystem is mounted for CRIU.
func (c *restoration) rootPath() string { return c.dir.Path() }

func (c *restoration) mountRoot() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	// What the host mounts later is still seen, what is mounted here stays here.
	err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Propagation: unix.MS_SLAVE})
	if err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	tree, err := unix.OpenTree(unix.AT_FDCWD, c.state.Rootfs, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("%s: open_tree: %w", c.state.Rootfs, err)
	}
	defer unix.Close(tree)
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, c.rootPath(), unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("%s: move_mount: %w", c.rootPath(), err)
	}
	return nil
}

// readonlyRoot makes the root of a restored container read-only, as create does
// last: CRIU needs a writable one to enter it, and leaves it so. A mount can be
// changed only from its own namespace, so a thread goes there, for this one
// call, while everything in the container stands still.
func (c *restoration) readonlyRoot() error {
	if !c.spec.Root.Readonly {
		return nil
	}
	done := make(chan error)
	go apart(done, func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		if err := unix.Setns(c.pidfd, unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("setns: %w", err)
		}
		return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	})
	if err := <-done; err != nil {
		return fmt.Errorf("config.json: /root/readonly: %w", err)
	}
	return nil
}

// sessionPerm lets the owner search the keyring, so that exec can join it.
const sessionPerm = 0x3f1b0000

func (c *restoration) newKeyring() error {
	if c.NoNewKeyring {
		return nil
	}
	ring, err := unix.KeyctlJoinSessionKeyring("_ses." + c.ID)
	if err == unix.ENOSYS {
		return nil // a kernel without keyrings has none to share
	}
	if err == nil {
		err = unix.KeyctlSetperm(ring, sessionPerm)
	}
	if err != nil {
		return fmt.Errorf("session keyring: %w", err)
	}
	return nil
}

// openImages lets root of the container's new user namespace find the images:
// CRIU reads most of them when it is that root already. It gets no more than
// that, through its group, for as long as the restore takes.
func (c *restoration) openImages() error {
	const search, others = 0o010, 0o001
	if !createsNamespace(c.spec.Linux.Namespaces, specs.UserNamespace) {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(c.images, &st); err != nil {
		return fmt.Errorf("--image-path %s: %w", c.o.ImagePath, err)
	}
	if st.Mode&others != 0 {
		return nil
	}
	for _, m := range c.spec.Linux.GIDMappings {
		if m.ContainerID != 0 {
			continue
		}
		c.mode, c.group = st.Mode&0o7777, int(st.Gid)
		err := unix.Fchown(c.images, -1, int(m.HostID))
		if err == nil {
			err = unix.Fchmod(c.images, c.mode|search)
		}
		if err != nil {
			return fmt.Errorf("--image-path %s: open to root of the container: %w", c.o.ImagePath, err)
		}
	}
	return nil
}

func (c *restoration) closeImages() {
	if c.mode == 0 {
		return
	}
	err := unix.Fchmod(c.images, c.mode)
	if e := unix.Fchown(c.images, -1, c.group); err == nil {
		err = e
	}
	if err != nil {
		c.rt.Log.Warn("--image-path", "path", c.o.ImagePath, "error", err.Error())
	}
}

// makeMountpoints makes the targets of mounts that are missing in the root
// filesystem, which may be a fresh copy of the image. What lies on a filesystem
// of the container's comes with that from the images.
func (c *restoration) makeMountpoints() error {
	for i := range c.spec.Mounts {
		m := &c.spec.Mounts[i]
		bind, _ := isBind(m.Options)
		if !bind && (m.Type == "" || m.Type == "none") {
			continue // a remount
		}
		base, path, ok := c.under(i)
		if !ok || path == "" {
			continue
		}
		file := false
		if bind {
			var st unix.Stat_t
			file = unix.Stat(hostPath(c.Bundle, m.Source), &st) == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR
		}
		if err := makeTarget(base, path, file); err != nil {
			return fmt.Errorf("config.json: /mounts/%s: %s: mount point: %w", strconv.Itoa(i), m.Destination, err)
		}
	}
	return nil
}

// under says where a mount's target is on the host: in the root filesystem, or
// in what is bound above it.
func (c *restoration) under(i int) (base, path string, ok bool) {
	dest := filepath.Clean("/" + c.spec.Mounts[i].Destination)
	base, path = c.state.Rootfs, dest
	for k := range i {
		above := &c.spec.Mounts[k]
		at := filepath.Clean("/" + above.Destination)
		rest, inside := strings.CutPrefix(dest, strings.TrimSuffix(at, "/")+"/")
		if !inside {
			continue
		}
		if bind, _ := isBind(above.Options); !bind {
			base = ""
			continue
		}
		base, path = hostPath(c.Bundle, above.Source), rest
	}
	return base, path, base != ""
}

func makeTarget(base, path string, file bool) error {
	root, err := unix.Open(base, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: open: %w", base, err)
	}
	defer unix.Close(root)
	return makeBehindLinks(root, path, file)
}
