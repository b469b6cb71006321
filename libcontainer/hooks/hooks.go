// SPDX-License-Identifier: Apache-2.0

// Package hooks runs the hooks of config.json.
//
// It runs in the kist process, on the host, for every kind of hook: those that belong into the container's namespaces are
// put there by the Spawner, which another package implements. What is the same for all of them is here: the exact
// environment, the state on standard input, the time limit, the captured output, the text of the error.
//
// A hook is somebody else's program, so nothing it does may hang kist or flood it. It may not read its input, leave
// grandchildren behind that hold its output open, or write without end: all of that is one poll loop over the hook's
// pipes and its pidfd, and what decides is the end of the hook itself.
//
// The package must not look a hook up in PATH, must not give it a variable that config.json does not name (the caller's
// LD_PRELOAD in a hook was CVE-2025-23266), and must not end what a successful hook has left running: helpers like
// slirp4netns are started that way.
package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Spawner starts a hook. The process has exactly the environment env, the files as its descriptors 0, 1 and 2 and no
// others, and leads a process group of its own. Argv0 is the absolute path to execute. The pidfd belongs to the caller,
// who also waits for the process.
type Spawner interface {
	Spawn(argv0 string, argv, env []string, files [3]int) (pid, pidfd int, err error)
}

// Run runs the hooks of one kind ("prestart", "createRuntime", …) in their order, up to the first that fails. Its error
// begins with the JSON pointer of the hook and ends with the last lines that the hook has printed.
func Run(ctx context.Context, kind string, hooks []specs.Hook, state specs.State, spawn Spawner) error {
	if len(hooks) == 0 {
		return nil
	}
	input, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("/hooks/%s: state of the container: %w", kind, err)
	}
	for i := range hooks {
		if err := runOne(ctx, &hooks[i], input, spawn); err != nil {
			return fmt.Errorf("/hooks/%s/%d: %s: %w", kind, i, hooks[i].Path, err)
		}
	}
	return nil
}

// RunAll runs all hooks of one kind even if some of them fail, as poststop demands, and gives all errors.
func RunAll(ctx context.Context, kind string, hooks []specs.Hook, state specs.State, spawn Spawner) error {
	if len(hooks) == 0 {
		return nil
	}
	input, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("/hooks/%s: state of the container: %w", kind, err)
	}
	var all error
	for i := range hooks {
		if err := runOne(ctx, &hooks[i], input, spawn); err != nil {
			all = errors.Join(all, fmt.Errorf("/hooks/%s/%d: %s: %w", kind, i, hooks[i].Path, err))
		}
	}
	return all
}

func runOne(ctx context.Context, h *specs.Hook, input []byte, spawn Spawner) error {
	if !path.IsAbs(h.Path) {
		return errors.New("must be an absolute path")
	}
	var limit time.Duration
	if h.Timeout != nil {
		if *h.Timeout <= 0 {
			return fmt.Errorf("timeout %d: must be greater than zero", *h.Timeout)
		}
		limit = time.Duration(*h.Timeout) * time.Second
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	argv := h.Args
	if len(argv) == 0 {
		argv = []string{h.Path}
	}
	// The parent-death signal goes out when the thread ends that has made the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := start(h.Path, argv, h.Env, input, spawn)
	if err != nil {
		return err
	}
	defer p.close()
	return p.wait(ctx, limit)
}

// describe says how the process has ended, in the words of Go's os package, which runc's users know.
func describe(status unix.WaitStatus) string {
	switch {
	case status.Exited():
		return "exit status " + strconv.Itoa(status.ExitStatus())
	case status.CoreDump():
		return "signal: " + status.Signal().String() + " (core dumped)"
	}
	return "signal: " + status.Signal().String()
}

// withOutput adds what the hook has printed to the reason of its failure.
func withOutput(reason string, output []byte) error {
	const shown = 4 << 10
	text := strings.TrimSpace(strings.ToValidUTF8(string(output[max(0, len(output)-shown):]), "\ufffd"))
	if text == "" {
		return errors.New(reason)
	}
	return errors.New(reason + ": " + text)
}
