// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func checkCgroupFile(value string, _ Version) error {
	if strings.Contains(value, "\n") {
		return fmt.Errorf("%q: more than one line", value)
	}
	return nil
}

func (t *translation) resources() *specs.LinuxResources {
	if t.spec.Linux.Resources == nil {
		t.spec.Linux.Resources = &specs.LinuxResources{}
	}
	return t.spec.Linux.Resources
}

// translateCgroups carries the place and the values of the container's cgroup.
func (t *translation) translateCgroups() error {
	if err := t.cgroupPath(); err != nil {
		return err
	}
	for _, key := range [...]string{"lxc.cgroup.*", "lxc.cgroup2.*"} {
		for _, s := range t.live(key) {
			if err := checkCgroupName(s); err != nil {
				return err
			}
		}
	}
	var files []CgroupFile
	if t.unified {
		files = t.unifiedFiles()
		for _, s := range t.live("lxc.cgroup.*") {
			// A series that knows both families ignores the old one on such
			// a host; an older one meant it.
			if t.version.atLeast(3, 0, 0) {
				s.entry.say(Exact, "no effect on this host, as in LXC: %s", t.otherHierarchy("lxc.cgroup."))
				continue
			}
			if err := t.v1Value(s, &files); err != nil {
				return err
			}
		}
	} else {
		for _, s := range t.live("lxc.cgroup2.*") {
			s.entry.say(Exact, "no effect on this host, as in LXC: %s", t.otherHierarchy("lxc.cgroup2."))
		}
		for _, s := range t.live("lxc.cgroup.*") {
			if err := t.v1Value(s, &files); err != nil {
				return err
			}
		}
	}
	if len(files) > 0 {
		t.annotateJSON(AnnotationCgroupFiles, files)
	}
	return nil
}

// checkCgroupName refuses a key that would name a file outside the cgroup.
func checkCgroupName(s *setting) error {
	controller, file, ok := strings.Cut(s.rest, ".")
	if controller == "" || ok && file == "" || strings.ContainsAny(s.rest, "/ \t") {
		return refuse(s.Directive, "%q is no file of a cgroup; want CONTROLLER.FILE", s.rest)
	}
	return nil
}

// cgroupPath decides linux.cgroupsPath.
func (t *translation) cgroupPath() error {
	dir, container := t.last("lxc.cgroup.dir"), t.last("lxc.cgroup.dir.container")
	path := "/lxc/" + t.name
	if t.version.atLeast(4, 0, 0) {
		path = "/lxc.payload." + t.name
	}
	switch {
	case dir != nil && container != nil:
		return refuse(container.Directive, "cannot be combined with lxc.cgroup.dir of %s", dir.Position())
	case container != nil:
		if t.last("lxc.cgroup.dir.monitor") == nil {
			return refuse(container.Directive, "needs lxc.cgroup.dir.monitor as well, or LXC refuses to start")
		}
		path = "/" + strings.Trim(container.Value, "/")
		container.entry.keep()
	case dir != nil:
		path = "/" + strings.Trim(dir.Value, "/") + path
		dir.entry.keep()
	}
	if s := t.last("lxc.cgroup.relative"); s != nil {
		if s.Value == "1" {
			path = strings.TrimPrefix(path, "/")
			s.entry.say(Approximated, "a relative linux.cgroupsPath: each runtime decides what it is relative to")
		} else {
			s.entry.keep()
		}
	}
	t.spec.Linux.CgroupsPath = path
	if s := t.last("lxc.cgroup.dir.container.inner"); s != nil {
		t.annotate(AnnotationCgroupInner, s.Value)
		s.entry.keep()
	}
	return nil
}

// unifiedFiles emits lxc.cgroup2.*. LXC writes every line, OCI has one text per
// file: where each write adds to a table (io.max has a line per device) the
// lines become an annotation, elsewhere the last write is what stays.
func (t *translation) unifiedFiles() []CgroupFile {
	lines := t.live("lxc.cgroup2.*")
	var files []CgroupFile
	for i, s := range lines {
		later := (*setting)(nil)
		repeated := false
		for j, o := range lines {
			if o.rest == s.rest && j != i {
				repeated = true
				if j > i {
					later = o
				}
			}
		}
		switch {
		case repeated && accumulates(s.rest):
			files = append(files, CgroupFile{File: s.rest, Value: s.Value})
			s.entry.say(Extension, "annotation: kist writes each of the lines for %s", s.rest)
		case later != nil:
			s.entry.supersede(later.Directive)
		default:
			r := t.resources()
			if r.Unified == nil {
				r.Unified = map[string]string{}
			}
			r.Unified[s.rest] = s.Value
			s.entry.keep()
		}
	}
	return files
}

// accumulates reports whether writes to a file of the unified hierarchy each set
// one row of a table.
func accumulates(file string) bool {
	switch file {
	case "io.max", "io.latency", "io.weight", "io.bfq.weight", "io.cost.qos", "io.cost.model", "rdma.max", "misc.max",
		"dmem.max", "dmem.min", "dmem.low", "cgroup.subtree_control":
		return true
	}
	return false
}
