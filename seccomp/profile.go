// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// rules is an analysed profile: nothing in it needs to be checked any more.
type rules struct {
	fallback     Verdict // the default action
	archs        []*arch // native first
	rules        []rule
	highest      []int64       // per arch: the greatest number of a call that the profile names, -1 if it names none
	multiplexers []multiplexer // per arch
	notify       bool
	warnings     []string
}

// rule is one action for one system call. Several rules for one call are alternatives; the conditions of one must all
// hold. A rule without conditions wins over those that have some; of several that apply the first wins.
type rule struct {
	numbers    []int64 // per architecture of the filter; negative where there is no such call or multiplexed knows more
	verdict    Verdict
	conditions []condition
}

// condition compares one argument.
type condition struct {
	index uint
	op    operator
	value uint64 // the mask for maskedEqual
	two   uint64 // what the masked argument is compared with
}

// resolver answers what libseccomp knows: the number of a call on an architecture, negative if it does not have the call;
// known is false if the library knows the name on no architecture at all.
type resolver func(name string, a *arch) (number int64, known bool)

// nativeArchs returns the architectures that this machine's kernel runs, the native one first.
func nativeArchs() []*arch {
	native := findArch(nativeName(runtime.GOARCH))
	list := []*arch{native}
	for i := range archs {
		if a := &archs[i]; a != native && strings.Contains(a.kernels, " "+runtime.GOARCH+" ") {
			list = append(list, a)
		}
	}
	return list
}

// analyse checks a profile and resolves its names. runnable are the architectures of the kernel, the native one first.
func analyse(p *specs.LinuxSeccomp, opts Options, runnable []*arch, resolve resolver) (*rules, error) {
	if len(runnable) == 0 || runnable[0] == nil {
		return nil, fmt.Errorf("/linux/seccomp: kist makes no seccomp filters for %s", runtime.GOARCH)
	}
	r := &rules{}
	var err error
	if r.fallback, err = verdictOf(p.DefaultAction, p.DefaultErrnoRet, "/linux/seccomp/default", r); err != nil {
		return nil, err
	}
	if r.fallback.action() == unix.SECCOMP_RET_USER_NOTIF {
		return nil, fmt.Errorf("/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY: the calls that start the container would " +
			"wait for an agent that has not been told of it yet; list the calls to be notified in syscalls")
	}
	if r.archs, err = wanted(p, runnable); err != nil {
		return nil, err
	}
	r.highest = make([]int64, len(r.archs))
	r.multiplexers = make([]multiplexer, len(r.archs))
	for i, a := range r.archs {
		r.highest[i] = -1
		r.multiplexers[i].socketcall, _ = resolve("socketcall", a)
		r.multiplexers[i].ipc, _ = resolve("ipc", a)
	}
	for i := range p.Syscalls {
		if err := r.entry(&p.Syscalls[i], "/linux/seccomp/syscalls/"+strconv.Itoa(i), opts, resolve); err != nil {
			return nil, err
		}
	}
	switch {
	case r.notify && p.ListenerPath == "":
		return nil, fmt.Errorf("/linux/seccomp/listenerPath: missing: SCMP_ACT_NOTIFY needs the socket of an agent")
	case p.ListenerMetadata != "" && p.ListenerPath == "":
		return nil, fmt.Errorf("/linux/seccomp/listenerMetadata: given without listenerPath")
	}
	return r, nil
}

// wanted returns the architectures that the filter has to tell apart: the native one, which needs no mention, and those
// of the profile that the kernel runs. A call through any other is answered with SECCOMP_RET_KILL_THREAD.
func wanted(p *specs.LinuxSeccomp, runnable []*arch) ([]*arch, error) {
	list := runnable[:1:1]
	for i, name := range p.Architectures {
		a := findArch(string(name))
		if a == nil {
			return nil, fmt.Errorf("/linux/seccomp/architectures/%d: %q: unknown architecture", i, name)
		}
		if contains(runnable, a) && !contains(list, a) {
			list = append(list, a)
		}
	}
	return list, nil
}

func contains(list []*arch, a *arch) bool {
	for _, b := range list {
		if a == b {
			return true
		}
	}
	return false
}

// verdictOf combines an action and its errno. pointer is the part of the JSON pointers of both before "Action", "ErrnoRet".
func verdictOf(name specs.LinuxSeccompAction, ret *uint, pointer string, r *rules) (Verdict, error) {
	actionAt, retAt := pointer+"Action", pointer+"ErrnoRet"
	if pointer != "/linux/seccomp/default" {
		actionAt, retAt = pointer+"/action", pointer+"/errnoRet"
	}
	a := findAction(string(name))
	switch {
	case a == nil && name == "":
		return 0, fmt.Errorf("%s: missing", actionAt)
	case a == nil:
		return 0, fmt.Errorf("%s: %q: unknown action", actionAt, name)
	case a.data == 0 && ret != nil:
		// config-linux.md: an errno for an action that does not support it must be an error.
		return 0, fmt.Errorf("%s: %s does not return an errno", retAt, name)
	case a.data == 0:
		return a.verdict, nil
	case ret == nil:
		return a.verdict | Verdict(unix.EPERM), nil
	case *ret > uint(a.data):
		return 0, fmt.Errorf("%s: %d: must be from 0 to %d", retAt, *ret, a.data)
	case *ret == 0 && a.verdict == unix.SECCOMP_RET_ERRNO:
		r.warn("%s: 0: the call will report success and do nothing", retAt)
	}
	return a.verdict | Verdict(*ret), nil
}

