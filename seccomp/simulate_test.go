// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"math"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSimulateRefuses(t *testing.T) {
	end := instruction{code: ret, k: unix.SECCOMP_RET_ALLOW}
	many := make([]instruction, maxInstructions+1)
	for i := range many {
		many[i] = end
	}
	for name, program := range map[string][]instruction{
		"empty":                  {},
		"too long":               many,
		"no return":              {{code: load, k: 0}},
		"load past the data":     {{code: load, k: 64}, end},
		"load between words":     {{code: load, k: 2}, end},
		"load of a byte":         {{code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS}, end},
		"indirect load":          {{code: unix.BPF_LD | unix.BPF_W | unix.BPF_IND}, end},
		"memory past its end":    {{code: unix.BPF_ST, k: 16}, end},
		"load past the memory":   {{code: unix.BPF_LD | unix.BPF_MEM, k: 16}, end},
		"jump past the end":      {{code: jump, k: 1}, end},
		"jump around the world":  {{code: jump, k: math.MaxUint32}, end},
		"branch past the end":    {{code: jumpEqual, jt: 1, jf: 1}, end},
		"unknown jump":           {{code: unix.BPF_JMP | 0x50}, end},
		"division by zero":       {{code: unix.BPF_ALU | unix.BPF_DIV}, end},
		"unknown arithmetic":     {{code: unix.BPF_ALU | 0xe0}, end},
		"return of a third kind": {{code: unix.BPF_RET | unix.BPF_X}},
		"unknown miscellaneous":  {{code: unix.BPF_MISC | 0x40}, end},
	} {
		if v, err := Simulate(encode(program), &Call{}); err == nil {
			t.Errorf("%s: %s", name, v)
		}
	}
	if _, err := Simulate(encode([]instruction{end})[:7], &Call{}); err == nil {
		t.Error("half an instruction: no error")
	}
}

func TestSimulateComputes(t *testing.T) {
	const x = unix.BPF_X
	alu := func(code uint16, k uint32) instruction { return instruction{code: unix.BPF_ALU | code, k: k} }
	imm := func(k uint32) instruction { return instruction{code: unix.BPF_LD | unix.BPF_IMM, k: k} }
	immX := func(k uint32) instruction { return instruction{code: unix.BPF_LDX | unix.BPF_IMM, k: k} }
	for name, tt := range map[string]struct {
		program []instruction
		want    uint32
	}{
		"add":      {[]instruction{imm(5), alu(unix.BPF_ADD, 3)}, 8},
		"add x":    {[]instruction{imm(5), immX(4), alu(unix.BPF_ADD|x, 0)}, 9},
		"sub":      {[]instruction{imm(5), alu(unix.BPF_SUB, 6)}, math.MaxUint32},
		"mul":      {[]instruction{imm(5), alu(unix.BPF_MUL, 3)}, 15},
		"div":      {[]instruction{imm(17), alu(unix.BPF_DIV, 3)}, 5},
		"div x 0":  {[]instruction{imm(17), immX(0), alu(unix.BPF_DIV|x, 0)}, 0},
		"and":      {[]instruction{imm(6), alu(unix.BPF_AND, 3)}, 2},
		"or":       {[]instruction{imm(6), alu(unix.BPF_OR, 3)}, 7},
		"xor":      {[]instruction{imm(6), alu(unix.BPF_XOR, 3)}, 5},
		"lsh":      {[]instruction{imm(6), alu(unix.BPF_LSH, 3)}, 48},
		"rsh":      {[]instruction{imm(48), alu(unix.BPF_RSH, 3)}, 6},
		"neg":      {[]instruction{imm(1), alu(unix.BPF_NEG, 0)}, math.MaxUint32},
		"memory":   {[]instruction{imm(9), {code: unix.BPF_ST, k: 15}, imm(1), {code: unix.BPF_LD | unix.BPF_MEM, k: 15}}, 9},
		"memory x": {[]instruction{immX(9), {code: unix.BPF_STX, k: 2}, immX(1), {code: unix.BPF_LDX | unix.BPF_MEM, k: 2}, {code: unix.BPF_MISC | unix.BPF_TXA}}, 9},
		"tax":      {[]instruction{imm(9), {code: unix.BPF_MISC | unix.BPF_TAX}, imm(1), {code: unix.BPF_MISC | unix.BPF_TXA}}, 9},
		"length":   {[]instruction{{code: unix.BPF_LD | unix.BPF_W | unix.BPF_LEN}}, 64},
		"number":   {[]instruction{{code: load, k: offsetNumber}}, 1},
		"arch":     {[]instruction{{code: load, k: offsetArch}}, 2},
	} {
		program := append(tt.program, instruction{code: unix.BPF_RET | unix.BPF_A})
		got, err := Simulate(encode(program), &Call{Number: 1, Arch: 2})
		if err != nil || uint32(got) != tt.want {
			t.Errorf("%s: got %d, %v, want %d", name, uint32(got), err, tt.want)
		}
	}
}

func TestAllows(t *testing.T) {
	requireSupport(t)
	f := mustCompile(t, fromJSON(t, `{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/x","syscalls":[
		{"names":["execve"],"action":"SCMP_ACT_ERRNO"},{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"},
		{"names":["read"],"action":"SCMP_ACT_LOG"}]}`))
	denied, err := Allows(f.BPF, []Call{
		{Name: "write", Number: unix.SYS_WRITE}, {Name: "execve", Number: unix.SYS_EXECVE},
		{Name: "read", Number: unix.SYS_READ},
	})
	if err != nil || len(denied) != 1 || denied[0].Error() != "the profile answers execve with SCMP_ACT_ERRNO(EPERM)" {
		t.Errorf("got %v, %v", denied, err)
	}
	if _, err := Allows([]byte{1}, []Call{{}}); err == nil {
		t.Error("bad program: no error")
	}
}

func TestVerdictString(t *testing.T) {
	for v, want := range map[Verdict]string{
		unix.SECCOMP_RET_KILL_THREAD: "SCMP_ACT_KILL_THREAD", unix.SECCOMP_RET_KILL_PROCESS: "SCMP_ACT_KILL_PROCESS",
		unix.SECCOMP_RET_ERRNO | 38: "SCMP_ACT_ERRNO(ENOSYS)", unix.SECCOMP_RET_ERRNO | 4000: "SCMP_ACT_ERRNO(4000)",
		unix.SECCOMP_RET_TRACE | 7: "SCMP_ACT_TRACE(7)", unix.SECCOMP_RET_USER_NOTIF: "SCMP_ACT_NOTIFY",
		0x12340000: "SECCOMP_RET(0x12340000)",
	} {
		if got := v.String(); got != want {
			t.Errorf("%#x: got %s, want %s", uint32(v), got, want)
		}
	}
}

func FuzzSimulate(f *testing.F) {
	f.Add(encode([]instruction{{code: load}, {code: jumpEqual, jf: 1, k: 3}, {code: ret}, {code: ret, k: 1}}), uint32(3), uint64(0))
	f.Fuzz(func(t *testing.T, program []byte, number uint32, arg uint64) {
		c := Call{Number: number, Args: [6]uint64{arg}}
		if v, err := Simulate(program, &c); err == nil {
			_ = v.String()
		}
	})
}
