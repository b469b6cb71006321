// SPDX-License-Identifier: Apache-2.0

package main

import (
	"golang.org/x/sys/unix"

	"kist/libcontainer/console"
)

// foreground is a command that stays with its process: it forwards signals and
// the terminal, and waits.
type foreground struct {
	subreaper bool
	terminal  *console.Foreground
}

// prepare is done before the process exists.
func (f *foreground) prepare() {
	if f.subreaper {
		// Orphans of the container come to us and not to init, which the
		// caller might be waiting for.
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
}

func (f *foreground) takeMaster(master int) error {
	t, err := console.NewForeground(master, 0, 1, 2)
	f.terminal = t
	return err
}

func (f *foreground) close() {
	if f.terminal != nil {
		f.terminal.Close()
	}
}

// wait forwards signals until the process ends, and reaps it and every orphan
// that has come to us. pidfd may be -1.
func (f *foreground) wait(pid, pidfd int) (unix.WaitStatus, error) {
	if pidfd < 0 {
		var err error
		if pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
			return 0, err
		}
	}
	forwardSignals(pidfd)
	if f.terminal != nil {
		if err := f.terminal.Copy(pidfd); err != nil {
			return 0, err
		}
		f.terminal.Restore()
	}
	for {
		var ws unix.WaitStatus
		who := pid
		if f.subreaper {
			who = -1
		}
		got, err := unix.Wait4(who, &ws, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		if got == pid {
			return ws, nil
		}
	}
}
