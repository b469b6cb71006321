// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/launch"
	"kist/libcontainer/program"
)

// explain turns the failure of an instruction into the sentence that engines
// look for and people understand: what was asked, what could not be done, and
// what to do about it where that is known.
func (c *creation) explain(err error) error {
	if c.cgroup != nil && c.oomKilled() {
		return fmt.Errorf("container init was OOM-killed (memory limit too low?): %w", err)
	}
	var f *launch.Failure
	if errors.As(err, &f) {
		f.Object = c.object(f.Cause())
	}
	if hint := c.mountHint(f); hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	if f != nil && f.Program != nil && f.Errno == unix.EACCES && isLookup(f) && (c.entersUserNS() || !c.facts.Privileged()) {
		return fmt.Errorf("%w (root of the user namespace is an ordinary user on the host: give that one the right to search the path)", err)
	}
	return explain(err, c.spec.Process)
}

// mountHint explains why a filesystem is refused to root of a user namespace.
func (c *creation) mountHint(f *launch.Failure) string {
	if f == nil || f.Program == nil || f.Errno != unix.EPERM || f.Program.Insns[f.Insn].Nr != unix.SYS_FSCONFIG {
		return ""
	}
	cause := f.Cause()
	if cause.Pointer != "/mounts" || cause.Index < 0 || cause.Index >= len(c.spec.Mounts) {
		return ""
	}
	switch c.spec.Mounts[cause.Index].Type {
	case "proc":
		return "it shows a pid namespace, and the container's is not its own: add that to /linux/namespaces, or bind the host's /proc"
	case "mqueue":
		return "it shows an ipc namespace, and the container's is not its own: add that to /linux/namespaces, or bind the host's /dev/mqueue"
	}
	return "this filesystem type is for root of the host: let it be mounted there, and bind it"
}

// isLookup says whether the instruction looks up a path of config.json, for the root filesystem or a mount.
func isLookup(f *launch.Failure) bool {
	switch f.Program.Insns[f.Insn].Nr {
	case unix.SYS_OPENAT2, unix.SYS_OPEN_TREE:
		p := f.Cause().Pointer
		return p == "/mounts" || p == "/root/path"
	}
	return false
}

// object names what a cause is about, for people who do not count mounts.
func (c *creation) object(cause program.Cause) string {
	i := cause.Index
	switch {
	case i < 0:
	case cause.Pointer == "/mounts" && i < len(c.spec.Mounts):
		return c.spec.Mounts[i].Destination
	case cause.Pointer == "/linux/devices" && i < len(c.spec.Linux.Devices):
		return c.spec.Linux.Devices[i].Path
	case cause.Pointer == "/linux/maskedPaths" && i < len(c.spec.Linux.MaskedPaths):
		return c.spec.Linux.MaskedPaths[i]
	case cause.Pointer == "/linux/readonlyPaths" && i < len(c.spec.Linux.ReadonlyPaths):
		return c.spec.Linux.ReadonlyPaths[i]
	case cause.Pointer == "/linux/namespaces" && i < len(c.spec.Linux.Namespaces):
		return string(c.spec.Linux.Namespaces[i].Type)
	}
	return ""
}

func (c *creation) oomKilled() bool {
	killed, err := c.cgroup.OOMKilled()
	return err == nil && killed > 0
}

