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
