// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/host"
	"kist/libcontainer/program"
	"kist/libcontainer/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// machine is a host that no test runs on: plans must depend on facts alone.
func machine(v2 bool) *host.Facts {
	f := &host.Facts{Kernel: "6.1.0", LastCap: 40, KCore: true, CgroupV2: v2}
	if !v2 {
		f.Hierarchy = []host.Hierarchy{
			{Mountpoint: "/sys/fs/cgroup/cpu,cpuacct", Options: []string{"cpu", "cpuacct"}, Links: []string{"cpu", "cpuacct"}},
			{Mountpoint: "/sys/fs/cgroup/memory", Options: []string{"memory"}},
			{Mountpoint: "/sys/fs/cgroup/systemd", Options: []string{"name=systemd"}},
		}
	}
	return f
}

func ptr[T any](v T) *T { return &v }

// bundles are the goldens: each is the default configuration with one thing
// changed, so that the difference between two plans is that thing's.
var bundles = []struct {
	name string
	v1   bool
	edit func(s *specs.Spec, in *Input, p *ProcessInput)
}{
	{"default", false, func(*specs.Spec, *Input, *ProcessInput) {}},
	{"default-v1", true, func(*specs.Spec, *Input, *ProcessInput) {}},
	{"cgroupns-v1", true, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.CgroupNamespace})
	}},
	{"minimal", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Mounts, s.Hostname = nil, ""
		s.Linux = &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}}}
	}},
	{"host-mounts", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace}}
		s.Hostname = ""
	}},
	{"detached", false, func(_ *specs.Spec, in *Input, p *ProcessInput) {
		in.Detached = true
		p.Listen = ptr(program.Number(5))
	}},
	{"no-process", false, func(s *specs.Spec, in *Input, p *ProcessInput) {
		s.Process = &specs.Process{Cwd: "/"}
		in.Detached, p.Vacant = true, true
		p.Listen = ptr(program.Number(5))
	}},
	{"rlimits", false, func(s *specs.Spec, _ *Input, p *ProcessInput) {
		s.Process.NoNewPrivileges = false
		s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 3, Hard: 4}, {Type: "RLIMIT_CORE", Hard: 1<<64 - 1}}
		p.Filter = &Filter{BPF: make([]byte, 16)}
	}},
	{"terminal", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Process.Terminal = true
		s.Process.ConsoleSize = &specs.Box{Height: 25, Width: 80}
	}},
	{"user", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Process.User = specs.User{UID: 1000, GID: 1000, AdditionalGids: []uint32{4, 27}, Umask: ptr(uint32(0o077))}
	}},
	{"userns", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
		s.Linux.GIDMappings = s.Linux.UIDMappings
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/data", Source: "/srv/data", Type: "bind", Options: []string{"rbind", "ro"}})
	}},
	{"rootless", false, func(s *specs.Spec, in *Input, p *ProcessInput) {
		*s = *spec.Default(true, true)
		in.Facts.Euid = 1000
		p.DenySetgroups = true
	}},
	{"rootless-systemd", false, func(s *specs.Spec, in *Input, p *ProcessInput) {
		*s = *spec.Default(true, true)
		in.Facts.Euid = 1000
		in.Cgroup = CgroupView{Early: true, Path: "/sys/fs/cgroup/c1"}
	}},
	{"rootless-hooks", false, func(s *specs.Spec, in *Input, p *ProcessInput) {
		*s = *spec.Default(true, true)
		in.Facts.Euid = 1000
		h := []specs.Hook{{Path: "/bin/true"}}
		s.Hooks = &specs.Hooks{CreateContainer: h, StartContainer: h}
		p.StartHooks, p.Reveal = true, Reveals(s.Linux.Namespaces, in.Facts)
	}},
	{"join-pid", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.PIDNamespace, Path: "/proc/42/ns/pid"}, {Type: specs.MountNamespace}}
		s.Hostname = ""
	}},
	{"pod", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Namespaces = []specs.LinuxNamespace{
			{Type: specs.PIDNamespace}, {Type: specs.MountNamespace},
			{Type: specs.NetworkNamespace, Path: "/run/netns/pod"}, {Type: specs.IPCNamespace, Path: "/proc/42/ns/ipc"},
			{Type: specs.UTSNamespace, Path: "/proc/42/ns/uts"}, {Type: specs.UserNamespace, Path: "/proc/42/ns/user"},
		}
		s.Hostname = ""
	}},
	{"time", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 86400}, "monotonic": {Secs: -5, Nanosecs: 7}}
	}},
	{"bind", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Mounts = append(s.Mounts,
			specs.Mount{Destination: "/a", Source: "/srv/a", Type: "bind", Options: []string{"bind", "mode=755", "ro", "nosuid"}},
			specs.Mount{Destination: "/b/c/d", Source: "rel", Options: []string{"rbind", "rro", "rshared"}})
	}},
	{"idmap", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		m := []specs.LinuxIDMapping{{HostID: 1000, Size: 1}}
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Source: "/srv/a", Type: "bind", Options: []string{"rbind", "ridmap"}, UIDMappings: m, GIDMappings: m})
	}},
	{"tmpcopyup", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/etc", Source: "tmpfs", Type: "tmpfs", Options: []string{"tmpcopyup", "ro"}})
	}},
	{"remount", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Mounts = append(s.Mounts,
			specs.Mount{Destination: "/dev/shm", Options: []string{"remount", "size=1m", "noexec"}},
			specs.Mount{Destination: "/tmp", Options: []string{"remount", "bind", "ro"}})
	}},
	{"sysfs-userns", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.UserNamespace}, {Type: specs.MountNamespace}}
		s.Hostname = ""
	}},
	{"devices", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Devices = []specs.LinuxDevice{
			{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, FileMode: ptr(os.FileMode(0o600)), UID: ptr(uint32(5)), GID: ptr(uint32(6))},
			{Path: "/dev/net/tun", Type: "c", Major: 10, Minor: 200},
			{Path: "/dev/sda", Type: "b", Major: 8},
			{Path: "/dev/fifo", Type: "p"},
		}
	}},
	{"dev-bind", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Mounts = []specs.Mount{{Destination: "/dev", Source: "/dev", Options: []string{"rbind"}}}
	}},
	{"sysctl", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.shmmax": "65536", "net/ipv4/conf/eth0.1/forwarding": "0"}
	}},
	{"caps", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Process.User.UID = 1000
		c := []string{"CAP_NET_BIND_SERVICE", "CAP_CHOWN"}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: c, Effective: c, Permitted: c, Inheritable: c, Ambient: c[:1]}
	}},
	{"caps-withheld", false, func(s *specs.Spec, _ *Input, p *ProcessInput) {
		c := []string{"CAP_NET_BIND_SERVICE", "CAP_SYS_RESOURCE"}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: c, Effective: c, Permitted: c, Inheritable: c, Ambient: c}
		p.Withheld = 1 << 24 // CAP_SYS_RESOURCE
	}},
	{"no-caps", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) { s.Process.Capabilities = nil }},
	{"seccomp", false, func(_ *specs.Spec, _ *Input, p *ProcessInput) {
		p.Filter = &Filter{BPF: make([]byte, 16), Flags: 4}
	}},
	{"seccomp-privileged", false, func(s *specs.Spec, _ *Input, p *ProcessInput) {
		s.Process.NoNewPrivileges = false
		p.Filter = &Filter{BPF: make([]byte, 16)}
	}},
	{"seccomp-notify", false, func(_ *specs.Spec, _ *Input, p *ProcessInput) {
		p.Filter = &Filter{BPF: make([]byte, 16), Flags: 8, Notify: true}
	}},
	{"apparmor", false, func(s *specs.Spec, in *Input, _ *ProcessInput) {
		in.Facts.AppArmor = true
		s.Process.ApparmorProfile = "kist-default"
	}},
	{"selinux", false, func(s *specs.Spec, in *Input, _ *ProcessInput) {
		in.Facts.SELinux = true
		s.Process.SelinuxLabel, s.Linux.MountLabel = "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"
	}},
	{"hooks", false, func(s *specs.Spec, _ *Input, p *ProcessInput) {
		h := []specs.Hook{{Path: "/bin/true"}}
		s.Hooks = &specs.Hooks{CreateRuntime: h, CreateContainer: h, StartContainer: h}
		p.StartHooks = true
	}},
	{"scheduling", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedFIFO, Priority: 10, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork}}
		s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_IDLE, Priority: 7}
		s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
		s.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0-1", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}}
	}},
	{"propagation-shared", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) { s.Linux.RootfsPropagation = "shared" }},
	{"propagation-host", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		// Storage drivers mount in a container what is to appear on the host.
		s.Linux.RootfsPropagation = "rshared"
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/data", Type: "bind", Source: "data", Options: []string{"rbind", "rshared"}},
			specs.Mount{Destination: "/private", Type: "bind", Source: "/srv", Options: []string{"rbind", "rprivate"}})
	}},
	{"late-readonly", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		// A read-only /dev gets its devices first, as does a tmpfs that others are mounted in.
		for i := range s.Mounts {
			if s.Mounts[i].Destination == "/dev" {
				s.Mounts[i].Options = append(s.Mounts[i].Options, "ro")
			}
		}
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/t", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro"}},
			specs.Mount{Destination: "/t/sub", Type: "tmpfs", Source: "tmpfs", Options: []string{"ro"}})
	}},
	{"dev-mounts", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		// What is mounted on a default device or on /dev/ptmx stays.
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/dev/random", Type: "bind", Source: "/dev/urandom", Options: []string{"bind"}},
			specs.Mount{Destination: "/dev/ptmx", Type: "bind", Source: "/dev/pts/ptmx", Options: []string{"bind"}})
	}},
	{"propagation-private", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) { s.Linux.RootfsPropagation = "private" }},
	{"no-pivot", false, func(_ *specs.Spec, in *Input, _ *ProcessInput) { in.NoPivot = true }},
	{"cwd-path", false, func(s *specs.Spec, _ *Input, p *ProcessInput) {
		s.Process.Cwd, s.Process.Args = "/srv/data", []string{"./tool", "a b"}
		s.Process.Env = []string{"HOME=/root"}
		p.Env = s.Process.Env
	}},
	{"network-devices", false, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
		s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"eth1": {Name: "net0"}}
	}},
	{"apparmor-stack", false, func(s *specs.Spec, in *Input, _ *ProcessInput) {
		in.Facts.AppArmor, s.Process.ApparmorProfile = true, "lxc-c1_</run/kist>//&:lxc-c1_<-run-kist>:unconfined"
	}},
	{"lxc-keyring", false, func(s *specs.Spec, in *Input, p *ProcessInput) {
		in.Facts.SELinux, s.Process.SelinuxLabel = true, "system_u:system_r:container_t:s0"
		in.LXC = &LXC{KeyringLabel: "system_u:system_r:keys_t:s0"}
		p.KeyringLabel = in.LXC.KeyringLabel
	}},
	{"preserve-fds", false, func(_ *specs.Spec, in *Input, p *ProcessInput) {
		in.FirstFD, p.FirstFD = 5, 5
	}},
}

