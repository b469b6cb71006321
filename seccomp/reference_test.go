// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// reference evaluates a profile for one call as its text is meant, without any of the code under test. Where the profile
// contradicts itself, a rule without conditions wins, and then the first one.
func reference(t testing.TB, p *specs.LinuxSeccomp, name string, args [6]uint64) Verdict {
	fallback := referenceVerdict(t, p.DefaultAction, p.DefaultErrnoRet)
	var always, sometimes []Verdict
	for _, s := range p.Syscalls {
		for _, n := range s.Names {
			if n != name {
				continue
			}
			v := referenceVerdict(t, s.Action, s.ErrnoRet)
			switch {
			case v == fallback:
			case len(s.Args) == 0:
				always = append(always, v)
			case referenceMatch(s.Args, args):
				sometimes = append(sometimes, v)
			}
		}
	}
	if len(always) > 0 {
		return always[0]
	}
	if len(sometimes) > 0 {
		return sometimes[0]
	}
	return fallback
}

func referenceMatch(conditions []specs.LinuxSeccompArg, args [6]uint64) bool {
	indexes := map[uint]int{}
	for _, c := range conditions {
		indexes[c.Index]++
	}
	repeated := len(indexes) != len(conditions)
	all, any := true, false
	for _, c := range conditions {
		a, ok := args[c.Index], false
		switch c.Op {
		case specs.OpEqualTo:
			ok = a == c.Value
		case specs.OpNotEqual:
			ok = a != c.Value
		case specs.OpLessThan:
			ok = a < c.Value
		case specs.OpLessEqual:
			ok = a <= c.Value
		case specs.OpGreaterEqual:
			ok = a >= c.Value
		case specs.OpGreaterThan:
			ok = a > c.Value
		case specs.OpMaskedEqual:
			ok = a&c.Value == c.ValueTwo&c.Value
		}
		all, any = all && ok, any || ok
	}
	if repeated {
		return any
	}
	return all
}

func referenceVerdict(t testing.TB, a specs.LinuxSeccompAction, ret *uint) Verdict {
	errno := uint32(unix.EPERM)
	if ret != nil {
		errno = uint32(*ret)
	}
	switch a {
	case specs.ActAllow:
		return 0x7fff0000
	case specs.ActLog:
		return 0x7ffc0000
	case specs.ActErrno:
		return Verdict(0x00050000 | errno)
	case specs.ActTrace:
		return Verdict(0x7ff00000 | errno)
	case specs.ActTrap:
		return 0x00030000
	case specs.ActKill, specs.ActKillThread:
		return 0
	case specs.ActKillProcess:
		return 0x80000000
	case specs.ActNotify:
		return 0x7fc00000
	}
	t.Fatalf("no such action: %s", a)
	return 0
}

// boundaries are the operands and arguments at which comparisons of 64 and of twice 32 bits differ.
var boundaries = [...]uint64{
	0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x100000000, 0x100000001, 0x1ffffffff,
	0x7fffffffffffffff, 0x8000000000000000, 0xfffffffe00000000, 0xffffffff00000000, 0xffffffff80000000,
	0xfffffffffffffffe, 0xffffffffffffffff,
}

var allOperators = [...]specs.LinuxSeccompOperator{
	specs.OpEqualTo, specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
	specs.OpGreaterThan, specs.OpGreaterEqual, specs.OpMaskedEqual,
}

// numberOn returns the number of a call on an architecture, negative if it has none.
func numberOn(t testing.TB, name string, a *arch) int64 {
	t.Helper()
	if n, known := lookup(name, a); known {
		return n
	}
	n, known := commonNumber(name)
	if !known {
		t.Fatalf("%s: no such call", name)
	}
	return int64(a.base + n)
}

// check compares a compiled profile with the reference for one call, on every architecture that the profile asks for.
func check(t testing.TB, p *specs.LinuxSeccomp, f *Filter, name string, args [6]uint64) {
	t.Helper()
	for i, a := range nativeArchs() {
		if i > 0 && !slices.Contains(p.Architectures, specs.Arch(a.name)) {
			continue
		}
		if a.name == "SCMP_ARCH_X86" || a.name == "SCMP_ARCH_ARM" {
			for j := range args {
				args[j] &= 0xffffffff // as the kernel shows the registers of a 32-bit program
			}
		}
		number := numberOn(t, name, a)
		if number < 0 {
			continue
		}
		got, err := Simulate(f.BPF, &Call{Number: uint32(number), Arch: a.audit, Args: args})
		if err != nil {
			t.Fatal(err)
		}
		if want := reference(t, p, name, args); got != want {
			t.Fatalf("%s: %s%#x: got %s, want %s\nprofile %s", a.name, name, args, got, want, asJSON(p))
		}
	}
}

func requireSupport(t testing.TB) {
	t.Helper()
	if !Supported {
		t.Skip("built without libseccomp")
	}
}

func mustCompile(t testing.TB, p *specs.LinuxSeccomp) *Filter {
	t.Helper()
	f, err := Compile(p, Options{})
	if err != nil {
		t.Fatalf("%v\nprofile %s", err, asJSON(p))
	}
	return f
}

