// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"kist/lxc"
)

// lxcHookCommand is the hidden `kist lxc-hook`, which the hooks of an imported
// bundle call: it runs a command line the way LXC runs its hooks. It works under
// any OCI runtime, since all it needs is the state on stdin and the environment
// of the hook.
func lxcHookCommand() *cli.Command {
	return &cli.Command{
		Name:      "lxc-hook",
		Usage:     "run a hook of an imported LXC configuration",
		ArgsUsage: "TYPE NAME COMMAND",
		Hidden:    true,
		Flags:     []cli.Flag{&cli.StringFlag{Name: "hook-version", Value: "0", Usage: "0: the command gets arguments, 1: environment variables"}},
		Action: func(c *cli.Context) error {
			version := c.String("hook-version")
			if c.NArg() != 3 || version != "0" && version != "1" {
				return &exitError{2, errors.New("lxc-hook: want --hook-version 0|1 TYPE NAME COMMAND")}
			}
			kind := c.Args().Get(0)
			err := runLXCHook(os.Stdin, version, kind, c.Args().Get(1), c.Args().Get(2))
			if err != nil && (kind == "stop" || kind == "post-stop") {
				// LXC logs these failures and goes on: the container is gone.
				fmt.Fprintf(os.Stderr, "lxc-hook: %v\n", err)
				return nil
			}
			return err
		},
	}
}

func runLXCHook(stdin io.Reader, version, kind, name, command string) error {
	var state specs.State
	// The state is small; a bound keeps a broken caller from filling memory.
	if err := json.NewDecoder(io.LimitReader(stdin, 1<<20)).Decode(&state); err != nil {
		return fmt.Errorf("hook %s: state on stdin: %w", kind, err)
	}
	env := os.Environ()
	if kind == "start-host" && state.Pid > 0 {
		env = append(env, "LXC_PID="+strconv.Itoa(state.Pid))
	}
	if version == "1" {
		env = append(env, "LXC_HOOK_TYPE="+kind, "LXC_HOOK_SECTION=lxc")
	}
	null, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("hook %s: /dev/null: %w", kind, err)
	}
	defer syscall.Close(null)
	shell, err := shellPath()
	if err != nil {
		return fmt.Errorf("hook %s: %w", kind, err)
	}
	pid, err := syscall.ForkExec(shell, []string{"sh", "-c", lxc.HookLine(version, command, name, kind)},
		&syscall.ProcAttr{Env: env, Files: []uintptr{uintptr(null), 1, 2}})
	if err != nil {
		return fmt.Errorf("hook %s: %s: %w", kind, shell, err)
	}
	var status syscall.WaitStatus
	for {
		_, err = syscall.Wait4(pid, &status, 0, nil)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("hook %s: wait: %w", kind, err)
	case status.Signaled():
		return fmt.Errorf("hook %s: %s: killed by %s", kind, command, status.Signal())
	case status.ExitStatus() != 0:
		return fmt.Errorf("hook %s: %s: exit status %d", kind, command, status.ExitStatus())
	}
	return nil
}

// shellPath finds the shell where LXC looks for it: Android has none in /bin.
func shellPath() (string, error) {
	for _, p := range [...]string{"/bin/sh", "/system/bin/sh"} {
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", errors.New("no shell: neither /bin/sh nor /system/bin/sh exists")
}