func explain(err error, p *specs.Process) error {
	var f *launch.Failure
	if !errors.As(err, &f) || f.Errno == 0 || f.Program == nil {
		return err
	}
	cause := f.Cause()
	switch {
	case strings.HasSuffix(cause.Pointer, "/args"):
		return execError(f, p)
	case strings.HasSuffix(cause.Pointer, "/cwd"):
		return fmt.Errorf("%w%s", err, cwdHint(f))
	}
	if hint := hint(f); hint != "" {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

// execError words a missing or unusable program as Go's exec.LookPath does,
// since engines map these sentences to 126 and 127.
func execError(f *launch.Failure, p *specs.Process) error {
	name := ""
	if p != nil && len(p.Args) > 0 {
		name = p.Args[0]
	}
	search := !strings.Contains(name, "/")
	switch {
	case f.Errno == unix.ENOENT && search:
		return fmt.Errorf("exec: %q: executable file not found in $PATH: %w", name, errWrap(f))
	case f.Errno == unix.ENOENT && isExec(f):
		return fmt.Errorf("exec: %q: no such file or directory: its interpreter is missing in the container: %w", name, errWrap(f))
	case f.Errno == unix.ENOENT, f.Errno == unix.ENOTDIR:
		return fmt.Errorf("exec: %q: stat %s: %w", name, name, errWrap(f))
	case f.Errno == unix.EISDIR:
		// execve's own errno for it; engines look for this word to give 126.
		return fmt.Errorf("exec: %q: is a directory: %w", name, unix.EACCES)
	case f.Errno == unix.ENOEXEC:
		return fmt.Errorf("exec %s: %w (made for another architecture, or a script without #!)", name, errWrap(f))
	}
	return fmt.Errorf("exec: %q: %w", name, errWrap(f))
}

// errWrap keeps the errno without repeating the instruction.
func errWrap(f *launch.Failure) error { return f.Errno }

func isExec(f *launch.Failure) bool {
	return f.Program.Insns[f.Insn].Nr == unix.SYS_EXECVE
}

func cwdHint(f *launch.Failure) string {
	if f.Errno == unix.ENOENT {
		return " (the working directory is not inside the container root)"
	}
	return ""
}

// hint tells what to do where the cause is known.
func hint(f *launch.Failure) string {
	cause := f.Cause()
	nr := f.Program.Insns[f.Insn].Nr
	switch {
	case f.Errno == unix.EROFS && (nr == unix.SYS_MKDIRAT || nr == unix.SYS_MKNODAT):
		return "the mount point is missing and the root filesystem is read-only: make it in the image"
	case nr == unix.SYS_OPENAT2 && (f.Errno == unix.ELOOP || f.Errno == unix.ENOTDIR) && cause.Pointer == "/mounts":
		return "proc and sysfs must be mounted on an ordinary directory"
	case f.Errno == unix.EMEDIUMTYPE && cause.Pointer == "/mounts":
		return "only a procfs may be bound on /proc"
	case f.Errno == unix.EXDEV && f.Program.Insns[f.Insn].Op == program.OpCheck && cause.Pointer == "/mounts":
		return "the target is a symbolic link into /proc, where nothing may be mounted"
	case nr == unix.SYS_FSOPEN && f.Errno == unix.ENODEV:
		return "the kernel does not know this filesystem type"
	case nr == unix.SYS_FSMOUNT && f.Errno == unix.EPERM && cause.Pointer == "/mounts":
		return "a part of the one here is covered, and a new one would uncover it: bind the one that is there"
	case nr == unix.SYS_OPEN_TREE && f.Errno == unix.ENOENT && cause.Pointer == "/linux/devices":
		return "in a user namespace device nodes are the host's, bound, and the host has none of this name"
	case nr == unix.SYS_OPEN_TREE && f.Errno == unix.ENOENT:
		return "the source does not exist on the host"
	case nr == unix.SYS_OPEN_TREE && f.Errno == unix.EINVAL && cause.Pointer == "/mounts":
		return "in a user namespace what is mounted below the source must come along: use rbind"
	case nr == unix.SYS_KEYCTL && f.Errno == unix.EDQUOT:
		return "the user's key quota is used up: raise kernel.keys.maxkeys or use --no-new-keyring"
	case nr == unix.SYS_UNSHARE:
		return unshareHint(f)
	case nr == unix.SYS_OPENAT2 && f.Errno == unix.EACCES && cause.Pointer == "/linux/namespaces":
		return "the namespace of a process that the caller may not trace: as a user, join only what you have made"
	case nr == unix.SYS_SCHED_SETATTR && f.Errno == unix.EPERM:
		return "needs CAP_SYS_NICE on the host, or a limit that allows it: RLIMIT_RTPRIO, RLIMIT_NICE"
	case nr == unix.SYS_IOPRIO_SET && f.Errno == unix.EPERM:
		return "the real-time class needs CAP_SYS_NICE on the host"
	case nr == unix.SYS_SETRESUID && f.Errno == unix.EINVAL, nr == unix.SYS_SETRESGID && f.Errno == unix.EINVAL:
		return "the id is not mapped in the user namespace"
	case nr == unix.SYS_MOVE_MOUNT && f.Errno == unix.ENOTDIR, nr == unix.SYS_MOVE_MOUNT && f.Errno == unix.EINVAL:
		return "not a directory: a directory cannot be mounted on a file, nor a file on a directory"
	case cause.Pointer == "/linux/sysctl" && f.Errno == unix.ENOENT:
		return "the kernel does not know this sysctl"
	case cause.Pointer == "/process/apparmorProfile" && nr == unix.SYS_WRITE:
		return profileHint(f.Errno)
	case cause.Pointer == "/process/apparmorProfile" && (f.Errno == unix.ENOENT || f.Errno == unix.ENOTSUP || f.Errno == unix.EXDEV):
		return "the profile is entered by a file of /proc: mount a proc filesystem there, and nothing over its files"
	case f.Errno == unix.EPERM && cause.Pointer == "/linux/seccomp":
		return "loading a filter without no_new_privs needs CAP_SYS_ADMIN"
	}
	return ""
}

// unshareHint explains why a namespace could not be made.
func unshareHint(f *launch.Failure) string {
	user := f.Program.Insns[f.Insn].Args[0]&unix.CLONE_NEWUSER != 0
	switch {
	case f.Errno == unix.ENOSPC && user:
		return "user namespaces are switched off here, or used up: the administrator sets sysctl user.max_user_namespaces"
	case f.Errno == unix.ENOSPC:
		return "a limit of namespaces is reached: see /proc/sys/user/max_*_namespaces"
	case f.Errno == unix.EPERM && user:
		return "user namespaces are not for users here: the administrator sets sysctl kernel.unprivileged_userns_clone=1," +
			" or kernel.apparmor_restrict_unprivileged_userns=0; and nobody makes one in a chroot"
	}
	return ""
}

// profileHint explains why AppArmor refuses a transition.
func profileHint(errno unix.Errno) string {
	switch errno {
	case unix.ENOENT:
		return "the profile is not loaded"
	case unix.EACCES, unix.EPERM:
		return "kist itself is confined by a profile that does not allow the change (change_profile)"
	}
	return ""
}

// spawnHint explains why nsexec could not be started.
func spawnHint(err error, cloneflags uintptr) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("%w (a limit on processes is reached: pids.max of the container's cgroup or an ancestor, or RLIMIT_NPROC)", err)
	case errors.Is(err, unix.EPERM) && cloneflags&unix.CLONE_NEWUSER != 0:
		return fmt.Errorf("%w (user namespaces are not permitted: see /proc/sys/user/max_user_namespaces and kernel.unprivileged_userns_clone)", err)
	case errors.Is(err, unix.EPERM) && cloneflags != 0:
		return fmt.Errorf("%w (without root a container needs a user namespace: see kist spec --rootless)", err)
	}
	return err
}
