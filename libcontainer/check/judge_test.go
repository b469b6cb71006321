// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"kist/apparmor"
	"kist/libcontainer/cgroups"
	"kist/libcontainer/host"
	"kist/libcontainer/idmap"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fails is an outcome with an errno.
func fails(e unix.Errno) Outcome { return outcome("", e) }

// good is what both children say where everything works.
func good() View {
	v := View{}
	for _, k := range kinds {
		v["namespace."+k.name] = Outcome{}
	}
	for _, name := range strings.Fields(`child.namespaces child.container mount.private mount.tmpfs mount.move_mount mount.open_tree
		mount.mount_setattr mount.proc mount.sysfs mount.mqueue mount.cgroup2 mount.devpts mount.overlay device.pty device.mknod
		idmap.tmpfs idmap.ext4 idmap.overlay-layer
		network.veth network.bridge network.macvlan network.ipvlan network.vlan network.dummy`) {
		v[name] = Outcome{}
	}
	return v
}

// fullHost is a machine with everything: cgroup v2, systemd, both security modules.
func fullHost() *System {
	here := View{"security.landlock": {Note: "ABI 4"}, "systemd.system": {Note: "version 252"}}
	for _, name := range strings.Fields(`kernel.nsexec kernel.openat2 kernel.close_range kernel.pidfd kernel.keyring kernel.mempolicy
		device.ptmx device.null device.zero device.full device.random device.urandom device.tty device.net/tun device.fuse
		cgroup.create cgroup.born cgroup.kill cgroup.devices idmap.namespace`) {
		here[name] = Outcome{}
	}
	all := []string{"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"}
	return &System{
		Facts: &host.Facts{Kernel: "6.1.0-18-amd64", LastCap: 40, AppArmor: true, SELinux: true, CgroupV2: true},
		User:  "root", Here: here, Own: good(), InUser: good(),
		Sysctls:    map[string]string{"user/max_user_namespaces": "100"},
		Trees:      []string{"tmpfs=", "ext4=/"},
		CgroupMode: cgroups.V2, CgroupPath: "/sys/fs/cgroup/c", Controllers: all,
		KernelHas: []string{"cpuset", "cpu", "blkio", "memory", "hugetlb", "pids", "rdma"}, Booted: true,
		Seccomp: SeccompSupport{Built: true, Actions: []string{"SCMP_ACT_ALLOW", "SCMP_ACT_NOTIFY"}, KernelActions: []string{"SCMP_ACT_ALLOW", "SCMP_ACT_NOTIFY"},
			Flags: []string{"A", "B"}, KernelFlags: []string{"A", "B"}},
		SELinuxOn: true, Resctrl: true, CRIU: CRIU{Path: "/usr/sbin/criu", Version: "3.17.1", Checked: true},
	}
}

// asUser makes the same machine an ordinary user's, who may do what one may.
func asUser(s *System) {
	s.Facts.Euid, s.User, s.Own = 1000, "alice", nil
	s.InUser["device.mknod"] = fails(unix.EPERM)
	delete(s.Here, "systemd.system")
	delete(s.Here, "cgroup.devices")
	s.Here["systemd.user"] = Outcome{Note: "version 252"}
	s.Controllers = []string{"memory", "pids"}
	s.UserDelegated = []string{"cpu", "memory", "pids"}
	s.Helpers = idmap.Helpers{NewUIDMap: "/usr/bin/newuidmap", NewGIDMap: "/usr/bin/newgidmap"}
	s.Privileges = [2]string{"set-user-id root", "file capabilities"}
	s.SubUIDs, s.SubGIDs = []idmap.Range{{Start: 100000, Size: 65536}}, []idmap.Range{{Start: 100000, Size: 65536}}
	s.Mapped = true
	s.CRIU.Checked = false
}

func find(r *Report, id string) *Line {
	i := slices.IndexFunc(r.Lines, func(l Line) bool { return l.ID == id })
	if i < 0 {
		return nil
	}
	return &r.Lines[i]
}

// Where everything is there, no line complains, and every line that a script may
// look for is in the golden file.
func TestFullHost(t *testing.T) {
	r := Judge(fullHost())
	if !r.OK || !r.Privileged {
		t.Errorf("ok %v, privileged %v", r.OK, r.Privileged)
	}
	for _, l := range r.Lines {
		if l.Status != OK || l.Breaks != "" || l.Remedy != "" {
			t.Errorf("%+v", l)
		}
	}
	golden(t, "root", r)
	s := fullHost()
	asUser(s)
	r = Judge(s)
	if !r.OK || r.Privileged {
		t.Errorf("user: ok %v, privileged %v", r.OK, r.Privileged)
	}
	golden(t, "user", r)
}

