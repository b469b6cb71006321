// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/google/go-cmp/cmp"
)

func TestTopLevelRules(t *testing.T) {
	long := strings.Repeat("x", 65)
	runRules(t, []rule{
		{"/ociVersion", ``, "is required (supported: 1.x)"},
		{"/ociVersion", `""`, "is required (supported: 1.x)"},
		{"/ociVersion", `"1.0.0"`, ""},
		{"/ociVersion", `"1.0.2-dev"`, ""},
		{"/ociVersion", `"1.9.0-dev"`, ""},
		{"/ociVersion", `"1.3.0-rc.1+build.5-x"`, ""},
		{"/ociVersion", `"1.3.0+b-1"`, ""},
		{"/ociVersion", `"2.0.0"`, "unsupported major version 2 (supported: 1.x)"},
		{"/ociVersion", `"0.6.0"`, "unsupported major version 0 (supported: 1.x)"},
		{"/ociVersion", `"1.0"`, `"1.0" is not a semantic version (supported: 1.x)`},
		{"/ociVersion", `"1.0.0.0"`, `"1.0.0.0" is not a semantic version (supported: 1.x)`},
		{"/ociVersion", `"01.0.0"`, `"01.0.0" is not a semantic version (supported: 1.x)`},
		{"/ociVersion", `"1.0.0-"`, `"1.0.0-" is not a semantic version (supported: 1.x)`},
		{"/ociVersion", `"1.0.0+"`, `"1.0.0+" is not a semantic version (supported: 1.x)`},
		{"/ociVersion", `"1.0.0-a..b"`, `"1.0.0-a..b" is not a semantic version (supported: 1.x)`},
		{"/ociVersion", `"1.0.0+a_b"`, `"1.0.0+a_b" is not a semantic version (supported: 1.x)`},
		{"/ociVersion", `"abc"`, `"abc" is not a semantic version (supported: 1.x)`},
		{"/process", ``, ""},
		{"/root", ``, "is required"},
		{"/root/path", ``, "is required"},
		{"/root/path", `"../rootfs"`, ""},
		{"/root/path", `"/srv/rootfs"`, ""},
		{"/root/path", `"."`, ""},
		{"/root/path", `"/"`, `"/" is not allowed: the container would have the host's root file system`},
		{"/root/path", `"//a/.."`, `"/" is not allowed: the container would have the host's root file system`},
		{"/root/path", q(strings.Repeat("a/", 2048)), "path longer than 4095 bytes"},
		{"/hostname", q(long[1:]), ""},
		{"/hostname", q(long), "longer than 64 bytes"},
		{"/hostname", `"a\nb"`, `contains a control character: "a\nb"`},
		{"/hostname", `"a"`, `needs a private uts namespace; add {"type": "uts"} to /linux/namespaces`, "/linux/namespaces", `[{"type":"pid"}]`},
		{"/hostname", `"a"`, ``, "/linux/namespaces", `[{"type":"uts","path":"/run/uts"}]`},
		{"/hostname", `"a"`, `needs a private uts namespace; add {"type": "uts"} to /linux/namespaces`, "/linux", ``},
		{"/domainname", `"example.org"`, ""},
		{"/domainname", q(long), "longer than 64 bytes"},
		{"/domainname", `"a"`, `needs a private uts namespace; add {"type": "uts"} to /linux/namespaces`, "/linux/namespaces", `[]`, "/hostname", ``},
		{"/domainname", `"a"`, "", "/linux/sysctl", `{"kernel.domainname":"a"}`},
		{"/domainname", `"a"`, `/linux/sysctl/kernel.domainname: contradicts /domainname "a"`, "/linux/sysctl", `{"kernel.domainname":"b"}`},
		{"/annotations", `{"": "x"}`, "keys must not be empty"},
		{"/annotations", `{"run.oci.handler": "krun", "org.criu.config": "/etc/shadow"}`, ""},
		{"/linux", ``, "", "/hostname", ``},
		{"/mounts", ``, ""},
	})
}

