// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer/network"
	"kist/lxc/network/nic"
)

// maxHookState is the largest state document a hook reads from its standard input.
const maxHookState = 1 << 20

// lxcNetCommand is what the hooks of an imported LXC container call: `lxc-net up`
// as createRuntime hook, `lxc-net down` as poststop hook. It gets the container's
// state on standard input as every OCI hook does, and its cards from lxc-net.json
// in the bundle, and so works under any OCI runtime.
func lxcNetCommand() *cli.Command {
	dir := &cli.StringFlag{
		Name:  "state-dir",
		Usage: "directory of the records that down works from",
		Value: lxcNetDir(),
	}
	return &cli.Command{
		Name:   "lxc-net",
		Usage:  "make or take down the network of an imported LXC container (called by its OCI hooks)",
		Hidden: true,
		Subcommands: []*cli.Command{{
			Name:  "up",
			Usage: "make the cards; for the createRuntime hook",
			Flags: []cli.Flag{dir},
			Action: func(c *cli.Context) error {
				return lxcNet(c, os.Stdin, lxcNetUp)
			},
		}, {
			Name:  "down",
			Usage: "take the cards down; for the poststop hook, and by hand after a crash",
			Flags: []cli.Flag{dir},
			Action: func(c *cli.Context) error {
				return lxcNet(c, os.Stdin, network.Down)
			},
		}},
	}
}

// lxcNetDir is where records are kept: it must outlive the hook, but not the boot,
// and must not be a directory in which a runtime looks for containers.
func lxcNetDir() string {
	if os.Geteuid() != 0 {
		if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
			return filepath.Join(dir, "kist-lxc-net")
		}
	}
	return "/run/kist-lxc-net"
}

// lxcNet reads the state and does the work under the container's lock.
func lxcNet(c *cli.Context, stdin io.Reader, do func(network.Target) error) error {
	if c.Args().Present() {
		return fmt.Errorf("lxc-net %s: takes no arguments; the container's state comes on standard input", c.Command.Name)
	}
	t, err := readHookState(stdin)
	if err == nil {
		t.Dir = c.String("state-dir")
		var unlock func()
		if unlock, err = lockBundle(t.Bundle); err == nil {
			defer unlock()
			err = do(t)
		}
	}
	if err != nil {
		return fmt.Errorf("lxc-net %s: %w", c.Command.Name, err)
	}
	return nil
}

func lxcNetUp(t network.Target) error {
	f, err := os.Open(filepath.Join(t.Bundle, nic.FileName))
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	defer f.Close()
	set, err := nic.Read(f)
	if err != nil {
		return fmt.Errorf("bundle %s: %w", t.Bundle, err)
	}
	if t.PID <= 0 {
		return fmt.Errorf("state: /pid: %d: the container has no process yet; call this as createRuntime hook", t.PID)
	}
	return network.Up(set, t)
}

// readHookState decodes what a runtime tells a hook. Unknown members are none of
// our business: every runtime adds some.
func readHookState(r io.Reader) (network.Target, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxHookState+1))
	if err != nil {
		return network.Target{}, fmt.Errorf("state: read from standard input: %w", err)
	}
	if len(data) > maxHookState {
		return network.Target{}, fmt.Errorf("state: larger than %d bytes", maxHookState)
	}
	var s specs.State
	if err := json.Unmarshal(data, &s); err != nil {
		return network.Target{}, fmt.Errorf("state: standard input holds no state of a container: %w", err)
	}
	switch {
	case s.ID == "":
		return network.Target{}, errors.New("state: /id: missing")
	case !filepath.IsAbs(s.Bundle):
		return network.Target{}, fmt.Errorf("state: /bundle: %q: must be an absolute path", s.Bundle)
	}
	return network.Target{ID: s.ID, Bundle: filepath.Clean(s.Bundle), PID: s.Pid}, nil
}

// lockBundle keeps an up and a down of one bundle apart. A bundle that is gone
// needs no lock: nobody can start it.
func lockBundle(bundle string) (unlock func(), err error) {
	f, err := os.Open(filepath.Join(bundle, nic.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("bundle: lock %s: %w", f.Name(), err)
	}
	return func() { _ = f.Close() }, nil
}
