// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is the locked directory of one container. It is what every writer needs: create gets it from Root.Create, all
// others from Root.Lock. The lock ends with Unlock, with Remove, or with the process.
type Dir struct {
	root *Root
	id   string
	fd   int
}

// Names of directories that are not containers: ids never begin with a dot.
const (
	creatingPrefix = ".creating-"
	deletingPrefix = ".deleting-"
)

// Create makes the directory of a new container, with s and the text of config.json in it, and returns it locked. It
// fills in the fields that describe this process and this moment (Version, Created, Owner, BootID, Creator…) and sets
// the phase to Creating. After Create has returned, side effects may begin.
//
// Of several creates of one id exactly one succeeds; the others get ErrExist and have changed nothing.
func (r *Root) Create(s *State, config []byte) (*Dir, error) {
	if err := checkName(s.ID); err != nil {
		return nil, err
	}
	if err := s.describeCreator(); err != nil {
		return nil, about(s.ID, err)
	}
	if err := s.check(s.ID); err != nil {
		return nil, about(s.ID, err)
	}
	var st unix.Stat_t
	if unix.Fstatat(r.fd, s.ID, &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
		return nil, about(s.ID, ErrExist)
	}
	// The directory becomes visible under its name by the rename, complete and locked. The rename is also what decides
	// between two creators: it fails if a directory with anything in it has the name.
	temporary := creatingPrefix + s.ID
	fd, err := r.claim(temporary)
	if err != nil {
		return nil, about(s.ID, err)
	}
	d := &Dir{root: r, id: s.ID, fd: fd}
	if err = writeNew(fd, configFile, config); err == nil {
		err = writeNew(fd, stateFile, s.encode())
	}
	if err == nil {
		err = unix.Renameat(r.fd, temporary, r.fd, s.ID)
		if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOTDIR) {
			err = ErrExist
		}
	}
	if err != nil {
		_ = removeContents(fd, 0)
		_ = unix.Unlinkat(r.fd, temporary, unix.AT_REMOVEDIR)
		d.Unlock()
		return nil, about(s.ID, err)
	}
	s.root = r
	return d, nil
}

// claim makes the directory name and locks it, or takes over the one that a killed create has left.
func (r *Root) claim(name string) (int, error) {
	for range maxRaces {
		made := unix.Mkdirat(r.fd, name, 0o700)
		if made != nil && !errors.Is(made, unix.EEXIST) {
			return -1, fmt.Errorf("%s/%s: create: %w", r.path, name, made)
		}
		fd, err := openat(r.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue // another creator has just finished with it, in one way or the other
		}
		if err != nil {
			return -1, fmt.Errorf("%s/%s: open: %w", r.path, name, err)
		}
		err = flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			// Another creator is at work in it for a moment, and then it is no longer here; or somebody sweeps up,
			// and must not make every creator lose.
			if _, err = waitLock(fd, time.Second); errors.Is(err, os.ErrDeadlineExceeded) {
				return -1, ErrExist // and the descriptor is waitLock's
			}
		}
		if err == nil {
			var current bool
			if current, err = r.isCurrent(name, fd); err == nil && !current {
				unix.Close(fd)
				continue
			}
		}
		if err == nil && made != nil {
			err = removeContents(fd, 0)
		}
		if err != nil {
			unix.Close(fd)
			return -1, fmt.Errorf("%s/%s: %w", r.path, name, err)
		}
		return fd, nil
	}
	return -1, ErrExist
}

// maxRaces bounds the loops that begin anew after another process was faster. Each round means that it made progress.
const maxRaces = 64

