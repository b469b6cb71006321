// SPDX-License-Identifier: Apache-2.0

package seccomp

import "golang.org/x/sys/unix"

// Codes of the instructions that the prologue is made of.
const (
	load      = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	and       = unix.BPF_ALU | unix.BPF_AND | unix.BPF_K
	jump      = unix.BPF_JMP | unix.BPF_JA
	jumpEqual = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jumpMore  = unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K
	jumpFrom  = unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K
	jumpBits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ret       = unix.BPF_RET | unix.BPF_K
)

// prologue returns what is put in front of the program that libseccomp generates; running off its end enters that one.
//
// It has three tasks. It decides all calls that have rules with conditions: where several such rules for one call come
// together, libseccomp merges them into a tree that lets, for some arguments, a rule apply whose conditions do not hold
// (seen in 2.5.4 with comparisons of 64 bits; TestRandomProfiles finds it within a second). It carries out the rules for
// calls that libseccomp is too old to know. And it answers ENOSYS to calls that are newer than every call that the
// profile names: whoever wrote the profile could not have an opinion on them, and a C library that gets EPERM, or a
// signal, from a call it only tries out takes that for a real error and does not fall back to the older call. That is
// left out when the default action lets calls pass or is ENOSYS already.
func prologue(r *rules) []instruction {
	enosys := !r.fallback.permits() && r.fallback != unix.SECCOMP_RET_ERRNO|Verdict(unix.ENOSYS)
	var sections [][]instruction
	for i, a := range r.archs {
		if a.base == x32Bit {
			continue // shares the section of x86_64
		}
		body := decisions(r, i)
		if x := r.x32(); a.audit == unix.AUDIT_ARCH_X86_64 && x >= 0 {
			body = append(body, decisions(r, x)...)
		}
		if enosys {
			body = append(body, tooNew(r, i)...)
		}
		if len(body) > 0 {
			sections = append(sections, section(a, body))
		}
	}
	if len(sections) == 0 {
		return nil
	}
	program := []instruction{{code: load, k: offsetArch}}
	for _, s := range sections {
		program = append(program, s...)
	}
	// Every section ends with a jump whose distance is only known now: over the sections behind it.
	at := 1
	for _, s := range sections {
		at += len(s)
		program[at-1].k = uint32(len(program) - at)
	}
	return program
}

// section runs body, with the number of the call loaded, if the architecture in the accumulator is a; else it goes on
// behind itself with the accumulator untouched. Its last instruction is the jump to the end of the prologue.
func section(a *arch, body []instruction) []instruction {
	s := make([]instruction, 0, len(body)+4)
	s = append(s,
		instruction{code: jumpEqual, jt: 1, k: a.audit},
		instruction{code: jump, k: uint32(len(body) + 2)},
		instruction{code: load, k: offsetNumber})
	s = append(s, body...)
	return append(s, instruction{code: jump})
}

// x32 returns the index of x32 in archs, -1 if it is not there.
func (r *rules) x32() int {
	for i, a := range r.archs {
		if a.base == x32Bit {
			return i
		}
	}
	return -1
}

// tooNew answers ENOSYS to numbers above the highest one that the profile names. The number is loaded before and after.
func tooNew(r *rules, i int) []instruction {
	own := limit(r, i)
	if r.archs[i].audit != unix.AUDIT_ARCH_X86_64 {
		return own
	}
	// The numbers of x32 have a bit of their own. If x32 is not in the filter, libseccomp's part refuses them.
	var other []instruction
	if x := r.x32(); x >= 0 {
		other = limit(r, x)
	}
	code := []instruction{{code: jumpBits, jt: uint8(len(own) + 1), k: x32Bit}}
	code = append(code, own...)
	code = append(code, instruction{code: jump, k: uint32(len(other))})
	return append(code, other...)
}

// limit is tooNew for an architecture that has its AUDIT_ARCH for itself.
func limit(r *rules, i int) []instruction {
	if r.highest[i] < 0 {
		return nil // the profile names no call here, which says nothing about its age
	}
	code := []instruction{
		{code: jumpMore, jf: 1, k: uint32(r.highest[i])},
		{code: ret, k: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
	}
	if from, to := r.archs[i].apart(); to != 0 {
		code = append([]instruction{
			{code: jumpFrom, jf: 1, k: from},
			{code: jumpMore, jf: 2, k: to},
		}, code...)
	}
	return code
}

// decisions compiles r.own for one architecture. The number is loaded before and after.
func decisions(r *rules, i int) []instruction {
	var code []instruction
	for j := range r.own {
		number := r.own[j].numbers[i]
		if number < 0 || !first(r.own, j) {
			continue
		}
		body := decision(r, r.own[j].name)
		if len(body) <= 255 {
			code = append(code, instruction{code: jumpEqual, jf: uint8(len(body)), k: uint32(number)})
		} else {
			code = append(code,
				instruction{code: jumpEqual, jt: 1, k: uint32(number)},
				instruction{code: jump, k: uint32(len(body))})
		}
		code = append(code, body...)
	}
	return code
}

// first tells whether list[j] is the first rule for its call.
func first(list []rule, j int) bool {
	for i := range j {
		if list[i].name == list[j].name {
			return false
		}
	}
	return true
}

// decision compiles all rules for one call. It always ends in a return.
func decision(r *rules, name string) []instruction {
	var code []instruction
	for j := range r.own {
		one := &r.own[j]
		if one.name != name {
			continue
		}
		var body []instruction
		for _, c := range one.conditions {
			body = append(body, compare(c)...)
		}
		body = append(body, instruction{code: ret, k: uint32(one.verdict)})
		// Six conditions of six instructions at most, so every distance to the next rule fits a byte.
		for i := range body {
			if body[i].jt == fail {
				body[i].jt = uint8(len(body) - i - 1)
			}
			if body[i].jf == fail {
				body[i].jf = uint8(len(body) - i - 1)
			}
		}
		code = append(code, body...)
		if len(one.conditions) == 0 {
			return code
		}
	}
	return append(code, instruction{code: ret, k: uint32(r.fallback)})
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
