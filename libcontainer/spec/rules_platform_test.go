// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"fmt"
	"strings"
	"testing"
)

func TestMountRules(t *testing.T) {
	const inside = "/mounts/0/destination: mounting inside /proc is not allowed (allowed: /proc/cpuinfo, /proc/diskstats, /proc/meminfo, /proc/stat, " +
		"/proc/swaps, /proc/uptime, /proc/loadavg, /proc/slabinfo, /proc/sys/kernel/ns_last_pid, /proc/sys/crypto/fips_enabled)"
	runRules(t, []rule{
		{"/mounts", `[]`, ""},
		{"/mounts", `[{"destination":"data","type":"tmpfs","source":"x"}]`, ""},
		{"/mounts", `[{"type":"tmpfs"}]`, "/mounts/0/destination: is required"},
		{"/mounts", `[{"destination":"/"}]`, `/mounts/0/destination: a mount on "/" would hide the container's root file system`},
		{"/mounts", `[{"destination":"//./"}]`, `/mounts/0/destination: a mount on "/" would hide the container's root file system`},
		{"/mounts", `[{"destination":"."}]`, `/mounts/0/destination: a mount on "/" would hide the container's root file system`},
		{"/mounts", `[{"destination":"/a/../proc/self"}]`, `/mounts/0/destination: must not contain "..", found "/a/../proc/self"`},
		{"/mounts", `[{"destination":"/a..b","type":"tmpfs"}]`, ""},
		{"/mounts", `[{"destination":"/proc","type":"tmpfs"}]`, `/mounts/0/destination: only a file system of type proc may be mounted on /proc, found type "tmpfs"`},
		{"/mounts", `[{"destination":"/proc","source":"/proc","options":["rbind"]}]`, ""},
		{"/mounts", `[{"destination":"/proc/self/attr","type":"tmpfs"}]`, inside},
		{"/mounts", `[{"destination":"proc//sys","source":"/x","options":["bind"]}]`, inside},
		{"/mounts", `[{"destination":"/proc/net/dev","source":"/x","options":["bind"]}]`, inside},
		{"/mounts", `[{"destination":"/proc/cpuinfo/x","source":"/x","options":["bind"]}]`, inside},
		{"/mounts", `[{"destination":"/proc/cpuinfo","source":"/x","options":["bind"]}]`, ""},
		{"/mounts", `[{"destination":"/proc/sys/kernel/ns_last_pid","source":"/x","options":["bind"]}]`, ""},
		{"/mounts", `[{"destination":"/process","type":"tmpfs"}]`, ""},
		{"/mounts", `[{"destination":"/x","options":["ro","bind"]}]`, "/mounts/0/source: is required for a bind mount"},
		{"/mounts", `[{"destination":"/x","options":["remount","bind","ro"]}]`, ""},
		{"/mounts", `[{"destination":` + q("/"+strings.Repeat("x", 4094)) + `}]`, ""},
		{"/mounts", `[{"destination":` + q("/"+strings.Repeat("x", 4095)) + `}]`, "/mounts/0/destination: path longer than 4095 bytes"},
		{"/mounts", `[{"destination":"/x","source":` + q("/"+strings.Repeat("x", 4095)) + `}]`, "/mounts/0/source: path longer than 4095 bytes"},
		{"/mounts", `[{"destination":"/x","type":"a\nb"}]`, `/mounts/0/type: contains a control character: "a\nb"`},
		{"/mounts", `[{"destination":"/x","uidMappings":[{"containerID":0,"hostID":1,"size":1}]}]`, "/mounts/0: uidMappings and gidMappings must be given together"},
		{"/mounts", `[{"destination":"/x","uidMappings":[{"containerID":0,"hostID":1,"size":1}],"gidMappings":[{"containerID":0,"hostID":1,"size":0}]}]`, "/mounts/0/gidMappings/0/size: must be greater than 0"},
	})
}

