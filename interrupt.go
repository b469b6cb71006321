// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"kist/libcontainer"
)

// interruption is a signal that ends a command before it is done.
type interruption struct{ signal unix.Signal }

func (i *interruption) Error() string { return "interrupted by " + unix.SignalName(i.signal) }

// interruptible has SIGTERM, SIGINT and SIGHUP end a create, by a rollback: what
// would be left of a kist that they kill is for somebody else to delete. Go
// takes a quarter of a millisecond to take signals over, so it is done while
// config.json is read.
func interruptible(o *libcontainer.CreateOptions) {
	ctx, cancel := context.WithCancelCause(context.Background())
	armed := make(chan struct{})
	go func() {
		signals := make(chan os.Signal, 1)
		for _, s := range [...]os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP} {
			if !signal.Ignored(s) { // as by nohup(1)
				signal.Notify(signals, s)
			}
		}
		close(armed)
		cancel(&interruption{(<-signals).(unix.Signal)})
	}()
	o.Context = ctx
	o.Armed = func() { <-armed }
}

// interrupted gives the exit status of a shell to a command that a signal has
// ended.
func interrupted(err error) error {
	var i *interruption
	if errors.As(err, &i) {
		return &exitError{status: 128 + int(i.signal), err: err}
	}
	return err
}
