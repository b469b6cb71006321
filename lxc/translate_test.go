// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
)

// at returns the part of config.json a JSON pointer names, in one line; "-" when
// there is none.
func at(t *testing.T, r *Result, pointer string) string {
	t.Helper()
	data, err := r.ConfigJSON()
	if err != nil {
		t.Fatal(err)
	}
	var v any
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		p = strings.ReplaceAll(p, "~1", "/")
		switch x := v.(type) {
		case map[string]any:
			if v = x[p]; v == nil {
				return "-"
			}
		case []any:
			i, err := strconv.Atoi(p)
			if err != nil || i >= len(x) {
				return "-"
			}
			v = x[i]
		default:
			return "-"
		}
	}
	if s, ok := v.(string); ok {
		return s
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestTranslate checks single rules: what a few lines become. unified says that
// the host has only cgroup v2.
func TestTranslate(t *testing.T) {
	const anyDevice = `{"access":"rwm","allow":true}`
	appArmor := map[string]string{"/sys/kernel/security/apparmor/profiles": "lxc-container-default-cgns (enforce)\nlxc-container (enforce)\n"}
	for _, c := range []struct {
		name, version, config string
		unified               bool
		files                 map[string]string // of the host
		want                  map[string]string
	}{
		{name: "quotes stay in 1.1", version: "1.1", config: `lxc.utsname = "q"`, want: map[string]string{"/hostname": `"q"`}},
		{name: "quotes go in 2.0", version: "2.0", config: `lxc.utsname = "q"`, want: map[string]string{"/hostname": "q"}},
		{name: "one pair of quotes", version: "6", config: `lxc.uts.name = ''q''`, want: map[string]string{"/hostname": "'q'"}},
		{name: "carriage return", version: "6", config: "lxc.uts.name = q\r", want: map[string]string{"/hostname": "q"}},
		{name: "last scalar wins", version: "6", config: "lxc.uts.name = a\nlxc.uts.name = b", want: map[string]string{"/hostname": "b"}},
		{name: "empty scalar clears", version: "6", config: "lxc.uts.name = a\nlxc.uts.name =", want: map[string]string{"/hostname": "-"}},
		{name: "no hostname without uts", version: "6", config: "lxc.uts.name = a\nlxc.namespace.keep = uts", want: map[string]string{"/hostname": "-"}},
		{name: "environment order", version: "6", config: "lxc.environment = A=1\nlxc.environment = container=x\nlxc.environment = A=2",
			want: map[string]string{"/process/env": `["A=2","container=lxc"]`}},
		{name: "command without shell", version: "6", config: `lxc.init.cmd = /bin/x "a b" $HOME`,
			want: map[string]string{"/process/args": `["/bin/x","a b","$HOME"]`}},
		{name: "execute", version: "6", config: "lxc.execute.cmd = /bin/x", want: map[string]string{
			"/process/args": `["/bin/x"]`, "/annotations/" + AnnotationExecute: "true", "/process/terminal": "-"}},
		{name: "arch 32", version: "6", config: "lxc.arch = i686", want: map[string]string{"/linux/personality/domain": "LINUX32"}},

		{name: "all capabilities by default", version: "6", config: "", want: map[string]string{
			"/process/capabilities/bounding/40": "CAP_CHECKPOINT_RESTORE", "/process/capabilities/inheritable": "-", "/process/capabilities/ambient": "-"}},
		{name: "keep", version: "6", config: "lxc.cap.keep = chown 12", want: map[string]string{
			"/process/capabilities/bounding": `["CAP_CHOWN","CAP_NET_ADMIN"]`, "/process/capabilities/effective": `["CAP_CHOWN","CAP_NET_ADMIN"]`}},
		{name: "keep none", version: "6", config: "lxc.cap.keep = none", want: map[string]string{"/process/capabilities": "{}"}},
		{name: "a user has only the bound", version: "6", config: "lxc.cap.keep = chown\nlxc.init.uid = 5", want: map[string]string{
			"/process/capabilities/bounding": `["CAP_CHOWN"]`, "/process/capabilities/effective": "-", "/process/capabilities/permitted": "-"}},
		{name: "either clears both from 4.0.11", version: "4.0.11", config: "lxc.cap.drop = chown\nlxc.cap.keep =\nlxc.cap.keep = kill",
			want: map[string]string{"/process/capabilities/bounding": `["CAP_KILL"]`}},
		{name: "0.9 drops nothing with id maps", version: "0.9", config: "lxc.id_map = u 0 9 9\nlxc.id_map = g 0 9 9\nlxc.cap.drop = chown",
			want: map[string]string{"/process/capabilities/bounding/0": "CAP_CHOWN"}},

		{name: "network default", version: "1.0", config: "", want: map[string]string{"/linux/namespaces/1": `{"type":"network"}`}},
		{name: "network before 1.0", version: "0.9", config: "", want: map[string]string{"/linux/namespaces/1": `{"type":"ipc"}`}},
		{name: "no cgroup namespace in 1.1", version: "1.1", config: "", want: map[string]string{"/linux/namespaces/5": "-"}},
		{name: "clone", version: "6", config: "lxc.namespace.clone = mnt IPC", want: map[string]string{"/linux/namespaces": `[{"type":"ipc"},{"type":"mount"}]`}},
		{name: "share", version: "6", config: "lxc.namespace.share.net = /proc/1/ns/net", want: map[string]string{
			"/linux/namespaces/1": `{"path":"/proc/1/ns/net","type":"network"}`, "/hooks": "-"}},
		{name: "time", version: "6", config: "lxc.time.offset.boot = -1500ms\nlxc.time.offset.monotonic = 2h", want: map[string]string{
			"/linux/timeOffsets/boottime": `{"nanosecs":500000000,"secs":-2}`, "/linux/timeOffsets/monotonic": `{"secs":7200}`}},

		{name: "absolute target below the container", version: "6", config: "lxc.rootfs.path = dir:/x\nlxc.mount.entry = none /var/lib/lxc/c1/rootfs/tmp tmpfs rw",
			want: map[string]string{"/mounts/1/destination": "/tmp"}},
		{name: "absolute target elsewhere", version: "6", config: "lxc.rootfs.path = dir:/x\nlxc.mount.entry = none /tmp tmpfs rw",
			want: map[string]string{"/mounts/1/destination": "/dev/pts"}},
		{name: "no rootfs, absolute target", version: "6", config: "lxc.mount.entry = none /tmp tmpfs rw", want: map[string]string{
			"/mounts/1/destination": "/tmp", "/root/path": "rootfs"}},
		{name: "entry stays in order, cgroup comes last", version: "6", unified: true,
			config: "lxc.mount.auto = cgroup proc:rw\nlxc.mount.entry = none b tmpfs rw\nlxc.mount.entry = none a tmpfs rw",
			want: map[string]string{"/mounts/1/destination": "/proc", "/mounts/2/destination": "/b", "/mounts/3/destination": "/a",
				"/mounts/4/destination": "/sys/fs/cgroup", "/mounts/5/destination": "/dev/pts"}},
		{name: "escapes", version: "6", config: `lxc.mount.entry = /a\040b c\134d none bind,rw`, want: map[string]string{
			"/mounts/1/source": "/a b", "/mounts/1/destination": `/c\d`, "/mounts/1/options": `["bind","rw"]`}},
		{name: "prefix options", version: "6", config: "lxc.mount.entry = x y tmpfs rootmode=7,size=1", want: map[string]string{
			"/mounts/1/options": `["ro","size=1"]`}},
		{name: "optional", version: "6", config: "lxc.mount.entry = /a b none bind,optional", want: map[string]string{
			"/annotations/" + AnnotationMounts: `[{"index":1,"optional":true,"noCreate":true}]`, "/mounts/1/options": `["bind"]`}},
		{name: "optional inside proc", version: "6", config: "lxc.mount.entry = /x proc/sys/fs/y none bind,optional\nlxc.mount.entry = /x proc/stat none bind",
			want: map[string]string{"/mounts/1/destination": "/proc/stat", "/mounts/2/destination": "/dev/pts"}},
		{name: "autodev off in 0.9", version: "0.9", config: "", want: map[string]string{"/mounts/0/destination": "/dev/pts", "/annotations/" + AnnotationDev: "none"}},
		{name: "autodev guess in 1.0", version: "1.0", config: "lxc.include = /i", want: map[string]string{"/mounts/0/destination": "/dev/pts"}},
		{name: "sys in 1.0", version: "1.0", config: "lxc.mount.auto = sys", want: map[string]string{"/mounts/0/options": `["ro"]`}},
		{name: "proc without net_admin", version: "6", config: "lxc.mount.auto = proc\nlxc.cap.drop = net_admin", want: map[string]string{
			"/linux/readonlyPaths": `["/proc/sys","/proc/sysrq-trigger"]`}},
		{name: "later word of a kind", version: "6", config: "lxc.mount.auto = sys:rw\nlxc.mount.auto = sys:ro", want: map[string]string{"/mounts/1/options": `["ro"]`}},
		{name: "shmounts", version: "6", config: "lxc.mount.auto = shmounts:/h", want: map[string]string{
			"/mounts/1": `{"destination":"/dev/.lxc-mounts","options":["bind","slave"],"source":"/h","type":"bind"}`}},
		{name: "cgroup v1 is left to init", version: "6", config: "lxc.mount.auto = cgroup:rw", want: map[string]string{"/mounts/1/destination": "/dev/pts"}},
		{name: "cgroup v1 without sys_admin", version: "6", config: "lxc.mount.auto = cgroup:ro\nlxc.cap.drop = sys_admin", want: map[string]string{
			"/mounts/1/options": `["nosuid","nodev","noexec","relatime","ro"]`}},

		{name: "overlay gets a work directory", version: "6", config: "lxc.rootfs.path = overlayfs:/l1:/l2:/u/upper", want: map[string]string{
			"/root/path": "rootfs", "/annotations/" + AnnotationRootfs: `{"type":"overlay","source":"/l1","options":["lowerdir=/l1:/l2","upperdir=/u/upper","workdir=/u/work"],"mkdir":["/u/upper","/u/work"]}`}},
		{name: "overlay over an image", version: "6", config: "lxc.rootfs.path = overlay:loop:/i.img:/u/upper", want: map[string]string{
			"/annotations/" + AnnotationRootfs: `{"type":"overlay","source":"overlay","options":["lowerdir=","upperdir=/u/upper","workdir=/u/work"],"lower":{"type":"auto","source":"/i.img","loop":true},"mkdir":["/u/upper","/u/work"]}`}},
		{name: "dataset", version: "6", config: "lxc.rootfs.path = zfs:tank/c", want: map[string]string{
			"/annotations/" + AnnotationRootfs: `{"type":"zfs","source":"tank/c","options":["zfsutil"]}`}},
		{name: "readonly root", version: "6", config: "lxc.rootfs.path = /x\nlxc.rootfs.options = ro,shared", want: map[string]string{
			"/root/readonly": "true", "/linux/rootfsPropagation": "shared", "/annotations/" + AnnotationRootfs: "-"}},

		{name: "no rule, no filter", version: "6", unified: true, config: "", want: map[string]string{"/linux/resources/devices": "[" + anyDevice + "]"}},
		{name: "deny a alone filters nothing on v2", version: "6", unified: true, config: "lxc.cgroup2.devices.deny = a", want: map[string]string{
			"/linux/resources/devices": "[" + anyDevice + "]"}},
		{name: "one allow denies the rest on v2", version: "6", unified: true, config: "lxc.cgroup2.devices.allow = c 10:200 rwm", want: map[string]string{
			"/linux/resources/devices/0": `{"access":"rwm","allow":false}`, "/linux/resources/devices/1/minor": "200"}},
		{name: "one deny denies all on v2", version: "6", unified: true, config: "lxc.cgroup2.devices.deny = c 5:1 rwm", want: map[string]string{
			"/linux/resources/devices": `[{"access":"rwm","allow":false}]`}},
		{name: "deny takes an allow back on v2", version: "6", unified: true, config: "lxc.cgroup2.devices.allow = c 5:1 rwm\nlxc.cgroup2.devices.deny = c 5:1 rwm",
			want: map[string]string{"/linux/resources/devices": `[{"access":"rwm","allow":false}]`}},
		{name: "allow a, then deny on v2", version: "6", unified: true, config: "lxc.cgroup2.devices.allow = a\nlxc.cgroup2.devices.deny = b *:* rwm",
			want: map[string]string{"/linux/resources/devices": `[` + anyDevice + `,{"access":"rwm","allow":false,"type":"b"}]`}},
		{name: "deny a on v1", version: "6", config: "lxc.cgroup.devices.deny = a\nlxc.cgroup.devices.allow = c *:* m", want: map[string]string{
			"/linux/resources/devices": `[{"access":"rwm","allow":false},{"access":"m","allow":true,"type":"c"}]`}},
		{name: "v1 starts from allow", version: "6", config: "lxc.cgroup.devices.deny = c 5:1 rwm", want: map[string]string{
			"/linux/resources/devices/0": anyDevice, "/linux/resources/devices/1/allow": "false"}},
		{name: "v1 keys on v2, modern", version: "6", unified: true, config: "lxc.cgroup.memory.limit_in_bytes = 1G", want: map[string]string{"/linux/resources/memory": "-"}},
		{name: "v1 keys on v2, legacy", version: "2.0", unified: true, config: "lxc.cgroup.memory.limit_in_bytes = 1G", want: map[string]string{
			"/linux/resources/memory/limit": "1073741824"}},
		{name: "v2 keys on v1", version: "6", config: "lxc.cgroup2.memory.max = 1G", want: map[string]string{"/linux/resources/unified": "-"}},
		{name: "last write of a value", version: "6", unified: true, config: "lxc.cgroup2.memory.max = 1G\nlxc.cgroup2.memory.max = 2G", want: map[string]string{
			"/linux/resources/unified": `{"memory.max":"2G"}`}},
		{name: "file without a field", version: "2.0", config: "lxc.cgroup.memory.use_hierarchy = 1", want: map[string]string{
			"/annotations/" + AnnotationCgroupFiles: `[{"controller":"memory","file":"memory.use_hierarchy","value":"1"}]`, "/linux/resources/memory": "-"}},
		{name: "cgroup path of 3", version: "3.0", config: "", want: map[string]string{"/linux/cgroupsPath": "/lxc/c1"}},
		{name: "cgroup path of 4", version: "4.0", config: "", want: map[string]string{"/linux/cgroupsPath": "/lxc.payload.c1"}},
		{name: "cgroup dir", version: "6", config: "lxc.cgroup.dir = a/b", want: map[string]string{"/linux/cgroupsPath": "/a/b/lxc.payload.c1"}},

		{name: "hook version 0", version: "6", config: "lxc.hook.start = /x y; z", want: map[string]string{
			"/hooks/startContainer/0/args": `["sh","-c","exec /x y; z 'c1' 'lxc' 'start'"]`}},
		{name: "hook version 1", version: "6", config: "lxc.hook.version = 1\nlxc.hook.start = /x", want: map[string]string{
			"/hooks/startContainer/0/args": `["sh","-c","exec /x"]`}},
		{name: "mount before autodev", version: "6", config: "lxc.hook.autodev = /a\nlxc.hook.mount = /m", want: map[string]string{
			"/hooks/createContainer/0/args/7": "/m", "/hooks/createContainer/1/args/7": "/a"}},
		{name: "no autodev hook without autodev", version: "6", config: "lxc.autodev = 0\nlxc.hook.autodev = /a", want: map[string]string{"/hooks/createContainer": "-"}},
		{name: "hooks are cleared", version: "6", config: "lxc.hook.mount = /m\nlxc.hook =", want: map[string]string{"/hooks/createContainer": "-"}},
		{name: "network first and last", version: "6", config: "lxc.net.0.type = veth\nlxc.hook.start-host = /s\nlxc.hook.post-stop = /p", want: map[string]string{
			"/hooks/createRuntime/0/args/1": "lxc-net", "/hooks/createRuntime/1/args/7": "/s", "/hooks/poststop/0/args/1": "lxc-net", "/hooks/poststop/1/args/7": "/p"}},
		{name: "pre-start has no OCI hook", version: "6", config: "lxc.hook.pre-start = /x", want: map[string]string{"/hooks/createRuntime/0/args/1": "lxc-net", "/hooks/createRuntime/1": "-"}},

		{name: "unconfined", version: "6", config: "lxc.apparmor.profile = unconfined", want: map[string]string{"/process/apparmorProfile": "-"}},
		{name: "generated without AppArmor", version: "6", config: "lxc.apparmor.profile = generated", want: map[string]string{
			"/process/apparmorProfile": "-", "/annotations/" + AnnotationApparmor: "-"}},
		{name: "profile without AppArmor", version: "6", config: "lxc.apparmor.profile = x\nlxc.selinux.context = y", want: map[string]string{
			"/process/apparmorProfile": "-", "/process/selinuxLabel": "-"}},
		{name: "profile", version: "6", files: appArmor, config: "lxc.apparmor.profile = x", want: map[string]string{"/process/apparmorProfile": "x"}},
		{name: "default profile", version: "6", files: appArmor, config: "", want: map[string]string{
			"/process/apparmorProfile": "lxc-container-default-cgns", "/annotations/" + AnnotationApparmor: "-"}},
		{name: "default profile that is not loaded", version: "6", files: appArmor, config: "lxc.namespace.keep = cgroup", want: map[string]string{
			"/process/apparmorProfile": "-", "/annotations/" + AnnotationApparmor: "generated"}},
		{name: "generated", version: "6", files: appArmor, config: "lxc.apparmor.profile = generated\nlxc.apparmor.allow_nesting = 1\nlxc.apparmor.raw = mount,\nlxc.apparmor.raw = umount,", want: map[string]string{
			"/process/apparmorProfile": "-", "/annotations/" + AnnotationApparmor: "generated", "/annotations/" + AnnotationApparmorNesting: "true",
			"/annotations/" + AnnotationApparmorRaw: `["mount,","umount,"]`}},
		{name: "a profile of that name", version: "2.1", files: appArmor, config: "lxc.apparmor.profile = generated", want: map[string]string{"/process/apparmorProfile": "generated"}},
		{name: "context of the keyring", version: "6", files: map[string]string{"/sys/fs/selinux/enforce": "1"}, config: "lxc.selinux.context.keyring = a:b:c", want: map[string]string{
			"/annotations/" + AnnotationKeyringContext: "a:b:c"}},
		{name: "context of the keyring without SELinux", version: "6", config: "lxc.selinux.context.keyring = a:b:c", want: map[string]string{
			"/annotations/" + AnnotationKeyringContext: "-"}},
		{name: "version of a plain bundle", version: "6", config: "", want: map[string]string{"/ociVersion": "1.0.2"}},
		{name: "version with time offsets", version: "6", config: "lxc.time.offset.boot = 1", want: map[string]string{"/ociVersion": "1.1.0"}},
		{name: "version with idmapped mounts", version: "6", config: "lxc.mount.entry = /a b none bind,idmap=/proc/1/ns/user", want: map[string]string{"/ociVersion": "1.2.0"}},
		{name: "limits", version: "6", config: "lxc.prlimit.nofile = 5\nlxc.prlimit.4 = 1:unlimited", want: map[string]string{
			"/process/rlimits": `[{"hard":5,"soft":5,"type":"RLIMIT_NOFILE"},{"hard":18446744073709551615,"soft":1,"type":"RLIMIT_CORE"}]`}},
		{name: "sysctl of the host", version: "6", config: "lxc.sysctl.vm.swappiness = 1\nlxc.sysctl.net.core.somaxconn = 9", want: map[string]string{
			"/linux/sysctl": `{"net.core.somaxconn":"9"}`}},
		{name: "sysctl of a shared network", version: "6", config: "lxc.net.0.type = none\nlxc.sysctl.net.core.somaxconn = 9", want: map[string]string{"/linux/sysctl": "-"}},
		{name: "signals", version: "6", config: "lxc.signal.halt = sigrtmin+3\nlxc.signal.stop = 15", want: map[string]string{
			"/annotations/" + AnnotationSignalHalt: "SIGRTMIN+3", "/annotations/" + AnnotationSignalStop: "SIGTERM",
			"/annotations/" + AnnotationStopSignal: "SIGRTMIN+3"}},
		{name: "pts before 1.0", version: "0.9", config: "lxc.pts = 1024", want: map[string]string{"/mounts/0/options/5": "gid=5", "/mounts/0/options/6": "-"}},
		{name: "pts counts the ttys", version: "6", config: "lxc.pty.max = 10\nlxc.tty.max = 2", want: map[string]string{"/mounts/1/options/6": "max=12"}},
		{name: "tty group must be mapped", version: "6", config: "lxc.idmap = u 0 9 9\nlxc.idmap = g 0 9 3", want: map[string]string{"/mounts/1/options/5": "-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := configHost(c.config + "\n")
			h.files["/i"] = ""
			if c.unified {
				h.files["/sys/fs/cgroup/cgroup.controllers"] = ""
			}
			for name, text := range c.files {
				h.files[name] = text
			}
			r, err := importText(t, h, c.version)
			if err != nil {
				t.Fatal(err)
			}
			for pointer, want := range c.want {
				if got := at(t, r, pointer); got != want {
					t.Errorf("%s is %s, want %s", pointer, got, want)
				}
			}
		})
	}
}

// TestRefusals: each of these ends the import with one message about one line,
// and nothing that could be written.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ version, config, want string }{
		{"6", "lxc.uts.name", ":1: lxc.uts.name: no '=' in the line"},
		{"6", "#\nlxc.foo.bar = 1", ":2: lxc.foo.bar: no LXC knows this key"},
		{"6", "lxc.utsname = a", "known to LXC 0.1 to 2.1, but the file is read as LXC 6"},
		{"6", "lxc.net.type = veth", "needs the number of its card"},
		{"7", "lxc.cgroup.cpu.shares = 1", "known to LXC 0.4 to 6.x"},
		{"6", "lxc.uts.name = " + strings.Repeat("x", 65), "longer than 64"},
		{"6", "lxc.arch = z80", "unknown architecture"},
		{"6", "lxc.autodev = 2", "must be 0 or 1"},
		{"6", "lxc.tty.max = 4 #", "must be a number"},
		{"6", "lxc.init.cmd = /bin/x 'y", "a quote is not closed"},
		{"6", "lxc.environment = NOT_SET_HERE", "write NOT_SET_HERE=VALUE"},
		{"6", "lxc.cap.drop = none", "unknown capability"},
		{"6", "lxc.cap.keep = CAP_KILL", "LXC's spelling is kill"},
		{"6", "lxc.cap.keep = kill\nlxc.cap.drop = kill", ":2: lxc.cap.drop: cannot be combined"},
		{"6", "lxc.idmap = U 100000 0 9", "u 0 100000 9"},
		{"6", "lxc.idmap = u 0 1 2 3", "want exactly"},
		{"6", "lxc.idmap = u 0 1 0", "maps nothing"},
		{"6", "lxc.idmap = u 0 4294967290 9", "beyond the last id"},
		{"6", "lxc.idmap = u 0 10 9\nlxc.idmap = u 8 100 9", ":2: lxc.idmap: \"u 8 100 9\" overlaps"},
		{"6", "lxc.namespace.clone = mount", "unknown namespace"},
		{"6", "lxc.namespace.keep = mnt", "share the host's mount namespace"},
		{"6", "lxc.namespace.keep = net\nlxc.namespace.clone = mnt", "cannot be combined"},
		{"6", "lxc.namespace.share.mnt = /proc/1/ns/mnt", "cannot join a mount namespace"},
		{"6", "lxc.include = /missing.conf", "include /missing.conf: does not exist"},
		{"1.0", "lxc.include = /dir", "1.1 was the first"},
		{"6", "lxc.include = /loop", "include each other"},
		{"6", "lxc.mount.fstab = /missing", "fstab /missing: no such file"},
		{"6", "lxc.mount.fstab =", "must not be empty"},
		{"6", "lxc.mount.fstab = /fstab", "/fstab:2: fstab: fewer than three fields"},
		{"6", "lxc.mount.entry = /a b", "fewer than three fields"},
		{"6", "lxc.mount.entry = /a b none rw", "without the option bind"},
		{"6", "lxc.mount.entry = a b none bind", "must be absolute"},
		{"6", "lxc.mount.entry = /a b none bind,create=both", "create=dir or create=file"},
		{"6", "lxc.mount.entry = x y tmpfs idmap=container", "bind mounts only"},
		{"6", "lxc.mount.entry = /x y none bind,idmap=container", "no user namespace"},
		{"6", "lxc.mount.entry = /x proc/sys/fs/y none bind", "refuse mounts inside /proc"},
		{"6", "lxc.mount.entry = /x / none bind", "root filesystem itself"},
		{"6", "lxc.mount.auto = proc:sys", "unknown word"},
		{"6", "lxc.mount.auto = cgroup2:rw", "unknown word"},
		{"2.1", "lxc.mount.auto = cgroup:rw:force", "does not know :force"},
		{"6", "lxc.rootfs.path = dir:relative", "must be an absolute path"},
		{"6", "lxc.rootfs.path = overlay:/only", "want LOWER:UPPER"},
		{"6", "lxc.rootfs.path = rbd:pool/image", "rbd map"},
		{"6", "lxc.rootfs.options = optional", "do not apply to a root filesystem"},
		{"6", "lxc.seccomp.profile = /missing", "policy /missing: does not exist"},
		{"6", "lxc.seccomp.profile = /fstab", "policy"},
		{"6", "lxc.signal.halt = TERM", "must be a number, a name"},
		{"6", "lxc.signal.halt = SIGRTMIN+31", "must be a number, a name"},
		{"6", "lxc.prlimit.nofile = 9:8", "above the hard one"},
		{"6", "lxc.prlimit.files = 9", "unknown resource"},
		{"6", "lxc.prlimit.nofile = 9\nlxc.prlimit.7 = 9", "set twice"},
		{"6", "lxc.cgroup.devices.allow = c 1:x rwm", "want a, TYPE"},
		{"6", "lxc.cgroup.devices.allow = /dev/none rwm", "no such file"},
		{"6", "lxc.cgroup.dir = /abs", "relative path"},
		{"6", "lxc.cgroup.dir.container = x", "needs lxc.cgroup.dir.monitor"},
		{"6", "lxc.cgroup.memory.limit_in_bytes = 1М", "want bytes"},
		{"6", "lxc.cgroup.memory/../../x = 1", "no file of a cgroup"},
		{"6", "lxc.proc.oom_score_adj = 2000", "between -1000 and 1000"},
		{"6", "lxc.proc...mem = 1", "no file below /proc/PID"},
		{"6", "lxc.console.path = ttyS0", "none or an absolute path"},
		{"6", "lxc.hook = /x", "takes no value"},
		{"6", "lxc.net.0.type = token", "none of none"},
		{"6", "rootfs: local:1", "Proxmox"},
		{"6", "lxc.mount.entry: /x y", "Proxmox"},
		{"6", "lxc.uts.name = @NAME@", "template marker @NAME@"},
		{"6", "lxc.uts.name = x\x00y", "NUL byte"},
	} {
		h := configHost(c.config + "\n")
		h.files["/loop"] = "lxc.include = /loop\n"
		h.files["/dir/a.conf"] = ""
		h.files["/fstab"] = "# x\nproc proc\n"
		r, err := importText(t, h, c.version)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.config, err, c.want)
			continue
		}
		if e.File == "" || e.Line == 0 {
			t.Errorf("%q: no position in %v", c.config, err)
		}
		if r == nil || r.Spec != nil || r.Files != nil {
			t.Errorf("%q: something could be written", c.config)
			continue
		}
		refused := 0
		for _, entry := range r.Report {
			if entry.Class == Refused {
				refused++
			}
			if entry.Class == "" {
				t.Errorf("%q: %s has no class", c.config, entry.Key)
			}
		}
		if refused != 1 {
			t.Errorf("%q: %d refused lines in the report", c.config, refused)
		}
	}
}
