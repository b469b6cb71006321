// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func rule(allow bool, kind string, major, minor int64, access string) specs.LinuxDeviceCgroup {
	d := specs.LinuxDeviceCgroup{Allow: allow, Type: kind, Access: access}
	if major != anyNumber {
		d.Major = &major
	}
	if minor != anyNumber {
		d.Minor = &minor
	}
	return d
}

// runFilter interprets a device program.
func runFilter(t *testing.T, p []bpfInsn, kind byte, access uint8, major, minor uint32) bool {
	t.Helper()
	ctx := [3]uint32{uint32(bpfKind(kind)) | uint32(bpfAccess(access))<<16, major, minor}
	var r [11]uint32
	for pc, steps := 0, 0; ; pc, steps = pc+1, steps+1 {
		if pc < 0 || pc >= len(p) || steps > 10*len(p) {
			t.Fatalf("program leaves its end at %d", pc)
		}
		i := p[pc]
		dst, src := &r[i.regs&15], r[i.regs>>4]
		jump := false
		switch i.code {
		case opLoad32:
			*dst = ctx[i.off/4]
		case opMov32:
			*dst = uint32(i.imm)
		case opAnd32:
			*dst &= uint32(i.imm)
		case opRsh32:
			*dst >>= uint(i.imm)
		case opJa:
			jump = true
		case opJne32:
			jump = *dst != uint32(i.imm)
		case opJeq32:
			jump = *dst == uint32(i.imm)
		case opJset32:
			jump = *dst&uint32(i.imm) != 0
		case opExit:
			return r[regAnswer] == 1
		default:
			t.Fatalf("opcode %#x", i.code)
		}
		_ = src
		if jump {
			if i.off < 0 {
				t.Fatalf("instruction %d jumps back", pc)
			}
			pc += int(i.off)
		}
	}
}

// decide is the meaning of the rules, bit by bit: the last that matches wins.
func decide(rules []deviceRule, kind byte, access uint8, major, minor uint32) bool {
	for bit := uint8(1); bit <= accessMknod; bit <<= 1 {
		if access&bit == 0 {
			continue
		}
		allowed := false
		for _, r := range rules {
			if r.kind == kind && r.access&bit != 0 &&
				(r.major == anyNumber || uint32(r.major) == major) && (r.minor == anyNumber || uint32(r.minor) == minor) {
				allowed = r.allow
			}
		}
		if !allowed {
			return false
		}
	}
	return true
}

func checkFilter(t *testing.T, rules []deviceRule) {
	t.Helper()
	p := deviceProgram(rules)
	if len(p) == 0 { // no filter: everything is allowed
		p = []bpfInsn{{opMov32, regAnswer, 0, 1}, {opExit, 0, 0, 0}}
	}
	majors, minors := []uint32{0, 1<<32 - 1}, []uint32{0, 1<<32 - 1}
	for _, r := range rules {
		if r.major != anyNumber {
			majors = append(majors, uint32(r.major))
		}
		if r.minor != anyNumber {
			minors = append(minors, uint32(r.minor))
		}
	}
	slices.Sort(majors)
	slices.Sort(minors)
	for _, kind := range []byte("bc") {
		for _, major := range slices.Compact(majors) {
			for _, minor := range slices.Compact(minors) {
				for access := uint8(1); access <= accessAll; access++ {
					if got, want := runFilter(t, p, kind, access, major, minor), decide(rules, kind, access, major, minor); got != want {
						t.Fatalf("%c %d:%d access %d: allowed=%v, want %v\nrules %v", kind, major, minor, access, got, want, rules)
					}
				}
			}
		}
	}
}

var deviceCases = []struct {
	name  string
	rules []specs.LinuxDeviceCgroup
	v1    string // devices.list as a set besides the defaults; "hole" for refused
}{
	{"none", nil, ""},
	{"deny all, as engines begin", []specs.LinuxDeviceCgroup{rule(false, "", -1, -1, "rwm")}, ""},
	{"fuse", []specs.LinuxDeviceCgroup{rule(false, "a", -1, -1, "rwm"), rule(true, "c", 10, 229, "rwm")}, "c 10:229 rwm"},
	{"access in parts", []specs.LinuxDeviceCgroup{rule(true, "c", 10, 229, "r"), rule(true, "c", 10, 229, "w")}, "c 10:229 rw"},
	{"taken back", []specs.LinuxDeviceCgroup{rule(true, "c", 10, 229, "rwm"), rule(false, "c", 10, 229, "w")}, "c 10:229 rm"},
	{"taken back by a wider rule", []specs.LinuxDeviceCgroup{rule(true, "c", 10, 229, "rw"), rule(false, "c", 10, -1, "rwm")}, ""},
	{"hole", []specs.LinuxDeviceCgroup{rule(true, "c", 10, -1, "rwm"), rule(false, "c", 10, 229, "w")}, "hole"},
	{"all with a number", []specs.LinuxDeviceCgroup{rule(true, "a", 8, 0, "r")}, "b 8:0 r\nc 8:0 r"},
	{"all, read only", []specs.LinuxDeviceCgroup{rule(true, "a", -1, -1, "r")}, "b *:* rm\nc *:* rm"},
	{"minor only", []specs.LinuxDeviceCgroup{rule(true, "b", -1, 7, "rw")}, "b *:7 rw"},
	{"unbuffered is character", []specs.LinuxDeviceCgroup{rule(true, "u", 10, 229, "rw")}, "c 10:229 rw"},
	{"privileged", []specs.LinuxDeviceCgroup{rule(true, "a", -1, -1, "rwm")}, "a *:* rwm"},
	{"all but one", []specs.LinuxDeviceCgroup{rule(true, "", -1, -1, "rwm"), rule(false, "b", 8, 0, "rwm")}, "a *:* rwm"},
	{"late deny", []specs.LinuxDeviceCgroup{rule(true, "c", 10, 229, "rwm"), rule(false, "", -1, -1, "rwm")}, ""},
}

