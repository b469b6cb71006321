// SPDX-License-Identifier: Apache-2.0

// Package launch starts nsexec and talks to it. It runs in the host's
// namespaces, in the kist process: it puts the interpreter's image into a
// sealed memfd, hands it a program and descriptors, serves its sync points to
// the caller, and turns its end (good or bad) into words.
//
// It knows programs but not what they are for: what a sync point means is the
// caller's business. It never sends a program that Verify refuses.
package launch

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"kist/libcontainer/nsexec"
	"kist/libcontainer/program"
)

// Config says what to start.
type Config struct {
	Program    *program.Program
	Cloneflags uintptr // namespaces made with the clone
	Forks      bool    // the program tells of a child by ChildCode that goes on in its place
	ChildCode  int
	Adopted    func(pid int) error // called when that child has taken over, if set
	Stdio      [3]int              // descriptors that become 0, 1, 2
	Preserve   []int               // descriptors that become 3, 4, …
	Extra      []int               // what the program needs, in the order of Program.Needs
	CgroupFD   int                 // cgroup v2 directory to be born in, -1 for none
	Trace      bool
}

// Session is a running nsexec and the programs it was given.
type Session struct {
	Pid   int
	Pidfd int

	sock      int
	child     int // ChildCode, 0 if no child is to come
	adopted   func(pid int) error
	trace     bool
	tells     int    // the instruction that tells of it
	early     *early // what the child said before
	forked    bool   // the process that goes on is a child of the one we started
	verifier  program.Verifier
	programs  []*program.Program
	recorders []program.Recorder
}

// Event is a sync point that was reached. FD is -1 or a descriptor that now
// belongs to the caller.
type Event struct {
	Code  int
	Value int64
	FD    int
	Insn  int
}

// image is the sealed memfd with nsexec.
func image() (int, error) { return Sealed("nsexec", nsexec.Image) }

// Sealed puts an executable into a memfd. Nobody who gets hold of
// /proc/PID/exe can change what runs next (CVE-2019-5736).
func Sealed(name, content string) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before 6.3 every memfd may be executed
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, fmt.Errorf("%s: memfd_create: %w", name, err)
	}
	b := unsafe.Slice(unsafe.StringData(content), len(content))
	if n, err := unix.Write(fd, b); err != nil || n != len(b) {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: write image: %w", name, cmpErr(err, io.ErrShortWrite))
	}
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("%s: seal image: %w", name, err)
	}
	return fd, nil
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// Start starts nsexec on a program.
func Start(c *Config) (*Session, error) {
	s := &Session{Pid: -1, Pidfd: -1, sock: -1, trace: c.Trace}
	if err := s.verifier.Next(c.Program); err != nil {
		return nil, err
	}
	if c.Forks {
		s.child, s.tells, s.adopted = c.ChildCode, tellsAt(c.Program, c.ChildCode), c.Adopted
	}
	exe, err := image()
	if err != nil {
		return nil, err
	}
	defer func() { unix.Close(exe) }()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("nsexec: socketpair: %w", err)
	}
	defer unix.Close(pair[1])
	s.sock = pair[0]
	prog, err := s.encode(c.Program)
	if err != nil {
		s.Close()
		return nil, err
	}
	defer unix.Close(prog)

	files := make([]uintptr, 0, 5+len(c.Preserve)+len(c.Extra))
	for _, fd := range c.Stdio {
		files = append(files, uintptr(fd))
	}
	// argc tells nsexec where its own descriptors begin.
	argv := []string{"kist"}
	for _, fd := range c.Preserve {
		files = append(files, uintptr(fd))
		argv = append(argv, "")
	}
	files = append(files, uintptr(pair[1]), uintptr(prog))
	for _, fd := range c.Extra {
		files = append(files, uintptr(fd))
	}
	// Before it executes the image, the child puts its descriptors at 0, 1, 2, … and some of them above all others on
	// the way. The image's own must not be in either place.
	if top := int(slices.Max(files)); exe < len(files) || exe > top {
		high, err := unix.FcntlInt(uintptr(exe), unix.F_DUPFD_CLOEXEC, max(top, len(files))+len(files)+2)
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("nsexec: fcntl: %w", err)
		}
		unix.Close(exe)
		exe = high
	}
	attr := &syscall.ProcAttr{
		Files: files,
		Env:   []string{},
		Sys:   &syscall.SysProcAttr{Cloneflags: c.Cloneflags, PidFD: &s.Pidfd},
	}
	if c.CgroupFD >= 0 {
		attr.Sys.UseCgroupFD, attr.Sys.CgroupFD = true, c.CgroupFD
	}
	s.Pid, err = syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(exe), argv, attr)
	if err != nil {
		s.Pid = -1
		s.Close()
		return nil, fmt.Errorf("nsexec: start: %w", err)
	}
	return s, nil
}

// encode puts a program into a memfd and maps its recorder.
func (s *Session) encode(p *program.Program) (int, error) {
	fd, err := unix.MemfdCreate("kist-program", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("program: memfd_create: %w", err)
	}
	im := p.Encode(s.trace)
	if err := unix.Ftruncate(fd, im.RecorderOff+im.RecorderLen); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("program: ftruncate: %w", err)
	}
	want := len(im.Head) + len(im.Insns) + len(im.Blob)
	n, err := unix.Pwritev(fd, [][]byte{im.Head[:], im.Insns, im.Blob}, 0)
	if err != nil || n != want {
		unix.Close(fd)
		return -1, fmt.Errorf("program: write: %w", cmpErr(err, io.ErrShortWrite))
	}
	rec, err := unix.Mmap(fd, im.RecorderOff, int(im.RecorderLen), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("program: mmap recorder: %w", err)
	}
	s.programs = append(s.programs, p)
	s.recorders = append(s.recorders, rec)
	return fd, nil
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

// Interrupt ends the conversation, and may be called while another goroutine
// is in Next or Load: Next gives io.EOF, and nsexec leaves at its next word.
// It must not be called after Release.
func (s *Session) Interrupt() { _ = unix.Shutdown(s.sock, unix.SHUT_RDWR) }

// Release closes our end for a process that goes on without us.
func (s *Session) Release() {
	if s.sock >= 0 {
		unix.Close(s.sock)
		s.sock = -1
	}
}

// Close hangs up and frees what belongs to the session. A process that still
// waits for our word leaves by that.
func (s *Session) Close() {
	s.Release()
	if s.Pidfd >= 0 {
		unix.Close(s.Pidfd)
		s.Pidfd = -1
	}
	for _, r := range s.recorders {
		_ = unix.Munmap(r)
	}
	s.recorders = nil
}

// Kill ends the process for certain, and reaps it.
func (s *Session) Kill() {
	if s.Pid <= 0 || s.Pidfd < 0 {
		return
	}
	_ = unix.PidfdSendSignal(s.Pidfd, unix.SIGKILL, nil, 0)
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(s.Pid, &ws, 0, nil)
		if err != unix.EINTR {
			return
		}
	}
}

// Traces gives what the recorders hold: for every program, a record per
// instruction.
func (s *Session) Traces(visit func(p *program.Program, insn int, t program.Trace)) {
	if !s.trace {
		return
	}
	for k, p := range s.programs {
		for i := range p.Insns {
			if t := s.recorders[k].Trace(i); t.Begin != 0 {
				visit(p, i, t)
			}
		}
	}
}
