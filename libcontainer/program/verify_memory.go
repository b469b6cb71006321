// SPDX-License-Identifier: Apache-2.0

package program

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// inBlob says whether n bytes at off lie in the blob.
func (v *Verifier) inBlob(off int64, n uint64) bool {
	size := uint64(len(v.p.Blob))
	return off >= 0 && uint64(off) <= size && n <= size-uint64(off)
}

// writes notes a part of the blob that changes while the program runs.
func (v *Verifier) writes(off, n uint64) *refusal {
	for i := range v.numWritten {
		if w := &v.written[i]; w.from <= off && off+n <= w.to {
			return nil
		}
	}
	if v.numWritten == maxWritten {
		return v.fail(RuleForm, "too many separate parts of the data are written to")
	}
	v.written[v.numWritten] = span{off, off + n}
	v.numWritten++
	return nil
}

// constant says whether n bytes at off stay what they are.
func (v *Verifier) constant(off, n uint64) bool {
	for i := range v.numWritten {
		if w := &v.written[i]; off < w.to && w.from < off+n {
			return false
		}
	}
	return true
}

// text gives the string at off, without its NUL.
func (v *Verifier) text(off int64) []byte {
	m := v.p.Blob[off:]
	if n := bytes.IndexByte(m, 0); n >= 0 {
		return m[:n]
	}
	return nil // excluded by formCall
}

// formCall checks that a system call is a known one and that the kernel can
// reach nothing through its arguments but what is meant.
func (v *Verifier) formCall(in *Insn) *refusal {
	s := signatureOf(in.Nr)
	if s.never {
		return v.fail(RuleCall, "this system call is not for programs")
	}
	for a, t := range s.args {
		if t == argNone {
			if !unused(in, a) {
				return v.fail(RuleForm, "more arguments than the system call has")
			}
			return nil
		}
		if err := v.formArgument(in, a, t); err != nil {
			return err
		}
	}
	return nil
}

// formArgument checks one argument against what the signature says.
func (v *Verifier) formArgument(in *Insn, a int, t argType) *refusal {
	kind := in.Kind(a)
	if kind == Imm && plain(t) {
		return nil
	}
	if kind == Slot {
		if t != argFD && t != argDir && !(t == argKeyctlArg && in.Args[0] != unix.KEYCTL_JOIN_SESSION_KEYRING) {
			return v.fail(RuleForm, "only descriptors come from slots")
		}
		return nil
	}
	n, pointer, null, out, ok := v.extent(in, a, t)
	if !ok {
		return v.fail(RuleForm, "the size of what an argument points to is not a number")
	}
	if kind == Imm {
		if pointer && (in.Args[a] != 0 || !null) {
			return v.fail(RuleMemory, "a number is used as an address")
		}
		return nil
	}
	if !pointer {
		return v.fail(RuleMemory, "an address is used as a number")
	}
	if !v.inBlob(in.Args[a], n) {
		return v.fail(RuleMemory, "an argument points to more than there is")
	}
	if out {
		if err := v.writes(uint64(in.Args[a]), n); err != nil {
			return err
		}
	}
	if !v.closed && isText(in, t) && bytes.IndexByte(v.p.Blob[in.Args[a]:], 0) < 0 {
		return v.fail(RuleMemory, "a string does not end")
	}
	return nil
}

// plain says whether an argument is a number whatever the others are: most are.
func plain(t argType) bool {
	switch t {
	case argInt, argHex, argMode, argNodeMode, argDev, argFD, argDir, argOpenTree, argMoveMount, argAt, argUnlink, argAccess,
		argMountFlags, argNamespaces, argStatxMask, argSize, argPrctl, argFsconfig, argResource:
		return true
	}
	return false
}

// isText says whether an argument is a NUL-terminated string.
func isText(in *Insn, t argType) bool {
	switch t {
	case argPath, argText, argTextOrNull, argFsconfigKey, argFsconfigValue, argKeyctlArg:
		return true
	case argPrctlArg:
		return in.Args[0] == unix.PR_SET_NAME
	}
	return false
}

// extent says how many bytes the kernel reads or writes through an argument,
// whether it is a pointer at all, may be null, and is written to. It is not ok
// where the size is not known beforehand.
func (v *Verifier) extent(in *Insn, a int, t argType) (n uint64, pointer, null, out, ok bool) {
	switch t {
	case argPath, argText:
		return 1, true, false, false, true
	case argTextOrNull:
		return 1, true, true, false, true
	case argNull:
		return 0, true, true, false, true
	case argStrings:
		return 8, true, false, false, true
	case argData, argDataOut:
		n, ok := count(in, a+1, 1)
		return n, true, false, t == argDataOut, ok
	case argCPUs:
		n, ok := count(in, a-1, 1)
		return n, true, false, false, ok
	case argGroups:
		n, ok := count(in, a-1, 4)
		return n, true, n == 0, false, ok
	case argNodes:
		n, ok := count(in, a+1, 1)
		return (n + 62) / 64 * 8, true, n == 0, false, ok // the kernel reads words, for one bit less
	case argOpenHow:
		return unix.SizeofOpenHow, true, false, false, in.Kind(a+1) == Imm && in.Args[a+1] == unix.SizeofOpenHow
	case argMountAttr:
		return 32, true, false, false, in.Kind(a+1) == Imm && in.Args[a+1] == 32
	case argStatxOut:
		return 256, true, false, true, true
	case argStatfsOut:
		return 120, true, false, true, true
	case argCapHeader:
		return 8, true, false, false, true
	case argCapData:
		return 24, true, false, false, true
	case argSchedAttr:
		n := uint64(48)
		if in.Kind(a) == Addr && v.inBlob(in.Args[a], 4) {
			n = max(n, uint64(binary.LittleEndian.Uint32(v.p.Blob[in.Args[a]:])))
		}
		return n, true, false, false, true
	case argSeccomp, argRlimit:
		return 16, true, false, false, true
	case argFsconfigKey:
		return 1, true, in.Args[1] == unix.FSCONFIG_CMD_CREATE || in.Args[1] == unix.FSCONFIG_CMD_RECONFIGURE, false, true
	case argFsconfigValue:
		return 1, true, in.Args[1] != unix.FSCONFIG_SET_STRING, false, true
	case argKeyctlArg:
		return 1, in.Args[0] == unix.KEYCTL_JOIN_SESSION_KEYRING, false, false, true
	case argPrctlArg:
		return 1, a == 1 && in.Args[0] == unix.PR_SET_NAME, false, false, true
	case argIoctlArg:
		n, pointer := ioctlSize(in)
		return n, pointer, false, false, true
	}
	return 0, false, false, false, true
}

