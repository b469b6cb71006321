// SPDX-License-Identifier: Apache-2.0

package program

import "encoding/binary"

// Rule names a rule of Verify. Each one keeps a class of container escapes,
// or of mistakes that look like one, out of every program that can be started.
type Rule string

// The rules.
const (
	// RuleForm: instructions are well formed: known operations, slots and
	// jump targets in range, jumps forward only, limits kept.
	RuleForm Rule = "form"
	// RuleMemory: what an argument points to lies in the blob with its whole
	// length, strings end there, no other number is used as an address.
	RuleMemory Rule = "memory"
	// RulePointer: pointers inside the blob are those the builder recorded,
	// and lead into the blob.
	RulePointer Rule = "pointer"
	// RuleConstant: nothing that Verify looked at changes while the program runs.
	RuleConstant Rule = "constant"
	// RuleCall: only known system calls, with known operations and flags.
	RuleCall Rule = "call"
	// RuleSlot: a slot is used only where every way there has set it and none
	// has closed it; descriptors known by number are those of stdio and needs.
	RuleSlot Rule = "slot"
	// RuleCloexec: every descriptor is made close-on-exec and kept in a slot
	// (CVE-2024-21626).
	RuleCloexec Rule = "close-on-exec"
	// RuleSweep: inherited descriptors are marked close-on-exec before any is
	// made, and all of them once more before the first execve.
	RuleSweep Rule = "sweep"
	// RuleDumpable: nsexec cannot be traced or opened through /proc before it
	// enters namespaces in which others are, or makes the first mount
	// (CVE-2016-9962).
	RuleDumpable Rule = "dumpable"
	// RuleMount: mounts are made, changed and attached by descriptor only,
	// never by a path that could lead somewhere else by now (CVE-2021-30465).
	RuleMount Rule = "mount-by-descriptor"
	// RuleResolve: a path below a descriptor is resolved inside it, without
	// magic links.
	RuleResolve Rule = "resolve"
	// RuleHostPath: paths of the host are absolute, only opened, and only
	// until the root is entered.
	RuleHostPath Rule = "host-path"
	// RuleName: what is made below a descriptor has a name of one component
	// (CVE-2024-45310).
	RuleName Rule = "one-component"
	// RulePropagation: a new mount namespace stops propagating to the host
	// before anything is mounted in it, and no other namespace's "/" is touched.
	RulePropagation Rule = "propagation"
	// RuleRoot: the root is entered by descriptor, the old one is detached at
	// once, and the working directory ends up inside (CVE-2019-14271's family).
	RuleRoot Rule = "enter-root"
	// RuleOrder: label, bounding set, keepcaps, groups, gid, uid,
	// capabilities, ambient set, no_new_privs, filter: in this order.
	RuleOrder Rule = "credential-order"
	// RuleIDs: no uid without gid and groups before it, real, effective and
	// saved ids alike (CVE-2022-2995).
	RuleIDs Rule = "ids"
	// RuleComplete: a process that gives up some privilege has set its groups,
	// ids and capabilities before it execs.
	RuleComplete Rule = "complete"
	// RuleAmbient: the ambient set is part of what is permitted and inheritable.
	RuleAmbient Rule = "ambient"
	// RuleFilter: the filter comes last, or, where it needs CAP_SYS_ADMIN,
	// directly before the capabilities are given up.
	RuleFilter Rule = "filter"
	// RuleLabel: an LSM label file that was opened is written before execve.
	RuleLabel Rule = "label"
	// RuleSync: a parent that is gone is never taken for an answer.
	RuleSync Rule = "sync"
	// RuleExec: after the first execve there are only further ones, and the end.
	RuleExec Rule = "exec-last"
	// RuleEnd: every way through a program ends in execve, exit, or with the
	// next program.
	RuleEnd Rule = "end"
)

// VerifyError is a program that must not be started.
type VerifyError struct {
	Rule    Rule
	Program *Program
	Index   int // of the instruction, -1 for the program as a whole
	Reason  string
}

// Error names program, instruction, rule and reason.
func (e *VerifyError) Error() string {
	s := "program " + e.Program.Name + ": "
	if e.Index >= 0 {
		s += "instruction " + itoa(e.Index) + ": " + e.Program.Format(e.Index) + ": "
	}
	s += "refused by rule " + string(e.Rule) + ": " + e.Reason
	if e.Index >= 0 && e.Index < len(e.Program.Causes) {
		if c := e.Program.Causes[e.Index].String(); c != "" {
			s += " (" + c + ")"
		}
	}
	return s
}

// span is a part of a blob.
type span struct{ from, to uint64 }

// arrival is the state in which an instruction is reached by a jump.
type arrival struct {
	at uint32
	st state
}

