// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

const (
	forceUmount = 1    // MNT_FORCE of umount2(2)
	errnoAccess = 13   // EACCES, what reject_force_umount answers
	maxErrno    = 4095 // the kernel's MAX_ERRNO; libseccomp refuses more
	maxArgs     = 6    // arguments of a system call, and brackets that LXC reads
)

// verdict is what happens to a call.
type verdict struct {
	action specs.LinuxSeccompAction
	// errno goes with ActErrno and is nil otherwise.
	errno *uint
}

func errnoOf(n uint) *uint { return &n }

func (v verdict) equal(w verdict) bool {
	if v.action != w.action || (v.errno == nil) != (w.errno == nil) {
		return false
	}
	return v.errno == nil || *v.errno == *w.errno
}

func (v verdict) String() string {
	switch v.action {
	case specs.ActKill:
		return "kill"
	case specs.ActTrap:
		return "trap"
	case specs.ActNotify:
		return "notify"
	case specs.ActErrno:
		return fmt.Sprintf("errno %d", *v.errno)
	default:
		return "allow"
	}
}

// parseAction reads an action. LXC compares only the beginning of the word, so
// "killer" is kill, and reads the number of errno with scanf, so that "errno1"
// and "errno 1 # why" are both errno 1 and 0x7 is errno 0.
func parseAction(s string) (verdict, error) {
	switch {
	case strings.HasPrefix(s, "kill"):
		return verdict{action: specs.ActKill}, nil
	case strings.HasPrefix(s, "allow"):
		return verdict{action: specs.ActAllow}, nil
	case strings.HasPrefix(s, "trap"):
		return verdict{action: specs.ActTrap}, nil
	case strings.HasPrefix(s, "notify"):
		return verdict{action: specs.ActNotify}, nil
	case strings.HasPrefix(s, "errno"):
		rest := strings.TrimLeft(s[len("errno"):], " \t")
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 {
			return verdict{}, fmt.Errorf("action %q: errno needs a number from 0 to %d", s, maxErrno)
		}
		n, err := strconv.ParseUint(rest[:digits], 10, 32)
		if err != nil || n > maxErrno {
			return verdict{}, fmt.Errorf("action %q: errno takes a number from 0 to %d", s, maxErrno)
		}
		return verdict{specs.ActErrno, errnoOf(uint(n))}, nil
	}
	return verdict{}, fmt.Errorf("action %q: none of kill, allow, trap, notify and errno N (conditions in brackets need an action before them)", s)
}

// rule reads `name [action] [conditions]`.
func (p *parser) rule(line string, at int) error {
	// The name ends at the first space; a tab belongs to it.
	name, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimLeft(rest, " \t")
	v := p.ruleAction
	if rest != "" && rest[0] != '#' {
		var err error
		if v, err = parseAction(rest); err != nil {
			return p.errorf(at, "%s: %w", name, err)
		}
	}
	// LXC looks for brackets in the whole line, comments included.
	args, notes, err := parseConditions(line[len(name):])
	if err != nil {
		return p.errorf(at, "%s: %w", name, err)
	}
	if name == "" {
		p.note(at, true, "begins with a blank, so it names no system call and does nothing")
		return nil
	}
	if strings.ContainsAny(name, "\t[#") {
		p.note(at, true, "%q is no system call (a single space ends the name): the line does nothing", name)
		return nil
	}
	if !p.host.known(name) {
		if !knownAnywhere(name) {
			p.note(at, true, "%q is no known system call: LXC and OCI runtimes skip it", name)
			p.append(name, v, args)
			return nil
		}
		p.note(at, true, "%s does not exist on %s: the line does nothing", name, p.host.goarch)
		return nil
	}
	if v.equal(verdict{p.out.DefaultAction, p.out.DefaultErrnoRet}) {
		return p.errorf(at, "%s: %s is what already happens to calls that are not listed: libseccomp refuses such a rule, and LXC the policy", name, v)
	}
	for _, n := range notes {
		p.note(at, true, "%s: %s", name, n)
	}
	if v.action == specs.ActErrno && *v.errno == 0 {
		p.note(at, true, "%s: errno 0 makes the call pretend that it succeeded", name)
	}
	p.append(name, v, args)
	return nil
}