func golden(t *testing.T, name string, r *Report) {
	t.Helper()
	var text, doc bytes.Buffer
	if err := r.Print(&text, false); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&doc); err != nil {
		t.Fatal(err)
	}
	for file, got := range map[string][]byte{name + ".txt": text.Bytes(), name + ".json": doc.Bytes()} {
		path := filepath.Join("testdata", file)
		if *update {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), string(got)); d != "" {
			t.Errorf("%s (go test -update):\n%s", path, d)
		}
	}
}

// Every id is one line's, has a group, and what is not there says what breaks and,
// where anything helps, what.
func TestLines(t *testing.T) {
	for name, change := range map[string]func(*System){"full": func(*System) {}, "user": asUser, "nothing": nothing, "nothing, user": func(s *System) { asUser(s); nothing(s) }} {
		s := fullHost()
		change(s)
		seen := map[string]bool{}
		for _, l := range Judge(s).Lines {
			if seen[l.ID] {
				t.Errorf("%s: %s: twice", name, l.ID)
			}
			seen[l.ID] = true
			if l.ID == "" || l.Group == "" || l.What == "" {
				t.Errorf("%s: %+v", name, l)
			}
			if (l.Status == OK) != (l.Breaks == "") || l.Status == OK && l.Remedy != "" {
				t.Errorf("%s: %s: %s breaks %q, remedy %q", name, l.ID, l.Status, l.Breaks, l.Remedy)
			}
		}
	}
}

// nothing takes everything away.
func nothing(s *System) {
	for _, v := range []View{s.Here, s.Own, s.InUser} {
		for name := range v {
			v[name] = fails(unix.EPERM)
		}
	}
	s.Facts.Kernel = "4.19.0"
	s.Facts.AppArmor, s.Facts.SELinux = false, false
	s.Controllers, s.KernelHas, s.UserDelegated, s.Booted, s.Resctrl = nil, nil, nil, false, false
	s.Seccomp.KernelActions, s.Seccomp.KernelFlags = nil, nil
	s.Helpers, s.Privileges, s.SubUIDs, s.SubGIDs, s.Mapped = idmap.Helpers{}, [2]string{}, nil, nil, false
	s.CRIU = CRIU{}
}

