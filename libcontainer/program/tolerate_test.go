// SPDX-License-Identifier: Apache-2.0

package program

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestTolerate(t *testing.T) {
	b := NewBuilder("test", 0, 3)
	b.SetName("before")
	begin := b.Len()
	end := b.NewLabel()
	r, _ := b.OpenTree(Cwd, "/a", false)              // fails: to the end
	b.Mkdirat(r.FD(), "b", 0o755).Ignore(unix.EEXIST) // had an answer to one error
	b.Close(r)                                        // cannot fail
	b.Tolerate(begin, end)
	b.Bind(end)
	b.Exit(0)
	p, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if in := p.Insns[0]; in.Errs[0] != 0 {
		t.Error("an instruction before is tolerated")
	}
	if in := p.Insns[begin]; in.Errs[0] != AnyErr || in.Target != uint32(begin+3) {
		t.Errorf("open_tree: %v to %d", in.Errs, in.Target)
	}
	if in := p.Insns[begin+1]; in.Errs != [MaxErrs]uint8{AnyErr} || in.Target != uint32(begin+2) {
		t.Errorf("mkdirat: %v to %d", in.Errs, in.Target)
	}
	if in := p.Insns[begin+2]; in.Errs[0] != 0 {
		t.Errorf("close: %v", in.Errs)
	}
}

func TestExecImageIsNoPath(t *testing.T) {
	for _, tt := range []struct {
		name  string
		path  string
		flags int
		by    Value
	}{
		{"a path", "init", unix.AT_EMPTY_PATH, Number(5).V()},
		{"no AT_EMPTY_PATH", "", 0, Number(5).V()},
		{"a slot", "", unix.AT_EMPTY_PATH, Reg(3).V()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := NewBuilder("test", 0, 5)
			b.Need(Need{Kind: NeedInit})
			b.CloseOnExec(3)
			b.Reserve(3)
			b.Call(unix.SYS_OPENAT2, Cwd.V(), b.Str("/dev/null").V(), b.How(unix.O_PATH, 0, 0).V(), I(unix.SizeofOpenHow)).Into(3)
			b.CloseOnExec(3)
			args := b.Strings([]string{"init"})
			b.Call(unix.SYS_EXECVEAT, tt.by, b.Str(tt.path).V(), args.V(), args.V(), I(tt.flags))
			p, err := b.Finish()
			if err != nil {
				t.Fatal(err)
			}
			e, ok := Verify(p).(*VerifyError)
			if !ok || e.Rule != RuleExec {
				t.Errorf("%v, want a refusal by %s", e, RuleExec)
			}
		})
	}
}
