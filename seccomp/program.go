// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Codes of the instructions that programs are made of.
const (
	load      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	and       = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	jump      = unix.BPF_JMP | unix.BPF_JA
	jumpEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpMore  = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	jumpFrom  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	ret       = unix.BPF_RET | unix.BPF_K
)

// badArch answers calls of an architecture that the filter does not have. Every runtime's filters do this.
const badArch = Verdict(unix.SECCOMP_RET_KILL_THREAD)

const enosys = unix.SECCOMP_RET_ERRNO | Verdict(unix.ENOSYS)

// generate returns the program for the rules:
//
//	load the architecture; for each one: if it is this, load the number and search it in a tree
//
// The tree is over ranges of numbers that get the same answer, so that it has some 60 leaves for a profile of 350 names
// and one of them is found by six comparisons. That the program is short and shallow matters for every start of a
// container: when a filter is installed, the kernel translates it and runs it once for each number there is.
func generate(r *rules) []instruction {
	program := []instruction{{code: load, k: offsetArch}}
	for i, a := range r.archs {
		if a.base == x32Bit {
			continue // in the tree of x86_64, which it shares the AUDIT_ARCH with
		}
		body := append([]instruction{{code: load, k: offsetNumber}}, tree(ranges(r, i))...)
		program = append(program, skipUnless(jumpEqual, a.audit, len(body))...)
		program = append(program, body...)
	}
	return append(program, instruction{code: ret, k: uint32(badArch)})
}

// skipUnless jumps over the next n instructions unless the comparison holds.
func skipUnless(code uint16, k uint32, n int) []instruction {
	if n <= 255 {
		return []instruction{{code: code, jf: uint8(n), k: k}}
	}
	return []instruction{{code: code, jt: 1, k: k}, {code: jump, k: uint32(n)}}
}

// leaf is a range of numbers that get the same answer: from its own number to the next leaf's.
type leaf struct {
	from uint32
	code []instruction // ends in a return and does not rely on what is loaded
}

// constant is the code that always returns v.
func constant(v Verdict) []instruction { return []instruction{{code: ret, k: uint32(v)}} }

// tree finds the leaf for the number that is loaded, by bisection.
func tree(leaves []leaf) []instruction {
	if code := block(leaves); code != nil {
		return code
	}
	middle := len(leaves) / 2
	below, from := tree(leaves[:middle]), tree(leaves[middle:])
	code := skipUnless(jumpFrom, leaves[middle].from, len(from))
	return append(append(code, from...), below...)
}

// block is a tree that is small enough for its comparisons to jump straight to the leaves: first all comparisons, then
// every different leaf once. It returns nil if some distance would not fit a byte.
func block(leaves []leaf) []instruction {
	if len(leaves) == 1 {
		return leaves[0].code
	}
	comparisons := len(leaves) - 1
	size := comparisons
	at := make([]int, len(leaves)) // where each leaf is
	for i := range leaves {
		same := slices.IndexFunc(leaves[:i], func(l leaf) bool { return slices.Equal(l.code, leaves[i].code) })
		if same >= 0 {
			at[i] = at[same]
			continue
		}
		at[i] = size
		if size > 256 {
			return nil
		}
		size += len(leaves[i].code)
	}
	code := make([]instruction, comparisons, size)
	next := 0
	var place func(low, high int) int
	// place puts the comparisons for the leaves from low up to high, and returns where they begin.
	place = func(low, high int) int {
		if high-low == 1 {
			return at[low]
		}
		here := next
		next++
		middle := (low + high) / 2
		from := place(middle, high)
		below := place(low, middle)
		code[here] = instruction{jumpFrom, uint8(from - here - 1), uint8(below - here - 1), leaves[middle].from}
		return here
	}
	place(0, len(leaves))
	for i := range leaves {
		if at[i] == len(code) {
			code = append(code, leaves[i].code...)
		}
	}
	return code
}

// ranges divides all numbers, from 0 on, for an architecture.
func ranges(r *rules, i int) []leaf {
	list := partition(r, i)
	if r.archs[i].audit != unix.AUDIT_ARCH_X86_64 {
		return list
	}
	// The numbers of x32 have a bit of their own.
	last := list[len(list)-1]
	list = cut(list, x32Bit)
	// A program, or a tracer that wants a call to be skipped, may use the number -1. It is no x32 call.
	last.from = 0xffffffff
	other := []leaf{{from: x32Bit, code: constant(badArch)}, last}
	if x := slices.IndexFunc(r.archs, func(a *arch) bool { return a.base == x32Bit }); x >= 0 {
		other = partition(r, x)
		for len(other) > 1 && other[1].from <= x32Bit {
			other = other[1:]
		}
		other[0].from = x32Bit
	}
	return append(list, other...)
}

// cut removes what is at end and beyond.
func cut(list []leaf, end uint32) []leaf {
	for len(list) > 1 && list[len(list)-1].from >= end {
		list = list[:len(list)-1]
	}
	return list
}

