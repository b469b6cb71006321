// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Verdict is what a filter returns for a call: a SECCOMP_RET_* action and 16 bits of data.
type Verdict uint32

func (v Verdict) action() uint32 { return uint32(v) & unix.SECCOMP_RET_ACTION_FULL }

func (v Verdict) data() uint16 { return uint16(v) }

// Asks tells whether a tracer or an agent decides.
func (v Verdict) Asks() bool {
	return v.action() == unix.SECCOMP_RET_TRACE || v.action() == unix.SECCOMP_RET_USER_NOTIF
}

// permits tells whether the call is carried out without anybody being asked.
func (v Verdict) permits() bool {
	return v.action() == unix.SECCOMP_RET_ALLOW || v.action() == unix.SECCOMP_RET_LOG
}

// String returns the action in the words of config.json, with the errno where there is one.
func (v Verdict) String() string {
	for i := range actions {
		a := &actions[i]
		if uint32(a.verdict) != v.action() || a.name == "SCMP_ACT_KILL" {
			continue
		}
		if a.verdict == unix.SECCOMP_RET_ERRNO {
			if name := unix.ErrnoName(unix.Errno(v.data())); name != "" {
				return a.name + "(" + name + ")"
			}
		}
		if a.data != 0 {
			return a.name + "(" + strconv.Itoa(int(v.data())) + ")"
		}
		return a.name
	}
	return "SECCOMP_RET(0x" + strconv.FormatUint(uint64(v), 16) + ")"
}

// Call is a system call as a filter sees it.
type Call struct {
	// Name is for messages.
	Name string
	// Number is the call's number, of the architecture Arch.
	Number uint32
	// Arch is an AUDIT_ARCH_* value; 0 is that of this program.
	Arch uint32
	Args [6]uint64
	// IP is the address of the instruction.
	IP uint64
}

// Denial is a call that a filter does not let pass.
type Denial struct {
	Call    Call
	Verdict Verdict
}

func (d Denial) Error() string {
	return fmt.Sprintf("the profile answers %s with %s", d.Call.Name, d.Verdict)
}

// Allows runs the program for each call, as the kernel would, and returns those that are not simply carried out. A call
// that an agent or a tracer would be asked about is among them. The error tells of a program that the kernel would not take.
func Allows(program []byte, calls []Call) ([]Denial, error) {
	var denied []Denial
	for i := range calls {
		v, err := Simulate(program, &calls[i])
		if err != nil {
			return denied, err
		}
		if !v.permits() {
			denied = append(denied, Denial{calls[i], v})
		}
	}
	return denied, nil
}

// Simulate runs the program for one call, as the kernel would.
func Simulate(program []byte, c *Call) (Verdict, error) {
	if len(program)%instructionSize != 0 {
		return 0, errors.New("seccomp: program: not a whole number of instructions")
	}
	if n := len(program) / instructionSize; n == 0 || n > maxInstructions {
		return 0, fmt.Errorf("seccomp: program: %d instructions, must be 1 to %d", n, maxInstructions)
	}
	m := machine{program: program, data: c.data()}
	return m.run()
}

// data lays a call out as struct seccomp_data, in words.
func (c *Call) data() [dataSize / 4]uint32 {
	var d [dataSize / 4]uint32
	d[offsetNumber/4], d[offsetArch/4] = c.Number, c.Arch
	if c.Arch == 0 {
		d[offsetArch/4] = findArch(nativeName(runtime.GOARCH)).audit
	}
	for i, v := range c.Args {
		high, low := argOffsets(uint(i))
		d[high/4], d[low/4] = uint32(v>>32), uint32(v)
	}
	high, low := argOffsets(0)
	back := uint32(offsetArgs - offsetIP)
	d[(high-back)/4], d[(low-back)/4] = uint32(c.IP>>32), uint32(c.IP)
	return d
}

// machine is the kernel's machine for classic BPF, as far as seccomp permits it. It has no jump backwards, hence no loop.
type machine struct {
	program []byte
	data    [dataSize / 4]uint32
	a, x    uint32
	memory  [unix.BPF_MEMWORDS]uint32
}

