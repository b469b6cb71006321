// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/network"
)

// Outcome is what came of trying something. The zero value is success.
type Outcome struct {
	Errno unix.Errno `json:"errno,omitempty"`
	Err   string     `json:"err,omitempty"`  // empty: it worked
	Note  string     `json:"note,omitempty"` // what was found
}

// outcome makes one of a probe's result.
func outcome(note string, err error) Outcome {
	o := Outcome{Note: note}
	if err != nil {
		o.Err = err.Error()
		_ = errors.As(err, &o.Errno)
	}
	return o
}

// View is what a child has tried, by name. Names that are missing were not tried.
type View map[string]Outcome

// The sets of probes: each is run by a child of its own.
const (
	setNamespaces = "namespaces" // can each kind be made
	setContainer  = "container"  // what can be done inside all of them
)

// inContainer are the namespaces that the set of that name is run in.
const inContainer = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// kinds of namespaces, by the names of config.json; user is tried by making the child.
var kinds = [...]struct {
	name, config string
	flag         int
}{
	{"mount", "", unix.CLONE_NEWNS},
	{"pid", "CONFIG_PID_NS", unix.CLONE_NEWPID},
	{"network", "CONFIG_NET_NS", unix.CLONE_NEWNET},
	{"ipc", "CONFIG_IPC_NS", unix.CLONE_NEWIPC},
	{"uts", "CONFIG_UTS_NS", unix.CLONE_NEWUTS},
	{"cgroup", "CONFIG_CGROUPS", unix.CLONE_NEWCGROUP},
	{"time", "CONFIG_TIME_NS", unix.CLONE_NEWTIME},
}

// Probe is the child's side: it runs a set of probes in the namespaces that the
// parent made and writes what came of each to w. Trees are "TYPE=PATH", mounted
// file systems to be tried with an id map; descriptor 3 then is the user namespace
// for it.
func Probe(w io.Writer, set string, trees []string) error {
	v := View{}
	switch set {
	case setNamespaces:
		for _, k := range kinds {
			v["namespace."+k.name] = outcome("", onThread(func() error { return unix.Unshare(k.flag) }))
		}
	case setContainer:
		v.mounts(trees)
		for _, k := range network.Kinds {
			v["network."+k] = outcome("", network.TryKind(k))
		}
	default:
		return fmt.Errorf("--probe %s: no such set of probes", set)
	}
	return json.NewEncoder(w).Encode(v)
}

// onThread runs f on a thread that ends with it, and everything that it unshared.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the runtime ends such a thread
		done <- f()
	}()
	return <-done
}

// try notes what came of f under a name.
func (v View) try(name string, f func() error) bool {
	err := f()
	v[name] = outcome("", err)
	return err == nil
}

// kernelProbes need no namespace: they are tried where we are.
func (v View) kernel() {
	v.try("kernel.openat2", func() error {
		fd, err := unix.Openat2(unix.AT_FDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
		if err == nil {
			unix.Close(fd)
		}
		return err
	})
	v.try("kernel.close_range", func() error {
		const none = 1 << 30 // no descriptor has this number
		return unix.CloseRange(none, none, unix.CLOSE_RANGE_CLOEXEC)
	})
	v.try("kernel.pidfd", func() error {
		fd, err := unix.PidfdOpen(unix.Getpid(), 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.PidfdSendSignal(fd, 0, nil, 0)
	})
	v.try("kernel.keyring", func() error {
		_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
		if errors.Is(err, unix.ENOKEY) || errors.Is(err, unix.EKEYREVOKED) || errors.Is(err, unix.EKEYEXPIRED) {
			return nil // there are keyrings, if not ours
		}
		return err
	})
	v.try("kernel.mempolicy", func() error {
		_, _, errno := unix.Syscall6(unix.SYS_GET_MEMPOLICY, 0, 0, 0, 0, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		v["security.landlock"] = outcome("", errno)
	} else {
		v["security.landlock"] = outcome(fmt.Sprintf("ABI %d", abi), nil)
	}
	v.try("device.ptmx", func() error {
		fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("/dev/ptmx: %w", err)
		}
		defer unix.Close(fd)
		return tryTerminal(fd)
	})
	for _, name := range hostDevices {
		v.try("device."+name, func() error {
			var st unix.Stat_t
			if err := unix.Stat("/dev/"+name, &st); err != nil {
				return err
			}
			if st.Mode&unix.S_IFMT != unix.S_IFCHR {
				return errors.New("is not a character device")
			}
			return nil
		})
	}
}

// hostDevices are the nodes that a container without privilege gets from the
// host (config-linux.md, "Default Devices"), and two that many ask for.
var hostDevices = [...]string{"null", "zero", "full", "random", "urandom", "tty", "net/tun", "fuse"}

// tryTerminal opens the other end of a terminal, by the one way that cannot be
// led astray by a path.
func tryTerminal(ptmx int) error {
	if err := unix.IoctlSetPointerInt(ptmx, unix.TIOCSPTLCK, 0); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(ptmx), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return fmt.Errorf("TIOCGPTPEER: %w", errno)
	}
	unix.Close(int(peer))
	return nil
}

// tree takes "TYPE=PATH" apart.
func tree(s string) (kind, path string) {
	kind, path, _ = strings.Cut(s, "=")
	return kind, path
}
