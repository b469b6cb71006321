// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

// script is a run of lxc.net.N.script.up or script.down.
type script struct {
	command     string
	direction   string // "up" or "down"
	container   string
	hookVersion int
	card        cardRecord
	env         []string // besides the environment of this process
}

// run gives the command line to the shell as LXC does: with exec in front and the
// arguments bare at the end, so that an empty link vanishes and shifts the rest.
// What the script prints goes to our standard error, which every runtime shows
// when a hook fails.
func (s script) run() error {
	line := s.commandLine()
	shell := "/bin/sh"
	if unix.Access(shell, unix.X_OK) != nil {
		shell = "/system/bin/sh" // Android
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("script.%s: %w", s.direction, err)
	}
	defer null.Close()
	if err := spawn(shell, []string{"sh", "-c", line}, s.environment(), null); err != nil {
		return fmt.Errorf("script.%s %q: %w", s.direction, s.command, err)
	}
	return nil
}

func (s script) commandLine() string {
	words := []string{"exec", s.command}
	if s.hookVersion == 0 {
		words = append(words, quote(s.container), "'net'", "'"+s.direction+"'")
	}
	words = append(words, s.card.Type)
	if s.card.Type != string(nic.Empty) {
		words = append(words, s.card.Link)
	}
	if s.card.HostEnd != "" {
		words = append(words, s.card.HostEnd)
	}
	return strings.Join(words, " ")
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// environment is that of the hook, which has LXC's common set from the bundle, and
// what a network script gets besides.
func (s script) environment() []string {
	env := append(os.Environ(), s.env...)
	if os.Getenv("PATH") == "" {
		env = append(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	}
	if s.hookVersion == 0 {
		return env
	}
	env = append(env, "LXC_HOOK_TYPE="+s.direction, "LXC_HOOK_SECTION=net", "LXC_NET_TYPE="+s.card.Type)
	switch nic.Type(s.card.Type) {
	case nic.TypeVeth:
		env = append(env, "LXC_NET_PARENT="+s.card.Link, "LXC_NET_PEER="+s.card.HostEnd)
	case nic.TypeMacvlan, nic.Phys:
		env = append(env, "LXC_NET_PARENT="+s.card.Link)
	}
	return env
}

// spawn runs a program to its end, with its output on our standard error.
func spawn(path string, argv, env []string, stdin *os.File) error {
	pid, err := syscall.ForkExec(path, argv, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{stdin.Fd(), os.Stderr.Fd(), os.Stderr.Fd()},
	})
	if err != nil {
		return fmt.Errorf("%s: execute: %w", path, err)
	}
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(pid, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case status.Signaled():
			return fmt.Errorf("killed by signal %d (%s)", status.Signal(), status.Signal())
		case status.ExitStatus() != 0:
			return fmt.Errorf("exit status %d", status.ExitStatus())
		}
		return nil
	}
}

// vswitch runs ovs-vsctl, the only way to the database of Open vSwitch.
func vswitch(args ...string) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("ovs-vsctl: %w", err)
	}
	defer null.Close()
	path := vswitchPath()
	if path == "" {
		return errors.New("ovs-vsctl: not installed")
	}
	if err := spawn(path, append([]string{"ovs-vsctl"}, args...), os.Environ(), null); err != nil {
		return fmt.Errorf("ovs-vsctl %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// vswitchPath finds ovs-vsctl, also when the hook has no PATH; "" if it is not there.
func vswitchPath() string {
	for _, dir := range strings.Split(os.Getenv("PATH")+":/usr/local/bin:/usr/bin:/bin:/usr/sbin", ":") {
		if path := dir + "/ovs-vsctl"; strings.HasPrefix(path, "/") && unix.Access(path, unix.X_OK) == nil {
			return path
		}
	}
	return ""
}
