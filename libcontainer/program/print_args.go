// SPDX-License-Identifier: Apache-2.0

package program

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"
)

// argument appends argument i of an instruction, read as type t says. What a
// slot holds is not known before the program runs, so that is its name.
func (pr *printer) argument(dst []byte, in *Insn, i int, t argType) []byte {
	v := in.Args[i]
	switch in.Kind(i) {
	case Imm:
		return pr.immediate(dst, in, i, t)
	case Addr:
		if t2 := pr.pointee(in, i, t); t2 != argNone {
			return pr.memory(dst, in, i, t2)
		}
		return pr.place(dst, in, i)
	case Slot:
		return slotName(dst, v)
	}
	return strconv.AppendInt(append(dst, '?'), v, 10)
}

// value appends an argument as a plain number.
func (pr *printer) value(dst []byte, in *Insn, i int) []byte { return pr.argument(dst, in, i, argInt) }

func slotName(dst []byte, n int64) []byte {
	if n == SyncSlot {
		return append(dst, "$sync"...)
	}
	return strconv.AppendInt(append(dst, '$'), n, 10)
}

// place appends an address in the blob.
func (pr *printer) place(dst []byte, in *Insn, i int) []byte {
	if in.Kind(i) != Addr {
		return pr.value(dst, in, i)
	}
	return strconv.AppendUint(append(dst, "@0x"...), uint64(in.Args[i]), 16)
}

func (pr *printer) width(dst []byte, in *Insn, i int) []byte {
	if in.Kind(i) == Imm && in.Args[i] == 4 {
		return append(dst, "int"...)
	}
	if in.Kind(i) == Imm && in.Args[i] == 8 {
		return append(dst, "long"...)
	}
	return pr.value(append(dst, "width "...), in, i)
}

// operation gives the first argument of a multiplexed call, or ok false where
// it is not known.
func operation(in *Insn, i int) (op uint64, ok bool) {
	return uint64(in.Args[i]), in.Kind(i) == Imm
}

// immediate appends a number as the symbols it is made of.
func (pr *printer) immediate(dst []byte, in *Insn, i int, t argType) []byte {
	v, u := in.Args[i], uint64(in.Args[i])
	switch t {
	case argFD, argDir:
		if v == unix.AT_FDCWD {
			return append(dst, "AT_FDCWD"...)
		}
	case argHex:
		return hexOf(dst, u)
	case argMode:
		return octal(dst, u)
	case argNodeMode:
		if u&unix.S_IFMT == 0 {
			return octal(dst, u)
		}
		dst = symbolOr(dst, u&unix.S_IFMT, fileTypes)
		return octal(append(dst, '|'), u&^unix.S_IFMT)
	case argDev:
		dst = strconv.AppendUint(dst, uint64(unix.Major(u)), 10)
		return strconv.AppendUint(append(dst, ':'), uint64(unix.Minor(u)), 10)
	case argFsconfig:
		return symbolOr(dst, u, fsconfigCommands)
	case argPrctl:
		return symbolOr(dst, u, prctlOptions)
	case argIoctl:
		return symbolOr(dst, u, ioctls)
	case argKeyctl:
		return symbolOr(dst, u, keyctlOperations)
	case argSeccompOp:
		return symbolOr(dst, u, seccompOperations)
	case argFamily:
		return symbolOr(dst, u, families)
	case argResource:
		return symbolOr(dst, u, resources)
	case argPersonality:
		return symbolOr(dst, u, personalities)
	case argSocket:
		if u&15 == 0 { // accept4 has flags only
			return flagBits(dst, u, socketFlags)
		}
		dst = symbolOr(dst, u&15, socketTypes)
		if u&^15 == 0 {
			return dst
		}
		return flagBits(append(dst, '|'), u&^15, socketFlags)
	case argMempolicy:
		dst = symbolOr(dst, u&0x1fff, mempolicies)
		if u&^0x1fff == 0 {
			return dst
		}
		return flagBits(append(dst, '|'), u&^0x1fff, mempolicyFlags)
	case argClone:
		if low := u & 0xff; low == uint64(unix.SIGCHLD) {
			if u&^0xff == 0 {
				return append(dst, "SIGCHLD"...)
			}
			return append(flagBits(dst, u&^0xff, cloneFlags), "|SIGCHLD"...)
		}
		return flagBits(dst, u, cloneFlags)
	case argPrctlArg:
		return pr.prctlArgument(dst, in, i)
	case argIoctlArg:
		if op, ok := operation(in, 1); ok && op == unix.TIOCGPTPEER {
			return flagBits(dst, u, openFlags)
		}
	default:
		if f := flagsOf(t); f != nil {
			return flagBits(dst, u, f)
		}
		if v == 0 && isPointer(t) {
			return append(dst, "NULL"...)
		}
	}
	if v > -4096 && v < 1<<40 {
		return strconv.AppendInt(dst, v, 10)
	}
	return hexOf(dst, u)
}

