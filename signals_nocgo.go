// SPDX-License-Identifier: Apache-2.0

//go:build !cgo

package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// caught are the signals that have come and not gone on yet.
var caught = make(chan os.Signal, 64)

// catchSignals takes over the signals that a container can get, so that none
// of them ends kist and leaves the container behind.
func catchSignals() { signal.Notify(caught) }

// forwardSignals sends the process of pidfd what has come, and all that comes.
// SIGCHLD is ours, SIGWINCH the terminal's, SIGURG and SIGPROF are those of the
// Go runtime, and SIGPIPE is about our own output.
func forwardSignals(pidfd int) {
	go func() {
		for s := range caught {
			switch sig := s.(unix.Signal); sig {
			case unix.SIGCHLD, unix.SIGWINCH, unix.SIGURG, unix.SIGPROF, unix.SIGPIPE:
			default:
				_ = unix.PidfdSendSignal(pidfd, sig, nil, 0)
			}
		}
	}()
}

// awaitSignal takes over some signals, and gives the first of them that comes.
func awaitSignal(signals []unix.Signal) (func() (unix.Signal, error), error) {
	come := make(chan os.Signal, 1)
	for _, s := range signals {
		signal.Notify(come, s)
	}
	return func() (unix.Signal, error) { return (<-come).(unix.Signal), nil }, nil
}
