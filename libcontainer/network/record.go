// SPDX-License-Identifier: Apache-2.0

package network

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Target is the container whose cards are made or taken down.
type Target struct {
	// ID and Bundle together name a container: ids are unique only per runtime
	// and per root directory, and a bundle has one lxc-net.json.
	ID     string `json:"id"`
	Bundle string `json:"bundle"`
	// PID is the container's process, which scripts are told.
	PID int `json:"pid"`
	// Dir is where records are kept: a directory that outlives the hook but not
	// the boot, such as /run/kist-lxc-net.
	Dir string `json:"-"`
}

// record is what Down needs to know. It is written before each side effect that
// does not vanish with the container's namespace, and so is right after a crash.
type record struct {
	Target
	// Start is the start time of PID, which tells it from a later process.
	Start uint64 `json:"start"`
	// Container and HookVersion are those of nic.Set.
	Container   string       `json:"container"`
	HookVersion int          `json:"hookVersion"`
	Cards       []cardRecord `json:"cards"`
	path        string
}

// cardRecord is one card's trace on the host.
type cardRecord struct {
	Index int    `json:"index"`
	Type  string `json:"type"`
	Link  string `json:"link,omitempty"`
	// HostEnd is the name of a veth's host end, HostIndex its index, 0 until it
	// exists.
	HostEnd   string `json:"hostEnd,omitempty"`
	HostIndex int    `json:"hostIndex,omitempty"`
	// OpenVSwitch is set when HostEnd is a port of the switch Link.
	OpenVSwitch bool `json:"openVSwitch,omitempty"`
	// Proxies are the addresses answered for on Link.
	Proxies []string     `json:"proxies,omitempty"`
	Phys    []physRecord `json:"phys,omitempty"`
	// ScriptDown is to be run; it is cleared once it ran.
	ScriptDown string `json:"scriptDown,omitempty"`
}

// physRecord is a device that was moved, as it was.
type physRecord struct {
	Name string `json:"name"`
	MTU  int    `json:"mtu"`
	MAC  string `json:"mac,omitempty"`
	// Inside and InsideIndex are what it is in the container, index 0 until it
	// is there.
	Inside      string `json:"inside"`
	InsideIndex int    `json:"insideIndex,omitempty"`
	// Wiphy is the number of the wireless device it belongs to, -1 for none.
	Wiphy int `json:"wiphy"`
}

// key is the base name of a container's files in Dir. The id alone would do as a
// name but not as an identity, and a bundle's path is no file name.
func (t Target) key() string {
	sum := sha256.Sum256([]byte(t.Bundle + "\x00" + t.ID))
	return hex.EncodeToString(sum[:12])
}

func (t Target) recordPath() string { return filepath.Join(t.Dir, t.key()+".json") }

// pinPath is where the container's network namespace is kept alive by a bind
// mount, so that devices can be brought back from it in peace after the
// container's last process is gone.
func (t Target) pinPath() string { return filepath.Join(t.Dir, t.key()+".netns") }

// readRecord returns nil when there is none.
func readRecord(t Target) (*record, error) {
	path := t.recordPath()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("network record: %w", err)
	}
	r := &record{path: path}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("network record: %s: decode: %w", path, err)
	}
	r.Dir = t.Dir
	return r, nil
}

// write replaces the record in one step.
func (r *record) write() error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("network record: encode: %w", err)
	}
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return fmt.Errorf("network record: %w", err)
	}
	tmp := r.path + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("network record: %w", err)
	}
	if err := os.Rename(tmp, r.path); err != nil {
		return fmt.Errorf("network record: %w", err)
	}
	return nil
}

// alive reports whether the process the record was made for still runs.
func (r *record) alive() bool {
	start, err := startTime(r.PID)
	return err == nil && start == r.Start
}

// startTime is field 22 of /proc/PID/stat, in clock ticks since boot. Zombies do
// not count: their network namespace is gone.
func startTime(pid int) (uint64, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	// The name in field 2 may hold blanks and parentheses: count from its end.
	text := string(data)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return 0, fmt.Errorf("%s: not a running process", path)
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// pin keeps a network namespace alive.
func pin(t Target, fd int) error {
	path := t.pinPath()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("network namespace: keep: %w", err)
	}
	_ = f.Close()
	if err := unix.Mount("/proc/self/fd/"+strconv.Itoa(fd), path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("network namespace: keep at %s: %w", path, needAdmin(err))
	}
	return nil
}

// unpin undoes pin; it is no error if there is nothing to undo.
func unpin(t Target) error {
	path := t.pinPath()
	for {
		if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
				break
			}
			return fmt.Errorf("network namespace: release %s: %w", path, err)
		}
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("network namespace: release: %w", err)
	}
	return nil
}

// openPin opens the kept namespace; -1 if none is kept.
func openPin(t Target) (int, error) {
	fd, err := unix.Open(t.pinPath(), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENOENT) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("network namespace: open %s: %w", t.pinPath(), err)
	}
	var s unix.Statfs_t
	if err := unix.Fstatfs(fd, &s); err != nil || s.Type != unix.NSFS_MAGIC {
		// The mount is gone, or was made in another mount namespace.
		_ = unix.Close(fd)
		return -1, nil
	}
	return fd, nil
}
