// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"kist/lxc"
)

// stopLimit bounds how long the stop signal of an imported container is given
// before SIGKILL.
const stopLimit = 10 * time.Second

// StopSignal is what `kist kill` sends when it is not told: the container's
// own stop signal where its annotations name one, else SIGTERM.
func (c *Container) StopSignal() string {
	for _, key := range [...]string{lxc.AnnotationStopSignal, lxc.AnnotationSignalHalt} {
		switch v := c.State.Annotations[key]; v {
		case "":
		case "auto":
			return c.haltSignal()
		default:
			return v
		}
	}
	return "SIGTERM"
}

// haltSignal is LXC's own choice of how to ask an init to shut down: systemd
// listens to SIGRTMIN+3, which it therefore blocks, others to SIGPWR.
func (c *Container) haltSignal() string {
	const halt = 34 + 3
	status, err := os.ReadFile("/proc/" + strconv.Itoa(c.State.InitPid) + "/status")
	if err == nil && blocks(status, halt) {
		return "SIGRTMIN+3"
	}
	return "SIGPWR"
}

// blocks reads SigBlk of /proc/PID/status; see proc_pid_status(5).
func blocks(status []byte, sig int) bool {
	for line := range bytes.Lines(status) {
		hex, ok := bytes.CutPrefix(line, []byte("SigBlk:"))
		if !ok {
			continue
		}
		mask, err := strconv.ParseUint(string(bytes.TrimSpace(hex)), 16, 64)
		return err == nil && mask>>(sig-1)&1 != 0
	}
	return false
}

// stopLXC sends an imported container the signal that LXC stops it with, and
// gives it time. What follows is SIGKILL in any case.
func (c *Container) stopLXC() {
	name := c.State.Annotations[lxc.AnnotationSignalStop]
	if name == "" {
		return
	}
	sig, err := ParseSignal(name)
	if err != nil {
		c.rt.Log.Warn("stop signal of the container is not sent", "annotation", lxc.AnnotationSignalStop, "error", err.Error())
		return
	}
	if sig == unix.SIGKILL {
		return
	}
	pidfd, err := c.State.OpenInit()
	if err != nil {
		return
	}
	defer unix.Close(pidfd)
	if unix.PidfdSendSignal(pidfd, sig, nil, 0) == nil && !waitExit(pidfd, stopLimit) {
		c.rt.Log.Warn("container did not stop by its own signal and is killed", "id", c.State.ID, "signal", name)
	}
}

// ParseSignal reads a signal's name, with or without SIG, or its number; also
// SIGRTMIN+n and SIGRTMAX-n. Zero is allowed, as a probe.
func ParseSignal(s string) (unix.Signal, error) {
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		if n > 64 {
			return 0, fmt.Errorf("invalid signal %q", s)
		}
		return unix.Signal(n), nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	for _, rt := range [...]struct {
		name string
		base int
		sign int
	}{{"SIGRTMIN", 34, 1}, {"SIGRTMAX", 64, -1}} {
		rest, ok := strings.CutPrefix(name, rt.name)
		if !ok {
			continue
		}
		if rest == "" {
			return unix.Signal(rt.base), nil
		}
		n, err := strconv.ParseUint(rest[1:], 10, 8)
		v := rt.base + rt.sign*int(n)
		if err == nil && (rest[0] == '+' || rest[0] == '-') && (rest[0] == '+') == (rt.sign > 0) && v >= 34 && v <= 64 {
			return unix.Signal(v), nil
		}
	}
	return 0, fmt.Errorf("invalid signal %q", s)
}
