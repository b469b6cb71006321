// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// childInfo is siginfo_t of SIGCHLD, whose fields x/sys keeps private. See
// asm-generic/siginfo.h: on 64-bit machines the union begins at offset 16.
type childInfo struct {
	signo, errno, code, _ int32
	pid                   int32
	uid                   uint32
	status                int32
}

func siginfoStatus(si *unix.Siginfo) unix.Signal {
	return unix.Signal((*childInfo)(unsafe.Pointer(si)).status)
}
