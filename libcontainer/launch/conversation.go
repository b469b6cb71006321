// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// Event is a sync point that was reached. FD is -1 or a descriptor that now
// belongs to the caller.
type Event struct {
	Code  int
	Value int64
	FD    int
	Insn  int
}

// Attach makes a session of an existing connection to an nsexec that another
// process started: `kist start` at the socket where init waits.
func Attach(sock int, pid, pidfd int) *Session {
	return &Session{Pid: pid, Pidfd: pidfd, sock: sock}
}

// Next waits for the next sync point. It returns io.EOF when nsexec has become
// the process (or, being asked to fork, has left), a *Failure when an
// instruction failed or the process died.
func (s *Session) Next() (Event, error) {
	for {
		m, fd, err := s.inOrder()
		if err != nil {
			return Event{}, err
		}
		switch {
		case m.Kind == program.MsgFail:
			return Event{}, s.failure(m, fd)
		case m.Kind != program.MsgSync:
			closeFD(fd)
			return Event{}, fmt.Errorf("nsexec: unexpected message %d", m.Kind)
		case s.child != 0 && int(m.Code) == s.child:
			closeFD(fd)
			if err := s.adopt(int(m.Value)); err != nil {
				return Event{}, err
			}
			if s.adopted == nil {
				continue
			}
			if err := s.adopted(s.Pid); err != nil {
				return Event{}, err
			}
			continue
		}
		return Event{Code: int(m.Code), Value: m.Value, FD: fd, Insn: int(m.Insn)}, nil
	}
}

// early is a message that came before its turn.
type early struct {
	m  program.Message
	fd int
}

// inOrder gives the next message in the order of the program. The child that
// nsexec forks may speak before the half that tells of it does: what it says is
// about itself and must not be taken for the other's, whose limits would be set
// and whose namespaces would be looked into.
func (s *Session) inOrder() (program.Message, int, error) {
	if e := s.early; e != nil && s.child == 0 {
		s.early = nil
		return e.m, e.fd, nil
	}
	m, fd, err := s.recv()
	if err != nil || s.child == 0 || int(m.Insn) <= s.tells {
		return m, fd, err
	}
	s.early = &early{m, fd}
	m, fd, err = s.recv()
	if err == nil && (m.Kind != program.MsgSync || int(m.Code) != s.child) {
		closeFD(fd)
		err = fmt.Errorf("nsexec: message %d instead of word of a child", m.Kind)
	}
	if err != nil {
		closeFD(s.early.fd)
		s.early = nil
	}
	return m, fd, err
}

// tellsAt finds the instruction that tells of the child.
func tellsAt(p *program.Program, code int) int {
	for i := range p.Insns {
		if in := &p.Insns[i]; in.Op == program.OpSync && in.Args[0] == int64(code) {
			return i
		}
	}
	return len(p.Insns)
}

func closeFD(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}

// adopt goes over to the child that nsexec forked. It is our child too
// (CLONE_PARENT) and nobody else reaps it, so its pid cannot be another's.
func (s *Session) adopt(pid int) error {
	s.child, s.forked = 0, true
	if pid <= 1 {
		return fmt.Errorf("nsexec: told of child %d", pid)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return fmt.Errorf("nsexec: child %d: pidfd_open: %w", pid, err)
	}
	// A number alone is nsexec's word: what is not our child, we must not come to signal.
	if err := unix.Waitid(unix.P_PIDFD, pidfd, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
		unix.Close(pidfd)
		return fmt.Errorf("nsexec: told of pid %d as its child: %w", pid, err)
	}
	// The first process leaves by itself; a zombie of it would confuse the subreaper above us.
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(s.Pid, &ws, 0, nil)
		if err != unix.EINTR {
			break
		}
	}
	unix.Close(s.Pidfd)
	s.Pid, s.Pidfd = pid, pidfd
	return nil
}

// recv reads one message and the descriptor that may come with it.
func (s *Session) recv() (program.Message, int, error) {
	var buf [program.MessageSize + 1]byte
	var oob [64]byte
	for {
		n, oobn, _, _, err := unix.Recvmsg(s.sock, buf[:], oob[:], unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err == unix.ECONNRESET || err == nil && n == 0 {
			return program.Message{}, -1, s.end()
		}
		if err != nil {
			return program.Message{}, -1, fmt.Errorf("nsexec: recvmsg: %w", err)
		}
		fd := rights(oob[:oobn])
		m, err := program.DecodeMessage(buf[:n])
		if err != nil {
			closeFD(fd)
			return program.Message{}, -1, fmt.Errorf("nsexec: %w", err)
		}
		return m, fd, nil
	}
}

// rights takes the one descriptor out of control data; more are closed.
func rights(oob []byte) int {
	if len(oob) == 0 {
		return -1
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	fd := -1
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue
		}
		for _, f := range fds {
			if fd < 0 {
				fd = f
			} else {
				unix.Close(f)
			}
		}
	}
	return fd
}

// Go lets nsexec go on.
func (s *Session) Go(value int64) error {
	return s.send(program.Message{Kind: program.MsgGo, Value: value}, -1)
}

// GoFD lets nsexec go on with a descriptor as the answer.
func (s *Session) GoFD(fd int) error { return s.send(program.Message{Kind: program.MsgGo}, fd) }

// Load has nsexec go on with a further program.
func (s *Session) Load(p *program.Program) error {
	if err := s.verifier.Next(p); err != nil {
		return err
	}
	fd, err := s.encode(p)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return s.send(program.Message{Kind: program.MsgProgram}, fd)
}

func (s *Session) send(m program.Message, fd int) error {
	b := m.Encode()
	var oob []byte
	if fd >= 0 {
		oob = unix.UnixRights(fd)
	}
	err := unix.Sendmsg(s.sock, b[:], oob, nil, unix.MSG_NOSIGNAL)
	if err == unix.EPIPE || err == unix.ECONNRESET {
		// It died; what it said last is in the socket.
		if _, e := s.Next(); e != nil && e != io.EOF {
			return e
		}
	}
	if err != nil {
		return fmt.Errorf("nsexec: sendmsg: %w", err)
	}
	return nil
}