// parseConditions reads up to six `[index,value,op,mask]`. All of them must hold.
func parseConditions(s string) (args []specs.LinuxSeccompArg, notes []string, err error) {
	commented := strings.IndexByte(s, '#')
	offset := 0
	var seen [maxArgs]bool
	for len(args) < maxArgs {
		i := strings.IndexByte(s[offset:], '[')
		if i < 0 {
			return args, notes, nil
		}
		if commented >= 0 && offset+i > commented {
			notes = append(notes, "LXC also reads conditions inside a comment, and so this one counts")
		}
		offset += i + 1
		body, _, _ := strings.Cut(s[offset:], "]")
		arg, note, err := parseCondition(body)
		if err != nil {
			return nil, nil, fmt.Errorf("condition [%s]: %w", body, err)
		}
		if seen[arg.Index] {
			return nil, nil, fmt.Errorf("condition [%s]: a second one on argument %d: libseccomp takes one per argument and rule", body, arg.Index)
		}
		seen[arg.Index] = true
		if note != "" {
			notes = append(notes, note)
		}
		args = append(args, arg)
	}
	if strings.Contains(s[offset:], "[") {
		notes = append(notes, "LXC reads six conditions and ignores what follows")
	}
	return args, notes, nil
}

func parseCondition(body string) (arg specs.LinuxSeccompArg, note string, err error) {
	fields := strings.Split(body, ",")
	if len(fields) < 3 {
		return arg, "", errors.New("wants index, value, operator and, for masked equality, a mask")
	}
	index, err := parseNumber(fields[0])
	if err != nil || index >= maxArgs {
		return arg, "", fmt.Errorf("index %q: a system call has the arguments 0 to 5", fields[0])
	}
	value, err := parseNumber(fields[1])
	if err != nil {
		return arg, "", fmt.Errorf("value %q: not an unsigned number (decimal, 0 octal or 0x hexadecimal, no blank after it)", fields[1])
	}
	op, ok := operator(fields[2])
	if !ok {
		return arg, "", fmt.Errorf("operator %q: none of != < <= == >= > &= and their SCMP_CMP_ names, without blanks", fields[2])
	}
	var mask uint64
	if len(fields) > 3 {
		if mask, err = parseNumber(fields[3]); err != nil {
			return arg, "", fmt.Errorf("mask %q: not an unsigned number", fields[3])
		}
	}
	arg = specs.LinuxSeccompArg{Index: uint(index), Value: value, Op: op}
	if op == specs.OpMaskedEqual {
		// OCI, like libseccomp, has the mask first and the value second.
		arg.Value, arg.ValueTwo = mask, value
		if mask == 0 {
			note = "masked equality without a mask compares no bit of the argument"
		}
	}
	return arg, note, nil
}

// parseNumber reads an unsigned C integer constant, leading blanks allowed.
func parseNumber(s string) (uint64, error) {
	s = strings.TrimLeft(s, " \t")
	if strings.ContainsAny(s, "_oObB") && !strings.HasPrefix(s, "0x") && !strings.HasPrefix(s, "0X") || strings.Contains(s, "_") {
		return 0, strconv.ErrSyntax // Go's literals, which C does not have
	}
	return strconv.ParseUint(s, 0, 64)
}

func operator(s string) (specs.LinuxSeccompOperator, bool) {
	switch s {
	case "SCMP_CMP_NE", "!=":
		return specs.OpNotEqual, true
	case "SCMP_CMP_LT", "<":
		return specs.OpLessThan, true
	case "SCMP_CMP_LE", "<=":
		return specs.OpLessEqual, true
	case "SCMP_CMP_EQ", "==":
		return specs.OpEqualTo, true
	case "SCMP_CMP_GE", ">=":
		return specs.OpGreaterEqual, true
	case "SCMP_CMP_GT", ">":
		return specs.OpGreaterThan, true
	case "SCMP_CMP_MASKED_EQ", "&=":
		return specs.OpMaskedEqual, true
	}
	return "", false
}
