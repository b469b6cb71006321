// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

func flock(fd, how int) error {
	for {
		err := unix.Flock(fd, how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// waitLock waits for the lock. The kernel has no flock with a time limit, so a goroutine waits in the system call; it
// exists only if there is contention. After the limit the result is os.ErrDeadlineExceeded with the pid of the holder,
// and the descriptor belongs to the goroutine, which gives the lock back should it still get it; on every other result
// it stays the caller's.
func waitLock(fd int, limit time.Duration) (pid int, err error) {
	got := make(chan error)
	abandoned := make(chan struct{})
	go func() {
		err := flock(fd, unix.LOCK_EX)
		select {
		case got <- err:
		case <-abandoned:
			unix.Close(fd)
		}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-got:
		return 0, err
	case <-timer.C:
		pid = holder(fd) // before the goroutine may close it
		close(abandoned)
		return pid, os.ErrDeadlineExceeded
	}
}

// holder finds out who has the lock on fd, for the message only; 0 if it cannot be seen.
func holder(fd int) int {
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return 0
	}
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return 0
	}
	return findHolder(table, st.Dev, st.Ino)
}

// findHolder looks up an flock in the text of /proc/locks, whose lines look like
//
//	1: FLOCK  ADVISORY  WRITE 1234 00:1b:5678 0 EOF
//
// Lines of waiters have "->" after the number and are skipped.
func findHolder(table []byte, dev, ino uint64) int {
	for line := range bytes.Lines(table) {
		f := bytes.Fields(line)
		if len(f) < 6 || string(f[1]) != "FLOCK" {
			continue
		}
		id := bytes.Split(f[5], []byte{':'})
		if len(id) != 3 {
			continue
		}
		major, err1 := strconv.ParseUint(string(id[0]), 16, 32)
		minor, err2 := strconv.ParseUint(string(id[1]), 16, 32)
		inode, err3 := strconv.ParseUint(string(id[2]), 10, 64)
		pid, err4 := strconv.Atoi(string(f[4]))
		if err1 == nil && err2 == nil && err3 == nil && err4 == nil &&
			unix.Mkdev(uint32(major), uint32(minor)) == dev && inode == ino && pid > 0 {
			return pid
		}
	}
	return 0
}
