// SPDX-License-Identifier: Apache-2.0

package seccomp

// On some architectures a 32-bit program, or any program, makes the calls for sockets and System V IPC through one of two
// multiplexers, socketcall(2) and ipc(2), whose first argument says which call is meant. Since Linux 4.3 and 5.1 these
// architectures also have most of the calls themselves. libseccomp names such a call on such an architecture by a number
// of its own: -100 minus socketcall's first argument, -200 minus that of ipc.
const (
	socketcallMark = -100
	ipcMark        = -200
	markSize       = 100
)

// multiplexer is the numbers of socketcall and ipc, negative if the architecture has none.
type multiplexer struct{ socketcall, ipc int64 }

// multiplexed takes a mark of libseccomp apart: direct is the number of the call itself, negative if there is none; by is
// the number of the multiplexer and conditions say that it stands for this call. What the profile says of the arguments
// of the call cannot be looked at there, since they are in memory: the action applies whatever they are, as it does with
// libseccomp.
func (r *rules) multiplexed(i int, mark int64) (direct, by int64, conditions []condition, ok bool) {
	switch {
	case mark < socketcallMark && mark > socketcallMark-markSize:
		which := uint64(socketcallMark - mark)
		return directSocket(r.archs[i].name, which), r.multiplexers[i].socketcall, []condition{{op: equal, value: which}}, true
	case mark < ipcMark && mark > ipcMark-markSize:
		which := uint64(ipcMark - mark)
		// The kernel takes a version from the upper half and, but for a few calls, ignores it.
		return directIPC(r.archs[i], which), r.multiplexers[i].ipc,
			[]condition{{op: maskedEqual, value: 0xffff, two: which}}, true
	}
	return -1, -1, nil, false
}

// The tables have the order of the first argument of socketcall (linux/net.h); 0 means that there is no such call.
var (
	socketsX86  = [...]int16{0, 359, 361, 362, 363, 0, 367, 368, 360, 0, 0, 369, 371, 373, 366, 365, 370, 372, 364, 337, 345}
	socketsS390 = [...]int16{0, 359, 361, 362, 363, 0, 367, 368, 360, 0, 0, 369, 371, 373, 366, 365, 370, 372, 364, 357, 358}
	socketsPPC  = [...]int16{0, 326, 327, 328, 329, 330, 331, 332, 333, 334, 336, 335, 337, 338, 339, 340, 341, 342, 344, 343, 349}
)

func directSocket(name string, which uint64) int64 {
	var table []int16
	switch name {
	case "SCMP_ARCH_X86":
		table = socketsX86[:]
	case "SCMP_ARCH_S390", "SCMP_ARCH_S390X":
		table = socketsS390[:]
	case "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE":
		table = socketsPPC[:]
	}
	if which >= uint64(len(table)) || table[which] == 0 {
		return -1
	}
	return int64(table[which])
}

// directIPC: the numbers are the same on all architectures that have ipc(2); which is its first argument (linux/ipc.h).
func directIPC(a *arch, which uint64) int64 {
	switch which {
	case 2: // semget
		return 393
	case 3: // semctl
		return 394
	case 4: // semtimedop; with a time of 32 bits only by way of ipc(2)
		if a.bits == 64 {
			return 392
		}
	case 11: // msgsnd
		return 400
	case 12: // msgrcv
		return 401
	case 13: // msgget
		return 399
	case 14: // msgctl
		return 402
	case 21: // shmat
		return 397
	case 22: // shmdt
		return 398
	case 23: // shmget
		return 395
	case 24: // shmctl
		return 396
	}
	return -1
}
