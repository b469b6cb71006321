// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// writePidFile publishes a pid: digits without a newline (engines parse them
// strictly), complete or not there at all.
func writePidFile(path string, pid int) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	var st unix.Stat_t
	if unix.Lstat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return fmt.Errorf("--pid-file %s: refusing to follow a symbolic link", path)
	}
	tmp := filepath.Join(dir, "."+name+"."+strconv.Itoa(os.Getpid()))
	fd, err := unix.Open(tmp, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return fmt.Errorf("--pid-file %s: %w", path, err)
	}
	_, err = unix.Write(fd, strconv.AppendInt(nil, int64(pid), 10))
	if e := unix.Close(fd); err == nil {
		err = e
	}
	if err == nil {
		err = unix.Rename(tmp, path)
	}
	if err != nil {
		_ = unix.Unlink(tmp)
		return fmt.Errorf("--pid-file %s: %w", path, err)
	}
	return nil
}
