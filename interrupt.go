// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"os/signal"

	"golang.org/x/sys/unix"

	"kist/libcontainer"
)

// interruption is a signal that ends a command before it is done.
type interruption struct{ signal unix.Signal }

func (i *interruption) Error() string { return "interrupted by " + unix.SignalName(i.signal) }

// interruptible has SIGTERM, SIGINT and SIGHUP end a create, by a rollback: what
// would be left of a kist that they kill is for somebody else to delete.
func interruptible(o *libcontainer.CreateOptions) error {
	var ends []unix.Signal
	for _, s := range [...]unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP} {
		if !signal.Ignored(s) { // as by nohup(1)
			ends = append(ends, s)
		}
	}
	wait, err := awaitSignal(ends)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		s, err := wait()
		if err == nil {
			err = &interruption{s}
		}
		cancel(err)
	}()
	o.Context = ctx
	return nil
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