func TestNamespaceRules(t *testing.T) {
	const n = "/linux/namespaces"
	runRules(t, []rule{
		{n, `[{"type":"pid"},{"type":"network","path":"/proc/1/ns/net"},{"type":"time"},{"type":"uts"}]`, ""},
		{n, `[{"type":"pid"},{"type":"uts"},{"type":"pid","path":"/x"}]`, n + "/2: duplicate namespace of type pid"},
		{n, `[{"type":"PID"}]`, n + `/0/type: unknown namespace type "PID"`, "/hostname", ``},
		{n, `[{"path":"/x"}]`, n + `/0/type: is required`, "/hostname", ``},
		{n, `[{"type":"uts"},{"type":"ipc","path":"proc/1/ns/ipc"}]`, n + `/1/path: must be an absolute path, found "proc/1/ns/ipc"`},
		{n, `[{"type":"uts","path":"/a\nb"}]`, n + `/0/path: contains a control character: "/a\nb"`},
		{"/linux/timeOffsets", `{"monotonic":{"secs":-5,"nanosecs":999999999},"boottime":{"secs":1}}`, "", n, `[{"type":"time"},{"type":"uts"}]`},
		{"/linux/timeOffsets", `{"monotonic":{"secs":1}}`, `needs a time namespace; add {"type": "time"} to /linux/namespaces`},
		{"/linux/timeOffsets", `{"monotonic":{"secs":1}}`, `needs a new time namespace, not one joined by path`, n, `[{"type":"time","path":"/x"},{"type":"uts"}]`},
		{"/linux/timeOffsets", `{"realtime":{"secs":1}}`, `/linux/timeOffsets/realtime: unknown clock (known: monotonic, boottime)`, n, `[{"type":"time"},{"type":"uts"}]`},
		{"/linux/timeOffsets", `{"boottime":{"nanosecs":1000000000}}`, `/linux/timeOffsets/boottime/nanosecs: must be less than 1000000000, found 1000000000`, n, `[{"type":"time"},{"type":"uts"}]`},
		{"/linux/netDevices", `{"eth0":{},"eth1":{"name":"lan0"},"eth2":{"name":"v%d"},"eth3":{"name":"v%d"}}`, ""},
		{"/linux/netDevices", `{"eth0":{}}`, `needs a network namespace; add {"type": "network"} to /linux/namespaces`, n, `[{"type":"uts"}]`},
		{"/linux/netDevices", `{"sixteen-bytes-xx":{}}`, `/linux/netDevices/sixteen-bytes-xx: not a network device's name`},
		{"/linux/netDevices", `{"fifteen-bytes-x":{}}`, ``},
		{"/linux/netDevices", `{"..":{}}`, `/linux/netDevices/..: not a network device's name`},
		{"/linux/netDevices", `{"a/b":{}}`, `/linux/netDevices/a~1b: not a network device's name`},
		{"/linux/netDevices", `{"eth%d":{}}`, `/linux/netDevices/eth%d: not a network device's name`},
		{"/linux/netDevices", `{"eth0":{"name":"a:b"}}`, `/linux/netDevices/eth0/name: not a network device's name: "a:b"`},
		{"/linux/netDevices", `{"eth0":{"name":"%d"}}`, ""},
		{"/linux/netDevices", `{"eth0":{"name":"%s"}}`, `/linux/netDevices/eth0/name: may contain '%' only once and as "%d", found "%s"`},
		{"/linux/netDevices", `{"eth0":{"name":"a%s"}}`, `/linux/netDevices/eth0/name: may contain '%' only once and as "%d", found "a%s"`},
		{"/linux/netDevices", `{"eth0":{"name":"a%d%d"}}`, `/linux/netDevices/eth0/name: may contain '%' only once and as "%d", found "a%d%d"`},
		{"/linux/netDevices", `{"eth0":{},"eth1":{"name":"eth0"}}`, `/linux/netDevices/eth1: would have the same name "eth0" as "eth0"`},
	})
}