func (m *machine) run() (Verdict, error) {
	for pc := 0; pc < len(m.program)/instructionSize; pc++ {
		in := decodeAt(m.program, pc)
		bad := false
		switch in.code & 7 {
		case unix.BPF_LD, unix.BPF_LDX:
			bad = !m.load(in)
		case unix.BPF_ST, unix.BPF_STX:
			if in.code&^7 != 0 || in.k >= unix.BPF_MEMWORDS {
				bad = true
			} else if in.code == unix.BPF_ST {
				m.memory[in.k] = m.a
			} else {
				m.memory[in.k] = m.x
			}
		case unix.BPF_ALU:
			if in.code&0xf0 == unix.BPF_DIV && in.code&unix.BPF_X != 0 && m.x == 0 {
				return unix.SECCOMP_RET_KILL_THREAD, nil // the kernel ends the program with 0
			}
			bad = !m.compute(in)
		case unix.BPF_JMP:
			distance, ok := m.branch(in)
			bad = !ok
			// uint64, because the kernel's check of the distance, too, is without wrap-around.
			if uint64(pc)+uint64(distance)+1 >= uint64(len(m.program)/instructionSize) {
				return 0, fmt.Errorf("seccomp: program: instruction %d: jump past the end", pc)
			}
			pc += int(distance)
		case unix.BPF_RET:
			switch in.code {
			case ret:
				return Verdict(in.k), nil
			case unix.BPF_RET | unix.BPF_A:
				return Verdict(m.a), nil
			}
			bad = true
		case unix.BPF_MISC:
			switch in.code {
			case unix.BPF_MISC | unix.BPF_TAX:
				m.x = m.a
			case unix.BPF_MISC | unix.BPF_TXA:
				m.a = m.x
			default:
				bad = true
			}
		}
		if bad {
			return 0, fmt.Errorf("seccomp: program: instruction %d: code %#x with operand %#x: not allowed in a filter", pc, in.code, in.k)
		}
	}
	return 0, errors.New("seccomp: program: ends without a return")
}

func (m *machine) load(in instruction) bool {
	var v uint32
	switch in.code &^ 7 {
	case unix.BPF_W | unix.BPF_ABS:
		if in.code&7 != unix.BPF_LD || in.k >= dataSize || in.k%4 != 0 {
			return false
		}
		v = m.data[in.k/4]
	case unix.BPF_W | unix.BPF_LEN:
		v = dataSize
	case unix.BPF_IMM:
		v = in.k
	case unix.BPF_MEM:
		if in.k >= unix.BPF_MEMWORDS {
			return false
		}
		v = m.memory[in.k]
	default:
		return false
	}
	if in.code&7 == unix.BPF_LD {
		m.a = v
	} else {
		m.x = v
	}
	return true
}

func (m *machine) operand(in instruction) uint32 {
	if in.code&unix.BPF_X != 0 {
		return m.x
	}
	return in.k
}

func (m *machine) compute(in instruction) bool {
	v := m.operand(in)
	switch in.code & 0xf0 {
	case unix.BPF_ADD:
		m.a += v
	case unix.BPF_SUB:
		m.a -= v
	case unix.BPF_MUL:
		m.a *= v
	case unix.BPF_DIV:
		if v == 0 {
			return false
		}
		m.a /= v
	case unix.BPF_AND:
		m.a &= v
	case unix.BPF_OR:
		m.a |= v
	case unix.BPF_XOR:
		m.a ^= v
	case unix.BPF_LSH:
		m.a <<= v & 31
	case unix.BPF_RSH:
		m.a >>= v & 31
	case unix.BPF_NEG:
		m.a = -m.a
	default:
		return false
	}
	return true
}

// branch returns the distance that a jump goes.
func (m *machine) branch(in instruction) (uint32, bool) {
	v := m.operand(in)
	taken := false
	switch in.code & 0xf0 {
	case unix.BPF_JA:
		return in.k, true
	case unix.BPF_JEQ:
		taken = m.a == v
	case unix.BPF_JGT:
		taken = m.a > v
	case unix.BPF_JGE:
		taken = m.a >= v
	case unix.BPF_JSET:
		taken = m.a&v != 0
	default:
		return 0, false
	}
	if taken {
		return uint32(in.jt), true
	}
	return uint32(in.jf), true
}
