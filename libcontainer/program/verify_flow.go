// SPDX-License-Identifier: Apache-2.0

package program

import "golang.org/x/sys/unix"

// fact is something that has happened, as a bit.
type fact uint32

const (
	factSwept       fact = 1 << iota // inherited descriptors are close-on-exec
	factSweptLast                    // and none was made since
	factUndumpable                   // nobody inside can trace nsexec
	factNewMounts                    // a new mount namespace was made
	factOwnMounts                    // made or joined
	factPropagation                  // "/" does not propagate to the host
	factAtRoot                       // fchdir to what will be the root
	factEntered                      // the container's root is entered
	factInside                       // the working directory is in it
	factGetcwd                       // the working directory's path was just read
	factGroups                       // setgroups was called, and succeeded or is denied
	factGID                          // setresgid since the last setresuid
	factUID                          // setresuid in this program
	factCapset                       // capset in this program, after an early filter
	factTail                         // some privilege was given up in this program
	factNoNewPrivs
	factFilter // a filter is loaded
	factLabelOpen
	factLabelled
	factExec     // execve was tried
	factOwnUsers // a user namespace was made, in which nobody else lives
	factJoined   // a user or pid namespace was joined, in which others may live
	factRevealed // nsexec may be traced, across a sync point
)

// perProgram are the facts that each program establishes for itself.
const perProgram = factUID | factGID | factCapset | factTail | factAtRoot

// step orders what gives up privilege.
type step uint8

const (
	stepNone step = iota
	stepLabel
	stepBounding
	stepKeepcaps
	stepGroups
	stepGID
	stepUID
	stepCapset
	stepAmbient
	stepNoNewPrivs
	stepFilter
)

// state is what is known at an instruction: must holds on every way there,
// may on some. The slot sets have a bit per slot.
type state struct {
	must, may   fact
	defined     uint64 // must: the slot holds something
	slash       uint64 // must: it holds "/" of the host's view
	host        uint64 // may: it was opened with the host's view
	label       uint64 // may: it is the file that an LSM label is written to
	permitted   uint64 // must: capabilities of the last capset
	inheritable uint64
	effective   uint64
	step        step // the furthest on any way
}

// merge makes s what is known where two ways meet.
func (s *state) merge(o *state) {
	s.must &= o.must
	s.may |= o.may
	s.defined &= o.defined
	s.slash &= o.slash
	s.host |= o.host
	s.label |= o.label
	s.permitted &= o.permitted
	s.inheritable &= o.inheritable
	s.effective &= o.effective
	s.step = max(s.step, o.step)
}

func (s *state) has(f fact) bool     { return s.must&f == f }
func (s *state) perhaps(f fact) bool { return s.may&f != 0 }

func (s *state) set(f fact) { s.must |= f; s.may |= f }

func (s *state) clear(f fact) { s.must &^= f; s.may &^= f }

// slot records what a slot holds from here on.
func (s *state) slot(n uint8, defined bool) {
	bit := uint64(1) << n
	s.defined &^= bit
	s.slash &^= bit
	s.host &^= bit
	s.label &^= bit
	if defined {
		s.defined |= bit
	}
}

// handedOver is the state in which the next program begins.
func (s *state) handedOver() state {
	n := *s
	n.clear(perProgram)
	n.step = stepNone
	return n
}

// arrive lets a jump to instruction at bring state s there.
func (v *Verifier) arrive(at uint32, s *state) *refusal {
	for i := range v.numArrivals {
		if v.arrivals[i].at == at {
			v.arrivals[i].st.merge(s)
			return nil
		}
	}
	if v.numArrivals == maxArrivals {
		return v.fail(RuleForm, "too many jumps are under way")
	}
	v.arrivals[v.numArrivals] = arrival{at, *s}
	v.numArrivals++
	return nil
}

// meet merges what jumps to the current instruction with what falls into it.
func (v *Verifier) meet() {
	v.joined = false
	for i := range v.numArrivals {
		a := &v.arrivals[i]
		if a.at != uint32(v.i) {
			continue
		}
		v.joined = true
		if v.reached {
			v.st.merge(&a.st)
		} else {
			v.st, v.reached = a.st, true
		}
		v.numArrivals--
		*a = v.arrivals[v.numArrivals]
		return
	}
}