func TestMappingRules(t *testing.T) {
	const ns, user = "/linux/namespaces", `[{"type":"user"},{"type":"uts"}]`
	const u, g = "/linux/uidMappings", "/linux/gidMappings"
	root := `[{"containerID":0,"hostID":1000,"size":1}]`
	many := func(n int) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(`{"containerID":%d,"hostID":%d,"size":1}`, i, i))
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	runRules(t, []rule{
		{u, root, "", g, root, ns, user},
		{u, root, `needs a user namespace; add {"type": "user"} to /linux/namespaces`, g, root},
		{u, root, "/linux/gidMappings: is required for a new user namespace", ns, user},
		{g, root, "/linux/uidMappings: is required for a new user namespace", ns, user},
		{ns, `[{"type":"user","path":"/run/user"},{"type":"uts"}]`, ""},
		{u, root, "", ns, `[{"type":"user","path":"/run/user"},{"type":"uts"}]`},
		{u, `[{"containerID":0,"hostID":1,"size":0}]`, u + "/0/size: must be greater than 0", g, root, ns, user},
		{u, `[{"containerID":4294967294,"hostID":1,"size":1},{"containerID":0,"hostID":0,"size":1}]`, "", g, root, ns, user},
		{u, `[{"containerID":4294967294,"hostID":1,"size":2}]`, u + "/0: containerID 4294967294 and size 2 go beyond the last id 4294967294", g, root, ns, user},
		{u, `[{"containerID":0,"hostID":4294967290,"size":5}]`, "", g, root, ns, user},
		{u, `[{"containerID":0,"hostID":4294967290,"size":6}]`, u + "/0: hostID 4294967290 and size 6 go beyond the last id 4294967294", g, root, ns, user},
		{u, `[{"containerID":4294967295,"hostID":0,"size":1}]`, u + "/0/containerID: must be an integer from 0 to 4294967294, found 4294967295", g, root, ns, user},
		{u, `[{"containerID":0,"hostID":0,"size":10},{"containerID":9,"hostID":100,"size":1}]`, u + "/1: overlaps entry 0 in the container's ids", g, root, ns, user},
		{u, `[{"containerID":0,"hostID":5,"size":10},{"containerID":100,"hostID":0,"size":6}]`, u + "/1: overlaps entry 0 in the host's ids", g, root, ns, user},
		{u, `[{"containerID":0,"hostID":5,"size":10},{"containerID":10,"hostID":15,"size":6}]`, "", g, root, ns, user},
		{u, many(340), "", g, root, ns, user},
		{u, many(341), "more than 340 entries", g, root, ns, user},
		{u, root, "/process/user/uid: 1 is not mapped by /linux/uidMappings", g, root, ns, user, "/process/user/uid", "1"},
		{u, root, "/process/user/gid: 1 is not mapped by /linux/gidMappings", g, root, ns, user, "/process/user/gid", "1"},
		{u, root, "/process/user/additionalGids/1: 5 is not mapped by /linux/gidMappings", g, root, ns, user, "/process/user/additionalGids", "[0,5]"},
	})
}

