// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Root is an open state directory. All names in it are used relative to its descriptor, so a rename of the directory
// or of its parents cannot make one command work on two places.
type Root struct {
	fd    int
	path  string
	owner uint32
}

// Open opens the state directory at path. If there is none, there are no containers: the error is ErrNotExist.
func Open(path string) (*Root, error) {
	path, err := rootPath(path)
	if err != nil {
		return nil, err
	}
	return openRoot(path)
}

// Make opens the state directory at path and makes it, with mode 0700, if it is missing. Sticky sets the sticky bit on
// it, which tells the cleaners of $XDG_RUNTIME_DIR to leave it alone (XDG base directory specification).
func Make(path string, sticky bool) (*Root, error) {
	path, err := rootPath(path)
	if err != nil {
		return nil, err
	}
	r, err := openRoot(path)
	if errors.Is(err, ErrNotExist) {
		if err := os.MkdirAll(path, 0o700); err != nil {
			err = fmt.Errorf("state directory %s: create: %w", path, cause(err))
			if errors.Is(err, unix.EACCES) {
				err = fmt.Errorf("%w (set XDG_RUNTIME_DIR as in a login session, or choose another with --root)", err)
			}
			return nil, err
		}
		r, err = openRoot(path)
	}
	if err == nil && sticky {
		if err = unix.Fchmod(r.fd, 0o1700); err != nil {
			r.Close()
			return nil, fmt.Errorf("state directory %s: set the sticky bit: %w", path, err)
		}
	}
	return r, err
}

func rootPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("state directory %s: %w", path, err)
	}
	if path == "" || abs == "/" {
		return "", fmt.Errorf("state directory %q: must be a directory of its own (see --root)", path)
	}
	return abs, nil
}

func openRoot(path string) (*Root, error) {
	fd, err := openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil, fmt.Errorf("state directory %s: %w", path, ErrNotExist)
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
		return nil, fmt.Errorf("state directory %s: open: not a directory, or a symbolic link: %w", path, err)
	case err != nil:
		return nil, fmt.Errorf("state directory %s: open: %w", path, err)
	}
	// Whoever can write here decides which processes kist signals and which directories it removes.
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil {
		err = checkOwner(&st, uint32(os.Geteuid()))
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("state directory %s: %w", path, err)
	}
	return &Root{fd: fd, path: path, owner: st.Uid}, nil
}

// checkOwner refuses what somebody else could have changed. An ACL that lets others write shows up in the group bits.
func checkOwner(st *unix.Stat_t, owner uint32) error {
	if st.Uid != owner {
		return fmt.Errorf("owned by uid %d, must be owned by uid %d", st.Uid, owner)
	}
	if st.Mode&0o022 != 0 {
		return fmt.Errorf("mode %#o: must not be writable by group or others", st.Mode&0o7777)
	}
	return nil
}

// Close releases the descriptor.
func (r *Root) Close() { unix.Close(r.fd) }

// Path gives the absolute path of the container's directory, for messages and for programs that get it as an argument.
func (r *Root) Path(id string) string { return r.path + "/" + id }

// Load reads the record of a container without waiting for anybody.
func (r *Root) Load(id string) (*State, error) {
	data, err := r.read(id, stateFile, maxState)
	if err != nil {
		return nil, err
	}
	s, err := decode(data)
	if err == nil {
		err = s.check(id)
	}
	if err != nil {
		return nil, fmt.Errorf("container %s: %w: %w", id, ErrCorrupt, err)
	}
	s.root = r
	return s, nil
}

// Config reads the snapshot of config.json.
func (r *Root) Config(id string) ([]byte, error) { return r.read(id, configFile, maxConfig) }

// Resources reads the limits that the last update has left in force; ENOENT if there was none.
func (r *Root) Resources(id string) ([]byte, error) { return r.read(id, resourcesFile, maxConfig) }

const (
	stateFile     = "state.json"
	configFile    = "config.json"
	resourcesFile = "resources.json"
	maxState      = 4 << 20
	maxConfig     = 16 << 20
)

func (r *Root) read(id, name string, limit int64) ([]byte, error) {
	if err := checkName(id); err != nil {
		return nil, err
	}
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	fd, err := openat2(r.fd, id+"/"+name, &how)
	if errors.Is(err, unix.ENOENT) {
		fd, err = r.reopen(id, name, &how)
	}
	if errors.Is(err, ErrNotExist) || errors.Is(err, ErrIncomplete) {
		return nil, about(id, err)
	}
	if err != nil {
		return nil, fmt.Errorf("container %s: %s: open: %w", id, name, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("container %s: %s: %w", id, name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > limit {
		return nil, fmt.Errorf("container %s: %s: not a regular file of at most %d bytes", id, name, limit)
	}
	if err := checkOwner(&st, r.owner); err != nil {
		return nil, fmt.Errorf("container %s: %s: %w", id, name, err)
	}
	data := make([]byte, st.Size)
	for n := 0; n < len(data); {
		m, err := unix.Read(fd, data[n:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || m == 0 {
			return nil, fmt.Errorf("container %s: %s: read %d of %d bytes: %w", id, name, n, len(data), orShort(err))
		}
		n += m
	}
	return data, nil
}

// reopen finds out why there is no id/name: no container, or a directory without that file. The container may come or go
// meanwhile, so the answer has to be about one directory that has the name before and after the look into it.
func (r *Root) reopen(id, name string, how *unix.OpenHow) (int, error) {
	for range maxRaces {
		dir, err := openat(r.fd, id, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			return -1, ErrNotExist
		}
		if err != nil {
			return -1, err
		}
		fd, err := openat2(dir, name, how)
		current := true
		if errors.Is(err, unix.ENOENT) {
			var e error
			if current, e = r.isCurrent(id, dir); e != nil {
				err = e
			} else if name != configFile {
				err = ErrIncomplete
			}
		}
		unix.Close(dir)
		if current {
			return fd, err
		}
	}
	return -1, ErrNotExist
}

// List yields the containers in the order of their ids, each read when its turn comes. An entry that cannot be read
// comes as an error, together with a State that holds its id only; one removed meanwhile does not come at all.
func (r *Root) List() iter.Seq2[*State, error] {
	return func(yield func(*State, error) bool) {
		names, err := readNames(r.fd)
		if err != nil {
			yield(&State{}, fmt.Errorf("state directory %s: list: %w", r.path, err))
			return
		}
		slices.Sort(names)
		for _, id := range names {
			if checkName(id) != nil {
				continue // .creating-ID, .deleting-ID: not a container yet, or no longer
			}
			s, err := r.Load(id)
			if errors.Is(err, ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
				continue
			}
			if err != nil {
				s = &State{ID: id}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// cause takes the path out of an os error, since our message names it already.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s: %w", pe.Path, pe.Err)
	}
	return err
}