func TestProcessRules(t *testing.T) {
	const id = "must be an integer from 0 to 4294967294, found 4294967295"
	runRules(t, []rule{
		{"/process/args", ``, "must not be empty"},
		{"/process/args", `[]`, "must not be empty"},
		{"/process/args", `["", "x"]`, "/process/args/0: must not be empty: it names the program"},
		{"/process/args", `["x", ""]`, ""},
		{"/process/cwd", ``, "is required"},
		{"/process/cwd", `"x"`, `must be an absolute path, found "x"`},
		{"/process/cwd", `"/proc/self/fd/7"`, ""}, // only the kernel can tell
		{"/process/env", `["A=", "B=c=d"]`, ""},
		{"/process/env", `["A"]`, `/process/env/0: must have the form NAME=value, found "A"`},
		{"/process/env", `["A=", "=b"]`, `/process/env/1: the name before '=' must not be empty`},
		{"/process/user/uid", `4294967294`, ""},
		{"/process/user/uid", `4294967295`, id},
		{"/process/user/gid", `4294967294`, ""},
		{"/process/user/gid", `4294967295`, id},
		{"/process/user/additionalGids", `[4294967294]`, ""},
		{"/process/user/additionalGids", `[0, 4294967295]`, "/process/user/additionalGids/1: " + id},
		{"/process/user/username", `""`, ""},
		{"/process/user/username", `"root"`, `"root": the property is for Windows; name the user by uid and gid`},
		{"/process/user/umask", `511`, ""},
		{"/process/user/umask", `512`, "must be from 0 to 511 (octal 0777), found 512"},
		{"/process/consoleSize", `{"height": 65535, "width": 65535}`, ""},
		{"/process/consoleSize", `{"height": 65536, "width": 0}`, "height and width must be at most 65535"},
		{"/process/consoleSize", `{"height": 1, "width": 1000000000}`, "height and width must be at most 65535"},
		{"/process/consoleSize", `{"height": -1, "width": 0}`, "/process/consoleSize/height: must be an integer from 0 to 4294967295, found -1"},
		{"/process/rlimits", `[{"type":"RLIMIT_AS","hard":18446744073709551615,"soft":1},{"type":"RLIMIT_RTTIME","hard":1,"soft":1}]`, ""},
		{"/process/rlimits", `[{"type":"RLIMIT_AS","hard":1,"soft":1},{"type":"RLIMIT_AS","hard":1,"soft":1}]`, "/process/rlimits/1: duplicate RLIMIT_AS"},
		{"/process/rlimits", `[{"type":"RLIMIT_X","hard":1,"soft":1}]`, `/process/rlimits/0/type: unknown resource limit "RLIMIT_X"`},
		{"/process/rlimits", `[{"hard":1,"soft":1}]`, `/process/rlimits/0/type: is required`},
		{"/process/rlimits", `[{"type":"RLIMIT_CPU","hard":1,"soft":2}]`, `/process/rlimits/0: RLIMIT_CPU: soft limit 2 is above the hard limit 1`},
		{"/process/apparmorProfile", `"docker-default"`, ""},
		{"/process/apparmorProfile", `"unconfined"`, ""},
		{"/process/apparmorProfile", `"kist-default//&other"`, ""},
		{"/process/apparmorProfile", `"&kist-default"`, ""},
		{"/process/apparmorProfile", `"parent//child"`, ""},
		{"/process/apparmorProfile", `":ns:name"`, ""},
		{"/process/apparmorProfile", `":ns://name"`, ""},
		{"/process/apparmorProfile", `"lxc-c1_</run/kist>//&:lxc-c1_<-run-kist>:unconfined"`, ""},
		{"/process/apparmorProfile", `":ns:"`, ""},
		{"/process/apparmorProfile", `"a b"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "a b"`},
		{"/process/apparmorProfile", `"//a"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "//a"`},
		{"/process/apparmorProfile", `"a//"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "a//"`},
		{"/process/apparmorProfile", `"a//&"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "a//&"`},
		{"/process/apparmorProfile", `"//&a"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "//&a"`},
		{"/process/apparmorProfile", `"a//&//&b"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "a//&//&b"`},
		{"/process/apparmorProfile", `"&"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "&"`},
		{"/process/apparmorProfile", `"&&a"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "&&a"`},
		{"/process/apparmorProfile", `"::a"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "::a"`},
		{"/process/apparmorProfile", `":a"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found ":a"`},
		{"/process/apparmorProfile", `"a//&b c"`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found "a//&b c"`},
		{"/process/apparmorProfile", `" "`, `must be the name of an AppArmor profile without spaces, or several joined by "//&", found " "`},
		{"/process/apparmorProfile", `"a\nb"`, `contains a control character: "a\nb"`},
		{"/process/selinuxLabel", `"system_u:system_r:container_t:s0:c1,c2"`, ""},
		{"/process/selinuxLabel", `"a\nb"`, `contains a control character: "a\nb"`},
		{"/process/oomScoreAdj", `-1000`, ""},
		{"/process/oomScoreAdj", `1000`, ""},
		{"/process/oomScoreAdj", `-1001`, "must be from -1000 to 1000, found -1001"},
		{"/process/oomScoreAdj", `2000`, "must be from -1000 to 1000, found 2000"},
		{"/process/capabilities/bounding", `["CAP_SYS_ADMN"]`, ""}, // a warning
	})
}

func TestSchedulingRules(t *testing.T) {
	const s = "/process/scheduler"
	runRules(t, []rule{
		{s, `{"policy":"SCHED_OTHER","nice":-20}`, ""},
		{s, `{"policy":"SCHED_BATCH","nice":19,"flags":["SCHED_FLAG_RESET_ON_FORK","SCHED_FLAG_UTIL_CLAMP_MAX"]}`, ""},
		{s, `{"policy":"SCHED_FIFO","priority":99}`, ""},
		{s, `{"policy":"SCHED_DEADLINE","runtime":1024,"deadline":2000,"period":3000}`, ""},
		{s, `{"policy":"SCHED_DEADLINE","runtime":1024,"deadline":2000}`, ""},
		{s, `{"policy":"SCHED_RR","priority":1}`, ""},
		{s, `{"policy":"SCHED_DEADLINE","runtime":9223372036854775807,"deadline":9223372036854775807,"period":9223372036854775807}`, ""},
		{s, `{}`, s + "/policy: is required"},
		{s, `{"policy":"SCHED_ISO"}`, s + "/policy: SCHED_ISO was never implemented by Linux"},
		{s, `{"policy":"SCHED_X"}`, s + `/policy: unknown policy "SCHED_X"`},
		{s, `{"policy":"SCHED_OTHER","nice":20}`, s + "/nice: must be from -20 to 19, found 20"},
		{s, `{"policy":"SCHED_OTHER","nice":-21}`, s + "/nice: must be from -20 to 19, found -21"},
		{s, `{"policy":"SCHED_OTHER","priority":1}`, s + "/priority: is only for SCHED_FIFO and SCHED_RR, not for SCHED_OTHER"},
		{s, `{"policy":"SCHED_RR"}`, s + "/priority: must be from 1 to 99 for SCHED_RR, found 0"},
		{s, `{"policy":"SCHED_RR","priority":100}`, s + "/priority: must be from 1 to 99 for SCHED_RR, found 100"},
		{s, `{"policy":"SCHED_IDLE","flags":["X"]}`, s + `/flags/0: unknown flag "X"`},
		{s, `{"policy":"SCHED_OTHER","period":1}`, s + "/period: is only for SCHED_DEADLINE, not for SCHED_OTHER"},
		{s, `{"policy":"SCHED_DEADLINE","runtime":1023,"deadline":2000}`, s + "/runtime: must be at least 1024 nanoseconds"},
		{s, `{"policy":"SCHED_DEADLINE","runtime":1024}`, s + "/deadline: is required for SCHED_DEADLINE"},
		{s, `{"policy":"SCHED_DEADLINE","runtime":3000,"deadline":2000}`, s + "/runtime: must not be longer than the deadline of 2000 nanoseconds"},
		{s, `{"policy":"SCHED_DEADLINE","runtime":2000,"deadline":3000,"period":2500}`, s + "/deadline: must not be longer than the period of 2500 nanoseconds"},
		{s, `{"policy":"SCHED_DEADLINE","runtime":2000,"deadline":9223372036854775808}`, s + "/deadline: must be at most 9223372036854775807 nanoseconds"},
		{s, `{"policy":"SCHED_DEADLINE","runtime":2000,"deadline":3000,"period":9223372036854775808}`, s + "/period: must be at most 9223372036854775807 nanoseconds"},
		{"/process/ioPriority", `{"class":"IOPRIO_CLASS_BE","priority":7}`, ""},
		{"/process/ioPriority", `{"class":"IOPRIO_CLASS_IDLE"}`, ""},
		{"/process/ioPriority", `{"priority":1}`, "/process/ioPriority/class: is required"},
		{"/process/ioPriority", `{"class":"X"}`, `/process/ioPriority/class: unknown class "X"`},
		{"/process/ioPriority", `{"class":"IOPRIO_CLASS_RT","priority":8}`, `/process/ioPriority/priority: must be from 0 to 7, found 8`},
		{"/process/ioPriority", `{"class":"IOPRIO_CLASS_RT","priority":-1}`, `/process/ioPriority/priority: must be from 0 to 7, found -1`},
		{"/process/execCPUAffinity", `{"initial":"0-3,7","final":"1"}`, ""},
		{"/process/execCPUAffinity", `{"initial":"x"}`, `/process/execCPUAffinity/initial: "x": bad range "x"`},
		{"/process/execCPUAffinity", `{"final":"3-1"}`, `/process/execCPUAffinity/final: "3-1": bad range "3-1"`},
	})
}

func TestHookRules(t *testing.T) {
	for _, phase := range []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"} {
		p := "/hooks/" + phase
		runRules(t, []rule{
			{p, `[{"path":"/bin/x","args":["x"],"env":["A=b"],"timeout":1},{"path":"/y"}]`, ""},
			{p, `[{}]`, p + "/0/path: must not be empty"},
			{p, `[{"path":"/x"},{"path":"bin/x"}]`, p + `/1/path: must be an absolute path, found "bin/x"`},
			{p, `[{"path":"/x","timeout":0}]`, p + `/0/timeout: must be greater than 0 seconds, found 0; leave it out for no limit`},
			{p, `[{"path":"/x","timeout":-5}]`, p + `/0/timeout: must be greater than 0 seconds, found -5; leave it out for no limit`},
			{p, `[{"path":"/x","env":["PATH"]}]`, p + `/0/env/0: must have the form NAME=value, found "PATH"`},
		})
	}
}

// TestValidateProcess checks what can only come from flags, since the decoder
// would refuse it, and the pointers that exec shows.
func TestValidateProcess(t *testing.T) {
	good := specs.Process{Args: []string{"x"}, Cwd: "/"}
	for _, tt := range []struct {
		want   string
		change func(*specs.Process)
	}{
		{"", func(*specs.Process) {}},
		{"/cwd: is required", func(p *specs.Process) { p.Cwd = "" }},
		{"/cwd: contains a NUL byte", func(p *specs.Process) { p.Cwd = "/\x00" }},
		{"/env/0: the name before '=' must not be empty", func(p *specs.Process) { p.Env = []string{"=\x00"} }},
		{"/args/0: contains a NUL byte", func(p *specs.Process) { p.Args = []string{"\x00"} }},
		{"/env/0: contains a NUL byte", func(p *specs.Process) { p.Env = []string{"A=\x00"} }},
		{"/user/uid: must be an integer from 0 to 4294967294; 4294967295 means \"unchanged\" to the kernel", func(p *specs.Process) { p.User.UID = 1<<32 - 1 }},
		{"/user/gid: must be an integer from 0 to 4294967294; 4294967295 means \"unchanged\" to the kernel", func(p *specs.Process) { p.User.GID = 1<<32 - 1 }},
		{"/user/additionalGids/0: must be an integer from 0 to 4294967294; 4294967295 means \"unchanged\" to the kernel", func(p *specs.Process) { p.User.AdditionalGids = []uint32{1<<32 - 1} }},
	} {
		p := good
		tt.change(&p)
		got := ""
		if err := ValidateProcess(&p); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	c, err := Decode([]byte(`{
		"ociVersion": "1.3.0",
		"root": {"path": "r"},
		"process": {"args": ["x"], "cwd": "/", "capabilities": {
			"bounding": ["CAP_SYS_ADMN", "CAP_CHECKPOINT_RESTORE"], "effective": ["CAP_KILL"], "permitted": ["CAP_BPF"], "inheritable": ["CAP_CHOWN"],
			"ambient": ["CAP_BPF", "CAP_CHOWN"]}},
		"mounts": [{"destination": "data", "type": "tmpfs"}, {"destination": "/b", "source": "/b", "options": ["rbind", "mode=755", "ro"]}],
		"linux": {"devices": [{"path": "/dev/x", "type": "p", "minor": 1}, {"path": "/dev/y", "type": "p"}],
			"resources": {"memory": {"useHierarchy": false}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	want := []string{
		`/process/capabilities/bounding/0: unknown capability "CAP_SYS_ADMN" ignored`,
		`/process/capabilities/effective: CAP_KILL ignored: not in the permitted set`,
		`/process/capabilities/ambient: CAP_BPF, CAP_CHOWN ignored: not in both the permitted and the inheritable set`,
		`/mounts/0/destination: a relative path is deprecated; taken from "/"`,
		`/mounts/1/options/1: "mode=755" ignored: a bind mount shows a filesystem that has its options already`,
		`/linux/devices/0: the number of a FIFO is ignored: it has none`,
		`/linux/resources/memory/useHierarchy: false ignored: limits count for the whole hierarchy since Linux 5.11`,
	}
	if diff := cmp.Diff(want, c.Warnings()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNumbers spot-checks the tables against the kernel's headers.
func TestNumbers(t *testing.T) {
	for name, want := range map[string]int{"CAP_CHOWN": 0, "CAP_SYS_ADMIN": 21, "CAP_SETFCAP": 31, "CAP_CHECKPOINT_RESTORE": 40} {
		if got, ok := CapabilityNumber(name); got != want || !ok {
			t.Errorf("%s: %d %v, want %d", name, got, ok, want)
		}
	}
	for name, want := range map[string]int{"RLIMIT_CPU": 0, "RLIMIT_NOFILE": 7, "RLIMIT_AS": 9, "RLIMIT_RTTIME": 15} {
		if got, ok := RlimitNumber(name); got != want || !ok {
			t.Errorf("%s: %d %v, want %d", name, got, ok, want)
		}
	}
	if _, ok := CapabilityNumber("cap_kill"); ok {
		t.Error("names are case-sensitive")
	}
}
