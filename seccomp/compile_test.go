// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func asJSON(p *specs.LinuxSeccomp) string {
	b, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func fromJSON(t testing.TB, text string) *specs.LinuxSeccomp {
	t.Helper()
	var p specs.LinuxSeccomp
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

func engineProfile(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/engine.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func run(t testing.TB, f *Filter, c Call) Verdict {
	t.Helper()
	v, err := Simulate(f.BPF, &c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func errno(e unix.Errno) Verdict { return unix.SECCOMP_RET_ERRNO | Verdict(e) }

func TestErrors(t *testing.T) {
	requireSupport(t)
	tests := []struct{ name, profile, want string }{
		{"no default", `{}`, `/linux/seccomp/defaultAction: missing`},
		{"default", `{"defaultAction":"ALLOW"}`, `/linux/seccomp/defaultAction: "ALLOW": unknown action`},
		{
			"notify by default", `{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/x"}`,
			`/linux/seccomp/defaultAction: SCMP_ACT_NOTIFY: `,
		},
		{
			"default errno", `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096}`,
			`/linux/seccomp/defaultErrnoRet: 4096: must be from 0 to 4095`,
		},
		{
			"default errno of kill", `{"defaultAction":"SCMP_ACT_KILL","defaultErrnoRet":1}`,
			`/linux/seccomp/defaultErrnoRet: SCMP_ACT_KILL does not return an errno`,
		},
		{
			"arch", `{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86","SCMP_ARCH_VAX"]}`,
			`/linux/seccomp/architectures/1: "SCMP_ARCH_VAX": unknown architecture`,
		},
		{
			"flag", `{"defaultAction":"SCMP_ACT_ERRNO","flags":["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}`,
			`/linux/seccomp/flags/0: "SECCOMP_FILTER_FLAG_NEW_LISTENER": unknown flag`,
		},
		{
			"metadata", `{"defaultAction":"SCMP_ACT_ERRNO","listenerMetadata":"x"}`,
			`/linux/seccomp/listenerMetadata: given without listenerPath`,
		},
		{
			"no listener", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]}`,
			`/linux/seccomp/listenerPath: missing`,
		},
		{
			"notify of write",
			`{"defaultAction":"SCMP_ACT_ERRNO","listenerPath":"/x","syscalls":[{"names":["mkdir","write"],"action":"SCMP_ACT_NOTIFY"}]}`,
			`/linux/seccomp/syscalls/0/names/1: write: SCMP_ACT_NOTIFY: `,
		},
		{"names", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"action":"SCMP_ACT_ALLOW"}]}`, `/linux/seccomp/syscalls/0/names: `},
		{"action", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"]}]}`, `/linux/seccomp/syscalls/0/action: missing`},
		{
			"errno", `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":70000}]}`,
			`/linux/seccomp/syscalls/0/errnoRet: 70000: must be from 0 to 4095`,
		},
		{
			"errno of allow", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","errnoRet":0}]}`,
			`/linux/seccomp/syscalls/0/errnoRet: SCMP_ACT_ALLOW does not return an errno`,
		},
		{
			"index", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}]}`,
			`/linux/seccomp/syscalls/0/args/0/index: 6: `,
		},
		{
			"operator", `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":1,"value":1,"op":"=="}]}]}`,
			`/linux/seccomp/syscalls/0/args/0/op: "==": unknown operator`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Compile(fromJSON(t, tt.profile), Options{})
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestUnknownNames(t *testing.T) {
	requireSupport(t)
	names := []string{"read", "breakpoint", "uretprobe", "mseal", "frobnicate", "", "write\x00", "READ"}
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Syscalls:      []specs.LinuxSyscall{{Names: names, Action: specs.ActAllow}},
	}
	f := mustCompile(t, p)
	if len(f.Warnings) != 4 {
		t.Errorf("warnings: got %q, want 4, for the last four names", f.Warnings)
	}
	for i, w := range f.Warnings {
		if want := fmt.Sprintf("/linux/seccomp/syscalls/0/names/%d: ", 4+i); !strings.HasPrefix(w, want) {
			t.Errorf("warning %q: does not begin with %q", w, want)
		}
	}
	native := nativeArchs()[0]
	if v := run(t, f, Call{Number: uint32(numberOn(t, "write", native))}); v.permits() {
		t.Errorf("a name with a NUL byte was taken for what is before the byte")
	}
	if _, err := Compile(p, Options{RefuseUnknown: true}); err == nil || !strings.Contains(err.Error(), `names/4: "frobnicate"`) {
		t.Errorf("RefuseUnknown: got %v", err)
	}
}

// TestNewer checks which numbers are answered with ENOSYS.
func TestNewer(t *testing.T) {
	requireSupport(t)
	native := nativeArchs()[0]
	highest := uint32(numberOn(t, "clone3", native))
	profile := func(action specs.LinuxSeccompAction, ret *uint) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{
			DefaultAction: action, DefaultErrnoRet: ret,
			Syscalls: []specs.LinuxSyscall{{Names: []string{"read", "clone3"}, Action: specs.ActTrap}},
		}
	}
	enosysRet, other := uint(unix.ENOSYS), uint(unix.EACCES)
	tests := []struct {
		name       string
		p          *specs.LinuxSeccomp
		older, new Verdict
	}{
		{"errno", profile(specs.ActErrno, nil), errno(unix.EPERM), errno(unix.ENOSYS)},
		{"other errno", profile(specs.ActErrno, &other), errno(unix.EACCES), errno(unix.ENOSYS)},
		{"kill", profile(specs.ActKillProcess, nil), unix.SECCOMP_RET_KILL_PROCESS, errno(unix.ENOSYS)},
		{"allow", profile(specs.ActAllow, nil), unix.SECCOMP_RET_ALLOW, unix.SECCOMP_RET_ALLOW},
		{"log", profile(specs.ActLog, nil), unix.SECCOMP_RET_LOG, unix.SECCOMP_RET_LOG},
		{"enosys", profile(specs.ActErrno, &enosysRet), errno(unix.ENOSYS), errno(unix.ENOSYS)},
		{"no calls", &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}, errno(unix.EPERM), errno(unix.EPERM)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mustCompile(t, tt.p)
			for number, want := range map[uint32]Verdict{highest - 1: tt.older, highest + 1: tt.new, highest + 1000: tt.new} {
				if got := run(t, f, Call{Number: number}); got != want {
					t.Errorf("%d: got %s, want %s", number, got, want)
				}
			}
		})
	}
}

