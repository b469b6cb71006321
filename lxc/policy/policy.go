// SPDX-License-Identifier: Apache-2.0

// Package policy reads the seccomp policy files that lxc.seccomp.profile (and,
// before LXC 2.1, lxc.seccomp) names, and says the same in OCI's words.
//
// There are two formats. Version 1 is a list of system call numbers that are
// allowed. Version 2 is a policy word with an optional action for calls that are
// not listed, and then rules: a name, an action, and conditions on arguments.
// Sections in square brackets limit the rules that follow to an architecture.
//
// What is accepted and what is refused was compared with LXC 5.0.2 line by
// line, accidents included: a policy that LXC loads is read here, one that LXC
// refuses is refused here, with file and line. Where OCI cannot express what LXC
// did, or where a line does something other than its author can have meant, a
// Note says so.
//
// The package is pure: it runs in `kist import`, takes a reader, opens no files,
// makes no system calls and never loads a filter. Compiling the result into BPF
// is the work of kist/seccomp.
package policy

//go:generate go run ./gen

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// maxPolicy is the largest policy file read, in bytes. Every system call of
// every architecture with a full set of conditions stays far below it; a
// profile path that names a device must not fill the memory.
const maxPolicy = 1 << 20

// Note is a remark on one line of a policy.
type Note struct {
	// Line counts from 1.
	Line int
	// Exact is true when the line does in OCI exactly what LXC did with it,
	// and the note only points out that this is hardly what was meant.
	Exact bool
	// Text says what became of the line.
	Text string
}

// Parse reads a policy for the architecture kist was built for. The name is
// used in error messages, which have the form "name:line: what is wrong".
func Parse(r io.Reader, name string) (*specs.LinuxSeccomp, []Note, error) {
	return ParseFor(r, name, runtime.GOARCH)
}

// ParseFor is Parse for a named architecture (a GOARCH value): sections for
// architectures that it cannot run are skipped, as LXC does, and the numbers of
// version 1 are its numbers.
func ParseFor(r io.Reader, name, goarch string) (*specs.LinuxSeccomp, []Note, error) {
	host, err := hostOf(goarch)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &parser{name: name, host: host}
	if err := p.read(r); err != nil {
		return nil, nil, err
	}
	if err := p.parse(); err != nil {
		return nil, nil, err
	}
	return p.out, p.notes, nil
}

type parser struct {
	name  string
	host  host
	lines []string
	out   *specs.LinuxSeccomp
	notes []Note

	// ruleAction is what a rule without an action of its own does.
	ruleAction verdict
	// skipping is the section being skipped, or empty.
	skipping string
}

func (p *parser) read(r io.Reader) error {
	sc := bufio.NewScanner(io.LimitReader(r, maxPolicy+1))
	sc.Buffer(nil, maxPolicy+1)
	total := 0
	for sc.Scan() {
		total += len(sc.Bytes()) + 1
		if total > maxPolicy {
			return fmt.Errorf("%s: larger than %d bytes: not a seccomp policy", p.name, maxPolicy)
		}
		// LXC strips newlines and carriage returns, and nothing else.
		p.lines = append(p.lines, strings.TrimRight(sc.Text(), "\r"))
	}
	if err := sc.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return fmt.Errorf("%s: larger than %d bytes: not a seccomp policy", p.name, maxPolicy)
		}
		return fmt.Errorf("%s: read: %w", p.name, err)
	}
	return nil
}

func (p *parser) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", p.name, line, fmt.Errorf(format, args...))
}

func (p *parser) note(line int, exact bool, format string, args ...any) {
	p.notes = append(p.notes, Note{Line: line, Exact: exact, Text: fmt.Sprintf(format, args...)})
}

func (p *parser) parse() error {
	version, policyLine, at, err := p.header()
	if err != nil {
		return err
	}
	p.out = &specs.LinuxSeccomp{}
	switch version {
	case 1:
		return p.parseV1(policyLine, at)
	default:
		return p.parseV2(policyLine, at)
	}
}

// header finds the version number and the line with the policy word. LXC reads
// the number with scanf, which also takes the blanks and empty lines around
// it, so "2 denylist" on one line is a legal beginning.
func (p *parser) header() (version int, policyLine string, at int, err error) {
	i := 0
	for i < len(p.lines) && strings.TrimLeft(p.lines[i], " \t") == "" {
		i++
	}
	if i == len(p.lines) {
		return 0, "", 0, p.errorf(1, "empty: a policy begins with its version, 1 or 2")
	}
	first := strings.TrimLeft(p.lines[i], " \t")
	digits := len(first) - len(strings.TrimLeft(first, "0123456789"))
	version, convErr := strconv.Atoi(first[:digits])
	if convErr != nil || (version != 1 && version != 2) {
		return 0, "", 0, p.errorf(i+1, "version %q: a policy begins with its version, 1 or 2", first)
	}
	rest := strings.TrimLeft(first[digits:], " \t")
	at = i + 1
	for rest == "" {
		if at >= len(p.lines) {
			return 0, "", 0, p.errorf(at, "ends after the version: a policy word (allowlist or denylist) must follow")
		}
		rest = strings.TrimLeft(p.lines[at], " \t")
		at++
	}
	return version, rest, at, nil
}

