// SPDX-License-Identifier: Apache-2.0

package program

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// entersRoot says whether a system call exchanges the root.
func entersRoot(nr uint16) bool { return nr == unix.SYS_PIVOT_ROOT || nr == unix.SYS_CHROOT }

// What makes a namespace, and the propagations that end at the container.
const (
	anyNamespace = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
		unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWTIME
	inhabited = unix.CLONE_NEWUSER | unix.CLONE_NEWPID
)

// call checks a system call in the state in which it is made, and changes the
// state to that after its success.
func (v *Verifier) call(in *Insn) *refusal {
	s := signatureOf(in.Nr)
	if err := v.look(in, s); err != nil {
		return err
	}
	if err := v.descriptors(in, s); err != nil {
		return err
	}
	if v.st.perhaps(factFilter) && !passesFilter(in.Nr, v.st.has(factNoNewPrivs)) {
		return v.fail(RuleFilter, "is made after the filter is loaded, which may refuse it")
	}
	st := &v.st
	switch in.Nr {
	case unix.SYS_OPENAT2:
		return v.openat2(in)
	case unix.SYS_CLOSE:
		if in.Kind(0) == Slot {
			if in.Args[0] == SyncSlot {
				return v.fail(RuleSlot, "the connection to the parent is closed")
			}
			st.slot(uint8(in.Args[0]), false)
		}
	case unix.SYS_CLOSE_RANGE:
		if in.Args[0] < 3 || in.Args[1] != 0xffffffff || in.Args[2] != unix.CLOSE_RANGE_CLOEXEC {
			return v.fail(RuleSweep, "a sweep marks all descriptors above stdio close-on-exec")
		}
		st.set(factSwept | factSweptLast)
	case unix.SYS_FSOPEN, unix.SYS_FSMOUNT, unix.SYS_FSCONFIG, unix.SYS_FSPICK, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT,
		unix.SYS_MOUNT_SETATTR, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_UMOUNT2:
		return v.mounting(in)
	case unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_UNLINKAT, unix.SYS_FCHOWNAT, unix.SYS_SYMLINKAT, unix.SYS_STATX, unix.SYS_FACCESSAT2:
		return v.named(in)
	case unix.SYS_CHDIR, unix.SYS_FCHDIR, unix.SYS_GETCWD:
		return v.directory(in)
	case unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CLONE:
		return v.namespace(in)
	case unix.SYS_DUP3:
		if in.Args[1] < 0 || in.Args[1] > 2 || in.Args[2] != 0 {
			return v.fail(RuleCloexec, "only stdin, stdout and stderr are made by duplication")
		}
	case unix.SYS_IOCTL:
		return v.ioctl(in)
	case unix.SYS_SOCKET:
		if in.Args[0] != unix.AF_INET && in.Args[0] != unix.AF_UNIX {
			return v.fail(RuleCall, "a family of sockets that no program needs")
		}
	case unix.SYS_PRLIMIT64:
		if in.Kind(0) != Imm || in.Args[0] != 0 {
			return v.fail(RuleCall, "the limits of another process are set")
		}
	case unix.SYS_KEYCTL:
		if in.Args[0] != unix.KEYCTL_JOIN_SESSION_KEYRING && in.Args[0] != unix.KEYCTL_SETPERM {
			return v.fail(RuleCall, "an operation of keyctl that no program needs")
		}
	case unix.SYS_WRITE:
		if in.Kind(0) == Slot && st.label>>uint(in.Args[0])&1 != 0 {
			if err := v.order(stepLabel); err != nil {
				return err
			}
			st.set(factLabelled)
		}
	case unix.SYS_PRCTL, unix.SYS_SETGROUPS, unix.SYS_SETRESGID, unix.SYS_SETRESUID, unix.SYS_CAPSET, unix.SYS_SECCOMP:
		return v.credential(in)
	case unix.SYS_EXECVEAT:
		if in.Kind(0) != Imm || !v.hasPath(in, 1, "") || in.Args[4] != unix.AT_EMPTY_PATH {
			return v.fail(RuleExec, "executes what a path below a descriptor leads to, not an image that was handed in")
		}
		return v.execve()
	case unix.SYS_EXECVE:
		return v.execve()
	}
	return nil
}