// How much a program may ask of the verifier. Compiled programs need a tenth;
// the limits keep it in bounded memory, off the heap.
const (
	maxWritten  = 64 // separate parts of the blob that are written to
	maxArrivals = 32 // jump targets ahead of an instruction
)

// Verifier checks the programs of one session, each before it is handed over.
// The zero value is ready for the first program.
type Verifier struct {
	ps      [MaxLoaded]*Program
	p       *Program
	k, i    int
	enters  bool // a program so far enters a root by chroot or pivot_root
	last    int64
	next    state // in which the next program begins
	hasNext bool
	st      state
	reached bool
	joined  bool // something jumps to this instruction
	cwd     int64
	arrays  [2]int64 // arrays of strings already found good
	closed  bool     // the blob ends with NUL, so every string in it ends

	numWritten, numArrivals int
	written                 [maxWritten]span
	arrivals                [maxArrivals]arrival
}

// Verify checks the programs of one session, in the order in which they are
// run, against the rules above. It looks at every way through them: facts that
// must hold ("/ is private by now") must hold on each, facts that must not
// ("the root is entered") on none. A program is handed over at the sync point
// that the program before it waits at last.
//
// The first violation is returned as a *VerifyError. A good session costs no
// allocation and some microseconds, so every launch goes through here.
func Verify(ps ...*Program) error {
	var v Verifier
	for _, p := range ps {
		if err := v.Next(p); err != nil {
			return err
		}
	}
	return nil
}

// Next is Verify for one program more of a session. After an error the session
// is over.
func (v *Verifier) Next(p *Program) error {
	start := state{defined: 1 << SyncSlot}
	if v.k > 0 {
		start = v.next.handedOver()
	}
	v.p, v.i = p, -1
	if r := v.program(); r != nil {
		return r.in(p, v.i)
	}
	v.ps[v.k] = p
	if v.k > 0 && !v.hasNext {
		return v.fail(RuleEnd, "the program before has no sync point at which this one could be handed over").in(p, -1)
	}
	if r := v.flow(start); r != nil {
		return r.in(p, v.i)
	}
	v.k++
	return nil
}

// refusal is a violation of a rule by the current instruction. It does not
// name the program: the verifier would then have to live on the heap.
type refusal struct {
	rule   Rule
	reason string
}

func (v *Verifier) fail(r Rule, reason string) *refusal { return &refusal{r, reason} }

// in completes a refusal.
func (r *refusal) in(p *Program, i int) error {
	return &VerifyError{Rule: r.rule, Program: p, Index: i, Reason: r.reason}
}

// program checks what can be said without following the program.
func (v *Verifier) program() *refusal {
	p := v.p
	switch {
	case p.Base != Base+int64(v.k)*Stride || v.k >= MaxLoaded:
		return v.fail(RuleForm, "is not the program for this place in the session")
	case len(p.Insns) == 0 || len(p.Insns) > MaxInsns:
		return v.fail(RuleForm, "no instructions, or too many")
	case len(p.Blob) > MaxBlob:
		return v.fail(RuleForm, "too much data")
	}
	for _, at := range p.Pointers {
		if uint64(at)+8 > uint64(len(p.Blob)) {
			return v.fail(RulePointer, "a recorded pointer lies outside of the data")
		}
		if to := binary.LittleEndian.Uint64(p.Blob[at:]) - uint64(p.addr(0)); to >= uint64(len(p.Blob)) {
			return v.fail(RulePointer, "a recorded pointer leads outside of the data")
		}
	}
	v.last, v.arrays = -1, [2]int64{-1, -1}
	v.numWritten, v.numArrivals = 0, 0
	v.closed = len(p.Blob) > 0 && p.Blob[len(p.Blob)-1] == 0
	for i := range p.Insns {
		v.i = i
		in := &p.Insns[i]
		if err := v.form(in); err != nil {
			return err
		}
		if in.Op == OpSyscall && entersRoot(in.Nr) {
			v.enters = true
		}
	}
	for _, at := range p.Pointers {
		if !v.constant(uint64(at), 8) {
			v.i = -1
			return v.fail(RuleConstant, "a pointer is overwritten while the program runs")
		}
	}
	return nil
}

