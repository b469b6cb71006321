// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/cgroups"
	"kist/libcontainer/compile"
	"kist/libcontainer/criu"
	"kist/libcontainer/spec"
	"kist/libcontainer/state"
	"kist/lxc"
)

// CheckpointOptions are the flags of checkpoint.
type CheckpointOptions struct {
	ImagePath  string // directory of the images; it is made
	WorkPath   string // directory of CRIU's log, "" for ImagePath
	ParentPath string // an earlier checkpoint, relative to ImagePath

	LeaveRunning    bool
	PreDump         bool
	TCPEstablished  bool
	TCPSkipInFlight bool
	LinkRemap       bool
	ExtUnixSockets  bool
	ShellJob        bool
	FileLocks       bool
	AutoDedup       bool
	LazyPages       bool
	EmptyNetwork    bool
	PageServer      *criu.PageServer
	StatusFD        int // gets a zero byte when the page server listens; -1 for none
	CgroupMode      criu.CgroupMode
	NetworkLock     criu.NetworkLock
}

// dumpLog is the name of CRIU's log of a checkpoint; engines copy the file.
const dumpLog = "dump.log"

// checkpoint is one checkpoint under way.
type checkpoint struct {
	*Container
	*CheckpointOptions
	spec    *specs.Spec
	mounts  mountTable // of the container
	cgroup  *cgroups.Cgroup
	images  int
	session *criu.Session
	options *criu.Options
	files   *externalFiles
}

// Checkpoint saves a container to files. Unless it is to run on, it is deleted
// then, as a container that has ended is. If the checkpoint fails, the
// container is as it was: running, or paused.
func (c *Container) Checkpoint(o *CheckpointOptions) error {
	if c.State.Rootless || unix.Geteuid() != 0 {
		return c.about(errors.New("checkpoint: needs root and a container made by root: CRIU cannot save the namespaces of others"))
	}
	dir, err := c.root.Lock(c.State.ID, lockWait)
	if err != nil {
		return err
	}
	defer dir.Unlock()
	if c.State, err = dir.Load(); err != nil {
		return err
	}
	status, err := c.Status()
	if err != nil {
		return err
	}
	if status != state.StatusRunning && status != state.StatusPaused {
		return c.about(fmt.Errorf("cannot be checkpointed in state %s", status))
	}
	k := &checkpoint{Container: c, CheckpointOptions: o, images: -1}
	defer k.close()
	if err := k.prepare(); err != nil {
		return c.about(err)
	}
	if err := k.dump(status == state.StatusPaused); err != nil {
		return c.about(err)
	}
	if o.LeaveRunning || o.PreDump {
		return nil
	}
	// CRIU has killed what it has saved. What else was in the cgroup was not.
	if err := c.killAll(); err != nil {
		return err
	}
	return c.remove(dir)
}

// prepare finds out all that CRIU has to be told, and refuses what it could not
// bring back.
func (k *checkpoint) prepare() error {
	raw, err := k.root.Config(k.State.ID)
	if err != nil {
		return err
	}
	config, err := spec.Decode(raw)
	if err != nil {
		return err
	}
	k.spec = config.Spec
	if k.spec.Linux == nil {
		k.spec.Linux = &specs.Linux{}
	}
	if err := checkpointable(k.State, k.spec); err != nil {
		return err
	}
	if k.mounts, err = readMounts(k.State.InitPid); err != nil {
		return err
	}
	if at := k.mounts.idMapped(); at != "" {
		return fmt.Errorf("the mount at %s is id-mapped, which CRIU does not save", at)
	}
	if k.cgroup, err = k.Cgroup(); err != nil {
		return err
	}
	k.warnStrangers()
	return k.setOptions()
}

// checkpointable refuses containers that could be saved only to be something
// else when they come back.
func checkpointable(s *state.State, sp *specs.Spec) error {
	switch {
	case s.SeccompNotify:
		return errors.New("its seccomp filter has a listener (SCMP_ACT_NOTIFY), which cannot be saved: the calls would fail after a restore")
	case s.NoPivot:
		return errors.New("it was created with --no-pivot, and CRIU cannot save a root that covers another")
	}
	list := sp.Linux.Namespaces
	if !createsNamespace(list, specs.MountNamespace) {
		return errors.New("it has no mount namespace of its own, which CRIU needs")
	}
	if ns := findNamespace(list, specs.CgroupNamespace); ns != nil && ns.Path != "" {
		return errors.New("it has joined a cgroup namespace, which CRIU cannot do at restore")
	}
	return restorableLXC(sp.Annotations)
}

// restorableLXC refuses imported containers of which a part lives outside: who
// holds their terminals, mounts their root filesystem or is their pid 1.
func restorableLXC(annotations map[string]string) error {
	l, err := compile.ParseLXC(annotations)
	if l == nil || err != nil {
		return err
	}
	refuse := func(key string) error {
		return &compile.AnnotationError{Key: key, Msg: "cannot be saved and restored"}
	}
	switch {
	case l.Execute:
		return refuse(lxc.AnnotationExecute)
	case l.TTYMax > 0:
		return refuse(lxc.AnnotationTTYMax)
	case l.ConsolePath != "":
		return refuse(lxc.AnnotationConsolePath)
	case l.ConsoleLog != "":
		return refuse(lxc.AnnotationConsoleLog)
	case l.Rootfs != nil:
		return refuse(lxc.AnnotationRootfs)
	case l.BootID != "":
		return refuse(lxc.AnnotationBootID)
	case len(l.Share) > 0:
		return refuse(l.Share[0].Key)
	case l.CgroupInner != "":
		return refuse(lxc.AnnotationCgroupInner)
	}
	return nil
}

