// SPDX-License-Identifier: Apache-2.0

package nsexec

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// images are the interpreters that every test drives: the one that is shipped,
// and the same source with the address and undefined-behaviour sanitizers.
var images []image

type image struct{ name, path string }

// sanitizerExit is the status of a process that a sanitizer ended; nsexec has
// no such status.
const sanitizerExit = 99

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "nsexec")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shipped := filepath.Join(dir, "nsexec")
	if err := os.WriteFile(shipped, []byte(Image), 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	images = append(images, image{"shipped", shipped})
	san := filepath.Join(dir, "nsexec-san")
	if out, err := exec.Command("make", "-s", "SAN="+san, "san").CombinedOutput(); err == nil {
		images = append(images, image{"sanitized", san})
	} else {
		fmt.Fprintf(os.Stderr, "without the sanitizers, since they cannot be built here: %v\n%s", err, out)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// each runs a test with every image.
func each(t *testing.T, f func(t *testing.T, im image)) {
	t.Helper()
	for _, im := range images {
		t.Run(im.name, func(t *testing.T) { f(t, im) })
	}
}

// run is a running nsexec.
type run struct {
	t      testing.TB
	cmd    *exec.Cmd
	sock   int
	stderr bytes.Buffer
	rec    program.Recorder
}

// build makes a program of instructions that nothing has verified.
func build(t testing.TB, index int, f func(b *program.Builder)) *program.Program {
	t.Helper()
	b := program.NewBuilder("test", index, 5)
	f(b)
	b.Exit(0)
	p, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// encode gives the whole file of a program.
func encode(p *program.Program, trace bool) []byte {
	im := p.Encode(trace)
	file := append(append(append([]byte{}, im.Head[:]...), im.Insns...), im.Blob...)
	return append(file, make([]byte, im.RecorderOff+im.RecorderLen-int64(len(file)))...)
}

// memfd holds a program as the launcher would hand it over; size, if it is not
// 0, is that of the file.
func memfd(t testing.TB, data []byte, size int64) int {
	t.Helper()
	fd, err := unix.MemfdCreate("program", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(fd, data); err != nil {
		t.Fatal(err)
	}
	if size > 0 {
		if err := unix.Ftruncate(fd, size); err != nil {
			t.Fatal(err)
		}
	}
	return fd
}

// start starts nsexec on a program.
func start(t testing.TB, im image, p *program.Program) *run {
	t.Helper()
	return startImage(t, im, encode(p, false), 0)
}

// startImage starts nsexec on any bytes. recOff is where the part of the file
// begins that the test looks at, most often the recorder; 0 for none.
func startImage(t testing.TB, im image, data []byte, recOff int64) *run {
	t.Helper()
	return startSparse(t, im, data, 0, recOff)
}

// startSparse is startImage on a file of another size.
func startSparse(t testing.TB, im image, data []byte, size, recOff int64) *run {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	tv := unix.NsecToTimeval(int64(20 * time.Second))
	if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	fd := memfd(t, data, size)
	r := &run{t: t, sock: pair[0], cmd: exec.Command(im.path)}
	if recOff > 0 {
		rec, err := unix.Mmap(fd, recOff, len(data)-int(recOff), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Munmap(rec) })
		r.rec = rec
	}
	sock, prog := os.NewFile(uintptr(pair[1]), "socket"), os.NewFile(uintptr(fd), "program")
	r.cmd.ExtraFiles = []*os.File{sock, prog} // 3 and 4, since argc is 1
	r.cmd.Stderr = &r.stderr
	status := fmt.Sprintf("exitcode=%d", sanitizerExit)
	r.cmd.Env = []string{"ASAN_OPTIONS=detect_leaks=0:" + status, "UBSAN_OPTIONS=print_stacktrace=1:" + status}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sock.Close()
	prog.Close()
	t.Cleanup(func() {
		r.hangUp()
		if r.cmd.ProcessState == nil {
			r.cmd.Process.Kill()
			r.cmd.Wait()
		}
	})
	return r
}

func (r *run) hangUp() {
	if r.sock >= 0 {
		unix.Close(r.sock)
		r.sock = -1
	}
}

// recv reads a message; ok is false at the end of the connection.
func (r *run) recv() (m program.Message, fd int, ok bool) {
	r.t.Helper()
	var buf [64]byte
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(r.sock, buf[:], oob, unix.MSG_CMSG_CLOEXEC)
	for err == unix.EINTR {
		n, oobn, _, _, err = unix.Recvmsg(r.sock, buf[:], oob, unix.MSG_CMSG_CLOEXEC)
	}
	if errors.Is(err, unix.ECONNRESET) || err == nil && n == 0 {
		return m, -1, false
	}
	if err != nil {
		r.t.Fatalf("recvmsg: %v (%s)", err, r.stderr.String())
	}
	if m, err = program.DecodeMessage(buf[:n]); err != nil {
		r.t.Fatal(err)
	}
	fd = -1
	if oobn > 0 {
		msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			r.t.Fatal(err)
		}
		fds, err := unix.ParseUnixRights(&msgs[0])
		if err != nil {
			r.t.Fatal(err)
		}
		fd = fds[0]
	}
	return m, fd, true
}

// want reads a message and compares it; the descriptor that came is closed,
// and want says whether there was one.
func (r *run) want(m program.Message, withFD bool) {
	r.t.Helper()
	got, fd, ok := r.recv()
	if !ok {
		r.t.Fatalf("the connection ended, want %+v (%s)", m, r.stderr.String())
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	if got != m || (fd >= 0) != withFD {
		r.t.Fatalf("got %+v, descriptor %v; want %+v, %v", got, fd >= 0, m, withFD)
	}
}

// wantFail reads a report of a failure of instruction insn.
func (r *run) wantFail(insn int, e unix.Errno) {
	r.t.Helper()
	r.want(program.Message{Kind: program.MsgFail, Code: 1, Insn: uint32(insn), Value: int64(e)}, false)
}

func (r *run) send(m program.Message, fds ...int) {
	r.t.Helper()
	b := m.Encode()
	r.sendBytes(b[:], fds...)
}

func (r *run) sendBytes(b []byte, fds ...int) {
	r.t.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = unix.UnixRights(fds...)
	}
	if err := unix.Sendmsg(r.sock, b, oob, nil, unix.MSG_NOSIGNAL); err != nil {
		r.t.Fatalf("sendmsg: %v", err)
	}
}

// exit hangs up, waits for the end and compares the exit status.
func (r *run) exit(status int) {
	r.t.Helper()
	r.hangUp()
	r.ended(status)
}

// ended waits for the end without hanging up.
func (r *run) ended(status int) {
	r.t.Helper()
	r.cmd.Wait()
	if ws := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Exited() || ws.ExitStatus() != status {
		r.t.Errorf("%v, want exit status %d", r.cmd.ProcessState, status)
	}
	r.clean()
}

// clean fails the test if a sanitizer had something to say.
func (r *run) clean() {
	r.t.Helper()
	if s := r.stderr.String(); strings.TrimSpace(s) != "" {
		r.t.Errorf("stderr:\n%s", s)
	}
}