// TestX86 checks the three architectures of an x86_64 kernel, two of which a filter sees as one.
func TestX86(t *testing.T) {
	requireSupport(t)
	if runtime.GOARCH != "amd64" {
		t.Skip("not an x86_64 machine")
	}
	const i386, x64 = unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_X86_64
	const allow, kill = Verdict(unix.SECCOMP_RET_ALLOW), Verdict(unix.SECCOMP_RET_KILL_THREAD)
	tests := []struct {
		archs []specs.Arch
		call  Call
		want  Verdict
	}{
		{nil, Call{Number: 0, Arch: x64}, allow},
		{nil, Call{Number: 3, Arch: i386}, kill},
		{nil, Call{Number: x32Bit, Arch: x64}, kill},
		{nil, Call{Number: x32Bit - 1, Arch: x64}, errno(unix.ENOSYS)},
		{nil, Call{Number: 0xfffffffe, Arch: x64}, kill},
		{nil, Call{Number: 0xffffffff, Arch: x64}, errno(unix.ENOSYS)},
		{nil, Call{Number: 9999, Arch: x64}, errno(unix.ENOSYS)},
		{nil, Call{Number: x32Bit + 9999, Arch: x64}, kill},
		{nil, Call{Number: 0, Arch: unix.AUDIT_ARCH_AARCH64}, kill},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 3, Arch: i386}, allow},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 9999, Arch: i386}, errno(unix.ENOSYS)},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 462, Arch: i386}, errno(unix.EACCES)},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 0, Arch: x64}, allow},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: x32Bit, Arch: x64}, allow},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: x32Bit + 9999, Arch: x64}, errno(unix.ENOSYS)},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: x32Bit + 511, Arch: x64}, errno(unix.ENOSYS)},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: x32Bit + 512, Arch: x64}, errno(unix.EPERM)},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: x32Bit + 547, Arch: x64}, errno(unix.EPERM)},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: x32Bit + 548, Arch: x64}, errno(unix.ENOSYS)},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: x32Bit + 462, Arch: x64}, errno(unix.EACCES)},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: 9999, Arch: x64}, errno(unix.ENOSYS)},
		{[]specs.Arch{"SCMP_ARCH_X32"}, Call{Number: 462, Arch: x64}, errno(unix.EACCES)},
		// Architectures of other machines have no place in the filter, even if libseccomp could not mix them.
		{[]specs.Arch{"SCMP_ARCH_S390X", "SCMP_ARCH_LOONGARCH64"}, Call{Number: 0, Arch: x64}, allow},
		// By way of the multiplexer the conditions for socket cannot be looked at.
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 102, Arch: i386, Args: [6]uint64{2}}, errno(unix.EPERM)},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 359, Arch: i386, Args: [6]uint64{40}}, errno(unix.EPERM)},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 359, Arch: i386, Args: [6]uint64{1}}, allow},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 117, Arch: i386, Args: [6]uint64{1}}, unix.SECCOMP_RET_LOG},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 117, Arch: i386, Args: [6]uint64{0x70001}}, unix.SECCOMP_RET_LOG},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 117, Arch: i386, Args: [6]uint64{21}}, unix.SECCOMP_RET_LOG},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 397, Arch: i386}, unix.SECCOMP_RET_LOG},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 117, Arch: i386, Args: [6]uint64{22}}, errno(unix.EPERM)},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 102, Arch: i386, Args: [6]uint64{1}}, allow},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 41, Arch: x64, Args: [6]uint64{40}}, errno(unix.EPERM)},
		{[]specs.Arch{"SCMP_ARCH_X86"}, Call{Number: 41, Arch: x64, Args: [6]uint64{1}}, allow},
	}
	for _, tt := range tests {
		ret := uint(unix.EACCES)
		p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: tt.archs, Syscalls: []specs.LinuxSyscall{
			{Names: []string{"read"}, Action: specs.ActAllow},
			{Names: []string{"mseal"}, Action: specs.ActErrno, ErrnoRet: &ret},
			{Names: []string{"semop", "shmat"}, Action: specs.ActLog},
			{Names: []string{"socket"}, Action: specs.ActAllow, Args: []specs.LinuxSeccompArg{{Index: 0, Value: 40, Op: specs.OpNotEqual}}},
		}}
		if got := run(t, mustCompile(t, p), tt.call); got != tt.want {
			t.Errorf("%v: %#x of %#x: got %s, want %s", tt.archs, tt.call.Number, tt.call.Arch, got, tt.want)
		}
	}
}