// partition is ranges for an architecture that has its AUDIT_ARCH for itself.
//
// Numbers above the highest one that the profile names are answered with ENOSYS: whoever wrote the profile could not have
// an opinion on calls that are newer than it, and a C library that gets EPERM, or a signal, from a call that it only tries
// out takes that for a real error and does not fall back to the older call. Not so if the default action lets calls
// pass, and if the profile names no call of the architecture, which says nothing about its age.
func partition(r *rules, i int) []leaf {
	answers := r.answers(i)
	numbers := make([]uint32, 0, len(answers))
	for n := range answers {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)

	beyond := r.fallback
	if !r.fallback.permits() && r.highest[i] >= 0 {
		beyond = enosys
	}
	from, to := r.archs[i].apart()
	// other is the answer to the numbers from n on that the profile does not name; next is where that changes.
	other := func(n uint32) (v Verdict, next uint64) {
		switch {
		case to != 0 && n >= from && n <= to:
			return r.fallback, uint64(to) + 1
		case int64(n) <= r.highest[i]:
			return r.fallback, uint64(r.highest[i]) + 1
		case to != 0 && n < from:
			return beyond, uint64(from)
		}
		return beyond, 1 << 32
	}

	var list []leaf
	add := func(n uint32, code []instruction) {
		if len(list) == 0 || !slices.Equal(list[len(list)-1].code, code) {
			list = append(list, leaf{n, code})
		}
	}
	for n := uint64(0); n < 1<<32; {
		if len(numbers) > 0 && uint64(numbers[0]) == n {
			add(uint32(n), answers[uint32(n)])
			numbers = numbers[1:]
			n++
			continue
		}
		v, next := other(uint32(n))
		add(uint32(n), constant(v))
		if len(numbers) > 0 {
			next = min(next, uint64(numbers[0]))
		}
		n = next
	}
	return list
}

// answers returns the code for every number of an architecture that has rules.
func (r *rules) answers(i int) map[uint32][]instruction {
	type call struct {
		always []instruction
		code   []instruction
	}
	calls := make(map[uint32]*call, len(r.rules))
	add := func(n int64, conditions []condition, v Verdict) {
		if n < 0 {
			return
		}
		c := calls[uint32(n)]
		if c == nil {
			c = &call{}
			calls[uint32(n)] = c
		}
		switch {
		case c.always != nil: // wins, being there before
		case len(conditions) == 0:
			c.always = constant(v)
		case len(c.code) <= maxInstructions: // the program is too long in any case, so let it not become any longer
			c.code = append(c.code, decide(conditions, v)...)
		}
	}
	for j := range r.rules {
		one := &r.rules[j]
		n := one.numbers[i]
		add(n, one.conditions, one.verdict)
		if direct, by, condition, ok := r.multiplexed(i, n); ok {
			add(direct, one.conditions, one.verdict)
			add(by, condition, one.verdict)
		}
	}
	codes := make(map[uint32][]instruction, len(calls))
	for n, c := range calls {
		if codes[n] = c.always; c.always == nil {
			codes[n] = append(c.code, instruction{code: ret, k: uint32(r.fallback)})
		}
	}
	return codes
}

// decide returns v if all conditions hold, and goes on behind itself if not.
func decide(conditions []condition, v Verdict) []instruction {
	var code []instruction
	for _, c := range conditions {
		code = append(code, compare(c)...)
	}
	code = append(code, instruction{code: ret, k: uint32(v)})
	// Six conditions of six instructions at most, so every distance fits a byte.
	for i := range code {
		if code[i].jt == fail {
			code[i].jt = uint8(len(code) - i - 1)
		}
		if code[i].jf == fail {
			code[i].jf = uint8(len(code) - i - 1)
		}
	}
	return code
}

// fail stands for the distance to the end of a rule while that is not known.
const fail = 255

// compare goes on behind itself if the condition holds and to fail if not. The high half of an argument of a 32-bit program
// is zero.
func compare(c condition) []instruction {
	high, low := argOffsets(c.index)
	wantHigh, wantLow := uint32(c.value>>32), uint32(c.value)
	switch c.op {
	case equal:
		return []instruction{
			{load, 0, 0, low}, {jumpEqual, 0, fail, wantLow},
			{load, 0, 0, high}, {jumpEqual, 0, fail, wantHigh},
		}
	case notEqual:
		return []instruction{
			{load, 0, 0, high}, {jumpEqual, 0, 2, wantHigh},
			{load, 0, 0, low}, {jumpEqual, fail, 0, wantLow},
		}
	case maskedEqual:
		return []instruction{
			{load, 0, 0, low}, {and, 0, 0, wantLow}, {jumpEqual, 0, fail, uint32(c.two)},
			{load, 0, 0, high}, {and, 0, 0, wantHigh}, {jumpEqual, 0, fail, uint32(c.two >> 32)},
		}
	}
	// Different high halves decide; equal ones leave it to the low halves.
	head := []instruction{{load, 0, 0, high}, {jumpMore, 3, 0, wantHigh}, {jumpEqual, 0, fail, wantHigh}}
	if c.op == less || c.op == lessOrEqual {
		head = []instruction{{load, 0, 0, high}, {jumpMore, fail, 0, wantHigh}, {jumpEqual, 0, 2, wantHigh}}
	}
	last := instruction{jumpMore, 0, fail, wantLow}
	switch c.op {
	case greaterOrEqual:
		last = instruction{jumpFrom, 0, fail, wantLow}
	case lessOrEqual:
		last = instruction{jumpMore, fail, 0, wantLow}
	case less:
		last = instruction{jumpFrom, fail, 0, wantLow}
	}
	return append(head, instruction{load, 0, 0, low}, last)
}
