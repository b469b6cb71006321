// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/program"
)

// hostPath makes a path of the configuration absolute.
func (s *setup) hostPath(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.Bundle, path)
}

// openShared clones what is bound with shared propagation where
// rootfsPropagation allows that: before this mount namespace becomes a slave,
// so that the clones stay the peers of the host's mounts, and what is mounted
// in them appears on the host. Storage drivers that run in containers live on
// that. In a user namespace the kernel does not allow it.
func (s *setup) openShared() error {
	if s.userNS() || s.linux.RootfsPropagation != "shared" && s.linux.RootfsPropagation != "rshared" {
		return nil
	}
	for i := range s.Spec.Mounts {
		m := &s.Spec.Mounts[i]
		s.b.AtItem("/mounts", i)
		f, err := parseOptions(m.Options, program.Cause{Pointer: "/mounts", Index: i, Field: "options"})
		if err != nil {
			return err
		}
		if !f.bind || f.remount || f.idmap || len(m.UIDMappings) > 0 || f.prop != unix.MS_SHARED || m.Source == "" || s.LXC.extra(i).Relative != "" {
			continue
		}
		if s.shared == nil {
			s.shared = make([]program.Reg, len(s.Spec.Mounts))
		}
		s.shared[i], _ = s.b.OpenTree(program.Cwd, s.hostPath(m.Source), f.rec)
	}
	return nil
}

// tree is a detached mount: in a slot, or handed in by the parent.
type tree struct {
	slot bool
	reg  program.Reg
	fd   program.FD
}

// source opens what is bound. An id-mapped mount needs privilege over the
// filesystem, which only the parent has.
func (s *setup) source(i int, m *specs.Mount, path string, f *mountFlags) (tree, error) {
	x := s.LXC.extra(i)
	if x.Relative != "" {
		return s.inside(i, x, f)
	}
	if s.shared != nil && s.shared[i] != 0 {
		return tree{slot: true, reg: s.shared[i], fd: s.shared[i].FD()}, nil
	}
	idmap := -1
	if f.idmap {
		if len(m.UIDMappings) == 0 && !s.userNS() && x.IDMap == "" {
			return tree{}, errorf(program.Cause{Pointer: "/mounts", Index: i, Field: "options"},
				"idmap needs uidMappings and gidMappings, or a user namespace to take them from")
		}
		if !s.Facts.Privileged() {
			return tree{}, errorf(program.Cause{Pointer: "/mounts", Index: i},
				"an id-mapped mount needs root in the initial user namespace")
		}
		idmap = i
	}
	if s.userNS() && s.Facts.Privileged() {
		r := s.lookedUp(i, f.rec)
		if idmap >= 0 {
			s.b.Sync(SyncIDMap, program.I(i), r.FD())
		}
		return tree{slot: true, reg: r, fd: r.FD()}, nil
	}
	if idmap >= 0 {
		fd := s.b.Need(program.Need{Kind: program.NeedTree, Path: path,
			Mount: program.Mount{Recursive: f.rec, IDMap: idmap, RIDMap: f.ridmap}})
		return tree{fd: fd}, nil
	}
	r, _ := s.b.OpenTree(program.Cwd, path, f.rec)
	return tree{slot: true, reg: r, fd: r.FD()}, nil
}

// lookedUp clones the tree at a path that the parent has looked up: root of a
// user namespace may not search the directories that it leads through. The
// clone is made here all the same. Only the copy that this mount namespace has
// of a mount is locked: the host's read-only, nosuid and the like cannot be
// taken off it by root of the user namespace. See mount_namespaces(7).
func (s *setup) lookedUp(i int, recursive bool) program.Reg {
	at := s.b.Alloc()
	s.b.Sync(SyncSource, program.I(i), program.None).Into(at)
	r, _ := s.b.OpenTree(at.FD(), "", recursive)
	s.b.Close(at)
	return r
}

// SourceRootfs is the value of SyncSource that means the root filesystem.
const SourceRootfs = -1
