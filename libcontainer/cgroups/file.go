// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// The functions here are plain system calls: os.File would add a poller
// registration, a finalizer and two fcntl(2) to each of the many small files.

// writeFile writes the value with one write(2), as cgroup files want it.
func writeFile(path, value string) error {
	fd, err := openRetry(path, unix.O_WRONLY)
	if err != nil {
		return err
	}
	err = writeFD(fd, value)
	unix.Close(fd)
	return err
}

func openRetry(path string, flags int) (int, error) {
	for {
		// O_NOFOLLOW: cgroupfs has no links, so one here means that the path
		// has left it.
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

func writeFD(fd int, value string) error {
	for {
		n, err := unix.Write(fd, []byte(value))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case n != len(value):
			return errors.New("short write")
		}
		return nil
	}
}

// readFile reads a cgroup file as a whole.
func readFile(path string) (string, error) {
	fd, err := openRetry(path, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	s, err := readFD(fd)
	unix.Close(fd)
	return s, err
}

func readFD(fd int) (string, error) {
	var small [1024]byte
	buf := small[:0:len(small)]
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := unix.Read(fd, buf[len(buf):cap(buf)])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return "", err
		case n == 0:
			return string(buf), nil
		}
		buf = buf[:len(buf)+n]
	}
}

// readFirst reads the first line, without its newline. One read is enough: the
// kernel gives whole lines as long as they fit, and has no file of one value
// that is longer than a page.
func readFirst(path string) (string, error) {
	fd, err := openRetry(path, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	var buf [4096]byte
	n := 0
	for {
		if n, err = unix.Read(fd, buf[:]); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	unix.Close(fd)
	line, _, _ := strings.Cut(string(buf[:max(n, 0)]), "\n")
	return line, err
}

// field returns the value of "key value" in a flat keyed file, or "".
func field(data, key string) string {
	for line := range strings.Lines(data) {
		if v, ok := strings.CutPrefix(line, key); ok && strings.HasPrefix(v, " ") {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// isGone covers the ways in which a cgroup says that it no longer exists:
// ENOENT for the path, ENODEV for a file of it that was already open.
func isGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV)
}

func mkdir(path string) error {
	for {
		err := unix.Mkdir(path, 0o755)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
