// SPDX-License-Identifier: Apache-2.0

package program

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// single is a session of one program; begin makes what follows legitimate.
func single(build func(b *Builder)) func(t *testing.T) []*Program {
	return func(t *testing.T) []*Program {
		b := NewBuilder("test", 0, 5)
		build(b)
		b.Exit(0)
		return []*Program{finish(t, b)}
	}
}

func begin(b *Builder) {
	b.CloseOnExec(3)
	b.Prctl(unix.PR_SET_DUMPABLE, I(0))
}

// inside is begin, and the root entered without a mount namespace of its own.
func inside(b *Builder) (root Reg) {
	begin(b)
	root, _ = b.Openat2(Cwd, "/rootfs", unix.O_PATH, 0, 0)
	b.Fchdir(root.FD())
	b.Call(unix.SYS_CHROOT, b.Str(".").V())
	b.Call(unix.SYS_CHDIR, b.Str("/").V())
	return root
}

// edited is a session of one good program, and a change that no builder makes.
func edited(build func(b *Builder), edit func(p *Program)) func(t *testing.T) []*Program {
	return func(t *testing.T) []*Program {
		ps := single(build)(t)
		edit(ps[0])
		return ps
	}
}

// changed is the good session with a part of the process replaced; nil drops it.
func changed(part string, f func(*Builder)) func(t *testing.T) []*Program {
	return func(t *testing.T) []*Program {
		return []*Program{setupProgram(t), finish(t, buildProcess(tail{part: f}))}
	}
}

// before puts f before a part of the process.
func before(part string, f func(*Builder)) func(t *testing.T) []*Program {
	return changed(part, func(b *Builder) { f(b); goodTail()[part](b) })
}

// earlyFilter loads the filter with privilege that is then still to be given up.
func earlyFilter(b *Builder) {
	b.Capset(1<<unix.CAP_SYS_ADMIN, 1<<unix.CAP_SYS_ADMIN, 0)
	r := b.Alloc()
	b.Seccomp(make([]byte, 8), unix.SECCOMP_FILTER_FLAG_NEW_LISTENER).Into(r)
	b.Sync(13, I(0), r.FD())
	b.Close(r)
}

func open(b *Builder) Reg {
	r, _ := b.Openat2(Cwd, "/x", unix.O_PATH, 0, 0)
	return r
}

func exec(b *Builder) { b.Execve("/x", b.Strings([]string{"x"}), b.Strings(nil)) }