// form checks one instruction by itself, and notes what it writes.
func (v *Verifier) form(in *Insn) *refusal {
	n := len(v.p.Insns)
	if in.Op >= numOps {
		return v.fail(RuleForm, "unknown operation")
	}
	if in.Kinds&(7<<12) != 0 {
		return v.fail(RuleForm, "unknown bits in the kinds of arguments")
	}
	if in.Dst != NoSlot && in.Dst >= NumSlots {
		return v.fail(RuleForm, "no such slot for the result")
	}
	if in.Target != 0 && (int64(in.Target) <= int64(v.i) || int64(in.Target) >= int64(n)) {
		return v.fail(RuleForm, "the target is not ahead, inside the program")
	}
	if (in.Target != 0) != (in.Errs[0] != 0 || in.Op == OpJump) {
		return v.fail(RuleForm, "errors to handle and a target go together")
	}
	if in.Errs != [MaxErrs]uint8{} && !goodErrs(in) {
		return v.fail(RuleForm, "the list of errors is broken")
	}
	for a, kinds := 0, in.Kinds&(1<<12-1); kinds != 0; a, kinds = a+1, kinds>>2 {
		switch Kind(kinds & 3) {
		case Imm:
		case Addr:
			if uint64(in.Args[a]) >= uint64(len(v.p.Blob)) {
				return v.fail(RuleMemory, "an address outside of the data")
			}
		case Slot:
			if uint64(in.Args[a]) >= NumSlots {
				return v.fail(RuleForm, "no such slot")
			}
		default:
			return v.fail(RuleForm, "unknown kind of argument")
		}
	}
	switch in.Op {
	case OpSyscall:
		return v.formCall(in)
	case OpJump:
		if in.Kind(0) == Addr || !unused(in, 1) || in.Dst != NoSlot || in.Target == 0 {
			return v.fail(RuleForm, "a jump has a target and a condition, nothing else")
		}
	case OpSync:
		return v.formSync(in)
	case OpLoad:
		return v.formMemory(in, 1, 2)
	case OpStore:
		return v.formMemory(in, 2, 3)
	case OpCheck:
		if in.Kind(1) != Imm || in.Kind(2) != Imm || in.Kind(3) != Imm || !unused(in, 4) || in.Dst != NoSlot {
			return v.fail(RuleForm, "a check compares memory with numbers")
		}
		if in.Args[3] <= 0 || in.Args[3] >= AnyErr {
			return v.fail(RuleForm, "a check that does not hold needs an errno, or it would be passed")
		}
		if in.Kind(0) != Addr || !v.inBlob(in.Args[0], 8) {
			return v.fail(RuleMemory, "the memory to check lies outside of the data")
		}
	}
	return nil
}

// goodErrs says whether the list of errnos has no gap, and nothing beside "any".
func goodErrs(in *Insn) bool {
	for k, e := range in.Errs {
		if e != 0 && k > 0 && (in.Errs[k-1] == 0 || in.Errs[k-1] == AnyErr) {
			return false
		}
	}
	return in.Op != OpJump
}

// formMemory checks a load or store; w is the argument with the width.
func (v *Verifier) formMemory(in *Insn, w, n int) *refusal {
	if in.Kind(w) != Imm || in.Args[w] != 4 && in.Args[w] != 8 || !unused(in, n) {
		return v.fail(RuleForm, "memory is read and written four or eight bytes wide")
	}
	if in.Kind(0) != Addr || !v.inBlob(in.Args[0], uint64(in.Args[w])) {
		return v.fail(RuleMemory, "the memory lies outside of the data")
	}
	if in.Op == OpStore {
		if in.Kind(1) == Addr {
			return v.fail(RulePointer, "an address is stored")
		}
		if in.Dst != NoSlot {
			return v.fail(RuleForm, "a store has no result")
		}
		return v.writes(uint64(in.Args[0]), uint64(in.Args[w]))
	} else if in.Dst == NoSlot {
		return v.fail(RuleForm, "a load needs a slot for its result")
	}
	return nil
}

func (v *Verifier) formSync(in *Insn) *refusal {
	if in.Kind(0) != Imm || in.Args[0] <= 0 || in.Args[0] > 0xffff || in.Kind(1) == Addr || in.Kind(2) == Addr ||
		in.Kind(3) != Imm || uint64(in.Args[3]) > 1 || !unused(in, 4) {
		return v.fail(RuleForm, "a sync has a code, a value, a descriptor and whether to wait")
	}
	if in.Kind(2) == Imm && in.Args[2] != -1 {
		return v.fail(RuleSlot, "a descriptor for the parent comes from a slot")
	}
	if in.Errs[0] != 0 {
		return v.fail(RuleSync, "errors of a sync cannot be ignored")
	}
	if in.Args[3] == 1 {
		v.last = in.Args[0]
	}
	return nil
}

// unused says whether the arguments from n on are all zero.
func unused(in *Insn, n int) bool {
	for a := n; a < MaxArgs; a++ {
		if in.Kind(a) != Imm || in.Args[a] != 0 {
			return false
		}
	}
	return true
}