// setOptions makes the request.
func (k *checkpoint) setOptions() (err error) {
	if k.images, err = makeDirectory("--image-path", k.ImagePath); err != nil {
		return err
	}
	o := &criu.Options{
		ImagesDir: k.images, WorkDir: -1, LogFile: dumpLog, Config: criuConfig(),
		Pid: k.State.InitPid, Root: k.State.Rootfs,
		LeaveRunning: k.LeaveRunning, TCPEstablished: k.TCPEstablished, TCPSkipInFlight: k.TCPSkipInFlight,
		LinkRemap: k.LinkRemap, ExtUnixSockets: k.ExtUnixSockets, ShellJob: k.ShellJob, FileLocks: k.FileLocks,
		AutoDedup: k.AutoDedup, LazyPages: k.LazyPages, PageServer: k.PageServer, EmptyNetwork: k.EmptyNetwork,
		CgroupMode: k.CgroupMode, NetworkLock: k.NetworkLock,
	}
	k.options = o
	if k.WorkPath != "" {
		if o.WorkDir, err = makeDirectory("--work-path", k.WorkPath); err != nil {
			return err
		}
	}
	if k.ParentPath != "" {
		if err := k.checkParent(); err != nil {
			return err
		}
		o.Parent = k.ParentPath
	}
	o.TrackMem = k.PreDump || k.ParentPath != ""
	switch {
	case k.cgroup.Absent():
		o.CgroupMode = criu.CgroupIgnore
	case k.cgroup.Mode() == cgroups.V2:
		o.FreezeCgroup = k.cgroup.Path("")
	default:
		o.FreezeCgroup = k.cgroup.Path("freezer")
	}
	if k.PreDump {
		return nil // memory only
	}
	if o.Mounts, err = k.externalMounts(); err != nil {
		return err
	}
	if o.External, err = k.externalNamespaces(); err != nil {
		return err
	}
	// The container runs yet and may open files until CRIU has stopped it, but
	// CRIU asks then only from 3.18 on.
	k.files = &externalFiles{state: k.State, mounts: k.mounts}
	files, err := k.files.find(k.Container)
	o.External = append(o.External, files...)
	return err
}

// checkParent refuses a parent that CRIU would not find: it ignores a missing
// one, and writes everything.
func (k *checkpoint) checkParent() error {
	if filepath.IsAbs(k.ParentPath) {
		return fmt.Errorf("--parent-path %s: must be relative to --image-path, so that both can be moved", k.ParentPath)
	}
	fd, err := unix.Openat(k.images, k.ParentPath, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("--parent-path %s (seen from %s): %w", k.ParentPath, k.ImagePath, err)
	}
	unix.Close(fd)
	return nil
}

// externalNamespaces tells CRIU which namespaces are somebody else's, and are
// to be there when the container comes back. Of the other kinds it saves the
// content, and restore joins what config.json names.
func (k *checkpoint) externalNamespaces() ([]string, error) {
	var list []string
	for _, kind := range externalKinds {
		ns := findNamespace(k.spec.Linux.Namespaces, kind)
		if ns == nil || ns.Path == "" {
			continue
		}
		var st unix.Stat_t
		name := procName(kind)
		path := "/proc/" + strconv.Itoa(k.State.InitPid) + "/ns/" + name
		if err := unix.Stat(path, &st); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, name+"["+strconv.FormatUint(st.Ino, 10)+"]:"+namespaceKey(kind))
	}
	return list, nil
}

// externalKinds are those that CRIU can leave out of a checkpoint.
var externalKinds = [...]specs.LinuxNamespaceType{specs.NetworkNamespace, specs.PIDNamespace}

// namespaceKey is what an external namespace is called in the images; the names
// are runc's.
func namespaceKey(kind specs.LinuxNamespaceType) string {
	if kind == specs.PIDNamespace {
		return "extRootPidNS"
	}
	return "extRootNetNS"
}

// warnStrangers tells of processes that exec has brought in: they are not
// below init, and CRIU saves nothing else.
func (k *checkpoint) warnStrangers() {
	pids, err := k.Pids()
	if err != nil {
		return
	}
	for _, pid := range strangers(pids, k.State.InitPid) {
		k.rt.Log.Warn("a process that exec has brought in is not saved, and ends with the container", "id", k.State.ID, "pid", pid)
	}
}

// close gives back what belongs to the checkpoint.
func (k *checkpoint) close() {
	if k.session != nil {
		k.session.Close()
	}
	if k.options != nil && k.options.WorkDir >= 0 {
		unix.Close(k.options.WorkDir)
	}
	if k.images >= 0 {
		unix.Close(k.images)
	}
}
