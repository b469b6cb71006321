// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// Failure is an instruction that failed, or at which the process died.
type Failure struct {
	Program *program.Program // nil if it is not known which
	Insn    int
	Errno   unix.Errno // 0: the process was killed
	Signal  unix.Signal
	Log     string // what the kernel said about a filesystem, if it did
	Object  string // what it was done to, where the caller knows; "" for nothing
}

// Cause is what the instruction was there for.
func (f *Failure) Cause() program.Cause {
	if f.Program == nil || f.Insn >= len(f.Program.Causes) {
		return program.Cause{Index: -1, Note: "start of the container's process"}
	}
	return f.Program.Causes[f.Insn]
}

// Error gives cause, instruction and errno in words.
func (f *Failure) Error() string {
	var sb strings.Builder
	cause := f.Cause()
	if cause.Pointer != "" {
		sb.WriteString("config.json: ")
	}
	sb.WriteString(cause.String())
	if f.Object != "" {
		sb.WriteString(" (" + f.Object + ")")
	}
	sb.WriteString(": ")
	if f.Program != nil && f.Insn < len(f.Program.Insns) {
		sb.WriteString(f.Program.Format(f.Insn))
		sb.WriteString(": ")
	}
	switch {
	case f.Errno != 0:
		sb.WriteString(f.Errno.Error())
	case f.Signal != 0:
		sb.WriteString("killed by " + unix.SignalName(f.Signal) + " (out of memory? see the container's memory limit)")
	default:
		sb.WriteString("the process ended unexpectedly")
	}
	if f.Log != "" {
		sb.WriteString(" (" + f.Log + ")")
	}
	return sb.String()
}

// Unwrap lets errors.Is see the errno.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// failure makes an error of a failure message. The sender may be hostile, so
// every number is checked.
func (s *Session) failure(m program.Message, fd int) error {
	f := &Failure{Insn: int(m.Insn), Errno: unix.Errno(m.Value & 0xfff)}
	if f.Errno == 0 {
		f.Errno = unix.EIO
	}
	if k := int(m.Code) - 1; k >= 0 && k < len(s.programs) {
		f.Program = s.programs[k]
	}
	if fd >= 0 {
		f.Log = contextLog(fd)
		unix.Close(fd)
	}
	return f
}

// contextLog reads the messages of a filesystem context, which say more than
// an errno. See fsconfig(2): "message retrieval interface".
func contextLog(fd int) string {
	var lines []string
	buf := make([]byte, 1024)
	for len(lines) < 8 {
		n, err := unix.Read(fd, buf)
		if err != nil || n <= 0 {
			break
		}
		lines = append(lines, strings.TrimSpace(string(buf[:n])))
	}
	return strings.Join(lines, "; ")
}

// end says what the end of the connection means.
func (s *Session) end() error {
	if len(s.programs) == 0 {
		return io.EOF // attached: the caller looks at the process
	}
	var si unix.Siginfo
	err := unix.Waitid(unix.P_PIDFD, s.Pidfd, &si, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err != nil || si.Signo == 0 {
		return io.EOF // alive, and has closed its end: it has become the process
	}
	insn, loaded := s.recorders[len(s.recorders)-1].Position()
	k := len(s.programs) - 1
	if loaded == 0 && k > 0 { // the last program was sent but not begun
		k--
		insn, _ = s.recorders[k].Position()
	}
	p := s.programs[k]
	if insn < len(p.Insns) && p.Insns[insn].Op == program.OpSyscall {
		switch p.Insns[insn].Nr {
		case unix.SYS_EXECVE, unix.SYS_EXECVEAT:
			return io.EOF // ran, and is done already
		case unix.SYS_EXIT_GROUP:
			if s.forked {
				// Both halves of a fork write the same recorder, and the one that
				// only leaves wrote last: how the other one has ended is seen by
				// whoever waits for it.
				return io.EOF
			}
		}
	}
	f := &Failure{Program: p, Insn: insn}
	const cldKilled, cldDumped = 2, 3
	if si.Code == cldKilled || si.Code == cldDumped {
		f.Signal = siginfoStatus(&si)
	}
	return f
}