func (r *rules) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// entry adds the rules of one element of the syscalls array.
func (r *rules) entry(s *specs.LinuxSyscall, pointer string, opts Options, resolve resolver) error {
	if len(s.Names) == 0 {
		return fmt.Errorf("%s/names: must name at least one system call", pointer)
	}
	verdict, err := verdictOf(s.Action, s.ErrnoRet, pointer, r)
	if err != nil {
		return err
	}
	alternatives, err := r.conditions(s.Args, pointer)
	if err != nil {
		return err
	}
	for i, name := range s.Names {
		at := pointer + "/names/" + strconv.Itoa(i)
		if verdict.action() == unix.SECCOMP_RET_USER_NOTIF {
			if name == "write" {
				return fmt.Errorf("%s: write: SCMP_ACT_NOTIFY: the runtime itself writes before the agent has got its file "+
					"descriptor, and both would wait for ever", at)
			}
			r.notify = true
		}
		numbers := r.resolve(name, resolve)
		if numbers == nil {
			if !peculiar(name) {
				if opts.RefuseUnknown {
					return fmt.Errorf("%s: %q: no such system call", at, name)
				}
				r.warn("%s: %q: no such system call, or one that this libseccomp does not know; ignored", at, name)
			}
			continue
		}
		// What would be done anyway. runc, too, passes over such rules, so that one for the same call with another action
		// applies even where the profile has it after this one.
		if verdict == r.fallback {
			continue
		}
		for _, conditions := range alternatives {
			r.rules = append(r.rules, rule{numbers: numbers, verdict: verdict, conditions: conditions})
		}
	}
	return nil
}

// resolve looks a name up on all architectures of the filter, and raises the highest numbers. It returns nil for a name
// that is not that of a call.
func (r *rules) resolve(name string, resolve resolver) []int64 {
	if !wellFormed(name) {
		return nil
	}
	numbers := make([]int64, len(r.archs))
	for i, a := range r.archs {
		n, known := resolve(name, a)
		if !known {
			if n, known := commonNumber(name); known {
				numbers[i] = int64(a.base + n)
				continue
			}
			return nil
		}
		numbers[i] = n
	}
	for i, a := range r.archs {
		n := numbers[i]
		if direct, _, _, ok := r.multiplexed(i, n); ok {
			n = direct
		}
		if from, to := a.apart(); n > r.highest[i] && (n < int64(from) || n > int64(to)) {
			r.highest[i] = n
		}
	}
	return numbers
}

// wellFormed keeps from C what is no name: a string with a NUL byte would be cut there and become another name.
func wellFormed(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// conditions translates the args of one entry into alternatives.
func (r *rules) conditions(args []specs.LinuxSeccompArg, pointer string) ([][]condition, error) {
	list := make([]condition, 0, len(args))
	var seen [6]bool
	repeated := false
	for i := range args {
		arg, at := &args[i], pointer+"/args/"+strconv.Itoa(i)
		if arg.Index >= uint(len(seen)) {
			return nil, fmt.Errorf("%s/index: %d: a system call has the arguments 0 to %d", at, arg.Index, len(seen)-1)
		}
		repeated = repeated || seen[arg.Index]
		seen[arg.Index] = true
		c := condition{index: arg.Index, value: arg.Value, two: arg.ValueTwo}
		switch op := operatorOf(string(arg.Op)); {
		case op < 0:
			return nil, fmt.Errorf("%s/op: %q: unknown operator", at, arg.Op)
		default:
			c.op = operator(op)
		}
		if c.op != maskedEqual {
			c.two = 0
		} else if c.two&^c.value != 0 {
			r.warn("%s/valueTwo: %#x has bits that the mask %#x clears; they are not compared", at, c.two, c.value)
			c.two &= c.value
		}
		list = append(list, c)
	}
	if !repeated {
		return [][]condition{list}, nil
	}
	// runc reads an entry that compares an argument twice as a list of alternatives, because libseccomp takes one comparison
	// per argument. Profiles rely on it.
	alternatives := make([][]condition, 0, len(list))
	for i := range list {
		alternatives = append(alternatives, list[i:i+1:i+1])
	}
	return alternatives, nil
}

func operatorOf(name string) int {
	for i := range operators {
		if operators[i] == name {
			return i
		}
	}
	return -1
}

// filterFlags translates the flags of a profile into those of seccomp(2).
func filterFlags(p *specs.LinuxSeccomp, r *rules) (uint, error) {
	var bits uint
	if r.notify {
		bits |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	if p.Flags == nil {
		// Without a list, as opposed to an empty one: the mitigation of speculative store bypass, which filters used to
		// switch on, is left to the administrator. Engines expect this of runc.
		bits |= unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	}
	for i, name := range p.Flags {
		f := findFlag(string(name))
		switch {
		case f == nil:
			return 0, fmt.Errorf("/linux/seccomp/flags/%d: %q: unknown flag", i, name)
		case f.name == flagTsync:
			// The process that installs the filter has one thread, so that all its threads have the filter. With
			// NEW_LISTENER the kernel would refuse the flag.
			continue
		case f.name == flagWaitKillable && !r.notify:
			// It says how notified calls wait; the kernel refuses it when there are none.
			continue
		case !kernelHas(f.probe):
			return 0, fmt.Errorf("/linux/seccomp/flags/%d: %s: this kernel does not have it", i, name)
		}
		bits |= f.bit
	}
	return bits, nil
}
