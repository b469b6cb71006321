// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"kist/libcontainer/console"
)

// foreground is a command that stays with its process: it forwards signals and
// the terminal, and waits.
type foreground struct {
	subreaper bool
	signals   chan os.Signal
	terminal  *console.Foreground
}

// prepare is done before the process exists.
func (f *foreground) prepare() {
	if f.subreaper {
		// Orphans of the container come to us and not to init, which the
		// caller might be waiting for.
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	f.signals = make(chan os.Signal, 64)
}

// catch takes over the signals that people and service managers send, while
// nsexec is at work: from then on none of them ends kist and leaves a container
// behind. The others follow in wait. Go hands each signal to a thread of its
// own and back, so that all of them at once take milliseconds.
func (f *foreground) catch() {
	signal.Notify(f.signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
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
	defer unix.Close(pidfd)
	go func() {
		signal.Notify(f.signals)
		f.forward(pidfd)
	}()
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

// forward passes signals on. SIGCHLD is ours, SIGWINCH the terminal's, SIGURG
// the Go runtime's own, and SIGPIPE says something about our output only.
func (f *foreground) forward(pidfd int) {
	for s := range f.signals {
		sig, ok := s.(unix.Signal)
		if !ok || sig == unix.SIGCHLD || sig == unix.SIGURG || sig == unix.SIGWINCH || sig == unix.SIGPIPE {
			continue
		}
		_ = unix.PidfdSendSignal(pidfd, sig, nil, 0)
	}
}
