// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Layout of struct seccomp_data, which a filter loads from (linux/seccomp.h).
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetIP     = 8
	offsetArgs   = 16
	dataSize     = 64
)

// maxInstructions is the kernel's BPF_MAXINSNS: seccomp(2) refuses a longer program.
const maxInstructions = unix.BPF_MAXINSNS

// instructionSize is the size of struct sock_filter.
const instructionSize = 8

// instruction is struct sock_filter: one instruction of classic BPF.
type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

func encode(program []instruction) []byte {
	b := make([]byte, 0, len(program)*instructionSize)
	for _, in := range program {
		b = binary.NativeEndian.AppendUint16(b, in.code)
		b = append(b, in.jt, in.jf)
		b = binary.NativeEndian.AppendUint32(b, in.k)
	}
	return b
}

func decodeAt(program []byte, pc int) instruction {
	b := program[pc*instructionSize:]
	return instruction{binary.NativeEndian.Uint16(b), b[2], b[3], binary.NativeEndian.Uint32(b[4:])}
}

func tooLong(n int) error {
	return fmt.Errorf("/linux/seccomp: the filter has %d instructions or more, the kernel takes %d: "+
		"list fewer system calls with conditions on arguments, or fewer architectures", n, maxInstructions)
}

// argOffsets returns where the high and the low half of an argument are in struct seccomp_data.
func argOffsets(index uint) (high, low uint32) {
	at := offsetArgs + 8*uint32(index)
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return at + 4, at
	}
	return at, at + 4
}
