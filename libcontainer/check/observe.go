// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/apparmor"
	"kist/libcontainer/cgroups"
	"kist/libcontainer/cgroups/systemd"
	"kist/libcontainer/criu"
	"kist/libcontainer/host"
	"kist/libcontainer/idmap"
	"kist/libcontainer/intelrdt"
	"kist/libcontainer/launch"
	"kist/libcontainer/program"
	"kist/seccomp"
)

// System is what was found on a machine: all that Judge knows.
type System struct {
	Options Options
	Facts   *host.Facts
	User    string // name of the caller, "" if it has none

	Here   View // tried where we are
	Own    View // tried in new namespaces of the caller's user namespace; nil for an ordinary user
	InUser View // tried in a new user namespace

	Sysctls map[string]string // those of the list that exist
	Trees   []string          // mounted file systems that were tried with an id map

	CgroupMode    cgroups.Mode
	CgroupPath    string   // where the cgroup of a container would be
	Controllers   []string // that it could have
	KernelHas     []string // controllers that the kernel has switched on
	UserDelegated []string // v2: controllers of the user's systemd manager
	Booted        bool     // systemd is the init

	Helpers    idmap.Helpers
	Privileges [2]string // what newuidmap and newgidmap have theirs from, "" for none
	SubUIDs    []idmap.Range
	SubGIDs    []idmap.Range
	Mapped     bool // maps were tried with the helpers
	Map        Outcome
	Seccomp    SeccompSupport
	SELinuxOn  bool  // enforcing
	Profile    error // why kist-default is not known to be loaded; nil if it is
	Resctrl    bool
	ResctrlHas bool // the kernel and the cpu could
	CRIU       CRIU
}

// SeccompSupport is what filters can have.
type SeccompSupport struct {
	Built                  bool // this kist has libseccomp
	Actions, KernelActions []string
	Flags, KernelFlags     []string
}

// CRIU is the program that makes checkpoints.
type CRIU struct {
	Path    string // "" if it was not found
	Version string
	Check   Outcome // of `criu check`; not tried without privilege
	Checked bool
}

// sysctls that switch namespaces on and off.
var sysctls = [...]string{
	"user/max_user_namespaces",
	"user/max_mnt_namespaces",
	"user/max_pid_namespaces",
	"user/max_net_namespaces",
	"user/max_ipc_namespaces",
	"user/max_uts_namespaces",
	"user/max_cgroup_namespaces",
	"user/max_time_namespaces",
	"kernel/unprivileged_userns_clone",
	"kernel/apparmor_restrict_unprivileged_userns",
	"kernel/yama/ptrace_scope",
	"vm/memfd_noexec",
}

// Observe asks the machine.
func Observe(opts Options) (*System, error) {
	facts, err := host.Look()
	if err != nil {
		return nil, err
	}
	facts.LSMs()
	s := &System{Options: opts, Facts: facts, Here: View{}, Sysctls: map[string]string{}}
	if u, err := user.LookupId(strconv.Itoa(facts.Euid)); err == nil {
		s.User = u.Username
	}
	for _, name := range sysctls {
		if data, err := os.ReadFile("/proc/sys/" + name); err == nil {
			s.Sysctls[name] = strings.TrimSpace(string(data))
		}
	}
	s.Here.kernel()
	s.Here["kernel.nsexec"] = outcome("", tryNsexec(-1))
	s.ids()
	s.cgroup()
	s.systemd()
	s.security()
	s.namespaces()
	s.criu()
	s.Resctrl = intelrdt.Available()
	s.ResctrlHas = knowsFileSystem("resctrl")
	return s, nil
}

// tryNsexec starts the interpreter, in a cgroup if there is a descriptor of one. It
// has come as far as a program's first instruction when it tells us so.
func tryNsexec(cgroup int) error {
	const here = 1
	b := program.NewBuilder("check", 0, 5)
	b.Tell(here, program.I(0))
	b.Exit(0)
	p, err := b.Finish()
	if err != nil {
		return err
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/null: %w", err)
	}
	defer unix.Close(null)
	s, err := launch.Start(&launch.Config{Program: p, Stdio: [3]int{null, null, null}, CgroupFD: cgroup})
	if err != nil {
		return err
	}
	defer s.Close()
	defer s.Kill()
	e, err := s.Next()
	if err == nil && e.Code != here {
		err = fmt.Errorf("nsexec: said %d", e.Code)
	}
	return err
}

// ids finds the helpers and the subordinate ids of the caller.
func (s *System) ids() {
	s.Helpers = idmap.FindHelpers()
	uid := s.Facts.Euid
	s.SubUIDs, _ = idmap.SubordinateRanges("/etc/subuid", s.User, uid)
	s.SubGIDs, _ = idmap.SubordinateRanges("/etc/subgid", s.User, uid)
	s.Privileges = [2]string{idmap.HelperPrivilege(s.Helpers.NewUIDMap), idmap.HelperPrivilege(s.Helpers.NewGIDMap)}
	if s.root() || len(s.SubUIDs) == 0 || len(s.SubGIDs) == 0 || s.Helpers.NewUIDMap == "" || s.Helpers.NewGIDMap == "" {
		return
	}
	maps := func(own int, sub idmap.Range) []specs.LinuxIDMapping {
		return []specs.LinuxIDMapping{{ContainerID: 0, HostID: uint32(own), Size: 1}, {ContainerID: 1, HostID: sub.Start, Size: sub.Size}}
	}
	fd, err := idmap.NewNamespace(maps(uid, s.SubUIDs[0]), maps(unix.Getegid(), s.SubGIDs[0]), s.Helpers)
	if err == nil {
		unix.Close(fd)
	}
	s.Mapped, s.Map = true, outcome("", err)
}

