// SPDX-License-Identifier: Apache-2.0

package program

import "golang.org/x/sys/unix"

// argType says what an argument of a system call is: how Print writes it, and
// how much memory Verify lets the kernel read or write through it.
type argType uint8

const (
	argNone argType = iota
	argInt          // a signed number
	argHex
	argMode // permission bits, octal
	argNodeMode
	argDev
	argFD
	argDir // a descriptor that a path is relative to, or AT_FDCWD
	argPath
	argText       // NUL-terminated, not a path
	argTextOrNull // the same, or a null pointer
	argStrings    // NULL-terminated array of strings
	argNull       // a pointer that is not used
	argData       // bytes; the next argument is their number
	argDataOut    // a buffer that the kernel fills; the next argument is its size
	argCPUs       // a bit mask; the argument before is its size
	argNodes      // a bit mask; the next argument is its size in bits, plus one
	argGroups     // gid_t values; the argument before is their number
	argOpenHow
	argMountAttr
	argStatxOut
	argStatfsOut
	argCapHeader
	argCapData
	argSchedAttr
	argSeccomp // by the operation: struct sock_fprog
	argResource
	argRlimit
	argIoctl
	argIoctlArg
	argPrctl
	argPrctlArg
	argKeyctl
	argKeyctlArg
	argFsconfig
	argFsconfigKey
	argFsconfigValue
	argOpenTree
	argMoveMount
	argAt
	argUnlink
	argAccess
	argFsopen
	argFsmount
	argFspick
	argMountFlags
	argUmount
	argClone
	argNamespaces
	argCloseRange
	argSeccompOp
	argSeccompFlags
	argFamily
	argSocket
	argDup3
	argStatxMask
	argPersonality
	argMempolicy
	argSize // said by the argument before; not worth printing
)

// signature describes a system call that a program may make.
type signature struct {
	name  string
	args  [MaxArgs]argType
	makes bool // the result is a new descriptor
	never bool // known by name only, so that the refusal can be understood
}

// lastCall bounds the table below; calls above are unknown.
const lastCall = 480

