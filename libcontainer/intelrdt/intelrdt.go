// SPDX-License-Identifier: Apache-2.0

// Package intelrdt puts containers into groups of the resctrl filesystem,
// which limits cache and memory bandwidth on cpus that can (Intel RDT, AMD
// QoS, ARM MPAM). It runs in the kist process, on the host.
//
// It makes what config-linux.md, "IntelRdt", says, removes only what it made,
// and must not touch a group of somebody else beyond adding tasks to it.
package intelrdt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Mount is where the kernel's documentation and every distribution mount resctrl.
const Mount = "/sys/fs/resctrl"

// rdtgroupMagic is the filesystem type of resctrl (linux/magic.h).
const rdtgroupMagic = 0x7655821

// mount is where the groups are; a test has another directory for them.
var mount = Mount

const pointer = "/linux/intelRdt"

// Groups are the directories made for a container, for its record. An empty
// one was not made by us and stays.
type Groups struct {
	Group   string
	Monitor string
}

// Available says whether resctrl is mounted.
func Available() bool {
	var st unix.Statfs_t
	return unix.Statfs(Mount, &st) == nil && st.Type == rdtgroupMagic
}

// Plan names the groups that Join will make, before it does.
func Plan(id string, r *specs.LinuxIntelRdt) (Groups, error) {
	var g Groups
	if r == nil {
		return g, nil
	}
	if !Available() {
		return g, fmt.Errorf("config.json: %s: resctrl is not mounted at %s (mount -t resctrl resctrl %s)", pointer, Mount, Mount)
	}
	return missing(id, r), nil
}

// missing names the groups that are not there yet.
func missing(id string, r *specs.LinuxIntelRdt) (g Groups) {
	dir := directory(id, r)
	if !exists(dir) {
		g.Group = dir
	}
	if r.EnableMonitoring {
		g.Monitor = filepath.Join(dir, "mon_groups", id)
	}
	return g
}

// directory is the control group of a container: that of closID, the root
// group for "/", else one of its own.
func directory(id string, r *specs.LinuxIntelRdt) string {
	switch r.ClosID {
	case "":
		return filepath.Join(mount, id)
	case "/":
		return mount
	}
	return filepath.Join(mount, r.ClosID)
}

// Join makes what is missing, writes the schemata and adds the process.
func Join(id string, pid int, r *specs.LinuxIntelRdt) error {
	dir := directory(id, r)
	lines := schemata(r)
	if exists(dir) {
		if err := compare(dir, lines); err != nil {
			return err
		}
	} else {
		if r.ClosID != "" && len(lines) == 0 {
			return fmt.Errorf("config.json: %s/closID: %q does not exist, and no schema is given to make it with", pointer, r.ClosID)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			if errors.Is(err, unix.ENOSPC) {
				return fmt.Errorf("config.json: %s: no class of service is free: %w", pointer, err)
			}
			return fmt.Errorf("config.json: %s: %w", pointer, err)
		}
		if err := apply(dir, lines); err != nil {
			return err
		}
	}
	if err := addTask(dir, pid); err != nil {
		return err
	}
	if !r.EnableMonitoring {
		return nil
	}
	mon := filepath.Join(dir, "mon_groups", id)
	if err := os.Mkdir(mon, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("config.json: %s/enableMonitoring: %w", pointer, err)
	}
	return addTask(mon, pid)
}

// schemata gives the lines in the order that the specification demands.
func schemata(r *specs.LinuxIntelRdt) []string {
	var lines []string
	for _, s := range append([]string{r.L3CacheSchema, r.MemBwSchema}, r.Schemata...) {
		for _, l := range strings.Split(s, "\n") {
			if l = strings.TrimSpace(l); l != "" {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// Update changes the schemata of a container's own group.
func Update(group string, r *specs.LinuxIntelRdt) error {
	return apply(group, schemata(r))
}

func apply(dir string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	path := filepath.Join(dir, "schemata")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0); err != nil {
		return fmt.Errorf("config.json: %s: write schemata %q: %w%s", pointer, strings.Join(lines, " "), err, lastStatus())
	}
	return nil
}

// lastStatus is what resctrl says about a write that it refused.
func lastStatus() string {
	b, err := os.ReadFile(filepath.Join(mount, "info", "last_cmd_status"))
	if err != nil || len(b) == 0 {
		return ""
	}
	return " (" + strings.TrimSpace(string(b)) + ")"
}

// compare refuses a group of that name with other schemata: it belongs to
// containers that rely on them.
func compare(dir string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(dir, "schemata"))
	if err != nil {
		return fmt.Errorf("config.json: %s: %w", pointer, err)
	}
	have := map[string]string{}
	for _, l := range strings.Split(string(b), "\n") {
		if name, rest, ok := strings.Cut(strings.TrimSpace(l), ":"); ok {
			for _, d := range strings.Split(rest, ";") {
				if k, v, ok := strings.Cut(strings.TrimSpace(d), "="); ok {
					have[strings.TrimSpace(name)+":"+k] = normal(v)
				}
			}
		}
	}
	for _, l := range lines {
		name, rest, ok := strings.Cut(l, ":")
		if !ok {
			return fmt.Errorf("config.json: %s: schema %q: want NAME:domain=value;…", pointer, l)
		}
		for _, d := range strings.Split(rest, ";") {
			if d = strings.TrimSpace(d); d == "" {
				continue // after the last semicolon
			}
			k, v, _ := strings.Cut(d, "=")
			if have[name+":"+k] != normal(v) {
				return fmt.Errorf("config.json: %s/closID: group %s exists with other schemata (the kernel's are in its file schemata)", pointer, filepath.Base(dir))
			}
		}
	}
	return nil
}

// normal makes masks comparable: the kernel prints them without leading zeros.
func normal(v string) string {
	v = strings.ToLower(strings.TrimSpace(v))
	if t := strings.TrimLeft(v, "0"); t != "" {
		return t
	}
	return "0"
}

func addTask(dir string, pid int) error {
	if err := os.WriteFile(filepath.Join(dir, "tasks"), []byte(strconv.Itoa(pid)), 0); err != nil {
		return fmt.Errorf("config.json: %s: add task to %s: %w%s", pointer, dir, err, lastStatus())
	}
	return nil
}

// Remove removes the groups that were made for a container; one that is gone
// is no error.
func Remove(group, monitor string) error {
	for _, dir := range []string{monitor, group} {
		if dir == "" {
			continue
		}
		if !strings.HasPrefix(dir, mount+"/") {
			return fmt.Errorf("resctrl group %s: not below %s, left alone", dir, mount)
		}
		if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
			return fmt.Errorf("resctrl group %s: rmdir: %w", dir, err)
		}
	}
	return nil
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }
