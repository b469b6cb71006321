// SPDX-License-Identifier: Apache-2.0

// Package logging writes kist's log in the two forms that engines parse, and tells the final error.
//
// It runs in the kist process. The log is opened once, before anything else happens, and is a slog.Handler from then on:
//
//	time="2026-01-02T03:04:05Z" level=error msg="…"                  --log-format text
//	{"level":"error","msg":"…","time":"2026-01-02T03:04:05Z"}        --log-format json
//
// Engines read the JSON form in two incompatible ways: containerd takes the last record of level error from a stream of
// records, Podman decodes the whole file as one object. Both are satisfied only if a failing command writes exactly one
// record. Therefore warnings in JSON are held back until the command is known to succeed (Flush) or become a part of
// the final record (Fatal). With --debug, which is for people, every record is written at once.
//
// Messages may contain what an image, a hook or a container has made up. They cannot forge a second record or move the
// cursor of a terminal: control characters (C0, C1), bidirectional marks and invalid UTF-8 are escaped, and a line is
// at most 8 KiB, written with one write(2).
//
// A log that cannot be written never fails a container; that is said once on standard error.
//
// The package must not log anything of its own, and nothing is logged on success without --debug.
package logging

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Log is an open log.
type Log struct {
	mu       sync.Mutex
	out      io.Writer
	stderr   io.Writer
	isStderr bool // out is standard error: the final error is not said twice
	json     bool
	debug    bool
	broken   bool // a write has failed, and was reported
	held     []record
	now      func() time.Time
}

// Open opens the log file, or standard error if path is empty. Format is "text" (also "") or "json". Debug admits debug
// records and adds the place in kist's source to each.
//
// A new file gets mode 0600, not runc's 0644: messages quote paths, hook output and parts of config.json, and its reader
// is the engine, which has the same user id. A symbolic link is refused, since the directory may be writable by others;
// the usual names for the standard streams, which are links, are known.
func Open(path, format string, debug bool) (*Log, error) {
	l := &Log{stderr: os.Stderr, debug: debug, now: time.Now}
	switch format {
	case "", "text":
	case "json":
		l.json = true
	default:
		return nil, fmt.Errorf("--log-format %q: must be text or json", format)
	}
	switch path {
	case "", "/dev/stderr", "/proc/self/fd/2":
		l.out, l.isStderr = os.Stderr, true
	case "/dev/stdout", "/proc/self/fd/1":
		l.out = os.Stdout
	default:
		// O_NONBLOCK: a fifo without a reader must be an error, not a hang.
		const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
		fd, err := unix.Open(path, flags, 0o600)
		for errors.Is(err, unix.EINTR) {
			fd, err = unix.Open(path, flags, 0o600)
		}
		switch {
		case errors.Is(err, unix.ELOOP):
			return nil, fmt.Errorf("--log %s: open: is a symbolic link", path)
		case errors.Is(err, unix.ENXIO):
			return nil, fmt.Errorf("--log %s: open: nobody reads from it: %w", path, err)
		case err != nil:
			return nil, fmt.Errorf("--log %s: open: %w", path, err)
		}
		if err := unix.SetNonblock(fd, false); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("--log %s: %w", path, err)
		}
		l.out = descriptor(fd)
	}
	return l, nil
}

// descriptor writes to a file without os.File, whose first use would set up Go's poller.
type descriptor int

func (d descriptor) Write(p []byte) (int, error) {
	for {
		n, err := unix.Write(int(d), p)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// Handler gives the handler for slog.New.
func (l *Log) Handler() slog.Handler { return &handler{log: l} }

// Flush writes the warnings held back. To be called when a command has done its work.
func (l *Log) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.held {
		l.write(&l.held[i])
	}
	l.held = nil
}

// Fatal tells the error that ends the command: as a record of level error, and on standard error too, because engines
// search one or the other.
func (l *Log) Fatal(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := record{time: l.now(), level: slog.LevelError, msg: err.Error()}
	for _, h := range l.held {
		r.warnings = append(r.warnings, h.msg)
	}
	l.held = nil
	l.write(&r)
	if !l.isStderr {
		_, _ = l.stderr.Write(append(appendPlain(nil, shorten(err.Error(), maxLine-1)), '\n'))
	}
}

// write encodes and writes one record in one piece. The caller has the lock.
func (l *Log) write(r *record) {
	line := r.line(l.json)
	n, err := l.out.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err != nil && !l.broken {
		l.broken = true
		if !l.isStderr {
			_, _ = fmt.Fprintf(l.stderr, "log: write: %v (further messages may be missing)\n", err)
		}
	}
}