func TestSysctlRules(t *testing.T) {
	const s = "/linux/sysctl"
	const host = "not namespaced: setting it would change the host"
	const name = "invalid name: use components of [A-Za-z0-9_-] joined by '.', or by '/' if one contains a dot"
	runRules(t, []rule{
		{s, `{"kernel.msgmax":"1","kernel.shm_rmid_forced":"1","fs.mqueue.msg_max":"2","net.ipv4.ip_forward":"1","net/ipv4/conf/eth0.100/forwarding":"1","kernel.domainname":"x"}`, ""},
		{s, `{"user.max_user_namespaces":"0"}`, s + `/user.max_user_namespaces: needs a private user namespace; add {"type": "user"} to /linux/namespaces`},
		{s, `{"kernel.core_pattern":"|/x"}`, s + "/kernel.core_pattern: " + host},
		{s, `{"kernel/core_pattern":"|/x"}`, s + "/kernel~1core_pattern: " + host},
		{s, `{"kernel.hostname":"x"}`, s + "/kernel.hostname: use the property /hostname instead"},
		{s, `{"kernel.shmall.x":"x"}`, s + "/kernel.shmall.x: " + host},
		{s, `{"vm.swappiness":"x"}`, s + "/vm.swappiness: " + host},
		{s, `{"net":"x"}`, s + "/net: " + host},
		{s, `{"network.x":"x"}`, s + "/network.x: " + host},
		{s, `{"fs.mqueue":"x"}`, s + "/fs.mqueue: " + host},
		{s, `{"net.ipv4.ip_forward":"1"}`, s + `/net.ipv4.ip_forward: needs a private network namespace; add {"type": "network"} to /linux/namespaces`, "/linux/namespaces", `[{"type":"uts"}]`},
		{s, `{"kernel.sem":"1"}`, s + `/kernel.sem: needs a private ipc namespace; add {"type": "ipc"} to /linux/namespaces`, "/linux/namespaces", `[{"type":"uts"}]`},
		{s, `{"net/../kernel/core_pattern":"1"}`, s + "/net~1..~1kernel~1core_pattern: invalid name: empty or relative component"},
		{s, `{"net..x":"1"}`, s + "/net..x: invalid name: empty or relative component"},
		{s, `{"":"1"}`, s + "/: invalid name: empty or relative component"},
		{s, `{"net.ipv4.conf.eth0/100.x":"1"}`, s + "/net.ipv4.conf.eth0~1100.x: " + name},
		{s, `{"net.a b":"1"}`, s + "/net.a b: " + name},
		{s, `{"net.a":"1\n2"}`, s + "/net.a: value contains a line break"},
		{s, `{"net.a":` + q(strings.Repeat("x", 4095)) + `}`, ""},
		{s, `{"/net/a":"1"}`, s + "/~1net~1a: invalid name: empty or relative component"},
		{s, `{".net/a":"1"}`, s + "/.net~1a: invalid name: empty or relative component"},
		{s, `{"net.a":` + q(strings.Repeat("x", 4096)) + `}`, s + "/net.a: value longer than 4095 bytes"},
		{s, `{"net.a":"1","net/a":"1"}`, s + `/net~1a: is the same setting as "net.a"`},
	})
}

func TestSysctlPath(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_forward": "net/ipv4/ip_forward", "net/ipv4/conf/eth0.100/mtu": "net/ipv4/conf/eth0.100/mtu", "kernel/sem": "kernel/sem",
	} {
		if got, err := SysctlPath(name); got != want || err != nil {
			t.Errorf("%s: %s %v, want %s", name, got, err, want)
		}
	}
}

func TestDeviceRules(t *testing.T) {
	const d = "/linux/devices"
	runRules(t, []rule{
		{d, `[{"path":"/dev/fuse","type":"c","major":10,"minor":229,"fileMode":438,"uid":0,"gid":0},{"path":"/dev/p","type":"p"}]`, ""},
		{d, `[{"path":"/dev/x","type":"c","major":4095,"minor":1048575,"fileMode":8624}]`, ""}, // as Podman writes it
		{d, `[{"path":"/dev/x","type":"c","major":1,"minor":3},{"path":"/dev/x","type":"c","major":1,"minor":3,"fileMode":438}]`, ""},
		{d, `[{"path":"/dev/x","type":"c","major":1,"minor":3},{"path":"/dev/x","type":"c","major":1,"minor":5}]`, d + `/1: differs from entry 0, which has the same path "/dev/x"`},
		{d, `[{"path":"/dev/x","type":"c","fileMode":511,"uid":4294967294,"gid":4294967294}]`, ""},
		{d, `[{"path":"/dev/x","type":"c","fileMode":512}]`, d + `/0/fileMode: must be from 0 to 511 (octal 0777), found 512`},
		{d, `[{"type":"c"}]`, d + "/0/path: must not be empty"},
		{d, `[{"path":"dev/x","type":"c"}]`, d + `/0/path: must be an absolute path, found "dev/x"`},
		{d, `[{"path":"/dev/../etc/x","type":"c"}]`, d + `/0/path: must be a clean absolute path, found "/dev/../etc/x"`},
		{d, `[{"path":"/dev//x","type":"c"}]`, d + `/0/path: must be a clean absolute path, found "/dev//x"`},
		{d, `[{"path":"/","type":"c"}]`, d + `/0/path: must be a clean absolute path, found "/"`},
		{d, `[{"path":"/dev/a\nb","type":"c"}]`, d + `/0/path: contains a control character: "/dev/a\nb"`},
		{d, `[{"path":"/dev/x"}]`, d + "/0/type: is required"},
		{d, `[{"path":"/dev/x","type":"x"}]`, d + `/0/type: must be c, b, u or p, found "x"`},
		{d, `[{"path":"/dev/x","type":"c","major":-1}]`, d + `/0/major: must be from 0 to 4095, found -1`},
		{d, `[{"path":"/dev/x","type":"b","major":4096}]`, d + `/0/major: must be from 0 to 4095, found 4096`},
		{d, `[{"path":"/dev/x","type":"u","minor":1048576}]`, d + `/0/minor: must be from 0 to 1048575, found 1048576`},
		{d, `[{"path":"/dev/x","type":"p","minor":1}]`, ""},
		{d, `[{"path":"/dev/x","type":"c","fileMode":4095}]`, d + `/0/fileMode: must be from 0 to 511 (octal 0777), found 4095`},
		{d, `[{"path":"/dev/x","type":"c","uid":4294967295}]`, d + `/0/uid: must be an integer from 0 to 4294967294, found 4294967295`},
	})
}

