// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"strconv"
)

// The device filter of cgroup v2 is a BPF program that the kernel runs for
// every open and mknod of a device. It gets a struct bpf_cgroup_dev_ctx and
// returns 1 to allow.
//
//	struct { u32 access_type /* access << 16 | kind */, major, minor }
//
// The program checks the rules from the last to the first. A rule for rwm that
// matches decides. The others decide bit by bit, which is what "in the listed
// order" means for them: r3 holds the access that no rule has decided about yet;
// an allow rule takes its bits away, and when none is left the access is
// allowed; a deny rule that has any of the bits left denies.
//
// Its size and its number of branches are what creating a container on v2 costs
// most time for, because the kernel's verifier walks all paths. So rules of one
// kind that follow one another share the test for it, and all share the ends.

// bpfInsn is struct bpf_insn.
type bpfInsn struct {
	code uint8
	regs uint8 // dst | src<<4
	off  int16
	imm  int32
}

// Opcodes (linux/bpf.h), as far as the filter uses them.
const (
	opLoad32 = 0x61 // r[dst] = *(u32 *)(r[src] + off)
	opMov32  = 0xb4 // w[dst] = imm
	opAnd32  = 0x54 // w[dst] &= imm
	opRsh32  = 0x74 // w[dst] >>= imm
	opJa     = 0x05 // goto off
	opJne32  = 0x56 // if w[dst] != imm goto off
	opJeq32  = 0x16 // if w[dst] == imm goto off
	opJset32 = 0x46 // if w[dst] & imm goto off
	opExit   = 0x95

	bpfBlock = 1 // BPF_DEVCG_DEV_BLOCK
	bpfChar  = 2 // BPF_DEVCG_DEV_CHAR
	bpfMknod = 1 // BPF_DEVCG_ACC_MKNOD
	bpfRead  = 2
	bpfWrite = 4

	regAnswer = 0
	regCtx    = 1
	regKind   = 2
	regAccess = 3
	regMajor  = 4
	regMinor  = 5
)

// Jump targets that are put in when the program is complete.
const (
	toDeny  = -1
	toAllow = -2
)

// deviceProgram compiles rules; what no rule allows is denied. It gives no
// instructions where everything is allowed, as for a privileged container: no
// filter is the same, and costs nothing.
func deviceProgram(rules []deviceRule) []bpfInsn {
	if allowsAll(rules) {
		return nil
	}
	load := func(dst uint8, off int16) bpfInsn { return bpfInsn{opLoad32, dst | regCtx<<4, off, 0} }
	p := make([]bpfInsn, 0, 16+5*len(rules))
	p = append(p,
		load(regKind, 0),
		bpfInsn{opAnd32, regKind, 0, 0xffff},
		load(regAccess, 0),
		bpfInsn{opRsh32, regAccess, 0, 16},
		load(regMajor, 4),
		load(regMinor, 8),
	)
	decided := [2]bool{} // a rule for everything of the kind: nothing before it matters
	for i := len(rules); i > 0; {
		kind := rules[i-1].kind
		test := len(p)
		p = append(p, bpfInsn{opJne32, regKind, 0, bpfKind(kind)})
		for ; i > 0 && rules[i-1].kind == kind; i-- {
			done := &decided[kind-'b']
			if !*done {
				p = appendRule(p, &rules[i-1])
				*done = isAll(rules[i-1])
			}
		}
		if len(p) == test+1 {
			p = p[:test]
			continue
		}
		p[test].off = int16(len(p) - test - 1)
	}
	deny := len(p)
	p = append(p, bpfInsn{opMov32, regAnswer, 0, 0}, bpfInsn{opExit, 0, 0, 0})
	allow := len(p)
	p = append(p, bpfInsn{opMov32, regAnswer, 0, 1}, bpfInsn{opExit, 0, 0, 0})
	for i := range p {
		switch {
		case p[i].code&7 != opJa&7 && p[i].code&7 != opJne32&7:
		case p[i].off == toDeny:
			p[i].off = int16(deny - i - 1)
		case p[i].off == toAllow:
			p[i].off = int16(allow - i - 1)
		}
	}
	return p
}

// allowsAll reports whether the rules deny nothing.
func allowsAll(rules []deviceRule) bool {
	var open [2]bool
	for i := len(rules) - 1; i >= 0; i-- {
		r := &rules[i]
		done := &open[r.kind-'b']
		switch {
		case *done:
		case !r.allow:
			return false
		case isAll(*r):
			*done = true
		}
	}
	return open[0] && open[1]
}

func bpfKind(kind byte) int32 {
	if kind == 'b' {
		return bpfBlock
	}
	return bpfChar
}

func bpfAccess(access uint8) int32 {
	var a int32
	if access&accessRead != 0 {
		a |= bpfRead
	}
	if access&accessWrite != 0 {
		a |= bpfWrite
	}
	if access&accessMknod != 0 {
		a |= bpfMknod
	}
	return a
}

// appendRule adds the tests for the numbers and the decision.
func appendRule(p []bpfInsn, r *deviceRule) []bpfInsn {
	end := int16(toDeny)
	if r.allow {
		end = toAllow
	}
	var tests [2]bpfInsn
	n := 0
	if r.major != anyNumber {
		tests[n] = bpfInsn{opJne32, regMajor, 0, int32(uint32(r.major))}
		n++
	}
	if r.minor != anyNumber {
		tests[n] = bpfInsn{opJne32, regMinor, 0, int32(uint32(r.minor))}
		n++
	}
	if r.access == accessAll {
		if n == 0 {
			return append(p, bpfInsn{opJa, 0, end, 0})
		}
		last := tests[n-1]
		last.code, last.off = opJeq32, end
		tests[0].off = 1
		return append(append(p, tests[:n-1]...), last)
	}
	body := []bpfInsn{{opJset32, regAccess, end, bpfAccess(r.access)}}
	if r.allow {
		body = []bpfInsn{{opAnd32, regAccess, 0, ^bpfAccess(r.access)}, {opJeq32, regAccess, end, 0}}
	}
	for i := range n {
		tests[i].off = int16(len(body) + n - 1 - i)
	}
	return append(append(p, tests[:n]...), body...)
}

func appendNumber(b []byte, n int64) []byte {
	if n == anyNumber {
		return append(b, '*')
	}
	return strconv.AppendInt(b, n, 10)
}

func parseNumber(s string) (int64, error) {
	if s == "*" {
		return anyNumber, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return int64(n), err
}