// inputs makes the inputs of a golden.
func inputs(v1 bool, edit func(*specs.Spec, *Input, *ProcessInput)) (*Input, *ProcessInput) {
	s := spec.Default(false, !v1)
	s.Process.Terminal = false
	in := &Input{Spec: s, ID: "c1", Bundle: "/bundle", Rootfs: "/bundle/rootfs", Facts: machine(!v1), FirstFD: 3}
	in.Cgroup = CgroupView{Born: !v1, Path: "/sys/fs/cgroup/c1"}
	if v1 {
		in.Cgroup.Path = ""
		for _, h := range in.Facts.Hierarchy {
			in.Cgroup.Dirs = append(in.Cgroup.Dirs, h.Mountpoint+"/c1")
		}
	}
	p := &ProcessInput{LastCap: 40, FirstFD: 3, Keyring: "_ses.c1", Pointer: "/process", Init: true,
		Env: []string{"PATH=/usr/bin:/bin", "HOME=/root"}}
	edit(s, in, p)
	p.Process, p.Linux = s.Process, s.Linux
	return in, p
}

func TestGolden(t *testing.T) {
	for _, tt := range bundles {
		t.Run(tt.name, func(t *testing.T) {
			in, pin := inputs(tt.v1, tt.edit)
			setup, spawn, err := Setup(in)
			if err != nil {
				t.Fatal(err)
			}
			tail, err := Process(pin)
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Verify(setup, tail); err != nil {
				t.Errorf("the program is not safe: %v", err)
			}
			var out bytes.Buffer
			_, _ = out.WriteString("clone flags " + hex(spawn.Cloneflags) + "\n")
			for _, p := range []*program.Program{setup, tail} {
				out.WriteString("# " + p.Name + "\n")
				for k := range p.Needs {
					out.WriteString("# need: " + p.Needs[k].Describe() + "\n")
				}
				if err := p.Print(&out, program.PrintOptions{SyncName: SyncName}); err != nil {
					t.Fatal(err)
				}
			}
			golden(t, tt.name, out.Bytes())
		})
	}
}

