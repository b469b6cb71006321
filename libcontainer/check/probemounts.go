// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// idmapFD is where the child finds the user namespace for id-mapped mounts.
const idmapFD = 3

// option is a parameter of a file system: with a value, or a flag.
type option struct{ key, value string }

// newMount makes a file system as a detached mount, with the calls that programs
// for nsexec use.
func newMount(kind string, options ...option) (int, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen %s: %w", kind, err)
	}
	defer unix.Close(fs)
	for _, o := range options {
		if o.value == "" {
			err = unix.FsconfigSetFlag(fs, o.key)
		} else {
			err = unix.FsconfigSetString(fs, o.key, o.value)
		}
		if err != nil {
			return -1, fmt.Errorf("%s: option %s: %w", kind, o.key, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("%s: create: %w", kind, err)
	}
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: fsmount: %w", kind, err)
	}
	return mnt, nil
}

// attach puts a detached mount on a directory below dir.
func attach(mnt, dir int, name string) error {
	flags := unix.MOVE_MOUNT_F_EMPTY_PATH
	if name == "" {
		flags |= unix.MOVE_MOUNT_T_EMPTY_PATH
	}
	if err := unix.MoveMount(mnt, "", dir, name, flags); err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	return nil
}

// mounts tries file systems and the calls around mounts. The mount namespace is the
// child's own, so what is mounted goes with it.
func (v View) mounts(trees []string) {
	if !v.try("mount.private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }) {
		return // whatever is mounted now could reach the host
	}
	scratch := -1
	if !v.try("mount.tmpfs", func() (err error) {
		scratch, err = newMount("tmpfs", option{"mode", "755"})
		return err
	}) {
		return
	}
	root, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		v["mount.move_mount"] = outcome("", err)
		return
	}
	// On top of "/": paths of this process still lead to what is below it.
	if !v.try("mount.move_mount", func() error { return attach(scratch, root, "") }) {
		return
	}
	for _, name := range [...]string{"lower", "upper", "work", "on"} {
		if err := unix.Mkdirat(scratch, name, 0o755); err != nil {
			v["mount.tmpfs"] = outcome("", fmt.Errorf("mkdir: %w", err))
			return
		}
	}
	v.trees(scratch)
	v.fileSystems()
	v.overlay(scratch)
	v.try("device.mknod", func() error {
		return unix.Mknodat(scratch, "null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3)))
	})
	if len(trees) > 0 {
		v.idmaps(scratch, trees)
	}
}

// trees tries to clone a mount and to change its attributes.
func (v View) trees(scratch int) {
	clone := -1
	if !v.try("mount.open_tree", func() (err error) {
		clone, err = unix.OpenTree(scratch, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
		return err
	}) {
		return
	}
	defer unix.Close(clone)
	v.try("mount.mount_setattr", func() error {
		return unix.MountSetattr(clone, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{
			Attr_set:    unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC,
			Propagation: unix.MS_PRIVATE,
		})
	})
}

// fileSystems are those of config.json's default mounts.
func (v View) fileSystems() {
	for _, f := range [...]struct {
		kind    string
		options []option
	}{
		{"proc", nil},
		{"sysfs", nil},
		{"mqueue", nil},
		{"cgroup2", nil},
		{"devpts", []option{{"ptmxmode", "0666"}, {"mode", "0620"}}},
	} {
		v.try("mount."+f.kind, func() error {
			mnt, err := newMount(f.kind, f.options...)
			if err != nil {
				return err
			}
			defer unix.Close(mnt)
			if f.kind != "devpts" {
				return nil
			}
			v.try("device.pty", func() error {
				ptmx, err := unix.Openat(mnt, "ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
				if err != nil {
					return fmt.Errorf("ptmx: %w", err)
				}
				defer unix.Close(ptmx)
				return tryTerminal(ptmx)
			})
			return nil
		})
	}
}

// overlay tries one, down to a file that is copied to its upper layer.
func (v View) overlay(scratch int) {
	v.try("mount.overlay", func() error {
		// The kernel looks the layers up as paths of this process.
		if err := unix.Fchdir(scratch); err != nil {
			return err
		}
		mnt, err := newMount("overlay", option{"lowerdir", "lower"}, option{"upperdir", "upper"}, option{"workdir", "work"})
		if err != nil {
			return err
		}
		defer unix.Close(mnt)
		return tryWrite(mnt)
	})
}

// tryWrite makes a file in a mount: some fail no earlier.
func tryWrite(mnt int) error {
	fd, err := unix.Openat(mnt, "file", unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("create a file: %w", err)
	}
	unix.Close(fd)
	return nil
}

// idmaps tries an id map on a mount of each file system, and the first such mount
// that succeeds as the layer of an overlay.
func (v View) idmaps(scratch int, trees []string) {
	layer := -1
	for _, t := range trees {
		kind, path := tree(t)
		v.try("idmap."+kind, func() error {
			mnt, err := idMapped(kind, path)
			if err == nil && layer < 0 {
				layer = mnt
			} else if err == nil {
				unix.Close(mnt)
			}
			return err
		})
	}
	if layer < 0 {
		return
	}
	defer unix.Close(layer)
	v.try("idmap.overlay-layer", func() error {
		if err := attach(layer, scratch, "on"); err != nil {
			return err
		}
		if err := unix.Fchdir(scratch); err != nil {
			return err
		}
		mnt, err := newMount("overlay", option{"lowerdir", "on:lower"})
		if err == nil {
			unix.Close(mnt)
		}
		return err
	})
}

// idMapped maps the ids of a new mount of a kind, or of a copy of the one at path.
func idMapped(kind, path string) (int, error) {
	var mnt int
	var err error
	if path == "" {
		mnt, err = newMount(kind)
	} else {
		mnt, err = unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	}
	if err != nil {
		return -1, err
	}
	err = unix.MountSetattr(mnt, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: idmapFD})
	if err != nil {
		unix.Close(mnt)
		return -1, err
	}
	return mnt, nil
}
