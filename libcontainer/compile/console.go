// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"encoding/binary"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// console makes the terminal of the container's own devpts and binds it at
// /dev/console.
func (s *setup) console() error {
	p := s.Spec.Process
	if p == nil || !p.Terminal {
		return nil
	}
	if s.LXC != nil {
		return s.lxcConsole()
	}
	s.b.At("/process/terminal")
	peer := openTerminal(s.b, s.root.FD(), p)
	// The console's target is never followed and never truncated (CVE-2025-52565).
	dev, _ := s.b.Openat2(s.root.FD(), "/dev", unix.O_PATH|unix.O_DIRECTORY, 0, program.InRoot)
	s.b.Mknodat(dev.FD(), "console", unix.S_IFREG|0o600, 0).Ignore(unix.EEXIST)
	at, _ := s.b.Openat2(dev.FD(), "console", unix.O_PATH, 0, program.InRoot|unix.RESOLVE_NO_SYMLINKS)
	s.b.Close(dev)
	m, _ := s.b.OpenTree(peer.FD(), "", false)
	s.b.MoveMount(m.FD(), at.FD())
	s.b.Close(m)
	s.b.Close(at)
	useTerminal(s.b, peer)
	return nil
}

// openTerminal makes a pseudo terminal in the devpts of the given root, hands
// the master to the parent and returns the other end. The latter comes from
// the master itself, not from a path.
func openTerminal(b *program.Builder, root program.FD, p *specs.Process) program.Reg {
	master, _ := b.Openat2(root, "/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY, 0, program.InRoot)
	b.Statx(master.FD())
	b.CheckType(unix.S_IFCHR, unix.ENOTTY)
	b.CheckRdev(5, 2, unix.ENOTTY)
	b.Call(unix.SYS_IOCTL, master.V(), program.I(unix.TIOCSPTLCK), b.Words(0).V())
	peer := b.Alloc()
	b.Call(unix.SYS_IOCTL, master.V(), program.I(unix.TIOCGPTPEER), program.I(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).Into(peer)
	if c := p.ConsoleSize; c != nil && (c.Height != 0 || c.Width != 0) {
		ws := make([]byte, 8)
		binary.LittleEndian.PutUint16(ws[0:], uint16(c.Height))
		binary.LittleEndian.PutUint16(ws[2:], uint16(c.Width))
		b.Call(unix.SYS_IOCTL, master.V(), program.I(unix.TIOCSWINSZ), b.Bytes(ws).V())
	}
	b.Fchownat(peer.FD(), int(p.User.UID), -1).Ignore(unix.EPERM, unix.EINVAL) // a single id is mapped
	b.Sync(SyncConsole, program.I(0), master.FD())
	b.Close(master)
	return peer
}

// useTerminal makes a terminal stdin, stdout, stderr and the controlling one.
func useTerminal(b *program.Builder, peer program.Reg) {
	for fd := 0; fd < 3; fd++ {
		b.Call(unix.SYS_DUP3, peer.V(), program.I(fd), program.I(0))
	}
	b.Close(peer)
	b.Call(unix.SYS_IOCTL, program.I(0), program.I(unix.TIOCSCTTY), program.I(0))
}