func hex(v uintptr) string {
	const digits = "0123456789abcdef"
	s := ""
	for ; v > 0 || s == ""; v >>= 4 {
		s = string(digits[v&15]) + s
	}
	return "0x" + s
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".plan")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("plan has changed (-golden +now; go test -update if meant):\n%s", diff)
	}
}

func TestJoinGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*JoinInput)
	}{
		{"exec", func(*JoinInput) {}},
		{"exec-userns", func(in *JoinInput) { in.Namespaces |= 0x10000000 }},
		{"exec-waits", func(in *JoinInput) { in.Waits = true }},
		{"exec-terminal", func(in *JoinInput) { in.Process.Terminal = true }},
		{"exec-chroot", func(in *JoinInput) { in.Namespaces, in.Chroot = 0, true }},
		{"exec-apparmor", func(in *JoinInput) {
			in.Facts.AppArmor, in.Process.ApparmorProfile = true, "kist-default"
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := spec.Default(false, true)
			s.Process.Terminal = false
			in := &JoinInput{Process: s.Process, Facts: machine(true), FirstFD: 3, Passwd: true,
				Namespaces: CloneFlag("pid") | CloneFlag("mount") | CloneFlag("network") | CloneFlag("ipc") | CloneFlag("uts") | CloneFlag("cgroup")}
			tt.edit(in)
			join, spawn, err := Join(in)
			if err != nil {
				t.Fatal(err)
			}
			tail, err := Process(&ProcessInput{Process: in.Process, LastCap: 40, FirstFD: 3, Env: []string{"PATH=/bin"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := program.Verify(join, tail); err != nil {
				t.Errorf("the program is not safe: %v", err)
			}
			var out bytes.Buffer
			out.WriteString("clone flags " + hex(spawn.Cloneflags) + "\n")
			if err := join.Print(&out, program.PrintOptions{SyncName: SyncName}); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, out.Bytes())
		})
	}
}

// TestPure checks that the same input gives the same program, to the byte.
func TestPure(t *testing.T) {
	for _, tt := range bundles {
		var first []byte
		for range 5 {
			in, _ := inputs(tt.v1, tt.edit)
			p, _, err := Setup(in)
			if err != nil {
				t.Fatal(err)
			}
			im := p.Encode(false)
			all := append(append([]byte{}, im.Insns...), im.Blob...)
			if first == nil {
				first = all
			}
			if !bytes.Equal(first, all) {
				t.Errorf("%s: two compilations differ", tt.name)
			}
		}
	}
}

// TestRefused has what only the compiler can refuse.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		want string
		edit func(*specs.Spec, *Input, *ProcessInput)
	}{
		{`config.json: /mounts/7/options: unknown option "foo" for a bind mount (the filesystem is mounted already and takes no data)`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Source: "/a", Options: []string{"bind", "foo"}})
		}},
		{`config.json: /mounts/7/options: two propagations, the second one is "slave"`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Source: "/a", Options: []string{"bind", "shared", "slave"}})
		}},
		{`config.json: /mounts/7/options: "sync" belongs to the filesystem, which a bind mount shares with the host`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Source: "/a", Options: []string{"bind", "sync"}})
		}},
		{`config.json: /mounts/7/source: a bind mount needs a source`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Options: []string{"bind"}})
		}},
		{`config.json: /mounts/7/type: type "" needs the option bind or rbind`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Source: "/a"})
		}},
		{`config.json: /mounts/7/options: tmpcopyup is for type tmpfs`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/a", Type: "ext4", Options: []string{"tmpcopyup"}})
		}},
		{`config.json: /process/apparmorProfile: AppArmor is not enabled on this host`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Process.ApparmorProfile = "x"
		}},
		{`config.json: /process/selinuxLabel: SELinux is not enabled on this host`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Process.SelinuxLabel = "x"
		}},
		{`config.json: /linux/mountLabel: SELinux is not enabled on this host`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Linux.MountLabel = "x"
		}},
		{`config.json: /linux/devices/0/type: unknown device type "x" (want c, u, b or p)`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "x"}}
		}},
		{`config.json: /linux/rootfsPropagation: unknown propagation "odd" (want shared, slave, private or unbindable)`, func(s *specs.Spec, _ *Input, _ *ProcessInput) {
			s.Linux.RootfsPropagation = "odd"
		}},
	} {
		in, _ := inputs(false, tt.edit)
		_, _, err := Setup(in)
		if err == nil || err.Error() != tt.want {
			t.Errorf("got  %v\nwant %s", err, tt.want)
		}
	}
}

func TestMountOptionsSorted(t *testing.T) {
	for i := 1; i < len(MountOptions); i++ {
		if MountOptions[i-1].name >= MountOptions[i].name {
			t.Errorf("%q is out of order: it would not be found", MountOptions[i].name)
		}
	}
}

func BenchmarkSetup(b *testing.B) {
	in, pin := inputs(true, func(*specs.Spec, *Input, *ProcessInput) {})
	for b.Loop() {
		if _, _, err := Setup(in); err != nil {
			b.Fatal(err)
		}
		if _, err := Process(pin); err != nil {
			b.Fatal(err)
		}
	}
}
