// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/compile"
	"kist/libcontainer/idmap"
	"kist/lxc"
)

// mountRootfs mounts the root filesystem of an imported container on
// root.path, in the container's mount namespace, and gives a descriptor of it.
// It is done by a thread of kist that enters this namespace: it needs loop
// devices, a look for the type, and the privileges of the host's root. Nothing
// is mounted on the host, and nothing stays when the container has gone.
func (c *creation) mountRootfs() (int, error) {
	defer c.rt.Trace.phase("rootfs")()
	root := c.lxc.Rootfs
	userns, err := c.rootIDMap(root)
	if err != nil {
		return -1, c.aboutRoot(err)
	}
	if userns >= 0 {
		defer unix.Close(userns)
	}
	fd := -1
	err = inMountNamespace(c.session.Pidfd, func() error {
		if err := prepareRoot(root, mappedRoot(c.spec.Linux.UIDMappings), mappedRoot(c.spec.Linux.GIDMappings)); err != nil {
			return err
		}
		if err := mountOne(root, c.state.Rootfs, userns); err != nil {
			return err
		}
		fd, err = unix.Open(c.state.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, c.aboutRoot(err)
	}
	return fd, nil
}

func (c *creation) aboutRoot(err error) error {
	return &compile.AnnotationError{Key: lxc.AnnotationRootfs, Msg: err.Error()}
}

// rootIDMap opens the user namespace whose maps the root filesystem gets, -1
// for none.
func (c *creation) rootIDMap(root *lxc.RootfsMount) (int, error) {
	switch root.IDMap {
	case "":
		return -1, nil
	case "container":
		l := c.spec.Linux
		if len(l.UIDMappings) == 0 {
			return -1, errors.New("idmap=container: the container has no user namespace of its own")
		}
		return idmap.NewNamespace(l.UIDMappings, l.GIDMappings, idmap.FindHelpers())
	}
	fd, err := unix.Open(root.IDMap, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("idmap=%s: open: %w", root.IDMap, err)
	}
	return fd, nil
}

// inMountNamespace calls do on a thread in the mount namespace of a process.
// The thread is never used for anything else: it ends with the goroutine.
func inMountNamespace(pidfd int, do func() error) error {
	done := make(chan error)
	var enter func()
	enter = func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// /proc/self means the first thread, which must stay where it is.
			go enter()
			return
		}
		// A thread that shares its root and working directory cannot join (setns(2)).
		err := unix.Unshare(unix.CLONE_FS)
		if err == nil {
			err = unix.Setns(pidfd, unix.CLONE_NEWNS)
		}
		if err != nil {
			done <- fmt.Errorf("enter the container's mount namespace: %w", err)
			return
		}
		done <- do()
	}
	go enter()
	return <-done
}

// mappedRoot gives the id that the container's root has on the host.
func mappedRoot(maps []specs.LinuxIDMapping) int {
	for _, m := range maps {
		if m.ContainerID == 0 && m.Size > 0 {
			return int(m.HostID)
		}
	}
	return 0
}

// prepareRoot makes what an overlay needs before it can be mounted. The
// directories belong to the container's root, as they do where LXC makes them
// in the container's user namespace: an upper one is what "/" looks like.
func prepareRoot(root *lxc.RootfsMount, uid, gid int) error {
	for _, dir := range root.Tmpfs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("tmpfs on %s: mount: %w", dir, err)
		}
	}
	for _, dir := range root.Mkdir {
		if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
			return err
		}
		err := unix.Mkdir(dir, 0o755)
		if err == nil {
			err = unix.Lchown(dir, uid, gid)
		}
		if err != nil && err != unix.EEXIST {
			return fmt.Errorf("%s: make: %w", dir, err)
		}
	}
	return nil
}

// mountOne mounts a filesystem at target, and its lower one there before it:
// what is mounted over can still be a layer of what covers it.
func mountOne(m *lxc.RootfsMount, target string, userns int) error {
	o, err := compile.ParseRootOptions(m.Options)
	if err != nil {
		return err
	}
	if m.Lower != nil {
		if err := mountOne(m.Lower, target, -1); err != nil {
			return err
		}
		o.Data = withLower(o.Data, target)
	}
	switch {
	case m.Type == "bind":
		err = bindRoot(m.Source, target, o, userns)
	case m.Loop:
		err = mountLoop(m, target, o)
	default:
		err = mountType(m.Type, m.Source, target, o)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", m.Type, m.Source, err)
	}
	if userns >= 0 && m.Type != "bind" {
		err = bindRoot(target, target, &compile.RootOptions{}, userns)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", m.Type, m.Source, err)
	}
	return setRoot(target, o, m.Type == "bind")
}

