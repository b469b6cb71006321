// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// mounting checks everything that makes, changes or moves mounts.
func (v *Verifier) mounting(in *Insn) *refusal {
	if !v.st.has(factUndumpable) {
		return v.fail(RuleDumpable, "works on mounts while nsexec can still be traced")
	}
	switch in.Nr {
	case unix.SYS_FSCONFIG:
		switch in.Args[1] {
		case unix.FSCONFIG_SET_FLAG, unix.FSCONFIG_SET_STRING, unix.FSCONFIG_CMD_CREATE, unix.FSCONFIG_CMD_RECONFIGURE:
			return nil
		}
		return v.fail(RuleCall, "an operation of fsconfig that no program needs")
	case unix.SYS_FSPICK:
		if atCwd(in, 0) || !v.hasPath(in, 1, "") || in.Args[2]&unix.FSPICK_EMPTY_PATH == 0 {
			return v.fail(RuleMount, "picks a mount by path")
		}
	case unix.SYS_OPEN_TREE:
		return v.openTree(in)
	case unix.SYS_MOVE_MOUNT:
		return v.moveMount(in)
	case unix.SYS_MOUNT_SETATTR:
		return v.mountSetattr(in)
	case unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT:
		return v.enterRoot(in)
	case unix.SYS_UMOUNT2:
		detach := in.Args[1] == unix.MNT_DETACH && v.hasPath(in, 0, ".") && in.Errs[0] == 0
		after := v.i > 0 && !v.joined && v.p.Insns[v.i-1].Op == OpSyscall && v.p.Insns[v.i-1].Nr == unix.SYS_PIVOT_ROOT
		if !detach || !after {
			return v.fail(RuleMount, `only the old root is unmounted, as ".", directly after pivot_root`)
		}
	}
	return nil
}

func (v *Verifier) openTree(in *Insn) *refusal {
	if !atCwd(in, 0) {
		if !v.hasPath(in, 1, "") || in.Args[2]&unix.AT_EMPTY_PATH == 0 {
			return v.fail(RuleMount, "a mount below a descriptor is taken by path")
		}
		return nil
	}
	if v.st.perhaps(factEntered) {
		return v.fail(RuleHostPath, "a mount is taken by path after the root is entered")
	}
	if v.p.Blob[in.Args[1]] != '/' {
		return v.fail(RuleHostPath, "a path of the host must be absolute")
	}
	return nil
}

func (v *Verifier) moveMount(in *Insn) *refusal {
	const byDescriptor = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
	if in.Args[4] != byDescriptor || !v.hasPath(in, 1, "") || !v.hasPath(in, 3, "") || atCwd(in, 0) || atCwd(in, 2) {
		return v.fail(RuleMount, "mount and target are not both given by descriptor")
	}
	if v.st.perhaps(factNewMounts) && !v.st.has(factPropagation) {
		return v.fail(RulePropagation, `the first mount comes before "/" is made slave or private: it would reach the host`)
	}
	return nil
}

func (v *Verifier) mountSetattr(in *Insn) *refusal {
	if atCwd(in, 0) || !v.hasPath(in, 1, "") || in.Args[2]&unix.AT_EMPTY_PATH == 0 {
		return v.fail(RuleMount, "a mount is changed by path")
	}
	if in.Kind(0) != Slot || v.st.slash>>uint(in.Args[0])&1 == 0 {
		return nil
	}
	if !v.st.has(factOwnMounts) {
		return v.fail(RulePropagation, `"/" is changed in the mount namespace of the caller`)
	}
	prop := binary.LittleEndian.Uint64(v.p.Blob[in.Args[3]+16:])
	if in.Args[2]&unix.AT_RECURSIVE == 0 || prop != unix.MS_SLAVE && prop != unix.MS_PRIVATE {
		return v.fail(RulePropagation, `"/" and all below it must become slave or private`)
	}
	v.st.set(factPropagation)
	return nil
}

// enterRoot checks chroot and pivot_root. Both take ".", where fchdir has led;
// after pivot_root the old root lies on top and goes away at once.
func (v *Verifier) enterRoot(in *Insn) *refusal {
	if !v.st.has(factAtRoot) || !v.hasPath(in, 0, ".") || in.Errs[0] != 0 {
		return v.fail(RuleRoot, `the root is entered as ".", after fchdir to its descriptor, or not at all`)
	}
	if in.Nr == unix.SYS_PIVOT_ROOT {
		if !v.hasPath(in, 1, ".") {
			return v.fail(RuleRoot, `the old root is put onto the new one, "."`)
		}
		if !v.st.has(factOwnMounts) {
			return v.fail(RulePropagation, "the root of the caller's mount namespace is exchanged")
		}
		next := v.i + 1
		if next >= len(v.p.Insns) || v.p.Insns[next].Op != OpSyscall || v.p.Insns[next].Nr != unix.SYS_UMOUNT2 {
			return v.fail(RuleRoot, "the old root is not detached at once")
		}
	}
	v.st.clear(factInside | factGetcwd)
	v.st.set(factEntered)
	return nil
}