func TestJudge(t *testing.T) {
	type want struct {
		id     string
		status Status
		text   string // part of what was found, what breaks or the remedy
	}
	for _, test := range []struct {
		name   string
		change func(*System)
		ok     bool
		want   []want
	}{
		{"old kernel", func(s *System) { s.Facts.Kernel = "5.10.0-28-amd64" }, false, []want{{"kernel.version", Missing, "newer kernel"}}},
		{"no openat2", func(s *System) { s.Here["kernel.openat2"] = fails(unix.ENOSYS) }, false, []want{{"kernel.openat2", Missing, "seccomp profile"}}},
		{"memfd", func(s *System) {
			s.Here["kernel.nsexec"] = fails(unix.EACCES)
			s.Sysctls["vm/memfd_noexec"] = "2"
			asUser(s)
		}, false,
			[]want{{"kernel.nsexec", Missing, "vm.memfd_noexec=1"}}},
		{"no time namespace", func(s *System) { s.Own["namespace.time"] = fails(unix.EINVAL) }, true, []want{{"namespace.time", Missing, "CONFIG_TIME_NS"}}},
		{"no net namespace", func(s *System) { s.Own["namespace.network"] = fails(unix.EINVAL) }, false, []want{{"namespace.network", Missing, "CONFIG_NET_NS"}}},
		{"limit of net namespaces", func(s *System) {
			s.Own["namespace.network"] = fails(unix.EUSERS)
			s.Sysctls["user/max_net_namespaces"] = "0"
		}, false, []want{{"namespace.network", Missing, "user.max_*_namespaces"}}},
		{"no user namespace, root", func(s *System) {
			s.InUser = View{"child.namespaces": fails(unix.ENOSPC), "child.container": fails(unix.ENOSPC)}
			s.Sysctls["user/max_user_namespaces"] = "0"
		}, true, []want{{"namespace.user", Missing, "user.max_user_namespaces=15000"}, {"userns.container", Missing, "user namespace"}}},
		{"no user namespace, user", func(s *System) {
			asUser(s)
			s.InUser = View{"child.namespaces": fails(unix.EPERM), "child.container": fails(unix.EPERM)}
			s.Sysctls["kernel/unprivileged_userns_clone"] = "0"
		}, false, []want{{"namespace.user", Missing, "kernel.unprivileged_userns_clone=1"}, {"mount.proc", Unknown, "no container could be made"}}},
		{"unprivileged_userns_clone does not bind root", func(s *System) { s.Sysctls["kernel/unprivileged_userns_clone"] = "0" }, true,
			[]want{{"namespace.user", OK, ""}}},
		{"confined by AppArmor", func(s *System) {
			asUser(s)
			s.Sysctls["kernel/apparmor_restrict_unprivileged_userns"] = "1"
			for name := range s.InUser {
				s.InUser[name] = fails(unix.EPERM)
			}
			s.InUser["child.namespaces"] = Outcome{}
		}, false, []want{{"namespace.user", Missing, "\"userns,\""}}},
		{"AppArmor lets kist", func(s *System) { asUser(s); s.Sysctls["kernel/apparmor_restrict_unprivileged_userns"] = "1" }, true,
			[]want{{"namespace.user", OK, ""}}},
		{"no helpers", func(s *System) { asUser(s); s.Helpers = idmap.Helpers{}; s.Mapped = false }, true,
			[]want{{"ids.newuidmap", Missing, "uidmap"}, {"ids.newgidmap", Missing, "uidmap"}}},
		{"helper without privilege", func(s *System) { asUser(s); s.Privileges[1] = "" }, true, []want{{"ids.newgidmap", Missing, "cap_setgid+ep"}}},
		{"few ids", func(s *System) { asUser(s); s.SubUIDs[0].Size = 10; s.SubGIDs = nil }, true,
			[]want{{"ids.subuid", Limited, "less than the 65536"}, {"ids.subgid", Missing, "usermod --add-subgids"}}},
		{"helper refuses", func(s *System) { asUser(s); s.Map = Outcome{Err: "newuidmap: not allowed"} }, true, []want{{"ids.map", Missing, "not allowed"}}},
		{"no delegation", func(s *System) { asUser(s); s.Controllers = []string{"memory"} }, true,
			[]want{{"cgroup.controller.pids", Missing, "not delegated"}, {"systemd.delegated.pids", OK, ""}, {"systemd.delegated.io", Missing, "Delegate="}}},
		{"cgroups read-only", func(s *System) { s.Here["cgroup.create"] = fails(unix.EROFS) }, false, []want{{"cgroup.create", Missing, "remount,rw"}}},
		{"cgroups of a user", func(s *System) { asUser(s); s.Here["cgroup.create"] = fails(unix.EACCES) }, true, []want{{"cgroup.create", Missing, "Delegate=yes"}}},
		{"cgroups disabled", func(s *System) { s.Here["cgroup.create"] = fails(unix.EROFS); s.Options.NoCgroup = true }, true, nil},
		{"memory controller off", func(s *System) {
			s.KernelHas = without(s.KernelHas, []string{"memory"})
			s.Controllers = without(s.Controllers, []string{"memory"})
		}, true, []want{{"cgroup.controller.memory", Missing, "cgroup_enable=memory"}}},
		{"controller taken by v1", func(s *System) { s.Controllers = without(s.Controllers, []string{"cpu"}) }, true, []want{{"cgroup.controller.cpu", Missing, "v1 hierarchy"}}},
		{"v1", func(s *System) {
			s.CgroupMode, s.Facts.CgroupV2 = cgroups.V1, false
			s.Controllers = []string{"freezer", "cpu", "memory", "blkio"}
		}, false, []want{{"cgroup.devices", Missing, "mount -t cgroup -o devices"}, {"cgroup.controller.io", OK, ""}, {"cgroup.controller.pids", Missing, "not mounted"}, {"cgroup.freezer", OK, ""}}},
		{"v1 of a user", func(s *System) { asUser(s); s.CgroupMode = cgroups.V1 }, true, []want{{"cgroup.mode", Limited, "delegation"}}},
		{"no BPF", func(s *System) { s.Here["cgroup.devices"] = fails(unix.EINVAL) }, false, []want{{"cgroup.devices", Missing, "CONFIG_CGROUP_BPF"}}},
		{"no systemd", func(s *System) { s.Booted = false }, true, []want{{"systemd.running", Missing, "cgroupfs"}}},
		{"no systemd with --systemd-cgroup", func(s *System) { s.Booted, s.Options.Systemd = false, true }, false, []want{{"systemd.running", Missing, ""}}},
		{"no user manager", func(s *System) { asUser(s); s.Here["systemd.user"] = Outcome{Err: "connect: no such file"} }, true, []want{{"systemd.user", Missing, "enable-linger"}}},
		{"proc masked", func(s *System) { asUser(s); s.InUser["mount.proc"] = fails(unix.EPERM) }, false, []want{{"mount.proc", Missing, "mounted over a part of /proc"}}},
		{"no overlay", func(s *System) { s.Own["mount.overlay"] = fails(unix.ENODEV) }, true, []want{{"mount.overlay", Missing, "modprobe overlay"}}},
		{"tmpfs without id maps", func(s *System) { s.Own["idmap.tmpfs"] = fails(unix.EINVAL) }, true, []want{{"idmap.tmpfs", Missing, "6.3"}}},
		{"ptrace forbidden", func(s *System) {
			s.Here["idmap.namespace"] = Outcome{Err: "operation not permitted"}
			s.Sysctls["kernel/yama/ptrace_scope"] = "3"
		}, true, []want{{"idmap.namespace", Missing, "ptrace_scope"}}},
		{"no userns proc", func(s *System) { s.InUser["mount.proc"] = fails(unix.EPERM) }, true, []want{{"userns.proc", Missing, ""}, {"mount.proc", OK, ""}}},
		{"no seccomp", func(s *System) { s.Seccomp.KernelActions, s.Seccomp.KernelFlags = nil, nil }, false, []want{{"seccomp.filter", Missing, "CONFIG_SECCOMP_FILTER"}}},
		{"built without libseccomp", func(s *System) { s.Seccomp.Built = false }, false, []want{{"seccomp.filter", Missing, "make"}}},
		{"no notify", func(s *System) {
			s.Seccomp.KernelActions = s.Seccomp.KernelActions[:1]
			s.Seccomp.KernelFlags = s.Seccomp.KernelFlags[:1]
		}, true,
			[]want{{"seccomp.notify", Missing, ""}, {"seccomp.actions", Limited, "without SCMP_ACT_NOTIFY"}, {"seccomp.flags", Limited, "without B"}}},
		{"kist-default", func(s *System) { s.Profile = apparmor.ErrNotLoaded }, true, []want{{"security.kist-default", Missing, "not loaded"}}},
		{"SELinux permissive", func(s *System) { s.SELinuxOn = false }, true, []want{{"security.selinux", Limited, "permissive"}}},
		{"no mknod", func(s *System) { s.Own["device.mknod"] = fails(unix.EPERM) }, true, []want{{"device.mknod", Missing, "--privileged"}}},
		{"no /dev/null", func(s *System) { asUser(s); s.Here["device.null"] = fails(unix.ENOENT) }, false, []want{{"device.null", Missing, "devtmpfs"}}},
		{"no /dev/null, root", func(s *System) { s.Here["device.null"] = fails(unix.ENOENT) }, true, []want{{"device.null", Missing, "devtmpfs"}}},
		{"no terminals", func(s *System) { delete(s.Own, "device.pty"); s.Own["mount.devpts"] = fails(unix.ENODEV) }, false,
			[]want{{"device.pty", Unknown, "could not be tried"}, {"mount.devpts", Missing, "CONFIG_UNIX98_PTYS"}}},
		{"no ipvlan", func(s *System) { s.Own["network.ipvlan"] = fails(unix.EOPNOTSUPP) }, true, []want{{"network.ipvlan", Missing, "modprobe ipvlan"}}},
		{"resctrl not mounted", func(s *System) { s.Resctrl, s.ResctrlHas = false, true }, true, []want{{"resource.resctrl", Limited, "mount -t resctrl"}}},
		{"no CRIU", func(s *System) { s.CRIU = CRIU{} }, true, []want{{"criu.program", Missing, "install"}}},
		{"CRIU fails", func(s *System) { s.CRIU.Check = Outcome{Err: "vdso: bad"} }, true, []want{{"criu.check", Missing, "vdso: bad"}}},
		{"CRIU of a user", asUser, true, []want{{"criu.check", Unknown, "as root"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fullHost()
			test.change(s)
			r := Judge(s)
			if r.OK != test.ok {
				t.Errorf("ok is %v", r.OK)
			}
			for _, w := range test.want {
				l := find(r, w.id)
				if l == nil {
					t.Errorf("%s: no such line", w.id)
					continue
				}
				if all := l.Found + "\n" + l.Breaks + "\n" + l.Remedy; l.Status != w.status || !strings.Contains(all, w.text) {
					t.Errorf("%s: %s, want %s and %q in %q", w.id, l.Status, w.status, w.text, all)
				}
			}
		})
	}
}

func TestPrintColor(t *testing.T) {
	s := fullHost()
	s.Facts.Kernel = "4.4"
	s.Own["namespace.time"] = fails(unix.EINVAL)
	var plainText, colored strings.Builder
	r := Judge(s)
	if err := r.Print(&plainText, false); err != nil {
		t.Fatal(err)
	}
	if err := r.Print(&colored, true); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plainText.String(), "\x1b") {
		t.Error("escape sequences without colour")
	}
	for _, part := range []string{red + "missing" + plain + " * Linux", yellow + "missing" + plain + "   time", green + "ok", bold + "Kernel", "1 of what is required (*) missing."} {
		if !strings.Contains(colored.String(), part) {
			t.Errorf("no %q in\n%s", part, colored.String())
		}
	}
	strip := strings.NewReplacer(green, "", yellow, "", red, "", bold, "", plain, "")
	if d := cmp.Diff(plainText.String(), strip.Replace(colored.String())); d != "" {
		t.Errorf("colour changes the text:\n%s", d)
	}
}
