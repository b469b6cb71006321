// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/unix"
)

// InRoot is how every path of a container is resolved: by the kernel, inside
// the root, never through a magic link. See openat2(2).
const InRoot = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS

// OnProc is how a file of a private procfs is resolved: no symbolic link and
// no mount in the way can lead to another file (CVE-2025-52881).
const OnProc = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV

// OwnProc is how the directory of the calling thread is reached: thread-self
// is a link, which procfs itself resolves, and nothing else is followed.
const OwnProc = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// OwnAttr is the directory of the calling thread's security attributes, below
// a procfs; the one path that may be resolved by OwnProc.
const OwnAttr = "thread-self/attr"

// Openat2 opens a path and keeps the descriptor.
func (b *Builder) Openat2(dir FD, path string, flags, mode, resolve uint64) (Reg, On) {
	r := b.alloc()
	how := b.How(flags, mode, resolve)
	return r, b.Call(unix.SYS_OPENAT2, dir.V(), b.Str(path).V(), how.V(), I(unix.SizeofOpenHow)).Into(r)
}

// How puts a struct open_how into the blob, close-on-exec always; equal ones
// are shared, of which a program has few.
func (b *Builder) How(flags, mode, resolve uint64) Ref {
	var key [24]byte
	binary.LittleEndian.PutUint64(key[0:], flags|unix.O_CLOEXEC)
	binary.LittleEndian.PutUint64(key[8:], mode)
	binary.LittleEndian.PutUint64(key[16:], resolve)
	return b.shared(key[:])
}

// shared puts a structure into the blob once; the program must not write it.
func (b *Builder) shared(data []byte) Ref {
	key := "\x00" + string(data) // no string of the program begins with NUL
	if r, ok := b.strings[key]; ok {
		return r
	}
	r := b.Bytes(data)
	b.strings[key] = r
	return r
}

// Close closes a descriptor and frees its slot.
func (b *Builder) Close(r Reg) {
	b.Call(unix.SYS_CLOSE, r.V())
	b.Free(r)
}