// count reads a number of things, each size bytes long.
func count(in *Insn, a int, size uint64) (uint64, bool) {
	if in.Kind(a) != Imm || in.Args[a] < 0 || in.Args[a] > MaxBlob {
		return 0, false
	}
	return uint64(in.Args[a]) * size, true
}

// ioctlSize gives the size of what the argument of an ioctl points to.
func ioctlSize(in *Insn) (n uint64, pointer bool) {
	switch in.Args[1] {
	case unix.SIOCSIFFLAGS:
		return 40, true // struct ifreq
	case unix.TIOCSPTLCK:
		return 4, true
	case unix.TIOCSWINSZ:
		return 8, true
	}
	return 0, false
}

// look checks what Verify must be able to rely on: the memory behind the
// arguments of this call stays as it is, and pointers in it are known ones.
func (v *Verifier) look(in *Insn, s *signature) *refusal {
	for a, kinds := 0, in.Kinds&(1<<12-1); kinds != 0; a, kinds = a+1, kinds>>2 {
		if Kind(kinds&3) != Addr {
			continue
		}
		t, off := s.args[a], in.Args[a]
		n, _, _, out, _ := v.extent(in, a, t)
		switch {
		case out:
			continue
		case isText(in, t):
			n = uint64(len(v.text(off))) + 1
		case t == argStrings:
			if err := v.strings(off); err != nil {
				return err
			}
			continue
		case t == argSeccomp:
			if err := v.filter(off); err != nil {
				return err
			}
		}
		if !v.constant(uint64(off), n) {
			return v.fail(RuleConstant, "an argument is overwritten while the program runs")
		}
	}
	return nil
}

// recorded gives the place of off in the list of pointers, -1 if it is none.
func (v *Verifier) recorded(off uint64) int {
	for i, at := range v.p.Pointers {
		if uint64(at) == off {
			return i
		}
	}
	return -1
}

// strings checks a NULL-terminated array of strings. The candidates of a PATH
// share theirs, so the last two are remembered.
func (v *Verifier) strings(off int64) *refusal {
	if v.arrays[0] == off || v.arrays[1] == off {
		return nil
	}
	blob, first := v.p.Blob, uint64(v.p.addr(0))
	hint := v.recorded(uint64(off))
	at := uint64(off)
	for ; ; at += 8 {
		if at+8 > uint64(len(blob)) {
			return v.fail(RuleMemory, "an array of strings does not end")
		}
		to := binary.LittleEndian.Uint64(blob[at:])
		if to == 0 {
			break
		}
		// The builder records an array in one go.
		if hint < 0 || hint >= len(v.p.Pointers) || uint64(v.p.Pointers[hint]) != at {
			if hint = v.recorded(at); hint < 0 {
				return v.fail(RulePointer, "an array of strings holds an address that the builder did not put there")
			}
		}
		hint++
		to -= first // in the blob, as program() found for all recorded ones
		n := bytes.IndexByte(blob[to:], 0)
		if n < 0 {
			return v.fail(RuleMemory, "a string does not end")
		}
		if !v.constant(to, uint64(n)+1) {
			return v.fail(RuleConstant, "a string is overwritten while the program runs")
		}
	}
	if !v.constant(uint64(off), at+8-uint64(off)) {
		return v.fail(RuleConstant, "an array of strings is overwritten while the program runs")
	}
	v.arrays[1], v.arrays[0] = v.arrays[0], off
	return nil
}

// filter checks a struct sock_fprog: a length and a pointer to that many
// instructions of eight bytes.
func (v *Verifier) filter(off int64) *refusal {
	n := uint64(binary.LittleEndian.Uint16(v.p.Blob[off:]))
	if n == 0 {
		return v.fail(RuleFilter, "an empty filter")
	}
	if v.recorded(uint64(off)+8) < 0 {
		return v.fail(RulePointer, "the filter's address is not one that the builder put there")
	}
	to := binary.LittleEndian.Uint64(v.p.Blob[off+8:]) - uint64(v.p.addr(0))
	if !v.inBlob(int64(to), 8*n) {
		return v.fail(RuleMemory, "the filter is longer than there is data")
	}
	if !v.constant(to, 8*n) {
		return v.fail(RuleConstant, "the filter is overwritten while the program runs")
	}
	return nil
}