// Lock locks the container's directory; an existing directory without a record can be locked too, so that delete can
// remove it. If another process holds the lock, it waits at most that long, then gives a BusyError.
func (r *Root) Lock(id string, wait time.Duration) (*Dir, error) {
	if err := checkName(id); err != nil {
		return nil, err
	}
	var deadline time.Time // set only if there is somebody to wait for
	for range maxRaces {
		fd, err := openat(r.fd, id, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil, about(id, ErrNotExist)
		}
		if err != nil {
			return nil, fmt.Errorf("container %s: open: %w", id, err)
		}
		err = flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			if deadline.IsZero() {
				deadline = time.Now().Add(wait)
			}
			var pid int
			if pid, err = waitLock(fd, time.Until(deadline)); errors.Is(err, os.ErrDeadlineExceeded) {
				return nil, &BusyError{ID: id, Pid: pid}
			}
		}
		var current bool
		if err == nil {
			// While we waited, the directory may have been deleted, and another one of the same name created.
			current, err = r.isCurrent(id, fd)
		}
		if err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("container %s: lock: %w", id, err)
		}
		if current {
			return &Dir{root: r, id: id, fd: fd}, nil
		}
		unix.Close(fd)
	}
	return nil, &BusyError{ID: id}
}

// isCurrent reports whether name still is the directory behind fd, and checks that it is ours.
func (r *Root) isCurrent(name string, fd int) (bool, error) {
	var held, named unix.Stat_t
	if err := unix.Fstat(fd, &held); err != nil {
		return false, err
	}
	err := unix.Fstatat(r.fd, name, &named, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return held.Dev == named.Dev && held.Ino == named.Ino, checkOwner(&held, r.owner)
}

// ID gives the container's id.
func (d *Dir) ID() string { return d.id }

// FD gives the directory's descriptor; it stays the Dir's own.
func (d *Dir) FD() int { return d.fd }

// Path gives the directory's absolute path.
func (d *Dir) Path() string { return d.root.Path(d.id) }

// Load reads the record.
func (d *Dir) Load() (*State, error) { return d.root.Load(d.id) }

// Save replaces the record. Readers see the old one or the new one.
func (d *Dir) Save(s *State) error {
	err := s.check(d.id)
	if err == nil {
		err = replace(d.fd, stateFile, s.encode())
	}
	if err != nil {
		return about(d.id, err)
	}
	return nil
}

// SaveResources replaces the limits in force, as JSON of /linux/resources: what update has made of those in config.json.
func (d *Dir) SaveResources(data []byte) error {
	if err := replace(d.fd, resourcesFile, data); err != nil {
		return about(d.id, err)
	}
	return nil
}

// Remove removes the directory with everything in it and ends the lock. The container is gone for every observer at
// the first step, a rename; nothing in it needs space on the disk. If kist is killed after that step, the remains are
// cleared by the next create or Sweep of the same id.
func (d *Dir) Remove() error {
	defer d.Unlock()
	grave := deletingPrefix + d.id
	err := unix.Renameat(d.root.fd, d.id, d.root.fd, grave)
	if errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) {
		if err = removeTree(d.root.fd, grave, 0); err == nil {
			err = unix.Renameat(d.root.fd, d.id, d.root.fd, grave)
		}
	}
	if err == nil {
		err = removeTree(d.root.fd, grave, 0)
	}
	if err != nil {
		return fmt.Errorf("container %s: remove %s: %w", d.id, d.Path(), err)
	}
	return nil
}

// Sweep removes what a killed create or delete of this id has left. Such remains are no container: nothing but files
// in the state directory belongs to them. It leaves alone what another process is working on.
func (r *Root) Sweep(id string) error {
	if err := checkName(id); err != nil {
		return err
	}
	for _, name := range [2]string{creatingPrefix + id, deletingPrefix + id} {
		fd, err := openat(r.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err == nil {
			if err = flock(fd, unix.LOCK_EX|unix.LOCK_NB); err == nil {
				var current bool
				if current, err = r.isCurrent(name, fd); current && err == nil {
					err = removeTree(r.fd, name, 0)
				}
			}
			unix.Close(fd)
		}
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
			return fmt.Errorf("container %s: remove %s/%s: %w", id, r.path, name, err)
		}
	}
	return nil
}

// Unlock ends the lock. A second call does nothing.
func (d *Dir) Unlock() {
	if d.fd < 0 {
		return
	}
	// Explicitly: a child between fork and exec has a copy of the descriptor, and close alone would leave it locked.
	_ = flock(d.fd, unix.LOCK_UN)
	unix.Close(d.fd)
	d.fd = -1
}