func TestRootfsRules(t *testing.T) {
	runRules(t, []rule{
		{"/linux/rootfsPropagation", `"rslave"`, ""},
		{"/linux/rootfsPropagation", `"unbindable"`, ""},
		{"/linux/rootfsPropagation", `"Shared"`, `must be shared, slave, private or unbindable, or one of these after an "r", found "Shared"`},
		{"/linux/maskedPaths", `["proc/kcore"]`, `/linux/maskedPaths/0: must be an absolute path, found "proc/kcore"`},
		{"/linux/maskedPaths", `["/a","/"]`, `/linux/maskedPaths/1: masking "/" would hide the container's root file system`},
		{"/linux/maskedPaths", `["/proc/../etc"]`, `/linux/maskedPaths/0: must not contain "..", found "/proc/../etc"`},
		{"/linux/readonlyPaths", `["/proc/sys","x"]`, `/linux/readonlyPaths/1: must be an absolute path, found "x"`},
		{"/linux/readonlyPaths", `[""]`, `/linux/readonlyPaths/0: must not be empty`},
		{"/linux/mountLabel", `"system_u:object_r:container_file_t:s0:c1,c2"`, ""},
		{"/linux/mountLabel", `"a\",b"`, `contains a quote or backslash: "a\",b"`},
		{"/linux/mountLabel", `"a\nb"`, `contains a control character: "a\nb"`},
		{"/linux/cgroupsPath", `"/a/..b/c"`, ""},
		{"/linux/cgroupsPath", `"system.slice:kist:abc"`, ""},
		{"/linux/cgroupsPath", `"/../../x"`, `must not contain ".." components, found "/../../x"`},
		{"/linux/cgroupsPath", `".."`, `must not contain ".." components, found ".."`},
		{"/linux/cgroupsPath", `"a\nb"`, `contains a control character: "a\nb"`},
		{"/linux/cgroupsPath", q(strings.Repeat("x", 4096)), `path longer than 4095 bytes`},
		{"/linux/intelRdt", `{"closID":"guaranteed_group","schemata":["L3:0=7f0;1=1f"],"l3CacheSchema":"L3:0=f\nMB:0=1","memBwSchema":"MB:0=20","enableMonitoring":true}`, ""},
		{"/linux/intelRdt", `{"closID":"/"}`, ""},
		{"/linux/intelRdt", `{"closID":` + q(strings.Repeat("x", 255)) + `}`, ""},
		{"/linux/intelRdt", `{"closID":` + q(strings.Repeat("x", 256)) + `}`, `/linux/intelRdt/closID: must be "/" or a directory's name, found "` + strings.Repeat("x", 64) + `"...`},
		{"/linux/intelRdt", `{"closID":"../x"}`, `/linux/intelRdt/closID: must be "/" or a directory's name, found "../x"`},
		{"/linux/intelRdt", `{"closID":".."}`, `/linux/intelRdt/closID: must be "/" or a directory's name, found ".."`},
		{"/linux/intelRdt", `{"closID":"info"}`, `/linux/intelRdt/closID: "info" is a directory of resctrl itself`},
		{"/linux/intelRdt", `{"closID":"a\nb"}`, `/linux/intelRdt/closID: contains a control character: "a\nb"`},
		{"/linux/intelRdt", `{"schemata":["L3:0=f","L2:0=f\nMB:0=1"]}`, `/linux/intelRdt/schemata/1: contains a control character: "L2:0=f\nMB:0=1"`},
		{"/linux/intelRdt", `{"schemata":[""]}`, `/linux/intelRdt/schemata/0: must not be empty`},
		{"/linux/intelRdt", `{"memBwSchema":"MB:0=1\n"}`, `/linux/intelRdt/memBwSchema: contains a control character: "MB:0=1\n"`},
		{"/linux/personality", `{"domain":"LINUX32"}`, ""},
		{"/linux/personality", `{}`, "/linux/personality/domain: is required"},
		{"/linux/personality", `{"domain":"BSD"}`, `/linux/personality/domain: must be LINUX or LINUX32, found "BSD"`},
		{"/linux/personality", `{"domain":"LINUX","flags":["X"]}`, `/linux/personality/flags/0: unknown flag "X": the specification defines none`},
	})
}

