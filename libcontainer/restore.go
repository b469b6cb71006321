// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/criu"
	"kist/libcontainer/intelrdt"
)

// RestoreOptions are the flags of restore.
type RestoreOptions struct {
	ID            string
	Bundle        string
	ImagePath     string
	WorkPath      string // directory of CRIU's log and of the socket of its lazy-pages daemon, "" for ImagePath
	ConsoleSocket string
	PidFile       string
	Detach        bool
	// Console takes the terminal's master where there is no console socket.
	Console func(master int) error
	// Meanwhile, if set, is called once while CRIU is at work.
	Meanwhile func()

	TCPEstablished bool
	TCPClose       bool
	ExtUnixSockets bool
	ShellJob       bool
	FileLocks      bool
	AutoDedup      bool
	LazyPages      bool
	EmptyNetwork   bool
	CgroupMode     criu.CgroupMode
	LSMProfile     string
	LSMContext     string
}

// restoreLog is the name of CRIU's log of a restore; engines copy the file.
const restoreLog = "restore.log"

// restoration is one restore under way: a creation whose process is made by
// CRIU instead of nsexec.
type restoration struct {
	*creation
	o       *RestoreOptions
	session *criu.Session
	options *criu.Options
	images  int
	work    int    // -1 for none
	inherit []int  // descriptors for CRIU, from 3 on
	mode    uint32 // of the images' directory, to be set again; 0: nothing to do
	group   int
	pid     int
	pidfd   int
}

// Restore makes a container of a checkpoint. Its processes go on where they
// were, in a cgroup and with a record of the new container. If it fails nothing
// is left behind.
func (rt *Runtime) Restore(o *RestoreOptions) (_ *Container, err error) {
	c := &restoration{
		creation: &creation{
			CreateOptions: &CreateOptions{
				ID: o.ID, Bundle: o.Bundle, ConsoleSocket: o.ConsoleSocket, PidFile: o.PidFile, Run: true,
				Detach: o.Detach, Console: o.Console,
			},
			rt: rt, copied: -1, console: -1, pidfds: -1, master: -1,
		},
		o: o, images: -1, work: -1, pidfd: -1,
	}
	defer c.hangUp()
	defer c.close()
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.record(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			if c.oomKilled() {
				err = fmt.Errorf("OOM-killed (memory limit too low?): %w", err)
			}
			c.undo()
		}
	}()
	if err := c.start(); err != nil {
		return nil, err
	}
	if o.Meanwhile != nil {
		o.Meanwhile()
	}
	if err := c.restore(); err != nil {
		return nil, err
	}
	c.dir.Unlock()
	return &Container{rt: rt, root: c.root, State: c.state}, nil
}

// check reads and checks everything that can be checked before the first side
// effect.
func (c *restoration) check() (err error) {
	if c.rt.Rootless || unix.Geteuid() != 0 {
		return errors.New("restore: needs root: CRIU restores process ids and namespaces that no user may choose")
	}
	if err := c.prepare(); err != nil {
		return err
	}
	list := c.spec.Linux.Namespaces
	if !createsNamespace(list, specs.MountNamespace) {
		return errors.New("config.json: /linux/namespaces: a restored container needs a mount namespace of its own")
	}
	if ns := findNamespace(list, specs.CgroupNamespace); ns != nil && ns.Path != "" {
		return errors.New("config.json: /linux/namespaces: CRIU cannot join a cgroup namespace")
	}
	if err := restorableLXC(c.spec.Annotations); err != nil {
		return err
	}
	if c.images, err = openDirectory("--image-path", c.o.ImagePath); err != nil {
		return err
	}
	if err := unix.Faccessat(c.images, "inventory.img", unix.R_OK, 0); err != nil {
		return fmt.Errorf("--image-path %s: holds no complete checkpoint: inventory.img: %w", c.o.ImagePath, err)
	}
	if c.o.WorkPath != "" {
		c.work, err = makeDirectory("--work-path", c.o.WorkPath)
	}
	return err
}

// start makes what the container needs around it, and starts CRIU in the place
// where the container is to be.
func (c *restoration) start() error {
	path, err := criu.Find()
	if err != nil {
		return err
	}
	if err := c.makeProfile(); err != nil {
		return err
	}
	if err := c.prepareNotify(); err != nil {
		return err
	}
	if err := c.makeCgroup(); err != nil {
		return err
	}
	if err := c.makeMountpoints(); err != nil {
		return err
	}
	if err := c.setOptions(); err != nil {
		return err
	}
	err = c.apart(func() error {
		if err := c.reopen(); err != nil {
			return err
		}
		c.session, err = criu.Start(&criu.Config{Path: path, Stdio: [3]int{0, 1, 2}, Inherit: c.inherit, SameGroup: c.o.ShellJob})
		return err
	})
	if err != nil {
		return err
	}
	if err := c.openImages(); err != nil {
		return err
	}
	// What CRIU makes is born where CRIU is.
	if err := c.cgroup.Attach(c.session.Pid); err != nil {
		return err
	}
	if c.rt.SystemdCgroup {
		if err := c.cgroup.Set(); err != nil {
			return err
		}
		if err := c.fillCgroup(); err != nil {
			return err
		}
	}
	if r := c.spec.Linux.IntelRdt; r != nil {
		if err := intelrdt.Join(c.ID, c.session.Pid, r); err != nil {
			return err
		}
	}
	return c.checkCRIU()
}

