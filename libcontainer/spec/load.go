// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// DefaultFile is the name the specification gives to a bundle's configuration.
const DefaultFile = "config.json"

// Load reads and decodes the configuration of a bundle. file is relative to
// bundle unless absolute; empty means [DefaultFile].
//
// The file is opened once and read through that descriptor. A symbolic link
// as last component is refused: what an admission tool checked under the name
// must be what is read. Anything but a regular file is refused without
// reading, and without waiting for a FIFO's writer.
func Load(bundle, file string) (*Config, error) {
	if file == "" {
		file = DefaultFile
	}
	path := file
	if !filepath.IsAbs(file) {
		path = filepath.Join(bundle, file)
	}
	data, err := readFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Callers of runc match on this sentence.
		return nil, fmt.Errorf("JSON specification file %s not found: open %s: %w; make one with `kist spec`", file, path, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return decodeConfig(data, file)
}

// readFile reads a regular file of at most maxSize bytes. It uses bare system
// calls because os.File would register the descriptor with the poller, whose
// start costs more than the read.
func readFile(path string) ([]byte, error) {
	const flags = syscall.O_RDONLY | syscall.O_CLOEXEC | syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_NOCTTY
	fd, err := retry(func() (int, error) { return syscall.Open(path, flags, 0) })
	switch {
	case err == syscall.ELOOP:
		return nil, errors.New("open: is a symbolic link (or below a loop of them); name the file itself")
	case err == syscall.ENXIO: // a socket
		return nil, errors.New("not a regular file")
	case err != nil:
		return nil, err
	}
	defer syscall.Close(fd)
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("stat: %w", err)
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		return nil, errors.New("not a regular file")
	}
	if st.Size > maxSize {
		return nil, errors.New("larger than 16 MiB")
	}
	// One byte more than the size shows the end without another read. The
	// file may grow meanwhile, and some file systems give size 0.
	data := make([]byte, 0, max(st.Size+1, 4096))
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := retry(func() (int, error) { return syscall.Read(fd, data[len(data):cap(data)]) })
		if err != nil {
			return nil, fmt.Errorf("read: %w", err)
		}
		if n == 0 {
			return data, nil
		}
		if data = data[:len(data)+n]; len(data) > maxSize {
			return nil, errors.New("larger than 16 MiB")
		}
	}
}

// retry repeats a system call that a signal interrupted.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != syscall.EINTR {
			return n, err
		}
	}
}