// flagsOf gives the table of a set of flags.
func flagsOf(t argType) []symbol {
	switch t {
	case argOpenTree:
		return openTreeFlags
	case argMoveMount:
		return moveMountFlags
	case argAt:
		return atFlags
	case argUnlink:
		return unlinkFlags
	case argAccess:
		return accessFlags
	case argFsopen:
		return fsopenFlags
	case argFsmount:
		return fsmountFlags
	case argFspick:
		return fspickFlags
	case argMountFlags:
		return mountAttrs
	case argUmount:
		return umountFlags
	case argNamespaces:
		return cloneFlags
	case argCloseRange:
		return closeRangeFlags
	case argSeccompFlags:
		return seccompFlags
	case argDup3:
		return openFlags
	case argStatxMask:
		return statxMasks
	}
	return nil
}

// isPointer says whether 0 is to be read as a null pointer.
func isPointer(t argType) bool {
	switch t {
	case argPath, argText, argTextOrNull, argStrings, argNull, argData, argDataOut, argCPUs, argNodes, argGroups, argOpenHow,
		argMountAttr, argStatxOut, argStatfsOut, argCapHeader, argCapData, argSchedAttr, argSeccomp, argRlimit, argFsconfigKey, argFsconfigValue:
		return true
	}
	return false
}

// prctlArgument appends what an option of prctl(2) is given.
func (pr *printer) prctlArgument(dst []byte, in *Insn, i int) []byte {
	op, ok := operation(in, 0)
	v := uint64(in.Args[i])
	switch {
	case !ok:
	case op == unix.PR_CAPBSET_DROP && i == 1:
		return capability(dst, v)
	case op == unix.PR_CAP_AMBIENT && i == 1:
		return symbolOr(dst, v, ambientOperations)
	case op == unix.PR_CAP_AMBIENT && i == 2:
		return capability(dst, v)
	}
	return strconv.AppendInt(dst, int64(v), 10)
}