// TestARM checks the program for a machine that the test need not run on.
func TestARM(t *testing.T) {
	const private = 0x0f0000
	arm, aarch64 := findArch("SCMP_ARCH_ARM"), findArch("SCMP_ARCH_AARCH64")
	numbers := map[string][2]int64{"read": {63, 3}, "cacheflush": {-1, private + 2}, "openat2": {437, 437}}
	resolve := func(name string, a *arch) (int64, bool) {
		n, known := numbers[name]
		if a == arm {
			return n[1], known
		}
		return n[0], known
	}
	p := &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno, Architectures: []specs.Arch{"SCMP_ARCH_ARM"},
		Syscalls: []specs.LinuxSyscall{{Names: []string{"read", "cacheflush", "openat2"}, Action: specs.ActAllow}},
	}
	r, err := analyse(p, Options{}, []*arch{aarch64, arm}, resolve)
	if err != nil {
		t.Fatal(err)
	}
	program := encode(generate(r))
	for _, tt := range []struct {
		call Call
		want Verdict
	}{
		{Call{Number: 3, Arch: arm.audit}, unix.SECCOMP_RET_ALLOW},
		{Call{Number: 63, Arch: arm.audit}, errno(unix.EPERM)},
		{Call{Number: 437, Arch: arm.audit}, unix.SECCOMP_RET_ALLOW},
		{Call{Number: 438, Arch: arm.audit}, errno(unix.ENOSYS)},
		{Call{Number: private - 1, Arch: arm.audit}, errno(unix.ENOSYS)},
		{Call{Number: private + 1, Arch: arm.audit}, errno(unix.EPERM)},
		{Call{Number: private + 2, Arch: arm.audit}, unix.SECCOMP_RET_ALLOW},
		{Call{Number: 0x0fffff, Arch: arm.audit}, errno(unix.EPERM)},
		{Call{Number: 0x100000, Arch: arm.audit}, errno(unix.ENOSYS)},
		{Call{Number: 0xffffffff, Arch: arm.audit}, errno(unix.ENOSYS)},
		{Call{Number: 3, Arch: aarch64.audit}, errno(unix.EPERM)},
		{Call{Number: 63, Arch: aarch64.audit}, unix.SECCOMP_RET_ALLOW},
		{Call{Number: 437, Arch: aarch64.audit}, unix.SECCOMP_RET_ALLOW},
		{Call{Number: 438, Arch: aarch64.audit}, errno(unix.ENOSYS)},
		{Call{Number: private + 2, Arch: aarch64.audit}, errno(unix.ENOSYS)},
		{Call{Number: 437, Arch: unix.AUDIT_ARCH_X86_64}, unix.SECCOMP_RET_KILL_THREAD},
	} {
		got, err := Simulate(program, &tt.call)
		if err != nil || got != tt.want {
			t.Errorf("%d of %#x: got %s, %v, want %s", tt.call.Number, tt.call.Arch, got, err, tt.want)
		}
	}
}

