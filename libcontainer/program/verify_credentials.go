// SPDX-License-Identifier: Apache-2.0

package program

import "golang.org/x/sys/unix"

// passesFilter says what may follow a filter. One that is loaded last is
// followed by execve only, and by giving its listener to the parent; one that
// needed CAP_SYS_ADMIN, by giving up the rest of the capabilities too.
func passesFilter(nr uint16, last bool) bool {
	switch nr {
	case unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_EXIT_GROUP, unix.SYS_CLOSE:
		return true
	case unix.SYS_CAPSET, unix.SYS_PRCTL, unix.SYS_CLOSE_RANGE:
		return !last
	}
	return false
}

// order notes a step of giving up privilege, none of which may come after one
// that belongs behind it.
func (v *Verifier) order(s step) *refusal {
	if v.st.step > s {
		return v.fail(RuleOrder, "comes after a step that belongs behind it")
	}
	v.st.step = s
	return nil
}

// credential checks what changes ids, capabilities, and what can be gained.
func (v *Verifier) credential(in *Insn) *refusal {
	st := &v.st
	switch in.Nr {
	case unix.SYS_PRCTL:
		return v.prctl(in)
	case unix.SYS_SETGROUPS:
		st.set(factGroups)
		return v.order(stepGroups)
	case unix.SYS_SETRESGID:
		if !sameID(in) {
			return v.fail(RuleIDs, "real, effective and saved gid differ, or are kept")
		}
		st.set(factGID)
		return v.order(stepGID)
	case unix.SYS_SETRESUID:
		if !sameID(in) {
			return v.fail(RuleIDs, "real, effective and saved uid differ, or are kept")
		}
		if !st.has(factGID) || !st.has(factGroups) {
			return v.fail(RuleIDs, "the uid is given up before groups and gid, which would then stay")
		}
		st.clear(factGID)
		st.set(factUID)
		if in.Args[0] != 0 {
			st.set(factTail)
		}
		return v.order(stepUID)
	case unix.SYS_CAPSET:
		m := v.p.Blob[in.Args[1]:]
		st.effective, st.permitted, st.inheritable = capWords(m, 0), capWords(m, 1), capWords(m, 2)
		st.set(factCapset | factTail)
		return v.order(stepCapset)
	}
	return v.seccomp(in)
}

// sameID says whether all three ids become one.
func sameID(in *Insn) bool {
	a := &in.Args
	return a[0] == a[1] && a[1] == a[2] && uint32(a[0]) != 0xffffffff
}

func (v *Verifier) prctl(in *Insn) *refusal {
	st := &v.st
	arg := in.Args[1]
	switch in.Args[0] {
	case unix.PR_SET_NAME, unix.PR_SET_PDEATHSIG:
		return nil
	case unix.PR_SET_DUMPABLE:
		if arg == 0 {
			st.clear(factRevealed)
			st.set(factUndumpable)
			return nil
		}
		if arg != 1 || !st.has(factOwnUsers) || st.perhaps(factJoined) {
			return v.fail(RuleDumpable, "nsexec would be open to tracing")
		}
		st.clear(factUndumpable)
		st.set(factRevealed)
		return nil
	case unix.PR_CAPBSET_DROP:
		st.set(factTail)
		return v.order(stepBounding)
	case unix.PR_SET_KEEPCAPS:
		if arg == 0 {
			return nil // taken back once the ids are set
		}
		st.set(factTail)
		return v.order(stepKeepcaps)
	case unix.PR_CAP_AMBIENT:
		return v.ambient(in)
	case unix.PR_SET_NO_NEW_PRIVS:
		if arg != 1 || in.Args[2] != 0 || in.Args[3] != 0 || in.Args[4] != 0 {
			return v.fail(RuleCall, "not the arguments that the kernel takes")
		}
		if st.perhaps(factFilter) {
			return v.fail(RuleFilter, "with no_new_privs the filter must be loaded last")
		}
		st.set(factNoNewPrivs | factTail)
		return v.order(stepNoNewPrivs)
	}
	return v.fail(RuleCall, "an option of prctl that no program needs")
}

func (v *Verifier) ambient(in *Insn) *refusal {
	switch in.Args[1] {
	case unix.PR_CAP_AMBIENT_CLEAR_ALL:
	case unix.PR_CAP_AMBIENT_RAISE:
		c := uint64(in.Args[2])
		if c >= 64 || v.st.permitted&v.st.inheritable>>c&1 == 0 {
			return v.fail(RuleAmbient, "the capability is not both permitted and inheritable")
		}
	default:
		return v.fail(RuleCall, "an operation on the ambient set that no program needs")
	}
	v.st.set(factTail)
	return v.order(stepAmbient)
}

// seccomp loads a filter. Without no_new_privs the kernel wants CAP_SYS_ADMIN,
// so the capabilities that the process is to have come afterwards.
func (v *Verifier) seccomp(in *Insn) *refusal {
	st := &v.st
	if in.Args[0] != unix.SECCOMP_SET_MODE_FILTER {
		return v.fail(RuleCall, "an operation of seccomp that no program needs")
	}
	if in.Errs[0] != 0 {
		return v.fail(RuleFilter, "goes on without its filter")
	}
	st.set(factFilter | factTail)
	if st.has(factNoNewPrivs) {
		return v.order(stepFilter)
	}
	if st.perhaps(factCapset) && st.effective>>unix.CAP_SYS_ADMIN&1 == 0 {
		return v.fail(RuleFilter, "without no_new_privs the filter comes before CAP_SYS_ADMIN is given up")
	}
	st.clear(factCapset) // what was set so far was for loading the filter
	return v.order(stepCapset)
}

// execve checks that everything that should have happened has.
func (v *Verifier) execve() *refusal {
	st := &v.st
	if !st.has(factSweptLast) {
		return v.fail(RuleSweep, "descriptors were made since the last sweep")
	}
	if st.perhaps(factEntered) && !st.has(factInside) {
		return v.fail(RuleRoot, "the working directory is not known to lie in the root")
	}
	if st.perhaps(factLabelOpen) && !st.has(factLabelled) {
		return v.fail(RuleLabel, "the label was not written")
	}
	if (v.k > 0 || st.perhaps(factTail)) && !st.has(factGroups|factUID|factCapset) {
		return v.fail(RuleComplete, "groups, ids and capabilities are not all set")
	}
	st.set(factExec)
	return nil
}
