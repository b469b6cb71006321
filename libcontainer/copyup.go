// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/idmap"
)

// copyUp fills a tmpfs with the directory that it is about to cover (option
// tmpcopyup). Both are descriptors of the container's; names are only ever
// looked up one at a time below them, without following links.
func (c *creation) copyUp(to int) error {
	from := c.copied
	c.copied = -1
	if from < 0 || to < 0 {
		return fmt.Errorf("tmpcopyup: nsexec sent no directory")
	}
	defer unix.Close(from)
	uids, err := mapOf(c.session.Pid, "uid_map")
	if err != nil {
		return fmt.Errorf("tmpcopyup: %w", err)
	}
	gids, err := mapOf(c.session.Pid, "gid_map")
	if err != nil {
		return fmt.Errorf("tmpcopyup: %w", err)
	}
	uid, gid := hostID(uids, 0), hostID(gids, 0)
	switch euid := unix.Geteuid(); {
	case findNamespace(c.spec.Linux.Namespaces, specs.UserNamespace) == nil:
		err = copyTo(from, to, &copier{uid: -1, gid: -1})
	case uid < 0 || gid < 0:
		err = errors.New("root has no id in the container's user namespace")
	case euid == 0:
		err = asIDs(uid, gid, func() error {
			return copyTo(from, to, &copier{uid: hostID(uids, overflowID), gid: hostID(gids, overflowID)})
		})
	default:
		err = copyAsRootOf(uids, gids, from, to)
	}
	if err != nil {
		return fmt.Errorf("tmpcopyup: %w", err)
	}
	return nil
}

// overflowID is who has no id in a user namespace, as seen in it (the default
// of kernel.overflowuid and overflowgid).
const overflowID = 65534

// mapOf reads the ids of a process's user namespace.
func mapOf(pid int, file string) ([]specs.LinuxIDMapping, error) {
	name := "/proc/" + strconv.Itoa(pid) + "/" + file
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	maps, err := idmap.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return maps, nil
}

// hostID gives kist's id for one of the container, -1 if it has none.
func hostID(maps []specs.LinuxIDMapping, id uint32) int {
	for _, m := range maps {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return int(m.HostID + id - m.ContainerID)
		}
	}
	return -1
}

// asIDs calls do with these file system ids: a tmpfs that belongs to a user
// namespace takes new files only from ids that it can represent (EOVERFLOW).
func asIDs(uid, gid int, do func() error) error {
	if uid == unix.Geteuid() && gid == unix.Getegid() {
		return do()
	}
	done := make(chan error, 1)
	go func() {
		// The ids are this thread's, which ends with the goroutine: it is not unlocked.
		runtime.LockOSThread()
		if err := setFSIDs(uid, gid); err != nil {
			done <- err
			return
		}
		done <- do()
	}()
	return <-done
}

// setFSIDs sets the file system ids of the calling thread. The kernel takes
// the capabilities over files away from who is no longer root; they come back.
func setFSIDs(uid, gid int) error {
	if err := unix.Setfsgid(gid); err != nil {
		return err
	}
	if err := unix.Setfsuid(uid); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return err
	}
	for i := range sets {
		sets[i].Effective = sets[i].Permitted
	}
	return unix.Capset(&header, &sets[0])
}

// copyAsRootOf copies with the powers of the container's root, which an
// ordinary user's kist does not have: over the files of subordinate ids. They
// are had in a user namespace with the same ids. It is one of its own, so that
// nobody who lives in the container's can get at the process, which sees the
// host's files.
func copyAsRootOf(uids, gids []specs.LinuxIDMapping, from, to int) error {
	var mapped, told [2]int
	if err := unix.Pipe2(mapped[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(mapped[0])
	mappedEnd := os.NewFile(uintptr(mapped[1]), "mapped")
	defer mappedEnd.Close()
	if err := unix.Pipe2(told[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	toldEnd := os.NewFile(uintptr(told[0]), "told")
	defer toldEnd.Close()
	// The parent-death signal belongs to the thread that makes the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pidfd := -1
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"kist", CopyUpCommand}, &syscall.ProcAttr{
		Dir: "/", Env: []string{},
		Files: []uintptr{uintptr(from), uintptr(to), uintptr(told[1]), uintptr(mapped[0])},
		Sys: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER, Pdeathsig: syscall.SIGKILL, PidFD: &pidfd,
			// They outlive execve, which takes the others from who is not mapped yet.
			AmbientCaps: []uintptr{
				unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_FOWNER, unix.CAP_FSETID,
				unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_MKNOD,
			},
		},
	})
	unix.Close(told[1])
	if err != nil {
		return fmt.Errorf("start a process in a user namespace: %w", err)
	}
	defer unix.Close(pidfd)
	_, err = idmap.Write(pid, uids, gids, idmap.FindHelpers())
	if err == nil {
		_, err = mappedEnd.Write([]byte{1})
	}
	var why []byte
	if err == nil {
		why, err = io.ReadAll(io.LimitReader(toldEnd, 64<<10))
	}
	if err != nil {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
	}
	var status unix.WaitStatus
	for {
		_, werr := unix.Wait4(pid, &status, 0, nil)
		if !errors.Is(werr, unix.EINTR) {
			break
		}
	}
	switch {
	case err != nil:
		return err
	case len(why) > 0:
		return errors.New(string(bytes.TrimSpace(why)))
	case status != 0:
		return fmt.Errorf("the process that copies ended with status %#x", int(status))
	}
	return nil
}

// CopyUpCommand is the hidden command that kist starts itself with.
const CopyUpCommand = "copy-up"

// CopyUpInNamespace is that command: it waits until its user namespace has
// ids, becomes its root, and copies what descriptor 0 is to descriptor 1.
func CopyUpInNamespace() error {
	var one [1]byte
	if n, err := unix.Read(3, one[:]); n != 1 {
		return errors.Join(errors.New("started by create only, which has not said that there are ids"), err)
	}
	// Where setgroups is denied they are the container's too.
	if err := syscall.Setgroups([]int{}); err != nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setresgid(0, 0, 0); err != nil {
		return fmt.Errorf("setresgid: %w", err)
	}
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		return fmt.Errorf("setresuid: %w", err)
	}
	return copyTo(0, 1, &copier{uid: overflowID, gid: overflowID})
}

func copyTo(from, to int, c *copier) error {
	// The descriptor of a new mount is only good for looking names up (O_PATH).
	dir, err := unix.Openat(to, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return c.copyTree(from, dir, 0)
}
