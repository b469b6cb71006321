// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/idmap"
)

// mountWithIDs gives a descriptor of an id-mapped mount of an empty directory,
// which refuses owners that the map has not (EOVERFLOW), as before Linux 6.0 a
// tmpfs in a user namespace does.
func mountWithIDs(t *testing.T, dir string, maps []specs.LinuxIDMapping) int {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	ns, err := idmap.NewNamespace(maps, maps, idmap.Helpers{})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ns)
	fd, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if errors.Is(err, unix.EPERM) {
		t.Skip("needs CAP_SYS_ADMIN")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(ns)}); err != nil {
		t.Skip("no id-mapped mounts here: ", err)
	}
	return fd
}

func TestOwnersWithoutID(t *testing.T) {
	ids := func(n ...uint32) (maps []specs.LinuxIDMapping) {
		for _, id := range n {
			maps = append(maps, specs.LinuxIDMapping{ContainerID: id, HostID: id, Size: 1})
		}
		return maps
	}
	for _, c := range []struct {
		name     string
		maps     []specs.LinuxIDMapping
		mode     os.FileMode
		fallback copier
		uid, gid uint32
		err      error
	}{
		{"the overflow id", ids(0, 7, 8), 0o644, copier{7, 8}, 7, 8, nil},
		{"one of the two", ids(0, 6, 7), 0o644, copier{7, 7}, 7, 6, nil},
		{"no overflow id", ids(0), 0o644, copier{-1, -1}, 0, 0, nil},
		{"an overflow id that is none", ids(0), 0o644, copier{7, 8}, 0, 0, nil},
		{"not for everybody", ids(0, 7, 8), 0o640, copier{7, 8}, 0, 0, unix.EACCES},
	} {
		t.Run(c.name, func(t *testing.T) {
			from, to := t.TempDir(), t.TempDir()
			name := filepath.Join(from, "file")
			if err := os.WriteFile(name, []byte("text"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(name, c.mode); err != nil {
				t.Fatal(err)
			}
			mount := mountWithIDs(t, to, c.maps)
			if err := os.Lchown(name, 5, 6); err != nil {
				t.Fatal(err)
			}
			src, err := os.Open(from)
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			if err := copyTo(int(src.Fd()), mount, &c.fallback); !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			var st unix.Stat_t
			if err := unix.Stat(filepath.Join(to, "file"), &st); err != nil {
				t.Fatal(err)
			}
			if st.Uid != c.uid || st.Gid != c.gid {
				t.Errorf("owner %d:%d, want %d:%d", st.Uid, st.Gid, c.uid, c.gid)
			}
		})
	}
}

func TestHostID(t *testing.T) {
	maps := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 300000, Size: 100}}
	for id, want := range map[uint32]int{0: 1000, 1: 300000, 100: 300099, 101: -1, overflowID: -1} {
		if got := hostID(maps, id); got != want {
			t.Errorf("%d: %d, want %d", id, got, want)
		}
	}
}
