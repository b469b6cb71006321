// SPDX-License-Identifier: Apache-2.0

package criu

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
)

// Error is a failed request, in CRIU's own words. Its text is one line: engines show no more.
type Error struct {
	Kind    Kind
	Errno   unix.Errno // 0 if CRIU gave none
	Reasons []string   // the first errors it met, the most telling first
	Log     string     // path of its log, "" if there is none
}

func (e *Error) Error() string {
	text := "criu " + e.Kind.String() + ": "
	switch {
	case len(e.Reasons) > 0:
		text += strings.Join(e.Reasons, "; ")
		if e.Errno != 0 {
			text += ": " + e.Errno.Error()
		}
	case e.Errno != 0:
		text += e.Errno.Error()
	default:
		text += "failed without a reason"
	}
	if e.Log != "" {
		text += " (log: " + e.Log + ")"
	}
	return text
}

// Unwrap gives the errno.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// responseError is the error in a response that has no log.
func responseError(resp *rpc.CriuResp) error {
	if msg := line(resp.GetCrErrmsg()); msg != "" {
		return errors.New(msg)
	}
	if n := resp.GetCrErrno(); n != 0 {
		return unix.Errno(n)
	}
	return errors.New("refused")
}

// ended says how CRIU ended instead of answering.
func (s *Session) ended(err error) error {
	if how := s.Close(); how != "" {
		return errors.New("criu " + how)
	}
	if err == io.EOF {
		return errors.New("criu ended without an answer")
	}
	return err
}

// failed makes the error of a dump or restore: of its response, or of err where none came.
func (s *Session) failed(kind Kind, resp *rpc.CriuResp, err error) error {
	e := &Error{Kind: kind}
	if resp != nil {
		e.Errno = unix.Errno(resp.GetCrErrno())
		if msg := line(resp.GetCrErrmsg()); msg != "" {
			e.Reasons = append(e.Reasons, msg)
		}
	} else {
		e.Reasons = append(e.Reasons, s.ended(err).Error())
	}
	path, logged := s.log.errors()
	e.Log = path
	for _, l := range logged {
		// The message of the response is the first error, with or without its place in the source.
		if len(e.Reasons) == 1 && resp != nil && strings.Contains(e.Reasons[0], l) {
			continue
		}
		e.Reasons = append(e.Reasons, l)
	}
	return e
}

// line makes one line of a text, without what would disturb a terminal.
func line(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd")))
}

// logFile is CRIU's log: a name in a directory.
type logFile struct {
	dir  int
	name string
}

const (
	maxLog   = 16 << 20 // of a log, how much is searched
	maxLines = 3        // errors shown: the cause is among the first, what follows are consequences
)

// errors gives the path of the log and the first errors in it.
func (l logFile) errors() (path string, lines []string) {
	if l.name == "" {
		return "", nil
	}
	fd, err := unix.Openat(l.dir, l.name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", nil
	}
	f := os.NewFile(uintptr(fd), l.name)
	defer f.Close()
	if dir, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", l.dir)); err == nil {
		path = dir + "/" + l.name
	}
	data, err := io.ReadAll(io.LimitReader(f, maxLog))
	if err != nil {
		return path, nil
	}
	return path, errorLines(data)
}

// errorLines finds the errors in a log, whose lines look like "(00.012345)   123: Error (criu/files.c:12): text".
func errorLines(log []byte) []string {
	var found []string
	for l := range bytes.Lines(log) {
		_, rest, ok := bytes.Cut(l, []byte("Error ("))
		if !ok {
			continue
		}
		if _, message, ok := bytes.Cut(rest, []byte("): ")); ok {
			rest = message
		}
		text := line(string(rest))
		if text == "" {
			continue
		}
		if found = append(found, text); len(found) == maxLines {
			break
		}
	}
	return found
}
