// SPDX-License-Identifier: Apache-2.0

package program

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// unsafeSessions breaks the rules of what must have happened before, and must not.
func unsafeSessions() []violation {
	return []violation{
		{RuleCloexec, "openat2", "openat2", edited(func(b *Builder) { begin(b); open(b) }, func(p *Program) {
			binary.LittleEndian.PutUint64(p.Blob[p.Insns[2].Args[2]:], unix.O_PATH)
		})},
		{RuleCloexec, "open_tree", "open_tree", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_OPEN_TREE, Cwd.V(), b.Str("/x").V(), I(unix.OPEN_TREE_CLONE)).Into(1)
		})},
		{RuleCloexec, "fsopen", "fsopen", single(func(b *Builder) { begin(b); b.Call(unix.SYS_FSOPEN, b.Str("tmpfs").V(), I(0)).Into(1) })},
		{RuleCloexec, "fsmount", "fsmount", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_FSMOUNT, b.Fsopen("tmpfs").V(), I(0), I(0)).Into(2)
		})},
		{RuleCloexec, "fspick", "fspick", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_FSPICK, open(b).V(), b.Str("").V(), I(unix.FSPICK_EMPTY_PATH)).Into(2)
		})},
		{RuleCloexec, "socket", "socket", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_SOCKET, I(unix.AF_INET), I(unix.SOCK_DGRAM), I(0)).Into(1)
		})},
		{RuleCloexec, "accept4", "accept4", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_ACCEPT4, b.Need(Need{Kind: NeedListen}).V(), Null, Null, I(0)).Into(SyncSlot)
		})},
		{RuleCloexec, "peer", "TIOCGPTPEER", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_IOCTL, open(b).V(), I(unix.TIOCGPTPEER), I(unix.O_RDWR)).Into(2)
		})},
		{RuleCloexec, "dup3", "dup3", single(func(b *Builder) { b.Call(unix.SYS_DUP3, I(0), I(9), I(0)) })},
		{RuleCloexec, "not kept", "openat2", edited(func(b *Builder) { begin(b); open(b) }, func(p *Program) { p.Insns[2].Dst = NoSlot })},
		{RuleCloexec, "listener not kept", "seccomp", single(func(b *Builder) { b.Seccomp(make([]byte, 8), unix.SECCOMP_FILTER_FLAG_NEW_LISTENER) })},

		{RuleSweep, "before the first", "openat2", single(func(b *Builder) { open(b) })},
		{RuleSweep, "on one way only", "openat2", single(func(b *Builder) {
			l := b.NewLabel()
			b.Call(unix.SYS_SETSID).Jump(l, unix.EPERM)
			b.CloseOnExec(3)
			b.Bind(l)
			open(b)
		})},
		{RuleSweep, "stdio", "close_range", single(func(b *Builder) { b.CloseOnExec(0) })},
		{RuleSweep, "not all", "close_range", single(func(b *Builder) {
			b.Call(unix.SYS_CLOSE_RANGE, I(3), I(100), I(unix.CLOSE_RANGE_CLOEXEC))
		})},
		{RuleSweep, "before execve", "execve", changed("sweep", nil)},
		{RuleSweep, "opened since", "execve", single(func(b *Builder) { begin(b); open(b); exec(b) })},
		{RuleSweep, "received since", "execve", single(func(b *Builder) { begin(b); b.Sync(1, I(0), None).Into(1); exec(b) })},
		{RuleSweep, "may have failed", "execve", changed("sweep", func(b *Builder) { b.CloseOnExec(3).Ignore(unix.EPERM) })},

		{RuleDumpable, "setns", "setns", single(func(b *Builder) { b.CloseOnExec(3); b.Setns(open(b).FD(), unix.CLONE_NEWPID) })},
		{RuleDumpable, "mount", "fsopen", single(func(b *Builder) { b.CloseOnExec(3); b.Fsopen("proc") })},
		{RuleDumpable, "revealed to those who live there", "PR_SET_DUMPABLE, 1", single(func(b *Builder) {
			begin(b)
			b.Unshare(unix.CLONE_NEWUSER)
			b.Setns(open(b).FD(), unix.CLONE_NEWPID)
			b.Prctl(unix.PR_SET_DUMPABLE, I(1))
		})},
		{RuleDumpable, "revealed while at work", "umask", single(func(b *Builder) {
			begin(b)
			b.Unshare(unix.CLONE_NEWUSER)
			b.Prctl(unix.PR_SET_DUMPABLE, I(1))
			b.Sync(1, I(0), None)
			b.Call(unix.SYS_UMASK, I(0))
		})},
		{RuleDumpable, "made dumpable", "PR_SET_DUMPABLE", single(func(b *Builder) { b.Prctl(unix.PR_SET_DUMPABLE, I(1)) })},

		{RuleMount, "umount2", "umount2", single(func(b *Builder) { begin(b); b.Call(unix.SYS_UMOUNT2, b.Str("/x").V(), I(unix.MNT_DETACH)) })},
		{RuleMount, "umount2 elsewhere", "umount2", single(func(b *Builder) { begin(b); b.Call(unix.SYS_UMOUNT2, b.Str(".").V(), I(unix.MNT_DETACH)) })},
		{RuleMount, "move_mount to a path", "move_mount", single(func(b *Builder) {
			begin(b)
			r := open(b)
			b.Call(unix.SYS_MOVE_MOUNT, r.V(), b.Str("").V(), r.V(), b.Str("etc").V(), I(unix.MOVE_MOUNT_F_EMPTY_PATH))
		})},
		{RuleMount, "move_mount to a name", "move_mount", single(func(b *Builder) {
			begin(b)
			r := open(b)
			b.MoveMount(r.FD(), r.FD())
			b.insns[len(b.insns)-1].Args[3] = int64(b.Str("etc"))
		})},
		{RuleMount, "open_tree below a descriptor", "open_tree", single(func(b *Builder) { begin(b); b.OpenTree(open(b).FD(), "etc", false) })},
		{RuleMount, "mount_setattr by path", "mount_setattr", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_MOUNT_SETATTR, Cwd.V(), b.Str("/").V(), I(0), b.Zero(32).V(), I(32))
		})},
		{RuleMount, "fspick by path", "fspick", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_FSPICK, Cwd.V(), b.Str("/").V(), I(unix.FSPICK_CLOEXEC)).Into(1)
		})},

		{RuleResolve, "nothing", "openat2", single(func(b *Builder) { begin(b); b.Openat2(open(b).FD(), "x", 0, 0, 0) })},
		{RuleResolve, "magic links", "openat2", single(func(b *Builder) { begin(b); b.Openat2(open(b).FD(), "x", 0, 0, unix.RESOLVE_IN_ROOT) })},
		{RuleResolve, "no root", "openat2", single(func(b *Builder) { begin(b); b.Openat2(open(b).FD(), "x", 0, 0, unix.RESOLVE_NO_MAGICLINKS) })},
		{RuleResolve, "procfs over mounts", "openat2", single(func(b *Builder) {
			begin(b)
			b.Openat2(open(b).FD(), "x", 0, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV)
		})},
		{RuleResolve, "statx", "statx", single(func(b *Builder) { begin(b); b.StatxPath(open(b).FD(), "x") })},

		{RuleHostPath, "after the root is entered", "openat2", single(func(b *Builder) { inside(b); b.Openat2(Cwd, "/etc/passwd", 0, 0, 0) })},
		{RuleHostPath, "perhaps entered", "openat2", single(func(b *Builder) {
			begin(b)
			r, l := open(b), b.NewLabel()
			b.JumpIf(r, l)
			b.Fchdir(r.FD())
			b.Call(unix.SYS_CHROOT, b.Str(".").V())
			b.Bind(l)
			b.Openat2(Cwd, "/etc/passwd", 0, 0, 0)
		})},
		{RuleHostPath, "inside, cwd unknown", "openat2", single(func(b *Builder) {
			inside(b)
			b.Call(unix.SYS_CHDIR, b.Str("/proc/self/fd/7").V())
			b.Openat2(Cwd, "x", 0, 0, InRoot)
		})},
		{RuleHostPath, "relative", "openat2", single(func(b *Builder) { begin(b); b.Openat2(Cwd, "x", 0, 0, 0) })},
		{RuleHostPath, "creates", "openat2", single(func(b *Builder) { begin(b); b.Openat2(Cwd, "/x", unix.O_WRONLY|unix.O_CREAT, 0o600, 0) })},
		{RuleHostPath, "source after the root is entered", "open_tree", single(func(b *Builder) { inside(b); b.OpenTree(Cwd, "/x", false) })},
		{RuleHostPath, "relative source", "open_tree", single(func(b *Builder) { begin(b); b.OpenTree(Cwd, "x", false) })},
		{RuleHostPath, "after joining the mount namespace", "openat2", single(func(b *Builder) {
			begin(b)
			b.Setns(open(b).FD(), unix.CLONE_NEWNS)
			b.Openat2(Cwd, "/etc/passwd", 0, 0, 0)
		})},

		{RuleName, "mkdirat", "mkdirat", single(func(b *Builder) { begin(b); b.Mkdirat(open(b).FD(), "a/b", 0o755) })},
		{RuleName, "mkdirat ..", "mkdirat", single(func(b *Builder) { begin(b); b.Mkdirat(open(b).FD(), "..", 0o755) })},
		{RuleName, "mknodat", "mknodat", single(func(b *Builder) { begin(b); b.Mknodat(Cwd, "x", unix.S_IFREG, 0) })},
		{RuleName, "symlinkat", "symlinkat", single(func(b *Builder) { begin(b); b.Symlinkat("x", open(b).FD(), "a/b") })},
		{RuleName, "unlinkat", "unlinkat", single(func(b *Builder) { begin(b); b.Call(unix.SYS_UNLINKAT, open(b).V(), b.Str("").V(), I(0)) })},
		{RuleName, "fchownat", "fchownat", single(func(b *Builder) {
			begin(b)
			b.Call(unix.SYS_FCHOWNAT, open(b).V(), b.Str("x").V(), I(0), I(0), I(0))
		})},

		{RulePropagation, "first mount", "move_mount", single(func(b *Builder) {
			begin(b)
			b.Unshare(unix.CLONE_NEWNS)
			r := open(b)
			b.MoveMount(r.FD(), r.FD())
		})},
		{RulePropagation, "not recursive", "mount_setattr", single(func(b *Builder) {
			begin(b)
			b.Unshare(unix.CLONE_NEWNS)
			r, _ := b.Openat2(Cwd, "/", 0, 0, 0)
			b.MountSetattr(r.FD(), false, 0, 0, unix.MS_SLAVE)
		})},
		{RulePropagation, "shared", "mount_setattr", single(func(b *Builder) {
			begin(b)
			b.Unshare(unix.CLONE_NEWNS)
			r, _ := b.Openat2(Cwd, "/", 0, 0, 0)
			b.MountSetattr(r.FD(), true, 0, 0, unix.MS_SHARED)
		})},
		{RulePropagation, "the caller's", "mount_setattr", single(func(b *Builder) {
			begin(b)
			r, _ := b.Openat2(Cwd, "/", 0, 0, 0)
			b.MountSetattr(r.FD(), true, 0, 0, unix.MS_SLAVE)
		})},
		{RulePropagation, "pivot_root of the caller", "pivot_root", single(func(b *Builder) {
			begin(b)
			b.Fchdir(open(b).FD())
			b.Call(unix.SYS_PIVOT_ROOT, b.Str(".").V(), b.Str(".").V())
			b.Call(unix.SYS_UMOUNT2, b.Str(".").V(), I(unix.MNT_DETACH))
		})},

		{RuleRoot, "old root stays", "pivot_root", single(func(b *Builder) {
			begin(b)
			b.Unshare(unix.CLONE_NEWNS)
			b.Fchdir(open(b).FD())
			b.Call(unix.SYS_PIVOT_ROOT, b.Str(".").V(), b.Str(".").V())
			b.Call(unix.SYS_CHDIR, b.Str("/").V())
		})},
		{RuleRoot, "old root elsewhere", "pivot_root", single(func(b *Builder) {
			begin(b)
			b.Unshare(unix.CLONE_NEWNS)
			b.Fchdir(open(b).FD())
			b.Call(unix.SYS_PIVOT_ROOT, b.Str(".").V(), b.Str("old").V())
			b.Call(unix.SYS_UMOUNT2, b.Str(".").V(), I(unix.MNT_DETACH))
		})},
		{RuleRoot, "by path", "chroot", single(func(b *Builder) { begin(b); b.Fchdir(open(b).FD()); b.Call(unix.SYS_CHROOT, b.Str("/rootfs").V()) })},
		{RuleRoot, "without fchdir", "chroot", single(func(b *Builder) { begin(b); b.Call(unix.SYS_CHROOT, b.Str(".").V()) })},
		{RuleRoot, "may fail", "chroot", single(func(b *Builder) {
			begin(b)
			b.Fchdir(open(b).FD())
			b.Call(unix.SYS_CHROOT, b.Str(".").V()).IgnoreAny()
		})},
		{RuleRoot, "cwd outside", "execve", single(func(b *Builder) {
			begin(b)
			b.Fchdir(open(b).FD())
			b.Call(unix.SYS_CHROOT, b.Str(".").V())
			b.CloseOnExec(3)
			exec(b)
		})},
		{RuleRoot, "cwd not proven", "execve", changed("getcwd", nil)},
		{RuleRoot, "cwd changed after the proof", "execve", before("capset", func(b *Builder) { b.Call(unix.SYS_CHDIR, b.Str("x").V()) })},
		{RuleRoot, "cwd by a descriptor of the host", "fchdir", single(func(b *Builder) { b.Fchdir(inside(b).FD()) })},

		{RuleOrder, "bounding set after the ids", "PR_CAPBSET_DROP", before("capset", func(b *Builder) { b.Prctl(unix.PR_CAPBSET_DROP, I(1)) })},
		{RuleOrder, "keepcaps after the uid", "KEEPCAPS", before("keepcaps off", goodTail()["keepcaps"])},
		{RuleOrder, "groups after gid", "setgroups", before("uid", goodTail()["groups"])},
		{RuleOrder, "ids after capset", "setresgid", before("ambient", goodTail()["gid"])},
		{RuleOrder, "capset after ambient", "capset", before("nnp", goodTail()["capset"])},
		{RuleOrder, "ambient after NNP", "PR_CAP_AMBIENT", before("sweep", goodTail()["ambient"])},
		{RuleOrder, "label after the bounding set", "write", func(t *testing.T) []*Program {
			return []*Program{setupProgram(t), finish(t, buildProcess(tail{"label": nil, "keepcaps": goodTail()["label"]}))}
		}},

		{RuleIDs, "uid without gid", "setresuid", changed("gid", nil)},
		{RuleIDs, "uid without groups", "setresuid", changed("groups", nil)},
		{RuleIDs, "groups may have failed", "setresuid", changed("groups", func(b *Builder) { b.Call(unix.SYS_SETGROUPS, I(0), Null).IgnoreAny() })},
		{RuleIDs, "saved uid", "setresuid", changed("uid", func(b *Builder) { b.Call(unix.SYS_SETRESUID, I(1), I(1), I(0)) })},
		{RuleIDs, "kept gid", "setresgid", changed("gid", func(b *Builder) { b.Call(unix.SYS_SETRESGID, I(-1), I(-1), I(-1)) })},

		{RuleComplete, "no ids", "execve", func(t *testing.T) []*Program {
			return []*Program{setupProgram(t), finish(t, buildProcess(tail{"uid": nil, "gid": nil}))}
		}},
		{RuleComplete, "no capset", "execve", func(t *testing.T) []*Program {
			return []*Program{setupProgram(t), finish(t, buildProcess(tail{"capset": nil, "ambient": nil}))}
		}},
		{RuleComplete, "capset may have failed", "execve", func(t *testing.T) []*Program {
			return []*Program{setupProgram(t), finish(t, buildProcess(tail{"ambient": nil, "capset": func(b *Builder) { b.Capset(0, 0, 0).Ignore(unix.EPERM) }}))}
		}},
		{RuleComplete, "no capset after an early filter", "execve", func(t *testing.T) []*Program {
			return []*Program{setupProgram(t), finish(t, buildProcess(tail{"nnp": nil, "filter": nil, "ambient": nil, "capset": earlyFilter}))}
		}},
		{RuleComplete, "only no_new_privs", "execve", single(func(b *Builder) { b.CloseOnExec(3); goodTail()["nnp"](b); exec(b) })},

		{RuleAmbient, "not inheritable", "CAP_CHOWN", before("nnp", func(b *Builder) {
			b.Prctl(unix.PR_CAP_AMBIENT, I(unix.PR_CAP_AMBIENT_RAISE), I(unix.CAP_CHOWN), I(0), I(0))
		})},
		{RuleAmbient, "before capset", "CAP_KILL", changed("capset", nil)},

		{RuleFilter, "NNP after it", "NO_NEW_PRIVS", func(t *testing.T) []*Program {
			return []*Program{setupProgram(t), finish(t, buildProcess(tail{"filter": nil, "ambient": nil, "capset": earlyFilter}))}
		}},
		{RuleFilter, "without privilege", "seccomp", changed("nnp", nil)},
		{RuleFilter, "not last", "close_range", func(t *testing.T) []*Program {
			return []*Program{setupProgram(t), finish(t, buildProcess(tail{"sweep": goodTail()["filter"], "filter": goodTail()["sweep"]}))}
		}},
		{RuleFilter, "may be missing", "seccomp", changed("filter", func(b *Builder) { b.Seccomp(make([]byte, 8), 0).IgnoreAny() })},
		{RuleFilter, "empty", "seccomp", changed("filter", func(b *Builder) { b.Seccomp(nil, 0) })},

		{RuleLabel, "not written", "execve", changed("label", func(b *Builder) { b.Close(labelSlot) })},

		{RuleSync, "ignored", "sync", single(func(b *Builder) { b.Sync(1, I(0), None).IgnoreAny() })},

		{RuleExec, "something after it", "umask", changed("exec", func(b *Builder) {
			argv, envp := b.Strings([]string{"x"}), b.Strings(nil)
			b.Execve("/x", argv, envp).Ignore(unix.ENOENT)
			b.Call(unix.SYS_UMASK, I(0))
			b.Execve("/y", argv, envp)
		})},

		{RuleExec, "an image by path", "execveat", single(func(b *Builder) {
			begin(b)
			fd := b.Need(Need{Kind: NeedPidfd})
			argv := b.Strings(nil)
			b.Call(unix.SYS_EXECVEAT, fd.V(), b.Str("bin/x").V(), argv.V(), argv.V(), I(unix.AT_EMPTY_PATH))
		})},

		{RuleEnd, "runs off", "umask", edited(func(b *Builder) { b.Call(unix.SYS_UMASK, I(0)) }, func(p *Program) { p.Insns, p.Causes = p.Insns[:1], p.Causes[:1] })},
		{RuleEnd, "no hand over", "", func(t *testing.T) []*Program {
			return append(single(func(*Builder) {})(t), processProgram(t))
		}},
	}
}