// descriptors checks those that a call uses and makes.
func (v *Verifier) descriptors(in *Insn, s *signature) *refusal {
	for a, t := range s.args {
		if in.Kind(a) != Imm || t != argFD && t != argDir || t == argDir && in.Args[a] == unix.AT_FDCWD {
			continue
		}
		if !v.known(in.Args[a]) {
			return v.fail(RuleSlot, "a descriptor by number that is neither stdio nor handed in")
		}
	}
	if !s.makes && in.Nr != unix.SYS_SECCOMP && !isPeer(in) {
		return nil
	}
	if in.Nr == unix.SYS_SECCOMP {
		if in.Args[1]&unix.SECCOMP_FILTER_FLAG_NEW_LISTENER != 0 && in.Dst == NoSlot {
			return v.fail(RuleCloexec, "the listener is not kept")
		}
		return nil // close-on-exec by itself
	}
	if !v.st.has(factSwept) {
		return v.fail(RuleSweep, "makes a descriptor before the inherited ones are swept")
	}
	if in.Dst == NoSlot {
		return v.fail(RuleCloexec, "the new descriptor is not kept")
	}
	if !v.closesOnExec(in) {
		return v.fail(RuleCloexec, "the new descriptor would survive execve")
	}
	v.st.clear(factSweptLast)
	return nil
}

func isPeer(in *Insn) bool { return in.Nr == unix.SYS_IOCTL && in.Args[1] == unix.TIOCGPTPEER }

// known says whether a number is stdio or that of a need.
func (v *Verifier) known(fd int64) bool {
	if fd >= 0 && fd <= 2 {
		return true
	}
	for _, p := range v.ps[:v.k+1] {
		for i := range p.Needs {
			if int64(p.Needs[i].FD) == fd {
				return true
			}
		}
	}
	return false
}

// closesOnExec says whether a call that makes a descriptor asks for that.
func (v *Verifier) closesOnExec(in *Insn) bool {
	a := &in.Args
	switch in.Nr {
	case unix.SYS_OPENAT2:
		flags, _ := v.how(in)
		return flags&unix.O_CLOEXEC != 0
	case unix.SYS_OPEN_TREE:
		return a[2]&unix.OPEN_TREE_CLOEXEC != 0
	case unix.SYS_FSOPEN:
		return a[1]&unix.FSOPEN_CLOEXEC != 0
	case unix.SYS_FSMOUNT:
		return a[1]&unix.FSMOUNT_CLOEXEC != 0
	case unix.SYS_FSPICK:
		return a[2]&unix.FSPICK_CLOEXEC != 0
	case unix.SYS_SOCKET:
		return a[1]&unix.SOCK_CLOEXEC != 0
	case unix.SYS_ACCEPT4:
		return a[3]&unix.SOCK_CLOEXEC != 0
	case unix.SYS_IOCTL:
		return a[2]&unix.O_CLOEXEC != 0
	}
	return false
}

// how gives flags and resolve of an openat2.
func (v *Verifier) how(in *Insn) (flags, resolve uint64) {
	how := v.p.Blob[in.Args[2]:]
	return binary.LittleEndian.Uint64(how), binary.LittleEndian.Uint64(how[16:])
}

// confined says whether a path is resolved below its descriptor, and can
// neither leave by a link, nor by one of procfs that leads anywhere.
func confined(resolve uint64) bool {
	if resolve&OnProc == OnProc {
		return true
	}
	return resolve&unix.RESOLVE_NO_MAGICLINKS != 0 && resolve&(unix.RESOLVE_IN_ROOT|unix.RESOLVE_BENEATH) != 0
}

func (v *Verifier) openat2(in *Insn) *refusal {
	flags, resolve := v.how(in)
	if in.Kind(0) == Slot || in.Args[0] != unix.AT_FDCWD {
		if !confined(resolve) {
			return v.fail(RuleResolve, "is resolved neither in the root, nor as a file of procfs")
		}
		return nil
	}
	if v.st.perhaps(factEntered) {
		// Inside, "/" and the working directory are the container's.
		if !confined(resolve) || !v.st.has(factInside) {
			return v.fail(RuleHostPath, "a path that is not confined, after the root is entered")
		}
		return nil
	}
	if v.p.Blob[in.Args[1]] != '/' {
		return v.fail(RuleHostPath, "a path of the host must be absolute")
	}
	if flags&(unix.O_CREAT|unix.O_TRUNC) != 0 {
		return v.fail(RuleHostPath, "makes or empties a file of the host")
	}
	return nil
}

// hasPath says whether argument a is the string s.
func (v *Verifier) hasPath(in *Insn, a int, s string) bool {
	m := v.p.Blob[in.Args[a]:]
	return len(m) > len(s) && m[len(s)] == 0 && string(m[:len(s)]) == s
}

// component says whether argument a names something directly below a descriptor.
func (v *Verifier) component(in *Insn, a int) bool {
	name := v.text(in.Args[a])
	return len(name) > 0 && string(name) != "." && string(name) != ".." && bytes.IndexByte(name, '/') < 0
}