// OpenTree clones the mount at a path, detached.
func (b *Builder) OpenTree(dir FD, path string, recursive bool) (Reg, On) {
	flags := uint64(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	r := b.alloc()
	return r, b.Call(unix.SYS_OPEN_TREE, dir.V(), b.Str(path).V(), I(flags)).Into(r)
}

// MoveMount attaches a detached mount onto the object that at refers to, never
// onto a path: nobody can exchange the target in between (CVE-2021-30465).
func (b *Builder) MoveMount(mnt, at FD) On {
	return b.Call(unix.SYS_MOVE_MOUNT, mnt.V(), b.Str("").V(), at.V(), b.Str("").V(),
		I(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// MountSetattr changes the attributes and propagation of a mount.
func (b *Builder) MountSetattr(mnt FD, recursive bool, set, clr, propagation uint64) On {
	var a [32]byte
	le := binary.LittleEndian
	le.PutUint64(a[0:], set)
	le.PutUint64(a[8:], clr)
	le.PutUint64(a[16:], propagation)
	flags := uint64(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	return b.Call(unix.SYS_MOUNT_SETATTR, mnt.V(), b.Str("").V(), I(flags), b.shared(a[:]).V(), I(len(a)))
}

// Fsopen begins a new filesystem.
func (b *Builder) Fsopen(fstype string) Reg {
	r := b.alloc()
	b.Call(unix.SYS_FSOPEN, b.Str(fstype).V(), I(unix.FSOPEN_CLOEXEC)).Into(r)
	return r
}

// FsconfigString sets a key of the filesystem to a value.
func (b *Builder) FsconfigString(fs Reg, key, value string) On {
	return b.Call(unix.SYS_FSCONFIG, fs.V(), I(unix.FSCONFIG_SET_STRING), b.Str(key).V(), b.Str(value).V(), I(0)).Report()
}

// FsconfigFlag sets a key that has no value.
func (b *Builder) FsconfigFlag(fs Reg, key string) On {
	return b.Call(unix.SYS_FSCONFIG, fs.V(), I(unix.FSCONFIG_SET_FLAG), b.Str(key).V(), Null, I(0)).Report()
}

// FsconfigCreate makes the superblock.
func (b *Builder) FsconfigCreate(fs Reg) On {
	return b.Call(unix.SYS_FSCONFIG, fs.V(), I(unix.FSCONFIG_CMD_CREATE), Null, Null, I(0)).Report()
}

// Fsmount makes a detached mount of the filesystem and closes its context.
func (b *Builder) Fsmount(fs Reg, attrs uint64) (Reg, On) {
	r := b.alloc()
	o := b.Call(unix.SYS_FSMOUNT, fs.V(), I(unix.FSMOUNT_CLOEXEC), I(attrs)).Into(r).Report()
	return r, o
}

// Mkdirat makes a directory in dir; name has one component.
func (b *Builder) Mkdirat(dir FD, name string, mode uint32) On {
	return b.Call(unix.SYS_MKDIRAT, dir.V(), b.Str(name).V(), I(mode))
}

// Mknodat makes a node in dir; name has one component.
func (b *Builder) Mknodat(dir FD, name string, mode uint32, dev uint64) On {
	return b.Call(unix.SYS_MKNODAT, dir.V(), b.Str(name).V(), I(mode), I(dev))
}

// Symlinkat makes a symbolic link in dir; name has one component.
func (b *Builder) Symlinkat(target string, dir FD, name string) On {
	return b.Call(unix.SYS_SYMLINKAT, b.Str(target).V(), dir.V(), b.Str(name).V())
}

// Fchownat changes the owner of what the descriptor refers to; -1 keeps.
func (b *Builder) Fchownat(fd FD, uid, gid int) On {
	return b.Call(unix.SYS_FCHOWNAT, fd.V(), b.Str("").V(), I(uid), I(gid), I(unix.AT_EMPTY_PATH))
}

// Fchmod changes the mode of what a (not O_PATH) descriptor refers to.
func (b *Builder) Fchmod(fd FD, mode uint32) On { return b.Call(unix.SYS_FCHMOD, fd.V(), I(mode)) }

// The fields of struct statx that programs look at. Mode is read together
// with what lies beside it: a 16-bit field at offset 28, ino at 32.
const (
	statxModeOff = 24 // gid at 24 is masked out below: attributes word covers uid,gid,mode
	statxRdevOff = 128
)

// Statx fills the scratch buffer with the metadata of the object of fd.
func (b *Builder) Statx(fd FD) On {
	if b.scratch == 0 {
		b.scratch = b.Zero(256)
	}
	return b.Call(unix.SYS_STATX, fd.V(), b.Str("").V(), I(unix.AT_EMPTY_PATH), I(unix.STATX_BASIC_STATS), b.scratch.V())
}

// StatxPath is Statx of a path, links followed.
func (b *Builder) StatxPath(dir FD, path string) On {
	if b.scratch == 0 {
		b.scratch = b.Zero(256)
	}
	return b.Call(unix.SYS_STATX, dir.V(), b.Str(path).V(), I(0), I(unix.STATX_BASIC_STATS), b.scratch.V())
}

// CheckType compares the file type of the last Statx.
func (b *Builder) CheckType(ifmt uint32, e unix.Errno) On {
	// bytes 24..31: gid u32, mode u16, spare u16
	return b.Check(b.scratch+statxModeOff, uint64(unix.S_IFMT)<<32, uint64(ifmt)<<32, e)
}

// CheckRdev compares the device number of the last Statx.
func (b *Builder) CheckRdev(major, minor uint32, e unix.Errno) On {
	return b.Check(b.scratch+statxRdevOff, ^uint64(0), uint64(minor)<<32|uint64(major), e)
}

// CheckFS compares the filesystem type of fd, as told by fstatfs.
func (b *Builder) CheckFS(fd FD, magic uint64, e unix.Errno) On {
	buf := b.Zero(128)
	b.Call(unix.SYS_FSTATFS, fd.V(), buf.V())
	return b.Check(buf, 0xffffffff, magic&0xffffffff, e)
}

// Write writes data with a single write(2).
func (b *Builder) Write(fd FD, data string) On {
	return b.Call(unix.SYS_WRITE, fd.V(), b.Str(data).V(), I(len(data)))
}

// Fchdir makes a directory the current one.
func (b *Builder) Fchdir(fd FD) On { return b.Call(unix.SYS_FCHDIR, fd.V()) }

// Unshare leaves namespaces for new ones.
func (b *Builder) Unshare(flags uint64) On { return b.Call(unix.SYS_UNSHARE, I(flags)) }

// Setns joins namespaces.
func (b *Builder) Setns(fd FD, flags uint64) On { return b.Call(unix.SYS_SETNS, fd.V(), I(flags)) }

// Fork clones nsexec with CLONE_PARENT: the child is a child of kist, which
// alone waits for it. The slot holds the child's pid, zero in the child.
func (b *Builder) Fork() Reg {
	r := b.alloc()
	b.Call(unix.SYS_CLONE, I(uint64(unix.CLONE_PARENT)|uint64(unix.SIGCHLD)), Null, Null, Null, Null).Into(r)
	return r
}

// Exit ends the process.
func (b *Builder) Exit(status int) { b.Call(unix.SYS_EXIT_GROUP, I(status)) }

// Prctl changes a property of the process.
func (b *Builder) Prctl(option int, args ...Value) On {
	return b.Call(unix.SYS_PRCTL, append([]Value{I(option)}, args...)...)
}

// SetName names the process in ps(1), until it execs.
func (b *Builder) SetName(name string) { b.Prctl(unix.PR_SET_NAME, b.Str(name).V()) }

// CloseOnExec marks every descriptor from first on.
func (b *Builder) CloseOnExec(first int) On {
	return b.Call(unix.SYS_CLOSE_RANGE, I(first), I(uint32(0xffffffff)), I(unix.CLOSE_RANGE_CLOEXEC))
}

// Capset sets the effective, permitted and inheritable capabilities.
func (b *Builder) Capset(effective, permitted, inheritable uint64) On {
	hdr := b.Zero(8)
	binary.LittleEndian.PutUint32(b.blob[hdr:], unix.LINUX_CAPABILITY_VERSION_3)
	data := b.Zero(24)
	le := binary.LittleEndian
	for i := 0; i < 2; i++ {
		sh := 32 * i
		le.PutUint32(b.blob[int(data)+12*i:], uint32(effective>>sh))
		le.PutUint32(b.blob[int(data)+12*i+4:], uint32(permitted>>sh))
		le.PutUint32(b.blob[int(data)+12*i+8:], uint32(inheritable>>sh))
	}
	return b.Call(unix.SYS_CAPSET, hdr.V(), data.V())
}

// Seccomp installs a filter of struct sock_filter.
func (b *Builder) Seccomp(bpf []byte, flags uint) On {
	insns := b.Bytes(bpf)
	prog := b.Zero(16)
	binary.LittleEndian.PutUint16(b.blob[prog:], uint16(len(bpf)/8))
	b.Point(prog+8, insns)
	return b.Call(unix.SYS_SECCOMP, I(unix.SECCOMP_SET_MODE_FILTER), I(flags), prog.V())
}

// Execve becomes another program. The arrays are made by Strings.
func (b *Builder) Execve(path string, argv, envp Ref) On {
	return b.Call(unix.SYS_EXECVE, b.Str(path).V(), argv.V(), envp.V())
}

// ExecImage becomes the program behind a descriptor. It is a static one, which
// needs nothing of the container's files.
func (b *Builder) ExecImage(fd FD, argv, envp Ref) On {
	return b.Call(unix.SYS_EXECVEAT, fd.V(), b.Str("").V(), argv.V(), envp.V(), I(unix.AT_EMPTY_PATH))
}

// capsIn counts capabilities, for printing.
func capsIn(mask uint64) int { return bits.OnesCount64(mask) }