func TestDeviceProgram(t *testing.T) {
	for _, tc := range deviceCases {
		rules, err := deviceRules(tc.rules)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		checkFilter(t, rules)
	}
	rules, _ := deviceRules([]specs.LinuxDeviceCgroup{rule(false, "", -1, -1, "rwm"), rule(true, "a", -1, -1, "rwm")})
	if p := deviceProgram(rules); p != nil {
		t.Errorf("a program of %d instructions where everything is allowed", len(p))
	}
	rules, _ = deviceRules(nil)
	if n := len(deviceProgram(rules)); n > 40 {
		t.Errorf("the default program has %d instructions; the verifier's time grows with them", n)
	}
}

func FuzzDeviceProgram(f *testing.F) {
	f.Add([]byte{1, 10, 229, 7, 0, 255, 255, 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		var rules []deviceRule
		for ; len(b) >= 4 && len(rules) < 12; b = b[4:] {
			r := deviceRule{'b', int64(b[1]) % 4, int64(b[2]) % 4, b[3]%accessAll + 1, b[0]&1 != 0}
			if b[0]&2 != 0 {
				r.kind = 'c'
			}
			if r.major == 3 {
				r.major = anyNumber
			}
			if r.minor == 3 {
				r.minor = anyNumber
			}
			rules = append(rules, r)
		}
		checkFilter(t, rules)
		set, err := reduce(rules)
		if err != nil {
			return
		}
		// What v1 is told means the same, access bit by access bit.
		flat := []deviceRule{{'b', -1, -1, accessAll, set.allow}, {'c', -1, -1, accessAll, set.allow}}
		for _, k := range set.order {
			flat = append(flat, deviceRule{k.kind, k.major, k.minor, set.perms[k], !set.allow})
		}
		for _, kind := range []byte("bc") {
			for major := range uint32(5) {
				for minor := range uint32(5) {
					for _, bit := range []uint8{1, 2, 4} {
						if a, b := decide(rules, kind, bit, major, minor), decide(flat, kind, bit, major, minor); a != b {
							t.Fatalf("%c %d:%d %d: rules %v, reduced %v\n%v\n%v", kind, major, minor, bit, a, b, rules, flat)
						}
					}
				}
			}
		}
	})
}

func FuzzDeviceList(f *testing.F) {
	f.Add("a *:* rwm\n")
	f.Add("c 1:3 rw\nb *:* m\n")
	f.Fuzz(func(t *testing.T, s string) { _, _ = parseDeviceList(s) })
}

func TestDeviceRulesRefused(t *testing.T) {
	for _, d := range []specs.LinuxDeviceCgroup{
		rule(true, "c", 1, 3, ""), rule(true, "c", 1, 3, "x"), rule(true, "p", 1, 3, "r"), rule(true, "cc", 1, 3, "r"),
		rule(true, "c", -2, 3, "r"), rule(true, "c", 1<<32, 3, "r"), rule(true, "c", 1, 1<<32, "r"),
	} {
		_, err := deviceRules([]specs.LinuxDeviceCgroup{rule(true, "c", 1, 3, "r"), d})
		var e *ResourceError
		if !errors.As(err, &e) || !strings.HasPrefix(e.Pointer, "/linux/resources/devices/1") {
			t.Errorf("%+v: %v", d, err)
		}
	}
	if _, err := deviceRules(make([]specs.LinuxDeviceCgroup, 0)); err != nil {
		t.Error(err)
	}
	many := slices.Repeat([]specs.LinuxDeviceCgroup{rule(true, "", 1, 2, "r")}, maxDeviceRules)
	if _, err := deviceRules(many); err == nil {
		t.Error("too many rules were accepted")
	}
	rules, err := deviceRules(many[:maxDeviceRules/2])
	if err != nil {
		t.Fatal(err)
	}
	checkJumps(t, deviceProgram(rules))
}

// checkJumps: no jump of a long program is cut to 16 bits.
func checkJumps(t *testing.T, p []bpfInsn) {
	t.Helper()
	for i, in := range p {
		if in.code&7 >= 5 && (in.off < 0 || i+int(in.off) >= len(p)) {
			t.Fatalf("instruction %d of %d jumps by %d", i, len(p), in.off)
		}
	}
}

