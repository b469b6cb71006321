// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"testing"

	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

const childCode = 1

// TestChildSpeaksFirst has the child reach its first sync before the half that
// tells of it does: the word of the child must come first all the same.
func TestChildSpeaksFirst(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	b := program.NewBuilder("test", 0, 5)
	b.Sync(7, program.I(0), program.None)
	b.Tell(childCode, program.I(42))
	b.Sync(8, program.I(0), program.None)
	b.Exit(0)
	p, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{sock: pair[0], child: childCode, tells: tellsAt(p, childCode)}
	for _, m := range []program.Message{
		{Kind: program.MsgSync, Code: 7, Insn: 0},                    // before the fork
		{Kind: program.MsgSync, Code: 8, Insn: 2},                    // the child
		{Kind: program.MsgSync, Code: childCode, Insn: 1, Value: 42}, // the other half
	} {
		w := m.Encode()
		if err := unix.Send(pair[1], w[:], 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []uint16{7, childCode, 8} {
		m, fd, err := s.inOrder()
		if err != nil || fd != -1 || m.Code != want {
			t.Fatalf("got %+v, %d, %v; want code %d", m, fd, err, want)
		}
		if m.Code == childCode {
			s.child = 0 // as adopt does
		}
	}
}
