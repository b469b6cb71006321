// SPDX-License-Identifier: Apache-2.0

package nsexec

import (
	"math/rand/v2"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// harmless is a program with every operation whose system calls neither write
// to memory nor change anything outside, whatever their arguments become.
func harmless(t testing.TB) []byte {
	return encode(build(t, 0, func(b *program.Builder) {
		l, m := b.NewLabel(), b.NewLabel()
		at := b.Words(1, 2, 3)
		b.Call(unix.SYS_UMASK, program.I(0o22)).Ignore(unix.EPERM)
		r := b.Load(at, 8)
		b.JumpIf(r, l)
		b.Call(unix.SYS_GETPID).Into(b.Alloc())
		b.Bind(l)
		b.Store(at+8, r.V(), 4)
		b.Check(at+8, 0xff, 1, unix.EIO).Any(m)
		b.Tell(3, r.V())
		b.Bind(m)
		b.Sync(4, r.V(), program.None).Into(r)
		b.Call(unix.SYS_CLOSE, program.I(63)).IgnoreAny()
		b.Str("text")
	}), true)
}

// mutate changes some bytes, but no number of a system call: nothing that the
// tests have not chosen is ever called.
func mutate(file []byte, edits []byte) {
	const header, size, insns = 48, 64, 10
	for ; len(edits) >= 3; edits = edits[3:] {
		at := (int(edits[0])<<8 | int(edits[1])) % (header + size*insns + 48)
		if in := at - header; in >= 0 && in < size*insns && (in%size == 2 || in%size == 3) {
			at++
			if in%size == 2 {
				at++
			}
		}
		file[at] ^= edits[2]
	}
}

// survives runs an image of any bytes: nsexec must end by itself once the
// parent is gone, not by a signal, and with nothing for a sanitizer to say.
func survives(t testing.TB, im image, file []byte) {
	t.Helper()
	r := startImage(t, im, file, 0)
	for {
		m, fd, ok := r.recvAny()
		if fd >= 0 {
			unix.Close(fd)
		}
		if !ok || m.Kind == program.MsgFail {
			break
		}
		b := program.Message{Kind: program.MsgGo, Value: 1}.Encode()
		if unix.Sendmsg(r.sock, b[:], nil, nil, unix.MSG_NOSIGNAL) != nil {
			break
		}
	}
	r.hangUp()
	r.cmd.Wait()
	if ws := r.cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Exited() || ws.ExitStatus() == sanitizerExit {
		t.Errorf("%v\n%s", r.cmd.ProcessState, r.stderr.String())
	}
	r.clean()
}

// recvAny is recv where the other end may say anything.
func (r *run) recvAny() (m program.Message, fd int, ok bool) {
	var buf [64]byte
	oob := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := unix.Recvmsg(r.sock, buf[:], oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n != program.MessageSize {
		return m, -1, false
	}
	fd = -1
	if oobn > 0 {
		if msgs, err := unix.ParseSocketControlMessage(oob[:oobn]); err == nil && len(msgs) > 0 {
			if fds, err := unix.ParseUnixRights(&msgs[0]); err == nil && len(fds) > 0 {
				fd = fds[0]
			}
		}
	}
	m, err = program.DecodeMessage(buf[:n])
	return m, fd, err == nil
}

// TestMutated runs images with random changes; the seed is fixed, so that a
// failure can be seen again. FuzzImage goes on from there.
func TestMutated(t *testing.T) {
	n := 150
	if testing.Short() {
		n = 20
	}
	good := harmless(t)
	each(t, func(t *testing.T, im image) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			file := append([]byte{}, good...)
			edits := make([]byte, 3*(1+rnd.IntN(4)))
			for k := range edits {
				edits[k] = byte(rnd.Uint32())
			}
			mutate(file, edits)
			survives(t, im, file)
			if t.Failed() {
				t.Fatalf("mutation %d: %x", i, edits)
			}
		}
	})
}

func FuzzImage(f *testing.F) {
	f.Add([]byte{0, 16, 1})
	f.Add([]byte{0, 57, 3, 0, 52, 4})
	good := harmless(f)
	f.Fuzz(func(t *testing.T, edits []byte) {
		file := append([]byte{}, good...)
		mutate(file, edits)
		for _, im := range images {
			survives(t, im, file)
		}
	})
}