// canOpen tells whether a process in the cgroup may open a device node.
func canOpen(t *testing.T, c *Cgroup, node string) bool {
	t.Helper()
	p, start := spawn(t, "exec 3<"+node)
	if err := c.Attach(p.Process.Pid); err != nil {
		t.Fatal(err)
	}
	start()
	err := <-p.done
	var e *exec.ExitError
	if err != nil && !errors.As(err, &e) {
		t.Fatal(err)
	}
	return err == nil
}

// TestDevices looks from inside at what the rules allow, and changes them.
func TestDevices(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		dir := t.TempDir()
		nodes := map[string][2]uint32{"null": {1, 3}, "full": {1, 7}, "kmsg": {1, 11}}
		for name, n := range nodes {
			if err := unix.Mknod(filepath.Join(dir, name), syscall.S_IFCHR|0o600, int(unix.Mkdev(n[0], n[1]))); err != nil {
				t.Skip("cannot make device nodes: ", err)
			}
			if f, err := os.Open(filepath.Join(dir, name)); err != nil {
				t.Skip("cannot open device nodes here: ", err)
			} else {
				f.Close()
			}
		}
		c := create(t, Config{Resources: &specs.LinuxResources{}})
		check := func(what string, kmsg, full bool) {
			t.Helper()
			for name, want := range map[string]bool{"null": true, "kmsg": kmsg, "full": full} {
				if got := canOpen(t, c, filepath.Join(dir, name)); got != want {
					t.Errorf("%s: open %s: %v, want %v", what, name, got, want)
				}
			}
		}
		if err := c.Set(); err != nil {
			t.Fatal(err)
		}
		check("default", false, true)
		update := func(filters int, list ...specs.LinuxDeviceCgroup) {
			t.Helper()
			if _, err := c.Update(&specs.LinuxResources{Devices: append([]specs.LinuxDeviceCgroup{}, list...)}); err != nil {
				t.Fatal(err)
			}
			if c.mode == V2 {
				fd, err := openRetry(c.dirs[0].path, unix.O_RDONLY)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(fd)
				if fds, err := attachedFilters(fd); err != nil || len(fds) != filters {
					t.Errorf("%d filters, %v; want %d", len(fds), err, filters)
				} else {
					closeAll(fds)
				}
			}
		}
		update(1, rule(true, "c", 1, 11, "r"))
		check("kmsg allowed", true, true)
		update(1, rule(true, "c", 1, 11, "w"))
		check("kmsg for writing only", false, true)
		update(1, rule(true, "", -1, -1, "rwm"), rule(false, "c", 1, 11, "r"))
		check("all but kmsg", false, true)
		update(0, rule(true, "", -1, -1, "rwm"))
		check("all", true, true)
		update(1)
		check("default again", false, true)
	})
}

// TestDevicesV1List compares with what the kernel says.
func TestDevicesV1List(t *testing.T) {
	inNamespaces(t, func(t *testing.T) {
		if Detect() == V2 {
			t.Skip("v1 only")
		}
		c := create(t, Config{Resources: &specs.LinuxResources{}})
		defaults := []string{
			"b *:* m", "c *:* m", "c 10:200 rwm", "c 136:* rwm", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm",
		}
		for _, tc := range deviceCases {
			c.cfg.Resources.Devices = tc.rules
			err := c.Set()
			if tc.v1 == "hole" {
				if err == nil {
					t.Errorf("%s: accepted", tc.name)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", tc.name, err)
				continue
			}
			want := strings.Split(tc.v1, "\n")
			if tc.v1 != "a *:* rwm" {
				want = slices.Clone(defaults)
				for line := range strings.SplitSeq(tc.v1, "\n") {
					if kind, access, ok := strings.Cut(line, " *:* "); ok {
						want[slices.Index(want, kind+" *:* m")] = kind + " *:* " + access
					} else if line != "" {
						want = append(want, line)
					}
				}
			}
			got := strings.Split(mustRead(t, c.Path("devices"), "devices.list"), "\n")
			slices.Sort(got)
			slices.Sort(want)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: -want +got\n%s", tc.name, d)
			}
		}
	}, asHost)
}

// TestCheckDevices: a list other than the one wanted is an error, whoever made
// it so.
func TestCheckDevices(t *testing.T) {
	want, err := reduce([]deviceRule{{'c', 1, 3, accessAll, true}, {'b', 8, anyNumber, accessRead, true}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for list, ok := range map[string]bool{
		"c 1:3 rwm\nb 8:* r\n":             true,
		"b 8:* r\nc 1:3 rwm\n":             true,
		"c 1:3 rwm\n":                      false,
		"c 1:3 rw\nb 8:* r\n":              false,
		"c 1:3 rwm\nb 8:* r\nc 10:229 r\n": false,
		"a *:* rwm\n":                      false,
		"c 1:3 rwm\nnonsense\n":            false,
	} {
		mustWrite(t, list, dir, "devices.list")
		if err := checkDevices(dir, want); (err == nil) != ok {
			t.Errorf("%q: %v, want success %v", list, err, ok)
		}
	}
}