// memory appends what an address points to. t is never argNone.
func (pr *printer) memory(dst []byte, in *Insn, i int, t argType) []byte {
	blob := pr.p.Blob
	off := uint64(in.Args[i])
	if off >= uint64(len(blob)) {
		return append(pr.place(dst, in, i), " (outside)"...)
	}
	m := blob[off:]
	le := binary.LittleEndian
	switch t {
	case argPath, argText, argTextOrNull:
		n := bytes.IndexByte(m, 0)
		if n < 0 {
			n = len(m)
		}
		return pr.text(dst, m[:n])
	case argData:
		n := min(pr.length(in, i+1), uint64(len(m)))
		return pr.text(dst, m[:n])
	case argStrings:
		return pr.strings(dst, off)
	case argOpenHow:
		if len(m) >= 24 {
			return openHow(dst, m)
		}
	case argMountAttr:
		if len(m) >= 32 {
			return mountAttr(dst, m)
		}
	case argCapData:
		if len(m) >= 24 {
			return capData(dst, m)
		}
	case argCapHeader:
		if len(m) >= 8 && le.Uint32(m) == unix.LINUX_CAPABILITY_VERSION_3 {
			return append(dst, "v3"...)
		}
	case argGroups:
		n := pr.length(in, i-1)
		dst = append(dst, '[')
		for k := uint64(0); k < n && 4*k+4 <= uint64(len(m)); k++ {
			if k > 0 {
				dst = append(dst, ", "...)
			}
			if k == shortArray && !pr.full {
				dst = append(dst, "..."...)
				break
			}
			dst = strconv.AppendUint(dst, uint64(le.Uint32(m[4*k:])), 10)
		}
		return append(dst, ']')
	case argSeccomp:
		if len(m) >= 2 {
			dst = strconv.AppendUint(append(dst, "{len="...), uint64(le.Uint16(m)), 10)
			return append(dst, '}')
		}
	case argSchedAttr:
		if len(m) >= 48 {
			dst = strconv.AppendUint(append(dst, "{policy="...), uint64(le.Uint32(m[4:])), 10)
			dst = strconv.AppendInt(append(dst, ", nice="...), int64(int32(le.Uint32(m[16:]))), 10)
			dst = strconv.AppendUint(append(dst, ", priority="...), uint64(le.Uint32(m[20:])), 10)
			return append(dst, '}')
		}
	case argRlimit:
		if len(m) >= 16 {
			dst = limit(append(dst, "{soft="...), le.Uint64(m))
			return append(limit(append(dst, ", hard="...), le.Uint64(m[8:])), '}')
		}
	case argCPUs:
		n := min(pr.length(in, i-1), uint64(len(m)))
		return bitmap(dst, m[:n])
	case argNodes:
		n := min(pr.length(in, i+1)/8, uint64(len(m)))
		return bitmap(dst, m[:n])
	case argInt:
		if len(m) >= 4 {
			return append(strconv.AppendInt(append(dst, '['), int64(int32(le.Uint32(m))), 10), ']')
		}
	}
	return pr.place(dst, in, i)
}

// pointee says how the memory behind an address is to be read; for
// multiplexed calls that depends on the operation.
func (pr *printer) pointee(in *Insn, i int, t argType) argType {
	switch t {
	case argPrctlArg:
		if op, ok := operation(in, 0); ok && op == unix.PR_SET_NAME && i == 1 {
			return argText
		}
		return argNone
	case argKeyctlArg:
		if op, ok := operation(in, 0); ok && op == unix.KEYCTL_JOIN_SESSION_KEYRING {
			return argText
		}
		return argNone
	case argFsconfigKey:
		return argText
	case argFsconfigValue:
		if op, ok := operation(in, 1); ok && op == unix.FSCONFIG_SET_STRING {
			return argText
		}
		return argNone
	case argIoctlArg:
		switch op, _ := operation(in, 1); op {
		case unix.SIOCSIFFLAGS:
			return argText // struct ifreq begins with the name
		case unix.TIOCSPTLCK:
			return argInt
		}
		return argNone
	}
	if isPointer(t) {
		return t
	}
	return argNone
}

// length reads an argument that is a number of something.
func (pr *printer) length(in *Insn, i int) uint64 {
	if in.Kind(i) != Imm || in.Args[i] < 0 {
		return 0
	}
	return uint64(in.Args[i])
}

func (pr *printer) text(dst, s []byte) []byte {
	if len(s) > shortText && !pr.full {
		return append(strconv.AppendQuote(dst, string(s[:shortText])), "..."...)
	}
	return strconv.AppendQuote(dst, string(s))
}

// strings appends a NULL-terminated array of string pointers.
func (pr *printer) strings(dst []byte, off uint64) []byte {
	blob := pr.p.Blob
	first := uint64(pr.p.addr(0))
	dst = append(dst, '[')
	for k := 0; off+8 <= uint64(len(blob)); k, off = k+1, off+8 {
		at := binary.LittleEndian.Uint64(blob[off:])
		if at == 0 {
			break
		}
		if k > 0 {
			dst = append(dst, ", "...)
		}
		if k == shortArray && !pr.full {
			dst = append(dst, "..."...)
			break
		}
		if at -= first; at >= uint64(len(blob)) {
			dst = append(dst, "(outside)"...)
			continue
		}
		s := blob[at:]
		if n := bytes.IndexByte(s, 0); n >= 0 {
			s = s[:n]
		}
		dst = pr.text(dst, s)
	}
	return append(dst, ']')
}
