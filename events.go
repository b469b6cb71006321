// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer"
	"kist/libcontainer/cgroups"
	"kist/libcontainer/state"
)

func eventsCommand() *cli.Command {
	return &cli.Command{
		Name:      "events",
		Usage:     "print statistics of a container, and when it runs out of memory",
		ArgsUsage: "ID",
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "interval", Value: 5 * time.Second, Usage: "`TIME` between statistics"},
			&cli.BoolFlag{Name: "stats", Usage: "print statistics once and exit"},
		},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 1, 1); err != nil {
				return err
			}
			interval := c.Duration("interval")
			if interval <= 0 {
				return fmt.Errorf("--interval %v: must be greater than zero", interval)
			}
			container, err := open(c)
			if err != nil {
				return err
			}
			defer container.Close()
			status, err := container.Status()
			if err != nil {
				return err
			}
			if status == state.StatusStopped {
				return fmt.Errorf("container with id %s is not running", container.State.ID)
			}
			e := &eventWriter{id: container.State.ID, out: json.NewEncoder(os.Stdout)}
			if c.Bool("stats") {
				return e.stats(container)
			}
			return e.follow(container, interval)
		},
	}
}

// event is one line of output, in runc's form.
type event struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data any    `json:"data,omitempty"`
}

type eventWriter struct {
	mu  sync.Mutex
	id  string
	out *json.Encoder
}

func (e *eventWriter) write(kind string, data any) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out.Encode(event{kind, e.id, data})
}

func (e *eventWriter) stats(c *libcontainer.Container) error {
	s, err := c.Stats()
	if err != nil {
		return err
	}
	return e.write("stats", s)
}

// follow prints until the container ends.
func (e *eventWriter) follow(c *libcontainer.Container, interval time.Duration) error {
	pidfd, err := c.State.OpenInit()
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	cg, err := c.Cgroup()
	if err != nil {
		return err
	}
	if oom, err := cg.OOMEvents(); err == nil {
		go e.watchOOM(oom, pidfd)
	} else {
		c.Debug("out-of-memory events cannot be watched", err)
	}
	for {
		// The container's end and the next interval are waited for at once.
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(interval.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("events: poll: %w", err)
		}
		if n > 0 {
			return nil
		}
		if err := e.stats(c); err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}
	}
}

func (e *eventWriter) watchOOM(oom *cgroups.OOMEvents, stop int) {
	defer oom.Close()
	for {
		if oom.Wait(stop) != nil || e.write("oom", nil) != nil {
			return
		}
	}
}
