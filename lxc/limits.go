// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// rlimitName returns OCI's name for LXC's, which may also be the number.
func rlimitName(name string) string {
	names := [...]string{"cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as",
		"locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"}
	if n, err := strconv.ParseUint(name, 10, 8); err == nil && int(n) < len(names) {
		return "RLIMIT_" + strings.ToUpper(names[n])
	}
	for _, n := range names {
		if n == name {
			return "RLIMIT_" + strings.ToUpper(n)
		}
	}
	return ""
}

// parseRlimit reads soft[:hard]; one number sets both.
func parseRlimit(value string) (soft, hard uint64, err error) {
	one := func(s string) (uint64, error) {
		s = strings.TrimSpace(s)
		if s == "unlimited" {
			return math.MaxUint64, nil
		}
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%q: want SOFT[:HARD], each a number or unlimited", value)
		}
		return n, nil
	}
	first, second, both := strings.Cut(value, ":")
	if soft, err = one(first); err != nil {
		return 0, 0, err
	}
	hard = soft
	if both {
		if hard, err = one(second); err != nil {
			return 0, 0, err
		}
	}
	if soft > hard {
		return 0, 0, fmt.Errorf("%q: the soft limit is above the hard one", value)
	}
	return soft, hard, nil
}

func checkRlimit(value string, _ Version) error {
	_, _, err := parseRlimit(value)
	return err
}

func (t *translation) translateRlimits() error {
	for _, s := range t.live("lxc.prlimit.*") {
		name := rlimitName(s.rest)
		if name == "" {
			return refuse(s.Directive, "unknown resource %s; known are as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack", s.rest)
		}
		soft, hard, err := parseRlimit(s.Value)
		if err != nil {
			return refuse(s.Directive, "%s", err)
		}
		for _, l := range t.spec.Process.Rlimits {
			if l.Type == name {
				return refuse(s.Directive, "%s is set twice, by name and by number", name)
			}
		}
		t.spec.Process.Rlimits = append(t.spec.Process.Rlimits, specs.POSIXRlimit{Type: name, Soft: soft, Hard: hard})
		s.entry.keep()
	}
	return nil
}

// translateSysctls sorts kernel parameters into those that belong to one of the
// container's namespaces and those that would change the host.
func (t *translation) translateSysctls() {
	for _, s := range t.live("lxc.sysctl.*") {
		ns := sysctlNamespace(s.rest)
		switch {
		case ns == "":
			s.entry.say(HostSide, "%s belongs to no namespace: LXC would change the whole host; put it into /etc/sysctl.d", s.rest)
			continue
		case !t.hasNamespace(ns):
			s.entry.say(HostSide, "%s is the host's, because the container has no %s namespace of its own; put it into /etc/sysctl.d", s.rest, ns)
			continue
		}
		if t.spec.Linux.Sysctl == nil {
			t.spec.Linux.Sysctl = map[string]string{}
		}
		t.spec.Linux.Sysctl[s.rest] = s.Value
		s.entry.keep()
	}
}

// sysctlNamespace returns the kind of namespace a parameter belongs to.
func sysctlNamespace(key string) specs.LinuxNamespaceType {
	switch key {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
		"kernel.shmmni", "kernel.shm_rmid_forced":
		return specs.IPCNamespace
	case "kernel.domainname":
		return specs.UTSNamespace
	}
	key = strings.ReplaceAll(key, "/", ".")
	switch {
	case strings.HasPrefix(key, "fs.mqueue."):
		return specs.IPCNamespace
	case strings.HasPrefix(key, "net."):
		return specs.NetworkNamespace
	case strings.HasPrefix(key, "user."):
		return specs.UserNamespace
	}
	return ""
}

// translateProc carries lxc.proc.*.
func (t *translation) translateProc() error {
	for _, s := range t.live("lxc.proc.*") {
		if s.rest == "oom_score_adj" {
			n, err := strconv.Atoi(s.Value)
			if err != nil || n < -1000 || n > 1000 {
				return refuse(s.Directive, "%q: must be between -1000 and 1000", s.Value)
			}
			t.spec.Process.OOMScoreAdj = &n
			s.entry.say(Exact, "process.oomScoreAdj")
			continue
		}
		if strings.ContainsAny(s.rest, "/") || hasDotDot(strings.ReplaceAll(s.rest, ".", "/")) || strings.Contains(s.rest, "..") {
			return refuse(s.Directive, "%q is no file below /proc/PID", s.rest)
		}
		t.annotate(AnnotationProcPrefix+s.rest, s.Value)
		s.entry.keep()
	}
	return nil
}

// parseTimeOffset reads an integer with an optional unit; without one it counts
// seconds.
func parseTimeOffset(value string) (specs.LinuxTimeOffset, error) {
	bad := fmt.Errorf("%q: want a whole number with an optional unit h, m, s, ms, us or ns", value)
	end := len(value)
	for end > 0 && (value[end-1] < '0' || value[end-1] > '9') {
		end--
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value[:end]), 10, 64)
	if err != nil {
		return specs.LinuxTimeOffset{}, bad
	}
	var unit int64
	switch strings.TrimSpace(value[end:]) {
	case "h":
		unit = 3600 * 1e9
	case "m":
		unit = 60 * 1e9
	case "", "s":
		unit = 1e9
	case "ms":
		unit = 1e6
	case "us":
		unit = 1e3
	case "ns":
		unit = 1
	default:
		return specs.LinuxTimeOffset{}, bad
	}
	var secs, nanos int64
	if unit >= 1e9 {
		factor := unit / 1e9
		secs = n * factor
		if n != 0 && secs/n != factor {
			return specs.LinuxTimeOffset{}, fmt.Errorf("%q: out of range", value)
		}
	} else {
		per := int64(1e9) / unit
		secs, nanos = n/per, n%per*unit
		if nanos < 0 {
			// OCI's nanoseconds are unsigned and added to the seconds.
			secs, nanos = secs-1, nanos+1e9
		}
	}
	return specs.LinuxTimeOffset{Secs: secs, Nanosecs: uint32(nanos)}, nil
}

func checkTimeOffset(value string, _ Version) error {
	_, err := parseTimeOffset(value)
	return err
}
