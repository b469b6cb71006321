// SPDX-License-Identifier: Apache-2.0

package program

import (
	"strconv"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// JSON gives the program for scripts: an object with its name and one object
// per instruction, each on a line of its own. Fields may be added, never
// changed:
//
//	index    place in the program
//	op       syscall, load, store, check, jump, sync
//	name     of the system call (op syscall), or of the sync point (op sync)
//	text     what Print shows, whole
//	slot     where the result is kept, if it is
//	errors   errnos that do not fail the program, "any" for all
//	target   where it goes on after these, or jumps to
//	pointer  JSON pointer into config.json, or
//	note     what it is for where no property asked
//	begin    trace: nanoseconds of CLOCK_REALTIME
//	end
//	result   trace: the result, a negative errno on error
func (p *Program) JSON(o PrintOptions) []byte {
	pr := printer{p, o.SyncName, true}
	dst := append([]byte(nil), `{"name":`...)
	dst = quoteJSON(dst, p.Name)
	dst = append(dst, `,"instructions":[`...)
	for i := range p.Insns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '\n')
		dst = pr.json(dst, i, o.Trace.Trace(i))
	}
	return append(dst, "\n]}\n"...)
}

func (pr *printer) json(dst []byte, i int, t Trace) []byte {
	in := &pr.p.Insns[i]
	dst = number(dst, `{"index":`, int64(i))
	dst = append(dst, `,"op":`...)
	dst = quoteJSON(dst, in.Op.String())
	switch in.Op {
	case OpSyscall:
		dst = quoteJSON(append(dst, `,"name":`...), SyscallName(in.Nr))
	case OpSync:
		if pr.sync != nil && in.Kind(0) == Imm {
			dst = quoteJSON(append(dst, `,"name":`...), pr.sync(int(in.Args[0])))
		}
	}
	dst = quoteJSON(append(dst, `,"text":`...), string(pr.insn(nil, i)))
	if in.Dst != NoSlot {
		dst = number(dst, `,"slot":`, int64(in.Dst))
	}
	if in.Errs[0] != 0 {
		dst = append(dst, `,"errors":[`...)
		for k, e := range in.Errs {
			if e == 0 {
				break
			}
			if k > 0 {
				dst = append(dst, ',')
			}
			if e == AnyErr {
				dst = append(dst, `"any"`...)
				break
			}
			name := unix.ErrnoName(unix.Errno(e))
			if name == "" {
				name = strconv.Itoa(int(e))
			}
			dst = quoteJSON(dst, name)
		}
		dst = append(dst, ']')
	}
	if in.Target != 0 {
		dst = number(dst, `,"target":`, int64(in.Target))
	}
	if i < len(pr.p.Causes) {
		if c := pr.p.Causes[i]; c.Pointer != "" {
			dst = quoteJSON(append(dst, `,"pointer":`...), c.String())
		} else if c.Note != "" {
			dst = quoteJSON(append(dst, `,"note":`...), c.Note)
		}
	}
	if t.Begin != 0 {
		dst = number(dst, `,"begin":`, t.Begin)
		dst = number(dst, `,"end":`, t.End)
		dst = number(dst, `,"result":`, t.Result)
	}
	return append(dst, '}')
}

// String names an operation.
func (op Op) String() string {
	switch op {
	case OpSyscall:
		return "syscall"
	case OpLoad:
		return "load"
	case OpStore:
		return "store"
	case OpCheck:
		return "check"
	case OpJump:
		return "jump"
	case OpSync:
		return "sync"
	}
	return "op_" + itoa(int(op))
}

func number(dst []byte, key string, v int64) []byte {
	return strconv.AppendInt(append(dst, key...), v, 10)
}

// quoteJSON appends a JSON string; bytes that are not UTF-8 become U+FFFD.
func quoteJSON(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20 || r == 0x7f:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