func TestMemoryPolicyRules(t *testing.T) {
	const m = "/linux/memoryPolicy"
	runRules(t, []rule{
		{m, `{"mode":"MPOL_INTERLEAVE","nodes":"2-3","flags":["MPOL_F_STATIC_NODES"]}`, ""},
		{m, `{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_NUMA_BALANCING","MPOL_F_RELATIVE_NODES"]}`, ""},
		{m, `{"mode":"MPOL_PREFERRED"}`, ""},
		{m, `{"mode":"MPOL_DEFAULT","nodes":""}`, ""},
		{m, `{}`, m + "/mode: is required"},
		{m, `{"mode":"X"}`, m + `/mode: unknown mode "X"`},
		{m, `{"mode":"MPOL_BIND"}`, m + "/nodes: is required for MPOL_BIND"},
		{m, `{"mode":"MPOL_LOCAL","nodes":"0"}`, m + "/nodes: must be empty for MPOL_LOCAL"},
		{m, `{"mode":"MPOL_BIND","nodes":"0-"}`, m + `/nodes: "0-": bad range "0-"`},
		{m, `{"mode":"MPOL_BIND","nodes":"1024"}`, m + `/nodes: "1024": 1024 is too large (at most 1023)`},
		{m, `{"mode":"MPOL_BIND","nodes":"0","flags":["X"]}`, m + `/flags/0: unknown flag "X"`},
		{m, `{"mode":"MPOL_INTERLEAVE","nodes":"0","flags":["MPOL_F_NUMA_BALANCING"]}`, m + `/flags/0: MPOL_F_NUMA_BALANCING is not possible with MPOL_INTERLEAVE`},
		{m, `{"mode":"MPOL_PREFERRED","flags":["MPOL_F_STATIC_NODES"]}`, m + `/flags/0: MPOL_F_STATIC_NODES is not possible without nodes`},
		{m, `{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES","MPOL_F_RELATIVE_NODES"]}`, m + `/flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other`},
	})
}

