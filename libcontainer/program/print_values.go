// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"
)

// symbolOr appends the name of a value, or the value.
func symbolOr(dst []byte, v uint64, table []symbol) []byte {
	for i := range table {
		if table[i].value == v {
			return append(dst, table[i].name...)
		}
	}
	return hexOf(dst, v)
}

// flagBits appends flags by name, and what is left as a number. Where one flag
// contains another, the table has the larger first.
func flagBits(dst []byte, v uint64, table []symbol) []byte {
	if v == 0 {
		return append(dst, '0')
	}
	sep := false
	for i := range table {
		if f := table[i].value; v&f == f && f != 0 {
			if sep {
				dst = append(dst, '|')
			}
			dst = append(dst, table[i].name...)
			sep = true
			v &^= f
		}
	}
	if v != 0 {
		if sep {
			dst = append(dst, '|')
		}
		dst = hexOf(dst, v)
	}
	return dst
}

func hexOf(dst []byte, v uint64) []byte {
	if v < 10 {
		return strconv.AppendUint(dst, v, 10)
	}
	return strconv.AppendUint(append(dst, "0x"...), v, 16)
}

// limit appends a resource limit.
func limit(dst []byte, v uint64) []byte {
	if v == unix.RLIM_INFINITY {
		return append(dst, "unlimited"...)
	}
	return strconv.AppendUint(dst, v, 10)
}

func octal(dst []byte, v uint64) []byte {
	if v == 0 {
		return append(dst, '0')
	}
	return strconv.AppendUint(append(dst, '0'), v, 8)
}

// openHow appends a struct open_how.
func openHow(dst, m []byte) []byte {
	le := binary.LittleEndian
	dst = append(dst, "{flags="...)
	flags := le.Uint64(m)
	if flags&unix.O_ACCMODE == 0 && flags&unix.O_PATH == 0 {
		dst = append(dst, "O_RDONLY"...)
		if flags != 0 {
			dst = flagBits(append(dst, '|'), flags, openFlags)
		}
	} else {
		dst = flagBits(dst, flags, openFlags)
	}
	if mode := le.Uint64(m[8:]); mode != 0 {
		dst = octal(append(dst, ", mode="...), mode)
	}
	if r := le.Uint64(m[16:]); r != 0 {
		dst = flagBits(append(dst, ", resolve="...), r, resolveFlags)
	}
	return append(dst, '}')
}

// mountAttr appends a struct mount_attr.
func mountAttr(dst, m []byte) []byte {
	le := binary.LittleEndian
	sep := byte('{')
	part := func(name string) {
		dst = append(dst, sep)
		if sep == ',' {
			dst = append(dst, ' ')
		}
		dst = append(dst, name...)
		sep = ','
	}
	if v := le.Uint64(m); v != 0 {
		part("set=")
		dst = flagBits(dst, v, mountAttrs)
	}
	if v := le.Uint64(m[8:]); v != 0 {
		part("clr=")
		dst = flagBits(dst, v, mountAttrs)
	}
	if v := le.Uint64(m[16:]); v != 0 {
		part("propagation=")
		dst = flagBits(dst, v, propagations)
	}
	if v := le.Uint64(m[24:]); v != 0 {
		part("userns_fd=")
		dst = strconv.AppendUint(dst, v, 10)
	}
	if sep == '{' {
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

// capWords reads one of the three sets of the two struct __user_cap_data.
func capWords(m []byte, set int) uint64 {
	le := binary.LittleEndian
	return uint64(le.Uint32(m[4*set:])) | uint64(le.Uint32(m[12+4*set:]))<<32
}

func capData(dst, m []byte) []byte {
	dst = capSet(append(dst, "{effective="...), capWords(m, 0))
	dst = capSet(append(dst, ", permitted="...), capWords(m, 1))
	dst = capSet(append(dst, ", inheritable="...), capWords(m, 2))
	return append(dst, '}')
}

// capSet appends a set of capabilities; a nearly full one by what it lacks.
func capSet(dst []byte, v uint64) []byte {
	const all = 1<<len(capabilities) - 1
	switch {
	case v == 0:
		return append(dst, "none"...)
	case v == all:
		return append(dst, "all"...)
	case v&^all == 0 && capsIn(v) > len(capabilities)/2:
		return capList(append(dst, "all except "...), all&^v)
	}
	return capList(dst, v)
}

func capList(dst []byte, v uint64) []byte {
	sep := false
	for c := range uint64(64) {
		if v&(1<<c) == 0 {
			continue
		}
		if sep {
			dst = append(dst, '|')
		}
		dst = capability(dst, c)
		sep = true
	}
	return dst
}

func capability(dst []byte, c uint64) []byte {
	if c < uint64(len(capabilities)) {
		return append(dst, capabilities[c]...)
	}
	return strconv.AppendUint(append(dst, "CAP_"...), c, 10)
}

// bitmap appends the numbers of the bits that are set, as ranges.
func bitmap(dst, m []byte) []byte {
	dst = append(dst, '{')
	sep := false
	for i := 0; i < 8*len(m); i++ {
		if m[i/8]>>(i%8)&1 == 0 {
			continue
		}
		j := i
		for j+1 < 8*len(m) && m[(j+1)/8]>>((j+1)%8)&1 != 0 {
			j++
		}
		if sep {
			dst = append(dst, ',')
		}
		sep = true
		dst = strconv.AppendInt(dst, int64(i), 10)
		if j > i {
			dst = strconv.AppendInt(append(dst, '-'), int64(j), 10)
		}
		i = j
	}
	return append(dst, '}')
}
