// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kist/libcontainer/criu"
)

// dump has CRIU do it, and sees to it that the container is paused afterwards
// if, and only if, it was before.
func (k *checkpoint) dump(paused bool) error {
	path, err := criu.Find()
	if err != nil {
		return err
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/dev/null: %w", err)
	}
	defer unix.Close(null)
	k.session, err = criu.Start(&criu.Config{Path: path, Stdio: [3]int{null, null, null}})
	if err != nil {
		return err
	}
	if err := k.checkCRIU(); err != nil {
		return err
	}
	kind := criu.Dump
	if k.PreDump {
		kind = criu.PreDump
	}
	if k.files != nil {
		// Before the rest: with --lazy-pages the restore begins while CRIU is not done here.
		if err := k.files.save(k.images); err != nil {
			return err
		}
	}
	_, err = k.session.Do(kind, k.options, k.notified)
	how := k.session.Close()
	if err != nil || k.LeaveRunning || k.PreDump {
		err = errors.Join(err, k.restoreFreezer(paused))
	}
	if err == nil && how != "" && kind == criu.Dump {
		k.rt.Log.Debug("criu "+how+" after it had reported success", "id", k.State.ID)
	}
	return err
}

// checkCRIU asks for what this CRIU and this kernel can do.
func (k *checkpoint) checkCRIU() error {
	if err := checkVersion(k.session.Version, k.NetworkLock); err != nil {
		return err
	}
	if !k.options.TrackMem && !k.LazyPages {
		return nil
	}
	f, err := k.session.Features()
	switch {
	case err != nil:
		return err
	case k.options.TrackMem && !f.MemTrack:
		return errors.New("the kernel does not track changes of memory (CONFIG_MEM_SOFT_DIRTY), which --pre-dump and --parent-path need")
	case k.LazyPages && !f.LazyPages:
		return errLazyPages
	}
	return nil
}

var errLazyPages = errors.New("--lazy-pages: this CRIU or kernel cannot do it (CONFIG_USERFAULTFD)")

// checkVersion refuses a CRIU that does not know what it would be asked for.
func checkVersion(ask func() (int, error), lock criu.NetworkLock) error {
	version, err := ask()
	if err != nil {
		return err
	}
	if err := tooOld(version, criu.MinVersion); err != nil {
		return err
	}
	if err := tooOld(version, lock.MinVersion()); err != nil {
		return fmt.Errorf("--network-lock: %w", err)
	}
	return nil
}

func tooOld(version, least int) error {
	if version >= least {
		return nil
	}
	return fmt.Errorf("criu %d.%d.%d is too old: at least %d.%d is needed",
		version/10000, version/100%100, version%100, least/10000, least/100%100)
}

// notified answers CRIU.
func (k *checkpoint) notified(n criu.Notice) ([]string, error) {
	if n.FD >= 0 {
		unix.Close(n.FD)
	}
	switch n.Stage {
	case criu.QueryExternal:
		list, err := k.files.find(k.Container)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		return list, k.files.save(k.images)
	case criu.StatusReady:
		if k.StatusFD < 0 {
			return nil, nil
		}
		if _, err := unix.Write(k.StatusFD, []byte{0}); err != nil {
			return nil, fmt.Errorf("--status-fd %d: %w", k.StatusFD, err)
		}
		// Whoever reads it may wait for the end of the file.
		unix.Close(k.StatusFD)
		k.StatusFD = -1
	}
	return nil, nil
}

// restoreFreezer makes the container paused or running, as it was: a CRIU that
// has failed, or was killed, may have left it otherwise.
func (k *checkpoint) restoreFreezer(paused bool) error {
	if k.cgroup.Absent() {
		return nil
	}
	frozen, err := k.cgroup.Frozen()
	switch {
	case err != nil || frozen == paused:
		return err
	case paused:
		return k.cgroup.Freeze()
	}
	return k.cgroup.Thaw()
}

// makeDirectory makes a directory for CRIU and opens it. It holds the memory of
// processes, so it is nobody else's.
func makeDirectory(flag, path string) (int, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return -1, fmt.Errorf("%s: %w", flag, err)
	}
	return openDirectory(flag, path)
}

func openDirectory(flag, path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("%s %s: %w", flag, path, err)
	}
	return fd, nil
}

// criuConfig is the configuration file that outranks the flags: kist's, or
// where there is none runc's, which engines' manuals tell people to write. What
// a container's annotation names (org.criu.config) is not read: a configuration
// of CRIU can name programs to be run, as root on the host.
func criuConfig() string {
	for _, path := range [...]string{"/etc/criu/kist.conf", "/etc/criu/runc.conf"} {
		if unix.Access(path, unix.R_OK) == nil {
			return path
		}
	}
	return ""
}

// strangers are the processes among pids that do not descend from init.
func strangers(pids []int, init int) []int {
	parents := make(map[int]int, len(pids))
	for _, pid := range pids {
		parents[pid] = parent(pid)
	}
	var list []int
	for _, pid := range pids {
		at := pid
		for range pids { // a chain is not longer than this, whatever was read
			if at == init || parents[at] == 0 {
				break
			}
			at = parents[at]
		}
		if at != init && parents[pid] >= 0 {
			list = append(list, pid)
		}
	}
	slices.Sort(list)
	return list
}

// parent reads a process's parent; -1 if it has ended. See proc_pid_status(5).
func parent(pid int) int {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "PPid:"); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
				return n
			}
		}
	}
	return -1
}