// parseV1 reads version 1: numbers of system calls of the native architecture
// that are allowed. Everything else kills.
func (p *parser) parseV1(policyLine string, at int) error {
	switch {
	case strings.Contains(policyLine, "allowlist"):
	case strings.Contains(policyLine, "whitelist"):
		p.note(at, true, "LXC 4.0.4 and later want the word allowlist here and refuse whitelist in version 1")
	default:
		return p.errorf(at, "policy %q: version 1 knows only allowlist", policyLine)
	}
	p.out.DefaultAction = specs.ActKill
	p.out.Architectures = []specs.Arch{p.host.arches[0]}
	for ; at < len(p.lines); at++ {
		line := strings.TrimLeft(p.lines[at], " \t")
		digits := len(line) - len(strings.TrimLeft(line, "0123456789"))
		nr, err := strconv.ParseUint(line[:digits], 10, 31)
		if err != nil {
			return p.errorf(at+1, "%q: version 1 has one system call number per line, and neither comments nor blank lines", p.lines[at])
		}
		name := p.host.name(uint32(nr))
		if name == "" {
			p.note(at+1, false, "no system call has the number %d on %s: left out, since OCI names calls", nr, p.host.goarch)
			continue
		}
		p.append(name, verdict{action: specs.ActAllow}, nil)
	}
	return nil
}

// parseV2 reads version 2.
func (p *parser) parseV2(policyLine string, at int) error {
	var byDefault verdict
	switch {
	case hasAnyPrefix(policyLine, "allowlist", "whitelist"):
		byDefault, p.ruleAction = verdict{action: specs.ActKill}, verdict{action: specs.ActAllow}
	case hasAnyPrefix(policyLine, "denylist", "blacklist"):
		byDefault, p.ruleAction = verdict{action: specs.ActAllow}, verdict{action: specs.ActKill}
	default:
		return p.errorf(at, "policy %q: neither allowlist nor denylist", policyLine)
	}
	if strings.Contains(policyLine, "debug") {
		return p.errorf(at, "policy %q: debug is a word that LXC refuses here", policyLine)
	}
	if _, rest, found := strings.Cut(policyLine, " "); found {
		v, err := parseAction(strings.TrimLeft(rest, " \t"))
		if err != nil {
			return p.errorf(at, "policy %q: %w", policyLine, err)
		}
		byDefault = v
		if p.ruleAction.action == specs.ActKill && v.action != specs.ActAllow {
			p.note(at, true, "the action after denylist is for calls that are *not* listed: every one of them gets %s", v)
		}
		if v.action == specs.ActNotify {
			return p.errorf(at, "policy %q: notify for every call also stops the process that must hand the listener over; LXC hangs here", policyLine)
		}
	}
	p.out.DefaultAction, p.out.DefaultErrnoRet = byDefault.action, byDefault.errno
	p.out.Architectures = append([]specs.Arch(nil), p.host.arches...)
	for ; at < len(p.lines); at++ {
		if err := p.line(p.lines[at], at+1); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) line(line string, at int) error {
	switch {
	case line == "" || line[0] == '#':
		return nil
	case line[0] == '[':
		return p.section(line, at)
	case p.skipping != "":
		p.note(at, true, "skipped: section %s is not for %s", p.skipping, p.host.goarch)
		return nil
	case strings.HasPrefix(line, "reject_force_umount"):
		p.append("umount2", verdict{specs.ActErrno, errnoOf(errnoAccess)}, []specs.LinuxSeccompArg{
			{Index: 1, Value: forceUmount, ValueTwo: forceUmount, Op: specs.OpMaskedEqual},
		})
		return nil
	}
	return p.rule(line, at)
}

func (p *parser) section(line string, at int) error {
	name, known := sectionName(line)
	if !known {
		return p.errorf(at, "section %q: not an architecture that LXC knows; write it alone on its line, without trailing blanks", line)
	}
	p.skipping = ""
	switch {
	case name == "all" || name == p.host.section:
	case p.host.runs(name):
		p.note(at, false, "the rules of section %s hold for every architecture of the filter, as with LXC 3.0 and later; LXC 1.0 to 2.1 kept them to %s", line, name)
	default:
		p.skipping = line
	}
	return nil
}

// append adds a rule. Rules without conditions that follow each other with the
// same action share one entry.
func (p *parser) append(name string, v verdict, args []specs.LinuxSeccompArg) {
	if n := len(p.out.Syscalls); n > 0 && args == nil {
		last := &p.out.Syscalls[n-1]
		if len(last.Args) == 0 && v.equal(verdict{last.Action, last.ErrnoRet}) {
			last.Names = append(last.Names, name)
			return
		}
	}
	p.out.Syscalls = append(p.out.Syscalls, specs.LinuxSyscall{
		Names: []string{name}, Action: v.action, ErrnoRet: v.errno, Args: args,
	})
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}
