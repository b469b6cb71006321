// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"strings"
	"testing"
)

// TestValues checks the readers of single values: what they make of a text, or
// that they refuse it ("!").
func TestValues(t *testing.T) {
	show := func(v any, err error) string {
		if err != nil {
			return "!"
		}
		return fmt.Sprint(v)
	}
	readers := map[string]func(string) string{
		"time":    func(s string) string { return show(parseTimeOffset(s)) },
		"size":    func(s string) string { return show(size(s)) },
		"bytes":   func(s string) string { return show(bytesValue(s)) },
		"signal":  func(s string) string { return show(signalName(s)) },
		"command": func(s string) string { v, err := splitCommand(s); return show(strings.Join(v, "|"), err) },
		"rlimit":  func(s string) string { soft, hard, err := parseRlimit(s); return show([]uint64{soft, hard}, err) },
		"device": func(s string) string {
			r, err := parseDeviceRule(s)
			n := func(p *int64) string {
				if p == nil {
					return "*"
				}
				return fmt.Sprint(*p)
			}
			return show(fmt.Sprintf("%v %s %s %s:%s %s", r.All, r.Path, r.Type, n(r.Major), n(r.Minor), r.Access), err)
		},
		"throttle": func(s string) string { a, b, n, err := deviceValue(s); return show([]any{a, b, n}, err) },
		"uts":      func(s string) string { return show("ok", checkUTSName(s, modernDefault())) },
		"loose":    func(s string) string { return show(integer(s, Version{2, 0, 11})) },
		"int":      func(s string) string { return show(integer(s, modernDefault())) },
		"marker":   func(s string) string { return marker("lxc.uts.name", s) },
		"pve":      func(s string) string { return fmt.Sprint(pveLine(s)) },
	}
	for _, c := range []struct{ reader, text, want string }{
		{"time", "5", "{5 0}"}, {"time", "-2h", "{-7200 0}"}, {"time", "1 ms", "{0 1000000}"}, {"time", "-1ns", "{-1 999999999}"},
		{"time", "h", "!"}, {"time", "", "!"}, {"time", "5d", "!"}, {"time", "9223372036854775807h", "!"}, {"time", "3us", "{0 3000}"}, {"time", "2m", "{120 0}"},
		{"size", "auto", "131072"}, {"size", "4096", "4096"}, {"size", "1KB", "1024"}, {"size", "2 MB", "2097152"}, {"size", "1GB", "1073741824"},
		{"size", "1TB", "!"}, {"size", "KB", "!"}, {"size", "-1", "!"},
		{"bytes", "-1", "-1"}, {"bytes", "1k", "1024"}, {"bytes", "2T", "2199023255552"}, {"bytes", "1kk", "!"}, {"bytes", "", "!"},
		{"bytes", "9007199254740993K", "!"}, {"bytes", "-2", "!"},
		{"signal", "9", "SIGKILL"}, {"signal", "SIGIOT", "SIGABRT"}, {"signal", "40", "40"}, {"signal", "65", "!"}, {"signal", "0", "!"},
		{"signal", "SIGRTMAX-2", "SIGRTMAX-2"}, {"signal", "SIGRTMAX+2", "!"}, {"signal", "SIGRTMIN", "SIGRTMIN"}, {"signal", "SIG", "!"},
		{"command", `a  'b c'd "e"`, "a|b cd|e"}, {"command", `x ""`, "x|"}, {"command", "", "!"}, {"command", `""`, "!"},
		{"rlimit", "1", "[1 1]"}, {"rlimit", "1 : 2", "[1 2]"}, {"rlimit", "unlimited:1", "!"}, {"rlimit", "1:", "!"}, {"rlimit", "-1", "!"},
		{"device", "a", "true   *:* "}, {"device", "c 1:* rw", "false  c 1:* rw"}, {"device", "/dev/x rwm # y", "false /dev/x  *:* rwm"},
		{"device", "c 1:2", "!"}, {"device", "d 1:2 r", "!"}, {"device", "c 1:2 r x", "!"}, {"device", "c 1:2 rr", "!"}, {"device", "c 1:2 mm", "!"},
		{"device", "c 1:2 ww", "!"}, {"device", "c 12 r", "!"}, {"device", "", "!"}, {"device", "/dev/x", "!"}, {"device", "c -1:2 r", "!"},
		{"throttle", "8:0 5", "[8 0 5]"}, {"throttle", "8 5", "!"}, {"throttle", "8:0", "!"}, {"throttle", "8:0 -5", "!"},
		{"uts", strings.Repeat("x", 64), "ok"}, {"uts", strings.Repeat("x", 65), "!"},
		{"loose", "4 # x", "4"}, {"loose", "-3x", "-3"}, {"loose", "x", "!"}, {"int", "4 #", "!"}, {"int", "-3", "-3"},
		{"marker", "@A@", "@A@"}, {"marker", "@@", ""}, {"marker", "a@b.c@d", ""}, {"marker", "{A_1}x", "{A_1}"}, {"marker", "{a}", ""},
		{"marker", "x$y", "$y"}, {"marker", "5$", ""}, {"marker", "100%", ""}, {"marker", "x-%s", "%s"}, {"marker", "%(a)s", "%(a)s"},
		{"pve", "net0: name=x", "true"}, {"pve", "foo1: x", "false"}, {"pve", "arch: x", "true"}, {"pve", "net: x", "false"}, {"pve", "arch:x", "false"},
	} {
		if got := readers[c.reader](c.text); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.reader, c.text, got, c.want)
		}
	}
}

// TestWrongResources: a v1 value that the kernel would refuse is refused.
func TestWrongResources(t *testing.T) {
	for _, line := range []string{
		"memory.limit_in_bytes = x", "memory.swappiness = 300", "memory.oom_control = 2", "cpu.shares = -1", "cpu.cfs_quota_us = x",
		"blkio.weight = 70000", "blkio.weight_device = 8:0", "blkio.throttle.read_bps_device = 8:0", "pids.max = -2",
		"hugetlb.2MB.limit_in_bytes = x", "net_cls.classid = x", "net_prio.ifpriomap = eth0",
	} {
		if _, err := importText(t, configHost("lxc.cgroup."+line), "2.0"); err == nil || !strings.Contains(err.Error(), "want ") {
			t.Errorf("%s: %v", line, err)
		}
	}
	r := mustImport(t, "lxc.cgroup.memory.swappiness = 10\nlxc.cgroup.memory.oom_control = 1\nlxc.cgroup.cpu.cfs_quota_us = -1\n"+
		"lxc.cgroup.blkio.weight = 500\nlxc.cgroup.hugetlb.2MB.limit_in_bytes = 4M\nlxc.cgroup.net_cls.classid = 0x100001\n"+
		"lxc.cgroup.net_prio.ifpriomap = eth0 5\nlxc.cgroup.pids.max = max\n", "2.0")
	for pointer, want := range map[string]string{
		"/linux/resources/memory": `{"disableOOMKiller":true,"swappiness":10}`, "/linux/resources/cpu": `{"quota":-1}`,
		"/linux/resources/blockIO": `{"weight":500}`, "/linux/resources/hugepageLimits": `[{"limit":4194304,"pageSize":"2MB"}]`,
		"/linux/resources/network": `{"classID":1048577,"priorities":[{"name":"eth0","priority":5}]}`, "/linux/resources/pids": `{"limit":-1}`,
	} {
		if got := at(t, r, pointer); got != want {
			t.Errorf("%s is %s, want %s", pointer, got, want)
		}
	}
}
