// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"kist/libcontainer/host"
)

// hierarchiesFromMountinfo is the slow way, for hosts that mount cgroup v1 at
// unusual places.
func hierarchiesFromMountinfo() ([]hierarchy, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	list := parseMountinfo(string(data))
	if len(list) == 0 {
		return nil, errors.New("cgroup: no cgroup hierarchy is mounted: mount cgroup2 at " + mountRoot)
	}
	return list, nil
}

// parseMountinfo returns the first mount of each known v1 controller, in the
// order of controllers. See proc_pid_mountinfo(5) for the fields.
func parseMountinfo(data string) []hierarchy {
	found := make(map[string]string, len(controllers))
	for line := range strings.Lines(data) {
		left, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		if !ok {
			continue
		}
		f, g := strings.Fields(left), strings.Fields(right)
		if len(f) < 5 || len(g) < 3 || g[0] != "cgroup" {
			continue
		}
		for opt := range strings.SplitSeq(g[2], ",") {
			if _, dup := found[opt]; !dup {
				found[opt] = host.UnescapeMount(f[4])
			}
		}
	}
	var list []hierarchy
	for _, name := range controllers {
		mount, ok := found[name]
		if !ok || !path.IsAbs(mount) {
			continue
		}
		h := hierarchy{controller: name, mount: mount}
		for i := range list {
			h.alias = h.alias || list[i].mount == mount
		}
		list = append(list, h)
	}
	return list
}

// mountAbove returns the mount point of the v1 (or hybrid) hierarchy that the
// path is in.
func mountAbove(p string) (string, error) {
	if rest, ok := strings.CutPrefix(p, mountRoot+"/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return mountRoot + "/" + name, nil
	}
	hs, err := hierarchiesFromMountinfo()
	if err != nil {
		return "", err
	}
	for i := range hs {
		if strings.HasPrefix(p, hs[i].mount+"/") {
			return hs[i].mount, nil
		}
	}
	return "", fmt.Errorf("state: cgroup path %q: is in no cgroup mount", p)
}

// ownCgroups reads /proc/self/cgroup: the path of this process per controller,
// "" being the v2 hierarchy.
func ownCgroups() (map[string]string, error) {
	return processCgroups("/proc/self/cgroup")
}

func processCgroups(file string) (map[string]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	return parseProcCgroup(string(data))
}

// parseProcCgroup parses lines of the form ID:CONTROLLER[,CONTROLLER…]:PATH.
func parseProcCgroup(data string) (map[string]string, error) {
	m := make(map[string]string)
	for line := range strings.Lines(data) {
		line = strings.TrimSuffix(line, "\n")
		_, rest, ok := strings.Cut(line, ":")
		names, p, ok2 := strings.Cut(rest, ":")
		if !ok || !ok2 || !strings.HasPrefix(p, "/") {
			return nil, fmt.Errorf("cgroup: /proc/PID/cgroup: malformed line %q", line)
		}
		// A removed cgroup is marked behind its path.
		p = strings.TrimSuffix(p, " (deleted)")
		for name := range strings.SplitSeq(names, ",") {
			m[name] = p
		}
	}
	return m, nil
}
