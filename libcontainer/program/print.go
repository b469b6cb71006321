// SPDX-License-Identifier: Apache-2.0

package program

import (
	"io"
	"strconv"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// PrintOptions say how a program is printed.
type PrintOptions struct {
	// SyncName names the sync points; nil prints their numbers.
	SyncName func(code int) string
	// Trace, where it holds times, limits the output to the instructions that
	// were reached, and adds when, how long and with what result.
	Trace Recorder
	// Origin is the time, in nanoseconds of CLOCK_REALTIME, that trace times
	// are told from; 0 means the first instruction.
	Origin int64
	// Full prints strings and arrays whole, however long.
	Full bool
}

// How much of a string, and of how many elements of an array, is printed.
const (
	shortText  = 200
	shortArray = 8
)

// printer writes instructions of one program. It reads the blob as nsexec
// would, but trusts nothing: whatever the bytes are, there is a text for them.
type printer struct {
	p    *Program
	sync func(int) string
	full bool
}

// Format gives instruction i as text, much like strace(1), without its error
// policy: what an error message quotes. An index outside of the program gives
// a text too.
func (p *Program) Format(i int) string {
	pr := printer{p: p}
	return string(pr.insn(nil, i))
}

// Print writes the program, one instruction per line: index, instruction and
// where its result is kept, what happens on which error, and what it is for.
func (p *Program) Print(w io.Writer, o PrintOptions) error {
	pr := printer{p, o.SyncName, o.Full}
	line := make([]byte, 0, 512)
	origin := o.Origin
	if origin == 0 {
		origin = o.Trace.Trace(0).Begin
	}
	for i := range p.Insns {
		line = line[:0]
		t := o.Trace.Trace(i)
		if o.Trace != nil {
			if t.Begin == 0 {
				continue
			}
			line = pad(line, micros(t.Begin-origin), 12)
			line = pad(line, micros(t.End-t.Begin), 11)
		}
		line = pad(line, strconv.Itoa(i), 5)
		line = append(line, "  "...)
		from := len(line)
		line = pr.insn(line, i)
		line = pr.result(line, i)
		line = pr.policy(line, i)
		if o.Trace != nil {
			line = append(line, " = "...)
			line = errnoOrNumber(line, t.Result)
		}
		if i < len(p.Causes) {
			if c := p.Causes[i].String(); c != "" {
				for utf8.RuneCount(line[from:]) < 100 {
					line = append(line, ' ')
				}
				line = append(line, "  # "...)
				line = append(line, c...)
			}
		}
		line = append(line, '\n')
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// micros gives nanoseconds as microseconds with one digit.
func micros(ns int64) string { return strconv.FormatFloat(float64(ns)/1000, 'f', 1, 64) + "µs" }

// pad appends s, right-aligned in width columns.
func pad(dst []byte, s string, width int) []byte {
	for n := utf8.RuneCountInString(s); n < width; n++ {
		dst = append(dst, ' ')
	}
	return append(dst, s...)
}

// insn appends instruction i.
func (pr *printer) insn(dst []byte, i int) []byte {
	if i < 0 || i >= len(pr.p.Insns) {
		return append(strconv.AppendInt(append(dst, "instruction "...), int64(i), 10), " (not in the program)"...)
	}
	in := &pr.p.Insns[i]
	switch in.Op {
	case OpSyscall:
		return pr.call(dst, in)
	case OpLoad:
		dst = append(dst, "load "...)
		dst = pr.width(dst, in, 1)
		return pr.place(append(dst, ' '), in, 0)
	case OpStore:
		dst = append(dst, "store "...)
		dst = pr.width(dst, in, 2)
		dst = pr.place(append(dst, ' '), in, 0)
		return pr.value(append(dst, " = "...), in, 1)
	case OpCheck:
		return pr.check(dst, i)
	case OpJump:
		dst = append(dst, "jump "...)
		dst = strconv.AppendUint(dst, uint64(in.Target), 10)
		if in.Kind(0) == Imm && in.Args[0] != 0 {
			return dst
		}
		return pr.value(append(dst, " if "...), in, 0)
	case OpSync:
		return pr.syncPoint(dst, in)
	}
	dst = strconv.AppendUint(append(dst, "op_"...), uint64(in.Op), 10)
	return pr.arguments(dst, in, &unknownCall, MaxArgs)
}

// call appends a system call with its arguments.
func (pr *printer) call(dst []byte, in *Insn) []byte {
	dst = append(dst, SyscallName(in.Nr)...)
	s := signatureOf(in.Nr)
	n := MaxArgs
	for n > 0 && (s.args[n-1] == argNone || s.args[n-1] == argSize) {
		n--
	}
	if s.args[0] == argPrctl || s.args[0] == argKeyctl || s.name == "" {
		for n > 1 && in.Kind(n-1) == Imm && in.Args[n-1] == 0 {
			n-- // what an operation does not use is zero
		}
		if s.args[0] == argPrctl {
			n = max(n, 2)
			if in.Args[0] == unix.PR_CAP_AMBIENT && in.Args[1] != unix.PR_CAP_AMBIENT_CLEAR_ALL {
				n = max(n, 3) // capability 0 is CAP_CHOWN
			}
		}
	}
	return pr.arguments(dst, in, s, n)
}

func (pr *printer) arguments(dst []byte, in *Insn, s *signature, n int) []byte {
	dst = append(dst, '(')
	for i := range n {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = pr.argument(dst, in, i, s.args[i])
	}
	return append(dst, ')')
}

// syncPoint appends a sync; "tell" is one that waits for nothing.
func (pr *printer) syncPoint(dst []byte, in *Insn) []byte {
	if in.Kind(3) == Imm && in.Args[3] == 0 {
		dst = append(dst, "tell "...)
	} else {
		dst = append(dst, "sync "...)
	}
	if pr.sync != nil && in.Kind(0) == Imm {
		dst = append(dst, pr.sync(int(in.Args[0]))...)
	} else {
		dst = pr.value(dst, in, 0)
	}
	if in.Kind(1) != Imm || in.Args[1] != 0 {
		dst = pr.value(append(dst, " value="...), in, 1)
	}
	if in.Kind(2) != Imm || in.Args[2] != -1 {
		dst = pr.argument(append(dst, " fd="...), in, 2, argFD)
	}
	return dst
}

// check appends a comparison, in terms of what was read just before.
func (pr *printer) check(dst []byte, i int) []byte {
	in := &pr.p.Insns[i]
	mask, want := uint64(in.Args[1]), uint64(in.Args[2])
	plain := in.Kind(0) == Addr && in.Kind(1) == Imm && in.Kind(2) == Imm && in.Kind(3) == Imm
	dst = append(dst, "check "...)
	field := argNone
	if plain {
		field = pr.field(i)
	}
	switch {
	case plain && want&^mask != 0:
		dst = append(dst, "never"...)
	case field == argStatxOut && mask == uint64(unix.S_IFMT)<<32:
		dst = symbolOr(append(dst, "type == "...), want>>32, fileTypes)
	case field == argDev && mask == ^uint64(0):
		dst = strconv.AppendUint(append(dst, "device == "...), want&0xffffffff, 10)
		dst = strconv.AppendUint(append(dst, ':'), want>>32, 10)
	case field == argStatfsOut && mask == 0xffffffff:
		dst = symbolOr(append(dst, "filesystem == "...), want, filesystems)
	case field == argDataOut && mask == 0xff:
		dst = strconv.AppendQuoteRune(append(dst, "first byte == "...), rune(want))
	default:
		dst = pr.place(dst, in, 0)
		dst = pr.argument(append(dst, " & "...), in, 1, argHex)
		dst = pr.argument(append(dst, " == "...), in, 2, argHex)
	}
	dst = append(dst, " else "...)
	if in.Kind(3) == Imm && in.Args[3] > 0 {
		return errnoOrNumber(dst, -in.Args[3])
	}
	return pr.value(dst, in, 3)
}

// field says what a check looks at, if one of the few instructions before it
// is the call that filled the buffer. statx has two fields of interest.
func (pr *printer) field(i int) argType {
	at := pr.p.Insns[i].Args[0]
	for k := i - 1; k >= 0 && k >= i-4; k-- {
		in := &pr.p.Insns[k]
		if in.Op != OpSyscall {
			continue
		}
		s := signatureOf(in.Nr)
		for a, t := range s.args {
			if in.Kind(a) != Addr {
				continue
			}
			switch {
			case t == argStatxOut && at == in.Args[a]+statxModeOff:
				return argStatxOut
			case t == argStatxOut && at == in.Args[a]+statxRdevOff:
				return argDev
			case (t == argStatfsOut || t == argDataOut) && at == in.Args[a]:
				return t
			}
		}
	}
	return argNone
}

// result appends where the result goes.
func (pr *printer) result(dst []byte, i int) []byte {
	in := &pr.p.Insns[i]
	if in.Dst == NoSlot {
		return dst
	}
	return slotName(append(dst, " -> "...), int64(in.Dst))
}

// policy appends which errors go where.
func (pr *printer) policy(dst []byte, i int) []byte {
	in := &pr.p.Insns[i]
	if in.Errs[0] == 0 {
		return dst
	}
	dst = append(dst, " ["...)
	if in.Errs[0] == AnyErr {
		dst = append(dst, "any error"...)
	} else {
		for k, e := range in.Errs {
			if e == 0 {
				break
			}
			if k > 0 {
				dst = append(dst, ", "...)
			}
			dst = errnoOrNumber(dst, -int64(e))
		}
	}
	dst = append(dst, " → "...)
	if int64(in.Target) == int64(i)+1 {
		return append(dst, "next]"...)
	}
	return append(strconv.AppendUint(dst, uint64(in.Target), 10), ']')
}

// errnoOrNumber appends a result: an errno by name if it is one.
func errnoOrNumber(dst []byte, v int64) []byte {
	if v < 0 && v > -4096 {
		if name := unix.ErrnoName(unix.Errno(-v)); name != "" {
			return append(dst, name...)
		}
		return strconv.AppendInt(append(dst, "errno "...), -v, 10)
	}
	return strconv.AppendInt(dst, v, 10)
}
