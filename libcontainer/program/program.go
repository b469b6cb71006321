// SPDX-License-Identifier: Apache-2.0

// Package program is the language in which kist describes how a container is
// set up: a flat list of instructions, each one system call, plus a blob of
// strings and structures that they point into.
//
// A program is data. It is built by package compile, checked by Verify,
// printed by Print, and carried out by nsexec, the freestanding interpreter in
// libcontainer/nsexec. This package makes no system call itself, so that
// everything about a program can be tested and looked at without privilege.
//
// An instruction is 64 bytes, laid out the same in Go and in C
// (nsexec/program.h is generated from the constants here):
//
//	op, dst, nr, target | kinds, errs | six arguments
//
// Arguments are immediates, addresses in the blob, or slots. A slot is one of
// sixty-four registers; it holds a result, most often a file descriptor. When
// a system call fails with one of the errnos in errs, execution goes on at
// target, which always lies ahead: a program has no loops and always ends.
// Any other failure is reported to the parent and ends the interpreter.
package program

// Op says what an instruction does. The set does not grow: what is more
// complicated belongs into the compiler, or into the parent at a sync point.
type Op uint8

// The operations.
const (
	OpSyscall Op = iota // dst = syscall nr(args…)
	OpLoad              // dst = memory[args[0]], args[1] bytes wide (4 or 8)
	OpStore             // memory[args[0]] = args[1], args[2] bytes wide (4 or 8)
	OpCheck             // memory[args[0]] & args[1] == args[2], else errno args[3]
	OpJump              // go on at target if args[0] is not zero
	OpSync              // tell the parent args[0], args[1], descriptor args[2]; if args[3], wait for its word
	numOps
)

// Kind says how an argument is to be read.
type Kind uint8

// The argument kinds, two bits each in Insn.Kinds.
const (
	Imm  Kind = iota // the value itself
	Addr             // an offset in the blob, turned into an address
	Slot             // the number of a slot, turned into its content
)

// Limits of a program, known to both sides.
const (
	NumSlots  = 64
	MaxArgs   = 6
	MaxErrs   = 6
	NoSlot    = 0xff    // Insn.Dst: the result is not kept
	AnyErr    = 0xff    // Insn.Errs[0]: every errno
	ReportFD  = 1 << 15 // Insn.Kinds: a failure report carries descriptor args[0]
	MaxInsns  = 1 << 20
	MaxBlob   = 64 << 20
	Base      = 0x10000000 // where the first program is mapped
	Stride    = 0x10000000 // distance between programs; all stay below 2 GiB
	MaxLoaded = 4          // programs per session
)

// Insn is one instruction, as nsexec reads it.
type Insn struct {
	Op     Op
	Dst    uint8
	Nr     uint16
	Target uint32
	Kinds  uint16
	Errs   [MaxErrs]uint8
	Args   [MaxArgs]int64
}

// Kind returns the kind of argument i.
func (in *Insn) Kind(i int) Kind { return Kind(in.Kinds >> (2 * i) & 3) }

// Cause names what an instruction is there for: a place in config.json, as a
// JSON pointer with an optional index, or in words where no property asked.
type Cause struct {
	Pointer string
	Index   int    // -1: the pointer alone
	Field   string // below the index, "" for none
	Note    string // in words, for the reader of a plan
}

// String gives the JSON pointer, or the note where there is none.
func (c Cause) String() string {
	if c.Pointer == "" {
		return c.Note
	}
	s := c.Pointer
	if c.Index >= 0 {
		s += "/" + itoa(c.Index)
	}
	if c.Field != "" {
		s += "/" + c.Field
	}
	return s
}

// Program is a finished program. Causes has an entry per instruction, which
// stays on this side: nsexec knows only numbers.
type Program struct {
	Name     string
	Base     int64 // address at which the program is mapped
	Insns    []Insn
	Blob     []byte
	Causes   []Cause
	Pointers []uint32 // offsets in the blob that hold addresses
	Needs    []Need   // descriptors the launcher must supply
}

// Need is a descriptor that the parent opens and hands to nsexec, because it
// must be opened with the parent's view or privileges.
type Need struct {
	FD   int // its number inside nsexec
	Kind NeedKind
	Path string
	Mount
	Cause Cause
}

// NeedKind says what the parent opens.
type NeedKind uint8

// The kinds of needs.
const (
	NeedTree   NeedKind = iota // a detached mount tree of Path, attributes as in Mount
	NeedListen                 // the socket on which init waits for start
	NeedPidfd                  // pidfd of the container's init
	NeedRoot                   // O_PATH of the root of the container's init
	NeedInit                   // image of the reaper that is pid 1 of an LXC container in execute mode
	NeedTasks                  // a file of tasks of a cgroup v1 hierarchy, for writing
)

// Describe says in words what is needed.
func (n *Need) Describe() string {
	switch n.Kind {
	case NeedTree:
		s := "detached mount of " + n.Path
		if n.Recursive {
			s += ", with what is mounted below"
		}
		if n.IDMap >= 0 {
			s += ", id-mapped"
		}
		return s
	case NeedListen:
		return "socket that start connects to"
	case NeedPidfd:
		return "pidfd of init"
	case NeedRoot:
		return "root directory of init"
	case NeedTasks:
		return "tasks of a cgroup v1 hierarchy"
	}
	if n.Kind == NeedInit {
		return "image of the reaper"
	}
	return "unknown need"
}

// Mount describes a NeedTree.
type Mount struct {
	Recursive bool
	IDMap     int  // index of the mount whose mappings apply, -1 for none
	RIDMap    bool // the mapping applies recursively
}

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