func TestSeccompRules(t *testing.T) {
	const s = "/linux/seccomp"
	with := func(rest string) string { return `{"defaultAction":"SCMP_ACT_ALLOW",` + rest + `}` }
	call := func(rest string) string { return with(`"syscalls":[{"names":["read"],` + rest + `}]`) }
	runRules(t, []rule{
		{s, `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4095,"architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_RISCV64"],"flags":["SECCOMP_FILTER_FLAG_TSYNC","SECCOMP_FILTER_FLAG_LOG","SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
			"syscalls":[{"names":["clone3","unknown_call"],"action":"SCMP_ACT_ERRNO","errnoRet":38},{"names":["x"],"action":"SCMP_ACT_TRACE","errnoRet":0,"args":[{"index":5,"value":18446744073709551615,"valueTwo":1,"op":"SCMP_CMP_MASKED_EQ"}]}]}`, ""},
		{s, `{}`, s + "/defaultAction: is required"},
		{s, `{"defaultAction":"ALLOW"}`, s + `/defaultAction: unknown action "ALLOW"`},
		{s, `{"defaultAction":"SCMP_ACT_NOTIFY"}`, s + `/defaultAction: SCMP_ACT_NOTIFY is not possible as default action`},
		{s, with(`"defaultErrnoRet":1`), s + `/defaultErrnoRet: is only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not for SCMP_ACT_ALLOW`},
		{s, `{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096}`, s + `/defaultErrnoRet: must be from 0 to 4095, found 4096`},
		{s, with(`"architectures":["X"]`), s + `/architectures/0: unknown architecture "X"`},
		{s, with(`"flags":["X"]`), s + `/flags/0: unknown flag "X"`},
		{s, with(`"flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]`), s + `/flags/0: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with SCMP_ACT_NOTIFY`},
		{s, with(`"flags":["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],"listenerPath":"/run/s","listenerMetadata":"m","syscalls":[{"names":["mkdir"],"action":"SCMP_ACT_NOTIFY"}]`), ""},
		{s, with(`"listenerMetadata":"m"`), s + `/listenerMetadata: must not be set without listenerPath`},
		{s, with(`"listenerPath":"run/s"`), s + `/listenerPath: must be an absolute path, found "run/s"`},
		{s, with(`"listenerPath":` + q("/"+strings.Repeat("x", 106))), ""},
		{s, with(`"listenerPath":` + q("/"+strings.Repeat("x", 107))), s + `/listenerPath: longer than the 107 bytes of a socket's address`},
		{s, call(`"action":"SCMP_ACT_NOTIFY"`), s + `/listenerPath: is required: a rule has SCMP_ACT_NOTIFY`},
		{s, with(`"listenerPath":"/s","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG"},{"names":["read","write"],"action":"SCMP_ACT_NOTIFY"}]`), s + `/syscalls/1/names/1: SCMP_ACT_NOTIFY is not possible for write`},
		{s, with(`"syscalls":[{"action":"SCMP_ACT_LOG"}]`), s + `/syscalls/0/names: must not be empty`},
		{s, with(`"syscalls":[{"names":["a b"],"action":"SCMP_ACT_LOG"}]`), s + `/syscalls/0/names/0: not a system call's name: "a b"`},
		{s, with(`"syscalls":[{"names":[""],"action":"SCMP_ACT_LOG"}]`), s + `/syscalls/0/names/0: not a system call's name: ""`},
		{s, call(`"errnoRet":1`), s + `/syscalls/0/action: is required`},
		{s, call(`"action":"SCMP_ACT_X"`), s + `/syscalls/0/action: unknown action "SCMP_ACT_X"`},
		{s, call(`"action":"SCMP_ACT_ERRNO","errnoRet":70000`), s + `/syscalls/0/errnoRet: must be from 0 to 4095, found 70000`},
		{s, call(`"action":"SCMP_ACT_KILL","errnoRet":1`), s + `/syscalls/0/errnoRet: is only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, not for SCMP_ACT_KILL`},
		{s, call(`"action":"SCMP_ACT_KILL","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]`), s + `/syscalls/0/args/0/index: must be from 0 to 5, found 6`},
		{s, call(`"action":"SCMP_ACT_KILL","args":[{"index":0,"value":0}]`), s + `/syscalls/0/args/0/op: is required`},
		{s, call(`"action":"SCMP_ACT_KILL","args":[{"index":0,"value":0,"op":"EQ"}]`), s + `/syscalls/0/args/0/op: unknown operator "EQ"`},
	})
}