// signatures is the one table of system calls: what is not here is not
// allowed in a program.
var signatures = [lastCall]signature{
	unix.SYS_ACCEPT4:           {name: "accept4", args: [MaxArgs]argType{argFD, argNull, argNull, argSocket}, makes: true},
	unix.SYS_CAPSET:            {name: "capset", args: [MaxArgs]argType{argCapHeader, argCapData}},
	unix.SYS_CHDIR:             {name: "chdir", args: [MaxArgs]argType{argPath}},
	unix.SYS_CHROOT:            {name: "chroot", args: [MaxArgs]argType{argPath}},
	unix.SYS_CLONE:             {name: "clone", args: [MaxArgs]argType{argClone, argNull, argNull, argNull, argNull}},
	unix.SYS_CLOSE:             {name: "close", args: [MaxArgs]argType{argFD}},
	unix.SYS_CLOSE_RANGE:       {name: "close_range", args: [MaxArgs]argType{argInt, argHex, argCloseRange}},
	unix.SYS_DUP3:              {name: "dup3", args: [MaxArgs]argType{argFD, argInt, argDup3}},
	unix.SYS_EXECVE:            {name: "execve", args: [MaxArgs]argType{argPath, argStrings, argStrings}},
	unix.SYS_EXECVEAT:          {name: "execveat", args: [MaxArgs]argType{argFD, argPath, argStrings, argStrings, argAt}},
	unix.SYS_EXIT_GROUP:        {name: "exit_group", args: [MaxArgs]argType{argInt}},
	unix.SYS_FACCESSAT2:        {name: "faccessat2", args: [MaxArgs]argType{argDir, argPath, argAccess, argAt}},
	unix.SYS_FCHDIR:            {name: "fchdir", args: [MaxArgs]argType{argFD}},
	unix.SYS_FCHMOD:            {name: "fchmod", args: [MaxArgs]argType{argFD, argMode}},
	unix.SYS_FCHOWNAT:          {name: "fchownat", args: [MaxArgs]argType{argDir, argPath, argInt, argInt, argAt}},
	unix.SYS_FSCONFIG:          {name: "fsconfig", args: [MaxArgs]argType{argFD, argFsconfig, argFsconfigKey, argFsconfigValue, argInt}},
	unix.SYS_FSMOUNT:           {name: "fsmount", args: [MaxArgs]argType{argFD, argFsmount, argMountFlags}, makes: true},
	unix.SYS_FSOPEN:            {name: "fsopen", args: [MaxArgs]argType{argText, argFsopen}, makes: true},
	unix.SYS_FSPICK:            {name: "fspick", args: [MaxArgs]argType{argDir, argPath, argFspick}, makes: true},
	unix.SYS_FSTATFS:           {name: "fstatfs", args: [MaxArgs]argType{argFD, argStatfsOut}},
	unix.SYS_GETCWD:            {name: "getcwd", args: [MaxArgs]argType{argDataOut, argInt}},
	unix.SYS_IOCTL:             {name: "ioctl", args: [MaxArgs]argType{argFD, argIoctl, argIoctlArg}},
	unix.SYS_IOPRIO_SET:        {name: "ioprio_set", args: [MaxArgs]argType{argInt, argInt, argHex}},
	unix.SYS_KEYCTL:            {name: "keyctl", args: [MaxArgs]argType{argKeyctl, argKeyctlArg, argHex}},
	unix.SYS_MKDIRAT:           {name: "mkdirat", args: [MaxArgs]argType{argDir, argPath, argMode}},
	unix.SYS_MKNODAT:           {name: "mknodat", args: [MaxArgs]argType{argDir, argPath, argNodeMode, argDev}},
	unix.SYS_MOUNT:             {name: "mount", args: [MaxArgs]argType{argTextOrNull, argPath, argTextOrNull, argHex, argTextOrNull}, never: true},
	unix.SYS_MOUNT_SETATTR:     {name: "mount_setattr", args: [MaxArgs]argType{argDir, argPath, argAt, argMountAttr, argSize}},
	unix.SYS_MOVE_MOUNT:        {name: "move_mount", args: [MaxArgs]argType{argDir, argPath, argDir, argPath, argMoveMount}},
	unix.SYS_OPENAT:            {name: "openat", args: [MaxArgs]argType{argDir, argPath, argHex, argMode}, never: true},
	unix.SYS_OPENAT2:           {name: "openat2", args: [MaxArgs]argType{argDir, argPath, argOpenHow, argSize}, makes: true},
	unix.SYS_OPEN_BY_HANDLE_AT: {name: "open_by_handle_at", args: [MaxArgs]argType{argFD, argHex, argHex}, never: true},
	unix.SYS_OPEN_TREE:         {name: "open_tree", args: [MaxArgs]argType{argDir, argPath, argOpenTree}, makes: true},
	unix.SYS_PERSONALITY:       {name: "personality", args: [MaxArgs]argType{argPersonality}},
	unix.SYS_PIVOT_ROOT:        {name: "pivot_root", args: [MaxArgs]argType{argPath, argPath}},
	unix.SYS_PRCTL:             {name: "prctl", args: [MaxArgs]argType{argPrctl, argPrctlArg, argPrctlArg, argInt, argInt}},
	unix.SYS_PRLIMIT64:         {name: "prlimit64", args: [MaxArgs]argType{argInt, argResource, argRlimit, argNull}},
	unix.SYS_PTRACE:            {name: "ptrace", args: [MaxArgs]argType{argInt, argInt, argHex, argHex}, never: true},
	unix.SYS_SCHED_SETAFFINITY: {name: "sched_setaffinity", args: [MaxArgs]argType{argInt, argInt, argCPUs}},
	unix.SYS_SCHED_SETATTR:     {name: "sched_setattr", args: [MaxArgs]argType{argInt, argSchedAttr, argHex}},
	unix.SYS_SECCOMP:           {name: "seccomp", args: [MaxArgs]argType{argSeccompOp, argSeccompFlags, argSeccomp}},
	unix.SYS_SET_MEMPOLICY:     {name: "set_mempolicy", args: [MaxArgs]argType{argMempolicy, argNodes, argInt}},
	unix.SYS_SETDOMAINNAME:     {name: "setdomainname", args: [MaxArgs]argType{argData, argInt}},
	unix.SYS_SETGROUPS:         {name: "setgroups", args: [MaxArgs]argType{argInt, argGroups}},
	unix.SYS_SETHOSTNAME:       {name: "sethostname", args: [MaxArgs]argType{argData, argInt}},
	unix.SYS_SETNS:             {name: "setns", args: [MaxArgs]argType{argFD, argNamespaces}},
	unix.SYS_SETRESGID:         {name: "setresgid", args: [MaxArgs]argType{argInt, argInt, argInt}},
	unix.SYS_SETRESUID:         {name: "setresuid", args: [MaxArgs]argType{argInt, argInt, argInt}},
	unix.SYS_SETSID:            {name: "setsid"},
	unix.SYS_SOCKET:            {name: "socket", args: [MaxArgs]argType{argFamily, argSocket, argInt}, makes: true},
	unix.SYS_STATX:             {name: "statx", args: [MaxArgs]argType{argDir, argPath, argAt, argStatxMask, argStatxOut}},
	unix.SYS_SYMLINKAT:         {name: "symlinkat", args: [MaxArgs]argType{argText, argDir, argPath}},
	unix.SYS_UMASK:             {name: "umask", args: [MaxArgs]argType{argMode}},
	unix.SYS_UMOUNT2:           {name: "umount2", args: [MaxArgs]argType{argPath, argUmount}},
	unix.SYS_UNLINKAT:          {name: "unlinkat", args: [MaxArgs]argType{argDir, argPath, argUnlink}},
	unix.SYS_UNSHARE:           {name: "unshare", args: [MaxArgs]argType{argNamespaces}},
	unix.SYS_WRITE:             {name: "write", args: [MaxArgs]argType{argFD, argData, argInt}},
}

// unknownCall stands for every call that is not in the table.
var unknownCall = signature{args: [MaxArgs]argType{argHex, argHex, argHex, argHex, argHex, argHex}, never: true}

// signatureOf gives the signature of a system call; name is "" for an unknown one.
func signatureOf(nr uint16) *signature {
	if int(nr) < len(signatures) && signatures[nr].name != "" {
		return &signatures[nr]
	}
	return &unknownCall
}

// SyscallName gives the name of a system call that a program may make,
// "syscall_N" for any other.
func SyscallName(nr uint16) string {
	if s := signatureOf(nr); s.name != "" {
		return s.name
	}
	return "syscall_" + itoa(int(nr))
}

// ErrnoWords gives an errno as a person would want to read it: the kernel's
// words and the symbol that a manual page lists.
func ErrnoWords(e unix.Errno) string {
	name := unix.ErrnoName(e)
	if name == "" {
		return "errno " + itoa(int(e))
	}
	return e.Error() + " (" + name + ")"
}