// atCwd says whether argument a is AT_FDCWD.
func atCwd(in *Insn, a int) bool { return in.Kind(a) == Imm && in.Args[a] == unix.AT_FDCWD }

// named checks calls that make, remove or look at something by name.
func (v *Verifier) named(in *Insn) *refusal {
	switch in.Nr {
	case unix.SYS_STATX, unix.SYS_FACCESSAT2:
		flags := in.Args[2]
		if in.Nr == unix.SYS_FACCESSAT2 {
			flags = in.Args[3]
		}
		// By path they only look: nothing is held afterwards that could leak.
		if !atCwd(in, 0) && (!v.hasPath(in, 1, "") || flags&unix.AT_EMPTY_PATH == 0) {
			return v.fail(RuleResolve, "looks at a path below a descriptor, which is not confined to it")
		}
		return nil
	case unix.SYS_SYMLINKAT:
		if atCwd(in, 1) || !v.component(in, 2) {
			return v.fail(RuleName, "needs a descriptor of the directory and a single name")
		}
		return nil
	case unix.SYS_FCHOWNAT:
		if !atCwd(in, 0) && v.hasPath(in, 1, "") && in.Args[4] == unix.AT_EMPTY_PATH {
			return nil
		}
		if in.Args[4] != unix.AT_SYMLINK_NOFOLLOW {
			return v.fail(RuleName, "would follow a link")
		}
	case unix.SYS_UNLINKAT:
		if in.Args[2] != 0 {
			return v.fail(RuleCall, "removes a directory")
		}
	}
	if atCwd(in, 0) || !v.component(in, 1) {
		return v.fail(RuleName, "needs a descriptor of the directory and a single name")
	}
	return nil
}

// directory checks and notes changes of the working directory.
func (v *Verifier) directory(in *Insn) *refusal {
	st := &v.st
	switch in.Nr {
	case unix.SYS_CHDIR:
		st.clear(factInside | factGetcwd | factAtRoot)
		if v.hasPath(in, 0, "/") {
			st.set(factInside)
		}
	case unix.SYS_FCHDIR:
		st.clear(factInside | factGetcwd)
		if st.perhaps(factEntered) {
			if in.Kind(0) != Slot || st.host>>uint(in.Args[0])&1 != 0 {
				return v.fail(RuleRoot, "the working directory becomes one of the host")
			}
		} else {
			st.set(factAtRoot)
		}
	case unix.SYS_GETCWD:
		v.cwd = in.Args[0]
		st.set(factGetcwd)
	}
	return nil
}

// namespace checks what makes and joins namespaces, and the fork into them.
func (v *Verifier) namespace(in *Insn) *refusal {
	st := &v.st
	switch in.Nr {
	case unix.SYS_CLONE:
		if in.Args[0] != int64(unix.CLONE_PARENT|int(unix.SIGCHLD)) {
			return v.fail(RuleCall, "only a plain fork, as a child of the parent, is meant")
		}
		if in.Dst == NoSlot {
			return v.fail(RuleSlot, "parent and child cannot be told apart")
		}
	case unix.SYS_UNSHARE:
		if in.Args[0] == 0 || in.Args[0]&^anyNamespace != 0 {
			return v.fail(RuleCall, "something other than namespaces is unshared")
		}
		if in.Args[0]&unix.CLONE_NEWUSER != 0 {
			st.set(factOwnUsers)
		}
		if in.Args[0]&unix.CLONE_NEWNS != 0 {
			st.set(factNewMounts | factOwnMounts)
			st.clear(factPropagation)
		}
	case unix.SYS_SETNS:
		if in.Args[1] == 0 || in.Args[1]&^anyNamespace != 0 {
			return v.fail(RuleCall, "the kind of namespace is not said")
		}
		if in.Args[1]&inhabited != 0 && !st.has(factUndumpable) {
			return v.fail(RuleDumpable, "joins a namespace whose processes could trace nsexec")
		}
		if in.Args[1]&inhabited != 0 {
			st.set(factJoined)
		}
		if in.Args[1]&unix.CLONE_NEWNS != 0 {
			st.set(factOwnMounts)
			st.clear(factInside)
			if !v.enters {
				st.set(factEntered)
			}
		}
	}
	return nil
}

func (v *Verifier) ioctl(in *Insn) *refusal {
	switch in.Args[1] {
	case unix.SIOCSIFFLAGS, unix.TIOCSPTLCK, unix.TIOCSWINSZ, unix.TIOCGPTPEER:
		return nil
	case unix.TIOCSCTTY:
		if in.Args[2] != 0 {
			return v.fail(RuleCall, "steals a terminal")
		}
		return nil
	}
	return v.fail(RuleCall, "an ioctl that no program needs")
}
