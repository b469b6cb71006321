// SPDX-License-Identifier: Apache-2.0

package program

import (
	"testing"

	"golang.org/x/sys/unix"
)

// violation is a session that breaks one rule, and nothing else. at is part of
// the instruction that must be blamed, "" for the program as a whole.
type violation struct {
	rule    Rule
	name    string
	at      string
	session func(t *testing.T) []*Program
}

// malformed breaks the rules that can be checked without following a program,
// and those of slots.
func malformed() []violation {
	nothing := func(*Builder) {}
	return []violation{
		{RuleForm, "no instructions", "", func(*testing.T) []*Program { return []*Program{{Name: "x", Base: Base}} }},
		{RuleForm, "base", "", edited(nothing, func(p *Program) { p.Base += 4096 })},
		{RuleForm, "too many programs", "", func(t *testing.T) []*Program {
			var ps []*Program
			for i := range MaxLoaded + 1 {
				b := NewBuilder("loop", i, 5)
				b.Sync(10, I(0), None)
				b.Exit(0)
				ps = append(ps, finish(t, b))
			}
			return ps
		}},
		{RuleForm, "operation", "op_6", edited(begin, func(p *Program) { p.Insns[1].Op = numOps })},
		{RuleForm, "kind bits", "close_range", edited(begin, func(p *Program) { p.Insns[0].Kinds |= 1 << 13 })},
		{RuleForm, "kind", "close_range", edited(begin, func(p *Program) { p.Insns[0].Kinds |= 3 })},
		{RuleForm, "result slot", "close_range", edited(begin, func(p *Program) { p.Insns[0].Dst = NumSlots })},
		{RuleForm, "slot", "close(", single(func(b *Builder) { b.Call(unix.SYS_CLOSE, Value{Slot, NumSlots}) })},
		{RuleForm, "target behind", "close_range", edited(begin, func(p *Program) { p.Insns[1].Nr = unix.SYS_CLOSE_RANGE; p.Insns[1].Errs[0], p.Insns[1].Target = 1, 1 })},
		{RuleForm, "target outside", "close_range", edited(begin, func(p *Program) { p.Insns[0].Errs[0], p.Insns[0].Target = 1, 3 })},
		{RuleForm, "errors without target", "close_range", edited(begin, func(p *Program) { p.Insns[0].Errs[0] = 1 })},
		{RuleForm, "target without errors", "close_range", edited(begin, func(p *Program) { p.Insns[0].Target = 1 })},
		{RuleForm, "gap in errors", "close_range", edited(begin, func(p *Program) { p.Insns[0].Errs, p.Insns[0].Target = [6]uint8{1, 0, 2}, 1 })},
		{RuleForm, "jump without target", "jump 0", edited(begin, func(p *Program) { p.Insns[0] = Insn{Op: OpJump, Dst: NoSlot, Args: [6]int64{1}} })},
		{RuleForm, "too much data", "", edited(nothing, func(p *Program) { p.Blob = make([]byte, MaxBlob+1) })},
		{RuleForm, "jump with a result", "jump 1", single(func(b *Builder) {
			l := b.NewLabel()
			b.Jump(l)
			b.insns[0].Dst = 3
			b.Bind(l)
		})},
		{RuleForm, "check against a slot", "check", single(func(b *Builder) { b.emit(OpCheck, 0, b.Zero(8).V(), SyncSlotReg.V(), I(0), I(1)) })},
		{RuleForm, "store with a result", "store", single(func(b *Builder) { b.Store(b.Zero(8), I(1), 8); b.insns[0].Dst = 3 })},
		{RuleForm, "check without errno", "check", single(func(b *Builder) { b.Check(b.Zero(8), 1, 1, 0) })},
		{RuleForm, "width", "store", single(func(b *Builder) { b.Store(b.Zero(8), I(1), 3) })},
		{RuleForm, "load to nowhere", "load", edited(func(b *Builder) { b.Load(b.Zero(8), 8) }, func(p *Program) { p.Insns[0].Dst = NoSlot })},
		{RuleForm, "sync code", "sync", single(func(b *Builder) { b.Sync(0, I(0), None) })},
		{RuleForm, "surplus argument", "setsid", single(func(b *Builder) { b.Call(unix.SYS_SETSID, I(1)) })},
		{RuleForm, "flags from a slot", "unshare", single(func(b *Builder) { b.Call(unix.SYS_UNSHARE, SyncSlotReg.V()) })},
		{RuleForm, "size of open_how", "openat2", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_OPENAT2, Cwd.V(), b.Str("/").V(), b.How(0, 0, 0).V(), I(32)).Into(1)
		})},
		{RuleForm, "negative length", "setgroups", single(func(b *Builder) { b.Call(unix.SYS_SETGROUPS, I(-1), b.Words(0).V()) })},
		{RuleForm, "written parts", "store", single(func(b *Builder) {
			for range maxWritten + 1 {
				b.Store(b.Zero(16), I(1), 8)
			}
		})},
		{RuleForm, "jumps under way", "setsid", single(func(b *Builder) {
			var ls []*Label
			for range maxArrivals + 1 {
				ls = append(ls, b.NewLabel())
				b.Call(unix.SYS_SETSID).Any(ls[len(ls)-1])
			}
			for _, l := range ls {
				b.Bind(l)
				b.Call(unix.SYS_UMASK, I(0))
			}
		})},

		{RuleMemory, "address", "chdir", single(func(b *Builder) { b.Call(unix.SYS_CHDIR, Value{Addr, 1 << 20}) })},
		{RuleMemory, "negative address", "chdir", single(func(b *Builder) { b.Call(unix.SYS_CHDIR, Value{Addr, -8}) })},
		{RuleMemory, "number as address", "chdir", single(func(b *Builder) { b.Call(unix.SYS_CHDIR, I(0x10000000)) })},
		{RuleMemory, "null", "chdir", single(func(b *Builder) { b.Call(unix.SYS_CHDIR, Null) })},
		{RuleMemory, "address as number", "umask", single(func(b *Builder) { b.Call(unix.SYS_UMASK, b.Str("x").V()) })},
		{RuleMemory, "string without end", "chdir", edited(func(b *Builder) { b.Call(unix.SYS_CHDIR, b.Bytes([]byte("abc")).V()) },
			func(*Program) {})},
		{RuleMemory, "write too long", "write", single(func(b *Builder) { b.Call(unix.SYS_WRITE, I(1), b.Str("x").V(), I(100)) })},
		{RuleMemory, "statx buffer", "statx", single(func(b *Builder) {
			b.Call(unix.SYS_STATX, I(0), b.Str("").V(), I(unix.AT_EMPTY_PATH), I(0), b.Zero(128).V())
		})},
		{RuleMemory, "groups", "setgroups", single(func(b *Builder) { b.Call(unix.SYS_SETGROUPS, I(3), b.Words(0).V()) })},
		{RuleMemory, "nodes", "set_mempolicy", single(func(b *Builder) { b.Call(unix.SYS_SET_MEMPOLICY, I(2), b.Words(1).V(), I(66)) })},
		{RuleMemory, "sched_attr", "sched_setattr", single(func(b *Builder) { b.Call(unix.SYS_SCHED_SETATTR, I(0), b.Words(4096, 0, 0, 0, 0, 0).V(), I(0)) })},
		{RuleMemory, "ifreq", "ioctl", single(func(b *Builder) { b.Call(unix.SYS_IOCTL, I(0), I(unix.SIOCSIFFLAGS), b.Words(0, 0).V()) })},
		{RuleMemory, "nothing at the end", "write", edited(func(b *Builder) { b.Write(Number(1), "") }, func(p *Program) { p.Insns[0].Args[1] = int64(len(p.Blob)) })},
		{RuleMemory, "check over the end", "check", single(func(b *Builder) { b.Check(b.Zero(8)+4, 1, 1, unix.EINVAL) })},
		{RuleMemory, "load over the end", "load", single(func(b *Builder) { b.Load(b.Zero(8)+4, 8) })},
		{RuleMemory, "argument without end", "execve", single(func(b *Builder) {
			b.CloseOnExec(3)
			argv, path := b.Zero(16), "/x"
			b.Execve(path, argv, argv)
			b.Point(argv, b.Bytes([]byte("abc")))
		})},
		{RuleMemory, "check", "check", single(func(b *Builder) { b.Check(1<<20, 1, 1, unix.EINVAL) })},
		{RuleMemory, "load", "load", single(func(b *Builder) { b.Load(1<<20, 8) })},
		{RuleMemory, "argv without end", "execve", single(func(b *Builder) {
			s := b.Str("x")
			b.Zero(0)
			b.CloseOnExec(3)
			empty := b.Strings(nil)
			argv := b.Zero(8)
			b.Point(argv, s)
			b.Execve("x", argv, empty)
		})},
		{RuleMemory, "filter longer than data", "seccomp", edited(func(b *Builder) { b.Seccomp(make([]byte, 8), 0) },
			func(p *Program) { p.Blob[len(p.Blob)-16] = 200 })},

		{RulePointer, "outside", "", edited(exec, func(p *Program) { p.Pointers = append(p.Pointers, uint32(len(p.Blob))-4) })},
		{RulePointer, "leads outside", "", edited(exec, func(p *Program) { p.Blob[p.Pointers[0]+5] = 1 })},
		{RulePointer, "not recorded", "execve", edited(func(b *Builder) { b.CloseOnExec(3); exec(b) }, func(p *Program) { p.Pointers = nil })},
		{RulePointer, "filter not recorded", "seccomp", edited(func(b *Builder) { b.Seccomp(make([]byte, 8), 0) }, func(p *Program) { p.Pointers = nil })},
		{RulePointer, "address stored", "store", single(func(b *Builder) { b.Store(b.Zero(8), b.Str("x").V(), 8) })},

		{RuleConstant, "path", "chdir", single(func(b *Builder) {
			p := b.Str("/a/path")
			b.Store(p, I(0), 4)
			b.Call(unix.SYS_CHDIR, p.V())
		})},
		{RuleConstant, "open_how", "openat2", single(func(b *Builder) {
			begin(b)
			open(b)
			b.Store(b.How(unix.O_PATH, 0, 0)+16, I(0), 8)
		})},
		{RuleConstant, "pointer", "", single(func(b *Builder) {
			a := b.Strings([]string{"x"})
			b.Store(a, I(0), 8)
		})},
		{RuleConstant, "end of argv", "execve", single(func(b *Builder) {
			b.CloseOnExec(3)
			argv := b.Strings([]string{"x"})
			b.Store(argv+8, I(0), 8)
			b.Execve("/x", argv, argv)
		})},
		{RuleConstant, "filter", "seccomp", single(func(b *Builder) {
			b.Seccomp(make([]byte, 8), 0)
			b.Store(8, I(0), 8)
		})},
		{RuleConstant, "argument string", "execve", single(func(b *Builder) {
			b.CloseOnExec(3)
			b.Store(b.Str("argument"), I(0), 8)
			b.Execve("/x", b.Strings([]string{"argument"}), b.Strings(nil))
		})},

		{RuleCall, "mount", "mount(", single(func(b *Builder) { b.Call(unix.SYS_MOUNT, b.Str("a").V(), b.Str("/b").V(), Null, I(0), Null) })},
		{RuleCall, "openat", "openat(", single(func(b *Builder) { b.Call(unix.SYS_OPENAT, Cwd.V(), b.Str("/b").V(), I(0)) })},
		{RuleCall, "unknown", "syscall_", single(func(b *Builder) { b.Call(unix.SYS_REBOOT, I(0)) })},
		{RuleCall, "number beyond the table", "syscall_65535", single(func(b *Builder) { b.Call(0xffff) })},
		{RuleCall, "clone flags", "clone", single(func(b *Builder) {
			b.Call(unix.SYS_CLONE, I(unix.CLONE_VM|unix.CLONE_PARENT), Null, Null, Null, Null).Into(1)
		})},
		{RuleCall, "unshare files", "unshare", single(func(b *Builder) { b.Unshare(unix.CLONE_FILES) })},
		{RuleCall, "setns of any kind", "setns", single(func(b *Builder) { begin(b); b.Setns(open(b).FD(), 0) })},
		{RuleCall, "ioctl", "TIOCSTI", single(func(b *Builder) { b.Call(unix.SYS_IOCTL, I(0), I(unix.TIOCSTI), I(0)) })},
		{RuleCall, "stolen terminal", "TIOCSCTTY", single(func(b *Builder) { b.Call(unix.SYS_IOCTL, I(0), I(unix.TIOCSCTTY), I(1)) })},
		{RuleCall, "prctl", "PR_SET_SECUREBITS", single(func(b *Builder) { b.Prctl(unix.PR_SET_SECUREBITS, I(1)) })},
		{RuleCall, "prctl from the arguments of NNP", "NO_NEW_PRIVS", single(func(b *Builder) { b.Prctl(unix.PR_SET_NO_NEW_PRIVS, I(0)) })},
		{RuleCall, "limits of another process", "prlimit64", single(func(b *Builder) {
			b.Call(unix.SYS_PRLIMIT64, I(1), I(unix.RLIMIT_NOFILE), b.Words(3, 3).V(), Null)
		})},
		{RuleCall, "keyctl", "keyctl", single(func(b *Builder) { b.Call(unix.SYS_KEYCTL, I(3), I(1)) })},
		{RuleCall, "ambient", "LOWER", single(func(b *Builder) { b.Prctl(unix.PR_CAP_AMBIENT, I(unix.PR_CAP_AMBIENT_LOWER), I(1)) })},
		{RuleCall, "seccomp", "STRICT", single(func(b *Builder) {
			b.Seccomp(make([]byte, 8), 0)
			b.insns[0].Args[0] = unix.SECCOMP_SET_MODE_STRICT
		})},
		{RuleCall, "fsconfig", "SET_PATH", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_FSCONFIG, b.Fsopen("x").V(), I(unix.FSCONFIG_SET_PATH), b.Str("source").V(), b.Str("/x").V(), I(unix.AT_FDCWD))
		})},
		{RuleCall, "socket", "AF_NETLINK", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_SOCKET, I(unix.AF_NETLINK), I(unix.SOCK_CLOEXEC), I(0)).Into(1)
		})},
		{RuleCall, "rmdir", "unlinkat", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_UNLINKAT, open(b).V(), b.Str("x").V(), I(unix.AT_REMOVEDIR))
		})},

		{RuleSlot, "never set", "close($7)", single(func(b *Builder) { b.Close(7) })},
		{RuleSlot, "closed", "fchdir", single(func(b *Builder) { begin(b); r := open(b); b.Close(r); b.Fchdir(r.FD()) })},
		{RuleSlot, "set on one way only", "fchdir", single(func(b *Builder) {
			begin(b)
			l := b.NewLabel()
			r, on := b.Openat2(Cwd, "/x", 0, 0, 0)
			on.Jump(l, unix.ENOENT)
			b.Bind(l)
			b.Fchdir(r.FD())
		})},
		{RuleSlot, "closed on one way", "fchdir", single(func(b *Builder) {
			begin(b)
			r, l := open(b), b.NewLabel()
			b.JumpIf(r, l)
			b.Close(r)
			b.Bind(l)
			b.Fchdir(r.FD())
		})},
		{RuleSlot, "from the program before", "close($9)", before("cwd", func(b *Builder) { b.Close(9) })},
		{RuleSlot, "number", "fchdir(9)", single(func(b *Builder) { b.Fchdir(Number(9)) })},
		{RuleSlot, "number to send", "sync", single(func(b *Builder) { b.Sync(1, I(0), Number(1)) })},
		{RuleSlot, "connection overwritten", "openat2", single(func(b *Builder) {
			begin(b)
			_, on := b.Openat2(Cwd, "/x", 0, 0, 0)
			on.Into(SyncSlot)
		})},
		{RuleSlot, "connection closed", "close($sync)", single(func(b *Builder) { b.Close(SyncSlot) })},
		{RuleSlot, "fork without a pid", "clone", edited(func(b *Builder) { b.Fork() }, func(p *Program) { p.Insns[0].Dst = NoSlot })},
	}
}