// TestTruthTable compiles every operator with every boundary value, alone and in pairs, for a call that libseccomp knows
// and for one that it does not know, and tries every combination of boundary values as arguments.
func TestTruthTable(t *testing.T) {
	requireSupport(t)
	for _, name := range []string{"personality", "rseq_slice_yield"} {
		for _, op := range allOperators {
			for _, value := range boundaries {
				first := specs.LinuxSeccompArg{Index: 0, Op: op, Value: value, ValueTwo: value &^ 1}
				p := conditional(name, first)
				f := mustCompile(t, p)
				for _, a := range boundaries {
					check(t, p, f, name, [6]uint64{a, 7, 7, 7, 7, 7})
				}
				for _, op2 := range allOperators {
					// One value of each kind for the second condition: the combinations are what is new here.
					second := specs.LinuxSeccompArg{Index: 5, Op: op2, Value: 0x100000001, ValueTwo: 1}
					p := conditional(name, first, second)
					f := mustCompile(t, p)
					for _, a := range boundaries {
						for _, b := range []uint64{0, 1, 0x100000000, 0x100000001, 0x100000002, 0xffffffffffffffff} {
							check(t, p, f, name, [6]uint64{a, 7, 7, 7, 7, b})
						}
					}
				}
			}
		}
	}
}

func conditional(name string, args ...specs.LinuxSeccompArg) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{name}, Action: specs.ActAllow, Args: args}},
	}
}

// TestRandomProfiles compares generated profiles with the reference.
func TestRandomProfiles(t *testing.T) {
	requireSupport(t)
	random := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		compareProfile(t, func(n int) int { return random.IntN(n) })
	}
}

// FuzzProfile is TestRandomProfiles under the direction of the fuzzer.
func FuzzProfile(f *testing.F) {
	requireSupport(f)
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Add([]byte("\x05\x01\x03\x00\x02\x06\x01\x04\x08\x02\x01\x00\x03"))
	f.Fuzz(func(t *testing.T, choices []byte) {
		compareProfile(t, func(n int) int {
			if len(choices) == 0 {
				return 0
			}
			c := choices[0]
			choices = choices[1:]
			return int(c) % n
		})
	})
}

// fuzzCalls are a few calls that libseccomp knows on this machine and some that it does not.
var fuzzCalls = [...]string{"read", "ioctl", "prctl", "personality", "clone", "futex_requeue", "mseal", "listns"}

// fuzzActions are those that rules may have; contradictions between them are part of the game.
var fuzzActions = [...]specs.LinuxSeccompAction{
	specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActKillProcess, specs.ActTrap, specs.ActTrace, specs.ActLog,
}

// compareProfile builds a profile from choices, compiles it, and compares it with the reference for chosen calls.
func compareProfile(t testing.TB, choose func(n int) int) {
	p := &specs.LinuxSeccomp{DefaultAction: fuzzActions[choose(len(fuzzActions))]}
	if runtime.GOARCH == "amd64" {
		p.Architectures = [][]specs.Arch{nil, {specs.ArchX86}, {specs.ArchX86, specs.ArchX32}, {specs.ArchX86_64}}[choose(4)]
	}
	// The newest call of all, so that the answer to newer calls has no part in this.
	p.Syscalls = []specs.LinuxSyscall{{Names: []string{common[len(common)-1]}, Action: specs.ActTrap}}
	for range 1 + choose(8) {
		s := specs.LinuxSyscall{Action: fuzzActions[choose(len(fuzzActions))]}
		if choose(2) == 0 {
			ret := uint(choose(200))
			if s.Action == specs.ActErrno || s.Action == specs.ActTrace {
				s.ErrnoRet = &ret
			}
		}
		for range 1 + choose(3) {
			s.Names = append(s.Names, fuzzCalls[choose(len(fuzzCalls))])
		}
		for range choose(4) {
			c := specs.LinuxSeccompArg{Index: uint(choose(4)), Op: allOperators[choose(len(allOperators))]}
			c.Value, c.ValueTwo = boundaries[choose(len(boundaries))], boundaries[choose(len(boundaries))]
			s.Args = append(s.Args, c)
		}
		p.Syscalls = append(p.Syscalls, s)
	}
	if choose(4) == 0 { // enough calls for the search tree
		p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{Action: specs.ActLog, Names: []string{"epoll_ctl", "dup", "nanosleep", "getitimer",
			"setitimer", "getpid", "dup3", "pipe2", "mmap",
			"sendfile", "socket", "connect", "accept", "sendto", "recvfrom", "sendmsg", "recvmsg", "shutdown", "bind", "listen",
			"getsockname", "getpeername", "socketpair", "setsockopt", "getsockopt", "execve", "exit", "wait4",
			"kill", "uname", "semget", "semop", "semctl", "shmdt", "msgget"}})
	}
	f := mustCompile(t, p)
	for _, name := range fuzzCalls {
		for range 8 {
			var args [6]uint64
			for i := range args {
				args[i] = boundaries[choose(len(boundaries))]
			}
			check(t, p, f, name, args)
		}
	}
}
