// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A container without a mount namespace of its own mounts where the caller, or
// whoever it joins, lives. Its root filesystem, and with it all that is mounted
// inside, is then put on a directory of kist's own: delete takes it away as a
// whole, and whoever removes the bundle does not remove what is bound into it.

// rootMount is that directory.
func (rt *Runtime) rootMount(id string) string {
	root, err := filepath.Abs(rt.Root)
	if err != nil {
		root = rt.Root
	}
	return filepath.Join(root, ".mounts", id)
}

// makeRootMount makes it where it is needed.
func (c *creation) makeRootMount() error {
	if createsNamespace(c.spec.Linux.Namespaces, specs.MountNamespace) {
		return nil
	}
	path := c.rt.rootMount(c.ID)
	if err := c.rt.dropRootMount(c.ID); err != nil { // what a killed create has left
		return err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("directory of the root filesystem: %w", err)
	}
	return nil
}

// dropRootMount unmounts and removes it. Only rmdir(2) is used, so that nothing
// that is mounted there can be emptied by accident. Where it is mounted in
// another mount namespace, the kernel detaches it.
func (rt *Runtime) dropRootMount(id string) error {
	path := rt.rootMount(id)
	const layers = 64
	for range layers {
		err := unix.Rmdir(path)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err == unix.EBUSY {
			err = unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		}
		if err != nil {
			return fmt.Errorf("%s: remove: %w", path, err)
		}
	}
	return fmt.Errorf("%s: remove: %w", path, unix.EBUSY)
}