func TestVerifyGood(t *testing.T) {
	early := tail{
		"nnp": nil, "filter": nil,
		"capset": func(b *Builder) {
			earlyFilter(b)
			goodTail()["capset"](b)
		},
	}
	for name, session := range map[string]func(t *testing.T) []*Program{
		"setup":         func(t *testing.T) []*Program { return []*Program{setupProgram(t)} },
		"whole":         changed("", nil),
		"no filter":     changed("filter", nil),
		"no NNP":        func(t *testing.T) []*Program { return []*Program{setupProgram(t), finish(t, buildProcess(early))} },
		"groups denied": changed("groups", func(b *Builder) { b.Call(unix.SYS_SETGROUPS, I(0), Null).Ignore(unix.EPERM) }),
		"chroot":        single(func(b *Builder) { inside(b); b.CloseOnExec(3); exec(b) }),
		"joined": single(func(b *Builder) {
			begin(b)
			pidfd := b.Need(Need{Kind: NeedPidfd})
			b.Setns(pidfd, unix.CLONE_NEWNS|unix.CLONE_NEWPID)
			b.Call(unix.SYS_CLOSE, pidfd.V())
			b.Call(unix.SYS_CHDIR, b.Str("/").V())
			b.Openat2(Cwd, "/etc/passwd", unix.O_RDONLY, 0, InRoot)
			b.CloseOnExec(3)
			exec(b)
		}),
		"fork": single(func(b *Builder) {
			parent := b.NewLabel()
			pid := b.Fork()
			b.JumpIf(pid, parent)
			b.Exit(0)
			b.Bind(parent)
			b.Tell(1, pid.V())
		}),
		"terminal": single(func(b *Builder) {
			begin(b)
			master := open(b)
			b.Call(unix.SYS_IOCTL, master.V(), I(unix.TIOCSPTLCK), b.Words(0).V())
			peer := b.Alloc()
			b.Call(unix.SYS_IOCTL, master.V(), I(unix.TIOCGPTPEER), I(unix.O_RDWR|unix.O_CLOEXEC)).Into(peer)
			b.Call(unix.SYS_DUP3, peer.V(), I(0), I(0))
			b.Call(unix.SYS_IOCTL, I(0), I(unix.TIOCSCTTY), I(0))
		}),
	} {
		if err := Verify(session(t)...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestVerify has at least one session per rule that breaks it.
func TestVerify(t *testing.T) {
	tested := map[Rule]bool{}
	for _, tt := range append(malformed(), unsafeSessions()...) {
		t.Run(fmt.Sprintf("%s/%s", tt.rule, tt.name), func(t *testing.T) {
			tested[tt.rule] = true
			err := Verify(tt.session(t)...)
			var ve *VerifyError
			if !errors.As(err, &ve) {
				t.Fatalf("got %v, want a violation of %s", err, tt.rule)
			}
			if ve.Rule != tt.rule || !strings.Contains(err.Error(), tt.at) {
				t.Errorf("got  %v\nwant rule %s at %q", err, tt.rule, tt.at)
			}
			if tt.at == "" && ve.Index != -1 {
				t.Errorf("blames instruction %d, want the program: %v", ve.Index, err)
			}
		})
	}
	for _, r := range [...]Rule{
		RuleForm, RuleMemory, RulePointer, RuleConstant, RuleCall, RuleSlot, RuleCloexec, RuleSweep, RuleDumpable, RuleMount, RuleResolve,
		RuleHostPath, RuleName, RulePropagation, RuleRoot, RuleOrder, RuleIDs, RuleComplete, RuleAmbient, RuleFilter, RuleLabel, RuleSync, RuleExec, RuleEnd,
	} {
		if !tested[r] {
			t.Errorf("no program breaks rule %s", r)
		}
	}
}

// SyncSlotReg is the slot that is set in every program.
const SyncSlotReg = Reg(SyncSlot)

// A good session costs no allocation: this runs before every launch.
func TestVerifyAllocates(t *testing.T) {
	p, q := setupProgram(t), processProgram(t)
	if n := testing.AllocsPerRun(100, func() {
		if err := Verify(p, q); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestVerifyErrorText(t *testing.T) {
	p := single(func(b *Builder) {
		b.AtItem("/mounts", 3)
		b.Call(unix.SYS_UMOUNT2, b.Str("/x").V(), I(0))
	})(t)[0]
	want := `program test: instruction 0: umount2("/x", 0): refused by rule dumpable: works on mounts while nsexec can still be traced (/mounts/3)`
	if err := Verify(p); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// FuzzVerifyEdited changes bytes of a good session: far more of the verifier
// is reached than with bytes at random.
func FuzzVerifyEdited(f *testing.F) {
	setup, process := finish(f, buildSetup()), finish(f, buildProcess(nil))
	f.Add([]byte{0, 0, 3, 7})
	f.Add([]byte{130, 8, 0, 0, 1, 16, 1, 255})
	f.Fuzz(func(t *testing.T, edits []byte) {
		ps := [2]*Program{clone(setup), clone(process)}
		for ; len(edits) >= 4; edits = edits[4:] {
			p := ps[edits[0]>>7]
			if edits[1] < insnSize {
				im := p.Encode(false)
				im.Insns[int(edits[0]&127)%len(p.Insns)*insnSize+int(edits[1])] ^= edits[3]
			} else {
				p.Blob[(int(edits[1])<<8|int(edits[2]))%len(p.Blob)] ^= edits[3]
			}
		}
		if err := Verify(ps[0], ps[1]); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		for _, p := range ps {
			p.JSON(PrintOptions{})
		}
	})
}

func clone(p *Program) *Program {
	c := *p
	c.Insns = append([]Insn{}, p.Insns...)
	c.Blob = append([]byte{}, p.Blob...)
	return &c
}

func BenchmarkVerify(b *testing.B) {
	p, q := setupProgram(b), processProgram(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := Verify(p, q); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*(len(p.Insns)+len(q.Insns))), "ns/insn")
}
