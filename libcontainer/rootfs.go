// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// rootfs gives the absolute path of the root filesystem, which must be a
// directory and not the host's root.
func (c *creation) rootfs() (string, error) {
	const pointer = "config.json: /root/path: "
	if c.spec.Root == nil || c.spec.Root.Path == "" {
		return "", errors.New(pointer + "required")
	}
	path := c.spec.Root.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Bundle, path)
	}
	path = filepath.Clean(path)
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", fmt.Errorf("%s%s: %w", pointer, path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return "", fmt.Errorf("%s%s: not a directory (a symbolic link is refused too)", pointer, path)
	}
	// Links further up belong to the host's administrator.
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("%s%w", pointer, err)
	}
	if path == "/" {
		return "", fmt.Errorf("%s%q is not allowed", pointer, path)
	}
	return path, nil
}