// setOptions makes the request.
func (c *restoration) setOptions() (err error) {
	o := &criu.Options{
		ImagesDir: -1, WorkDir: -1, LogFile: restoreLog, Config: criuConfig(), Root: c.rootPath(),
		TCPEstablished: c.o.TCPEstablished, TCPClose: c.o.TCPClose, ExtUnixSockets: c.o.ExtUnixSockets, ShellJob: c.o.ShellJob,
		FileLocks: c.o.FileLocks, AutoDedup: c.o.AutoDedup, LazyPages: c.o.LazyPages, EmptyNetwork: c.o.EmptyNetwork,
		CgroupMode: c.o.CgroupMode, LSMProfile: c.o.LSMProfile, LSMContext: c.o.LSMContext,
	}
	c.options = o
	if c.cgroup.Absent() {
		o.CgroupMode = criu.CgroupIgnore
	}
	if o.Mounts, err = c.sources(); err != nil {
		return err
	}
	null, err := c.pass("/dev/null", unix.O_RDWR)
	if err != nil {
		return err
	}
	if o.Inherit, err = inherited(c.images, null); err != nil {
		return err
	}
	return c.setNamespaces()
}

// reopen opens the directories of the request in CRIU's mount namespace: it
// mounts cgroups in its working directory, which must be on a mount of its own
// namespace.
func (c *restoration) reopen() (err error) {
	if c.options.ImagesDir, err = reopenDirectory("--image-path", c.images); err != nil || c.work < 0 {
		return err
	}
	c.options.WorkDir, err = reopenDirectory("--work-path", c.work)
	return err
}

// reopenDirectory finds a directory again by its name, and proves it.
func reopenDirectory(flag string, fd int) (int, error) {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return -1, fmt.Errorf("%s: %w", flag, err)
	}
	again, err := openDirectory(flag, path)
	if err != nil {
		return -1, err
	}
	var was, is unix.Stat_t
	if unix.Fstat(fd, &was) != nil || unix.Fstat(again, &is) != nil || was.Dev != is.Dev || was.Ino != is.Ino {
		unix.Close(again)
		return -1, fmt.Errorf("%s %s: replaced meanwhile", flag, path)
	}
	return again, nil
}

// pass opens a file for CRIU and gives the number that it has there.
func (c *restoration) pass(path string, flags int) (int, error) {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s: open: %w", path, err)
	}
	c.inherit = append(c.inherit, fd)
	return 2 + len(c.inherit), nil
}

// setNamespaces names the namespaces that the container joins instead of having
// its own restored.
func (c *restoration) setNamespaces() error {
	for i, ns := range c.spec.Linux.Namespaces {
		if ns.Path == "" {
			continue
		}
		pointer := fmt.Sprintf("config.json: /linux/namespaces/%d: ", i)
		switch ns.Type {
		case specs.NetworkNamespace, specs.PIDNamespace:
			fd, err := c.pass(ns.Path, unix.O_RDONLY)
			if err != nil {
				return fmt.Errorf("%s%w", pointer, err)
			}
			c.options.Inherit = append(c.options.Inherit, criu.Inherited{Key: namespaceKey(ns.Type), FD: fd})
		default:
			if err := unix.Access(ns.Path, unix.R_OK); err != nil {
				return fmt.Errorf("%s%s: %w", pointer, ns.Path, err)
			}
			c.options.Join = append(c.options.Join, criu.Pair{Key: procName(ns.Type), Value: ns.Path})
		}
	}
	return nil
}

// checkCRIU asks for what this CRIU and this kernel can do.
func (c *restoration) checkCRIU() error {
	if err := checkVersion(c.session.Version, criu.LockDefault); err != nil {
		return err
	}
	if !c.o.LazyPages {
		return nil
	}
	f, err := c.session.Features()
	if err == nil && !f.LazyPages {
		return errLazyPages
	}
	return err
}

// restore has CRIU do it.
func (c *restoration) restore() (err error) {
	// By now CRIU is in the container's cgroups. The tree that it makes goes
	// below them, wherever the saved one was.
	if !c.cgroup.Absent() {
		if c.options.CgroupRoots, err = cgroupsOf(c.session.Pid); err != nil {
			return err
		}
	}
	_, err = c.session.Do(criu.Restore, c.options, c.notified)
	how := c.session.Close()
	if err != nil {
		return err
	}
	if how != "" {
		c.rt.Log.Debug("criu "+how+" after it had reported success", "id", c.ID)
	}
	if c.pid == 0 {
		return errors.New("criu restore: reported success without a process")
	}
	return nil
}

// cgroupsOf reads a process's cgroups, a path per controller. See cgroups(7).
func cgroupsOf(pid int) ([]criu.Pair, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/cgroup"
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []criu.Pair
	for line := range strings.Lines(string(data)) {
		_, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, at, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 {
			return nil, fmt.Errorf("%s: cannot read %q", path, line)
		}
		for name := range strings.SplitSeq(controllers, ",") {
			list = append(list, criu.Pair{Key: name, Value: at})
		}
	}
	return list, nil
}