func TestFlags(t *testing.T) {
	requireSupport(t)
	const notify = `"listenerPath":"/run/agent","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]`
	for _, tt := range []struct {
		profile string
		want    uint
	}{
		{`{"defaultAction":"SCMP_ACT_ALLOW"}`, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":[]}`, 0},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_TSYNC"]}`, 0},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_LOG"]}`, unix.SECCOMP_FILTER_FLAG_LOG},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]}`, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}`, 0},
		{`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_TSYNC"],` + notify + `}`, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER},
		{
			`{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],` + notify + `}`,
			unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		},
	} {
		p := fromJSON(t, tt.profile)
		if strings.Contains(tt.profile, "NOTIFY") && slices.Contains(p.Flags, flagWaitKillable) && !slices.Contains(SupportedFlags(), flagWaitKillable) {
			continue // older than 5.19
		}
		f := mustCompile(t, p)
		if f.Flags != tt.want {
			t.Errorf("%s: got %#x, want %#x", tt.profile, f.Flags, tt.want)
		}
		if f.Notify != strings.Contains(tt.profile, "NOTIFY") || (f.Notify && f.ListenerPath != "/run/agent") {
			t.Errorf("%s: Notify %v, ListenerPath %q", tt.profile, f.Notify, f.ListenerPath)
		}
	}
}

func TestTooLong(t *testing.T) {
	requireSupport(t)
	for _, n := range []int{1000, 5000} { // found when the program is there, and before it is made
		p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
		for i := range n {
			p.Syscalls = append(p.Syscalls, specs.LinuxSyscall{
				Names: []string{"ioctl"}, Action: specs.ActAllow,
				Args: []specs.LinuxSeccompArg{{Index: 1, Value: uint64(i), Op: specs.OpEqualTo}},
			})
		}
		if _, err := Compile(p, Options{}); err == nil || !strings.Contains(err.Error(), "the kernel takes 4096") {
			t.Errorf("%d rules: got %v", n, err)
		}
	}
}

// TestLarge compares a profile whose program has distances beyond those of a conditional jump with the reference.
func TestLarge(t *testing.T) {
	requireSupport(t)
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno}
	names := fromJSON(t, string(engineProfile(t))).Syscalls[0].Names
	var used []string
	for i, name := range names {
		if n, known := lookup(name, nativeArchs()[0]); !known || n < 0 {
			continue
		}
		used = append(used, name)
		s := specs.LinuxSyscall{Names: []string{name}, Action: specs.ActAllow}
		if i%2 == 0 {
			s.Args = []specs.LinuxSeccompArg{
				{Index: 0, Value: uint64(i), Op: specs.OpGreaterEqual}, {Index: 1, Value: uint64(i), Op: specs.OpNotEqual},
			}
		}
		p.Syscalls = append(p.Syscalls, s)
	}
	f := mustCompile(t, p)
	if n := len(f.BPF) / instructionSize; n < 1000 {
		t.Fatalf("%d instructions are too few for this test", n)
	}
	for i, name := range used {
		for _, a := range []uint64{0, uint64(i), 1000} {
			check(t, p, f, name, [6]uint64{a, uint64(i)})
		}
	}
}

