// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"time"

	"kist/libcontainer/launch"
	"kist/libcontainer/program"
)

// Trace collects what a command did and when: the parent's phases and every
// instruction of nsexec, on one clock (CLOCK_REALTIME, which no namespace
// shifts). A nil Trace costs nothing and keeps nothing.
type Trace struct {
	Phases []Phase
	Steps  []Step
}

// Phase is a stretch of work in the parent.
type Phase struct {
	Name       string
	Begin, End time.Time
}

// Step is one executed instruction.
type Step struct {
	Program *program.Program
	Insn    int
	Begin   time.Time
	End     time.Time // zero if it did not return: execve, or death
	Result  int64
}

func (t *Trace) on() bool { return t != nil }

var nothing = func() {}

// phase begins a phase; the function it returns ends it.
func (t *Trace) phase(name string) func() {
	if t == nil {
		return nothing
	}
	i := len(t.Phases)
	t.Phases = append(t.Phases, Phase{Name: name, Begin: time.Now()})
	return func() { t.Phases[i].End = time.Now() }
}

// session takes over what nsexec has recorded.
func (t *Trace) session(s *launch.Session) {
	if t == nil || s == nil {
		return
	}
	s.Traces(func(p *program.Program, insn int, r program.Trace) {
		step := Step{Program: p, Insn: insn, Begin: time.Unix(0, r.Begin), Result: r.Result}
		if r.End != 0 {
			step.End = time.Unix(0, r.End)
		}
		t.Steps = append(t.Steps, step)
	})
}
