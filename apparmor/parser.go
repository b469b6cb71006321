// SPDX-License-Identifier: Apache-2.0

package apparmor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// parserName is the compiler of profiles; it comes with the distribution's
// package apparmor.
const parserName = "apparmor_parser"

// ErrNoParser says that profiles cannot be compiled here.
var ErrNoParser = errors.New(parserName + " is not installed (it is in the package apparmor of most distributions)")

// Parser finds the compiler: in PATH, or where distributions put it, which an
// engine's PATH may lack.
func (h Host) Parser() (string, error) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", "/usr/local/sbin") {
		if !filepath.IsAbs(dir) {
			continue // whose directory that is, nobody knows
		}
		path := h.path(dir, parserName)
		if unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", ErrNoParser
}

// Ready says what is missing to load a profile.
func (h Host) Ready() error {
	if err := h.Removable(); err != nil {
		return err
	}
	_, err := h.Parser()
	return err
}

// Removable says what is missing to take a profile out of the kernel.
func (h Host) Removable() error {
	switch {
	case !h.Enabled():
		return errors.New("AppArmor is not enabled on this host (boot with apparmor=1 security=apparmor, if the kernel has it)")
	case unix.Geteuid() != 0:
		return errors.New("loading AppArmor profiles needs root")
	case !h.Mounted():
		return errors.New(securityFS + " cannot be seen: mount -t securityfs securityfs /sys/kernel/security")
	}
	return nil
}

// LoadFile compiles the profiles of a file and loads them, in place of those of
// the same names. What is compiled is kept in the parser's own cache.
func (h Host) LoadFile(path string) error {
	return h.parse("--replace", "--write-cache", path)
}

// LoadText does the same with a profile that is in no file yet. It is kept in
// CacheDir under its name, and if it is the same as the last time, the parser
// need not compile it again. Where nothing can be kept it is compiled anew.
func (h Host) LoadText(name, text string) error {
	path := h.textFile(name)
	if err := keepText(path, text); err == nil {
		return h.parse("--replace", "--write-cache", "--cache-loc="+h.path(CacheDir, "compiled"), path)
	}
	fd, err := unix.MemfdCreate("apparmor", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "apparmor")
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	// Opened by this name it has an offset of its own.
	return h.parse("--replace", "--skip-cache", fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
}

// textFile is where the text of a profile is kept.
func (h Host) textFile(name string) string {
	return h.path(CacheDir, strings.ReplaceAll(name, "/", "-"))
}

// keepText writes a file unless it has this content: a newer file would not be
// found in the parser's cache.
func keepText(path, text string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// GeneratedText is the profile of a container as it was last loaded.
func (h Host) GeneratedText(name string) (string, error) {
	b, err := os.ReadFile(h.textFile(name))
	return string(b), err
}

// parse runs the compiler and waits for it. What it prints is the error.
func (h Host) parse(args ...string) error {
	path, err := h.Parser()
	if err != nil {
		return err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("%s: pipe: %w", parserName, err)
	}
	r := os.NewFile(uintptr(pipe[0]), "pipe")
	defer r.Close()
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(pipe[1])
		return fmt.Errorf("/dev/null: %w", err)
	}
	pid, err := syscall.ForkExec(path, append([]string{parserName}, args...), &syscall.ProcAttr{
		// Its messages are for people who read what kist prints: not translated.
		Env:   append(os.Environ(), "LC_ALL=C"),
		Files: []uintptr{uintptr(null), uintptr(pipe[1]), uintptr(pipe[1])},
	})
	unix.Close(null)
	unix.Close(pipe[1])
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	said := readAll(r)
	var status unix.WaitStatus
	for {
		if _, werr := unix.Wait4(pid, &status, 0, nil); werr != unix.EINTR {
			err = werr
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if status.Exited() && status.ExitStatus() == 0 {
		return nil
	}
	if said == "" {
		said = fmt.Sprintf("ended with status %#x", uint32(status))
	}
	return fmt.Errorf("%s: %s", path, said)
}

// readAll gives what the parser has printed, on one line, and not more than a
// message may have.
func readAll(r *os.File) string {
	const most = 4096
	var text []byte
	b := make([]byte, most)
	for {
		n, err := r.Read(b)
		if len(text) < most {
			text = append(text, b[:min(n, most-len(text))]...)
		}
		if n == 0 || err != nil {
			break // the end of the pipe is io.EOF
		}
	}
	return strings.Join(strings.Fields(string(text)), " ")
}