// withLower names the lower directory in an overlay's options, where the
// importer left its place empty.
func withLower(data, dir string) string {
	parts := strings.Split(data, ",")
	for i, p := range parts {
		if rest, ok := strings.CutPrefix(p, "lowerdir="); ok {
			parts[i] = "lowerdir=" + strings.NewReplacer(`\`, `\\`, ":", `\:`, ",", `\,`).Replace(dir) + rest
		}
	}
	return strings.Join(parts, ",")
}

// bindRoot binds a directory, perhaps with other ids.
func bindRoot(source, target string, o *compile.RootOptions, userns int) error {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if o.Recursive {
		flags |= unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, source, flags)
	if err != nil {
		return fmt.Errorf("open_tree: %w", err)
	}
	defer unix.Close(fd)
	if userns >= 0 {
		err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns)})
		if err != nil {
			return fmt.Errorf("mount_setattr idmap: %w (the filesystem may not support id-mapped mounts)", err)
		}
	}
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move_mount to %s: %w", target, err)
	}
	return nil
}

// setRoot gives the mount its attributes.
func setRoot(target string, o *compile.RootOptions, bind bool) error {
	set := o.Set
	if bind && o.Flags&unix.MS_RDONLY != 0 {
		set |= unix.MOUNT_ATTR_RDONLY
	}
	if set|o.Clear == 0 && o.Propagation == 0 {
		return nil
	}
	flags := uint(0)
	if o.Recursive {
		flags = unix.AT_RECURSIVE
	}
	err := unix.MountSetattr(unix.AT_FDCWD, target, flags, &unix.MountAttr{Attr_set: set, Attr_clr: o.Clear, Propagation: o.Propagation})
	if err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	return nil
}

// mountType mounts a block device or another filesystem; of type auto whatever
// the kernel can make of it.
func mountType(fstype, source, target string, o *compile.RootOptions) error {
	if fstype != "auto" {
		return unix.Mount(source, target, fstype, o.Flags, o.Data)
	}
	types, err := diskTypes()
	if err != nil {
		return err
	}
	for _, t := range types {
		err = unix.Mount(source, target, t, o.Flags, o.Data)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EUCLEAN), errors.Is(err, unix.ENODEV):
			continue // not of this type
		}
		return fmt.Errorf("mount as %s: %w", t, err)
	}
	return fmt.Errorf("none of the filesystems that this kernel has: %s", strings.Join(types, ", "))
}

// diskTypes lists the filesystems that lie on devices: those of
// /etc/filesystems, which may name modules to be loaded, and those the kernel
// has already. See filesystems(5).
func diskTypes() ([]string, error) {
	var types []string
	for _, path := range [...]string{"/etc/filesystems", "/proc/filesystems"} {
		data, err := os.ReadFile(path)
		if err != nil {
			if path == "/etc/filesystems" && errors.Is(err, os.ErrNotExist) {
				continue
			}
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) == 1 && f[0] != "*" && !strings.HasPrefix(f[0], "#") {
				types = append(types, f[0])
			}
		}
	}
	return types, nil
}

// mountLoop mounts an image file. The loop device goes when its last user
// does, so nobody has to remember it.
func mountLoop(m *lxc.RootfsMount, target string, o *compile.RootOptions) error {
	mode, flags := unix.O_RDWR, uint32(unix.LO_FLAGS_AUTOCLEAR)
	if o.Flags&unix.MS_RDONLY != 0 {
		mode, flags = unix.O_RDONLY, flags|unix.LO_FLAGS_READ_ONLY
	}
	image, err := unix.Open(m.Source, mode|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer unix.Close(image)
	control, err := unix.Open("/dev/loop-control", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/loop-control: open: %w", err)
	}
	defer unix.Close(control)
	for {
		n, err := unix.IoctlRetInt(control, unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return fmt.Errorf("no free loop device: %w", err)
		}
		device := fmt.Sprintf("/dev/loop%d", n)
		loop, err := unix.Open(device, mode|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%s: open: %w", device, err)
		}
		config := unix.LoopConfig{Fd: uint32(image), Info: unix.LoopInfo64{Flags: flags}}
		copy(config.Info.File_name[:len(config.Info.File_name)-1], m.Source)
		err = unix.IoctlLoopConfigure(loop, &config)
		if errors.Is(err, unix.EBUSY) { // somebody was faster
			unix.Close(loop)
			continue
		}
		if err == nil {
			err = mountType(m.Type, device, target, o)
		}
		unix.Close(loop)
		return err
	}
}