// TestEngineProfile compares a profile of the size that container engines use with the reference, for every call it names.
func TestEngineProfile(t *testing.T) {
	requireSupport(t)
	p := fromJSON(t, string(engineProfile(t)))
	f := mustCompile(t, p)
	var names []string
	for _, s := range p.Syscalls {
		names = append(names, s.Names...)
	}
	native := nativeArchs()[0]
	checked := 0
	for _, name := range append(names, "mount", "bpf", "kexec_load") {
		if _, known := lookup(name, native); !known {
			if _, known := commonNumber(name); !known {
				continue
			}
		}
		for _, a := range []uint64{0, 8, 40, 0x7e020000, 0x100000008} {
			check(t, p, f, name, [6]uint64{a})
		}
		checked++
	}
	if checked < 350 {
		t.Errorf("only %d calls were checked", checked)
	}
	t.Logf("%d instructions, %d warnings", len(f.BPF)/instructionSize, len(f.Warnings))
}

func TestWarnings(t *testing.T) {
	requireSupport(t)
	for _, tt := range []struct{ profile, want string }{
		{
			`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":0}]}`,
			"/linux/seccomp/syscalls/0/errnoRet: 0: ",
		},
		{
			`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_TRAP","args":[{"index":0,"op":"SCMP_CMP_MASKED_EQ","value":1,"valueTwo":3}]}]}`,
			"/linux/seccomp/syscalls/0/args/0/valueTwo: 0x3 ",
		},
	} {
		f := mustCompile(t, fromJSON(t, tt.profile))
		if len(f.Warnings) != 1 || !strings.HasPrefix(f.Warnings[0], tt.want) {
			t.Errorf("%s: got %q", tt.profile, f.Warnings)
		}
	}
}

// TestTables checks what binary decisions rely on: order, and numbers that other sources have as well.
func TestTables(t *testing.T) {
	for name, list := range map[string][]string{"actions": Actions(), "operators": Operators(), "archs": Archs(), "flags": KnownFlags()} {
		if !slices.IsSorted(list) {
			t.Errorf("%s: not sorted: %q", name, list)
		}
	}
	for _, f := range SupportedFlags() {
		if !slices.Contains(KnownFlags(), f) {
			t.Errorf("flag %s is supported and not known", f)
		}
	}
	if !slices.Contains(SupportedFlags(), "SECCOMP_FILTER_FLAG_LOG") {
		t.Errorf("LOG is not supported: %q", SupportedFlags())
	}
	if kernelHas(1 << 30) {
		t.Error("the kernel has a flag that does not exist")
	}
	for name, want := range map[string]uint32{
		"pidfd_send_signal": unix.SYS_PIDFD_SEND_SIGNAL, "clone3": unix.SYS_CLONE3, "openat2": unix.SYS_OPENAT2,
		"quotactl_fd": unix.SYS_QUOTACTL_FD, "set_mempolicy_home_node": unix.SYS_SET_MEMPOLICY_HOME_NODE,
		"cachestat": unix.SYS_CACHESTAT, "futex_requeue": unix.SYS_FUTEX_REQUEUE, "lsm_list_modules": unix.SYS_LSM_LIST_MODULES,
		"mseal": unix.SYS_MSEAL, "removexattrat": unix.SYS_REMOVEXATTRAT, "open_tree_attr": unix.SYS_OPEN_TREE_ATTR,
		"file_setattr": unix.SYS_FILE_SETATTR, "listns": unix.SYS_LISTNS, "rseq_slice_yield": unix.SYS_RSEQ_SLICE_YIELD,
	} {
		if got, ok := commonNumber(name); !ok || got != want {
			t.Errorf("%s: got %d, want %d", name, got, want)
		}
	}
	if !Supported {
		return
	}
	for i, name := range common {
		for _, a := range nativeArchs() {
			if n, known := lookup(name, a); known && n >= 0 && n != int64(a.base)+firstCommon+int64(i) {
				t.Errorf("%s on %s: libseccomp says %d, the table %d", name, a.name, n, firstCommon+i)
			}
		}
	}
}