// flow follows the program. All jumps lead forward, so one pass sees every way.
func (v *Verifier) flow(start state) *refusal {
	v.st, v.reached, v.hasNext, v.cwd = start, true, false, -1
	var before state
	for i := range v.p.Insns {
		in := &v.p.Insns[i]
		v.i = i
		v.meet()
		if !v.reached {
			continue
		}
		if err := v.slots(in); err != nil {
			return err
		}
		if v.st.perhaps(factExec) && !(in.Op == OpJump || in.Op == OpSyscall && ends(in.Nr)) {
			return v.fail(RuleExec, "follows an execve that may have failed")
		}
		if v.st.perhaps(factRevealed) && in.Op != OpSync && !hides(in) {
			return v.fail(RuleDumpable, "nsexec can be traced, and does something else than wait for its parent")
		}
		if in.Errs[0] != 0 {
			before = v.st
		}
		var err *refusal
		switch in.Op {
		case OpSyscall:
			err = v.call(in)
		case OpSync:
			v.sync(in)
		case OpCheck:
			v.checked(in)
		}
		if err != nil {
			return err
		}
		if in.Dst != NoSlot {
			if err := v.keep(in); err != nil {
				return err
			}
		}
		if err := v.leave(in, &before); err != nil {
			return err
		}
	}
	if v.reached {
		return v.fail(RuleEnd, "the program runs off its end")
	}
	return nil
}

// hides says whether an instruction keeps nsexec from being traced.
func hides(in *Insn) bool {
	return in.Op == OpSyscall && in.Nr == unix.SYS_PRCTL && in.Kind(0) == Imm && in.Args[0] == unix.PR_SET_DUMPABLE &&
		in.Kind(1) == Imm && in.Args[1] == 0 && in.Errs[0] == 0
}

// ends says whether nothing follows the success of a system call.
func ends(nr uint16) bool {
	return nr == unix.SYS_EXECVE || nr == unix.SYS_EXECVEAT || nr == unix.SYS_EXIT_GROUP
}

// leave brings the states after an instruction to where it may go on.
func (v *Verifier) leave(in *Insn, before *state) *refusal {
	if in.Op == OpJump {
		if in.Kind(0) == Imm && in.Args[0] != 0 {
			v.reached = false
		}
		return v.arrive(in.Target, &v.st)
	}
	if in.Errs[0] != 0 {
		// On error nothing has happened, except what counts as tried.
		e := *before
		e.may |= v.st.may
		e.step = v.st.step
		if in.Nr == unix.SYS_SETGROUPS && in.Errs[0] == uint8(unix.EPERM) && in.Errs[1] == 0 {
			e.must |= factGroups // denied: the caller's groups cannot be given up here
		}
		if err := v.arrive(in.Target, &e); err != nil {
			return err
		}
	}
	if in.Op == OpSyscall && ends(in.Nr) {
		v.reached = false
	}
	return nil
}

// slots checks that what an instruction reads from slots is there.
func (v *Verifier) slots(in *Insn) *refusal {
	for a, kinds := 0, in.Kinds&(1<<12-1); kinds != 0; a, kinds = a+1, kinds>>2 {
		if Kind(kinds&3) == Slot && v.st.defined>>uint(in.Args[a])&1 == 0 {
			return v.fail(RuleSlot, "a slot is used that is not set on every way here, or closed")
		}
	}
	return nil
}

// keep records the result of an instruction.
func (v *Verifier) keep(in *Insn) *refusal {
	if in.Dst == SyncSlot && !(in.Op == OpSyscall && in.Nr == unix.SYS_ACCEPT4) {
		return v.fail(RuleSlot, "the connection to the parent is overwritten")
	}
	v.st.slot(in.Dst, true)
	if in.Op != OpSyscall {
		return nil
	}
	bit := uint64(1) << in.Dst
	switch in.Nr {
	case unix.SYS_OPENAT2:
		flags, resolve := v.how(in)
		if atCwd(in, 0) && !v.st.perhaps(factEntered) {
			v.st.host |= bit
			if v.hasPath(in, 1, "/") {
				v.st.slash |= bit
			}
		}
		if resolve&OnProc == OnProc && flags&unix.O_ACCMODE == unix.O_WRONLY &&
			(v.hasPath(in, 1, "exec") || v.hasPath(in, 1, "apparmor/exec")) {
			v.st.label |= bit
			v.st.set(factLabelOpen)
		}
	case unix.SYS_OPEN_TREE:
		if atCwd(in, 0) {
			v.st.host |= bit
		}
	}
	return nil
}

// sync lets the parent answer, perhaps with the next program.
func (v *Verifier) sync(in *Insn) {
	if in.Args[3] != 1 {
		return
	}
	if in.Args[0] == v.last {
		if v.hasNext {
			v.next.merge(&v.st)
		} else {
			v.next, v.hasNext = v.st, true
		}
	}
	if in.Dst != NoSlot {
		v.st.clear(factSweptLast) // the answer may be a descriptor
	}
}

// checked notes a proof that the working directory is inside: its path begins
// with a slash. For one that cannot be reached from the root, getcwd(2) gives
// "(unreachable)".
func (v *Verifier) checked(in *Insn) {
	if v.st.has(factGetcwd) && in.Args[0] == v.cwd && in.Args[1] == 0xff && in.Args[2] == '/' {
		v.st.set(factInside)
	}
}