// root says whether the caller is root of any user namespace.
func (s *System) root() bool { return s.Facts.Euid == 0 }

// cgroup tries to make one, and to be born into it.
func (s *System) cgroup() {
	s.CgroupMode = cgroups.Detect()
	s.KernelHas = kernelControllers()
	id := "kist-check-" + strconv.Itoa(os.Getpid())
	c, err := cgroups.New(cgroups.Config{ID: id, Rootless: !s.Facts.Privileged()})
	if err != nil {
		s.Here["cgroup.create"] = outcome("", err)
		return
	}
	s.CgroupPath = c.Path("memory")
	if s.CgroupPath == "" {
		s.CgroupPath = c.Path("")
	}
	s.Controllers, _ = c.Available()
	s.Here["cgroup.create"] = outcome("", c.Try(func(fd int) {
		if fd < 0 {
			return
		}
		s.Here["cgroup.born"] = outcome("", tryNsexec(fd))
		s.Here.try("cgroup.kill", func() error { return unix.Faccessat(fd, "cgroup.kill", unix.W_OK, 0) })
	}))
	if s.CgroupMode == cgroups.V2 && s.Facts.Privileged() {
		s.Here["cgroup.devices"] = outcome("", cgroups.TryDeviceFilter())
	}
}

// kernelControllers reads which controllers the kernel has, and has not been told to
// leave off.
func kernelControllers() []string {
	data, err := os.ReadFile("/proc/cgroups")
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 4 && f[3] == "1" {
			names = append(names, f[0])
		}
	}
	return names
}

// systemd asks the managers that kist would ask.
func (s *System) systemd() {
	st, err := os.Lstat("/run/systemd/system") // sd_booted(3)
	s.Booted = err == nil && st.IsDir()
	if !s.Booted {
		return
	}
	for _, m := range [...]struct {
		id   string
		user bool
	}{{"systemd.system", false}, {"systemd.user", true}} {
		if m.user == s.Facts.Privileged() {
			continue // the other one's
		}
		c, err := systemd.Connect(m.user)
		if err != nil {
			s.Here[m.id] = outcome("", err)
			continue
		}
		v, err := c.Version()
		o := outcome("version "+strconv.Itoa(v), err)
		if m.user && err == nil && s.CgroupMode == cgroups.V2 {
			if own, err := c.ControlGroup(); err == nil {
				s.UserDelegated, _ = cgroups.ControllersAt(filepath.Join(cgroups.MountPoint, own))
			}
		}
		s.Here[m.id] = o
		c.Close()
	}
}

func (s *System) security() {
	if h := (apparmor.Host{}); s.Facts.AppArmor && !h.Mounted() {
		s.Profile = errors.New("not known: securityfs cannot be seen")
	} else if s.Facts.AppArmor {
		s.Profile = h.Check(apparmor.DefaultName)
	}
	s.Seccomp = SeccompSupport{
		Built:   seccomp.Supported,
		Actions: seccomp.Actions(), KernelActions: seccomp.SupportedActions(),
		Flags: seccomp.KnownFlags(), KernelFlags: seccomp.SupportedFlags(),
	}
	if data, err := os.ReadFile("/sys/fs/selinux/enforce"); err == nil {
		s.SELinuxOn = strings.TrimSpace(string(data)) == "1"
	}
}

// namespaces has children try what they can do in new namespaces.
func (s *System) namespaces() {
	s.InUser = views(unix.CLONE_NEWUSER, -1, nil)
	if !s.root() {
		return
	}
	userns, trees := -1, []string(nil)
	if s.Facts.Privileged() {
		one := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
		fd, err := idmap.NewNamespace(one, one, s.Helpers)
		s.Here["idmap.namespace"] = outcome("", err)
		if err == nil {
			defer unix.Close(fd)
			userns = fd
			trees = mounted()
		}
	}
	s.Trees = trees
	s.Own = views(0, userns, trees)
}

// criu looks for it where it would be found at a checkpoint.
func (s *System) criu() {
	path, err := criu.Find()
	if err != nil {
		return
	}
	s.CRIU.Path = path
	env := []string{"PATH=" + os.Getenv("PATH")}
	c := command{path: path, argv: []string{"criu", "--version"}, env: env}
	if out, _, err := c.run(true); err == nil {
		// "Version: 3.17.1"
		first, _, _ := strings.Cut(out, "\n")
		_, s.CRIU.Version, _ = strings.Cut(first, ": ")
	}
	if !s.Facts.Privileged() {
		return
	}
	s.CRIU.Checked = true
	c = command{path: path, argv: []string{"criu", "check"}, env: env}
	out, status, err := c.run(true)
	if err == nil && status.ExitStatus() != 0 {
		err = errors.New(firstError(out))
	}
	s.CRIU.Check = outcome("", err)
}

// firstError gives the first line of CRIU's complaints: those after it are
// consequences.
func firstError(out string) string {
	for line := range strings.Lines(out) {
		// "Error (criu/vdso.c:381): vdso: …"
		if _, text, ok := strings.Cut(line, "): "); ok && strings.HasPrefix(line, "Error (") {
			return strings.TrimSpace(text)
		}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	return line
}
