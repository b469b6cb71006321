// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"path/filepath"
	"strings"
)

// backendOf returns the storage type a root filesystem's prefix names, or "".
func backendOf(spec string) string {
	kind, _, ok := strings.Cut(spec, ":")
	if !ok {
		return ""
	}
	switch kind {
	case "dir", "zfs", "lvm", "rbd", "btrfs", "overlay", "overlayfs", "loop", "nbd", "aufs":
		return kind
	}
	return ""
}

// bundleRootfs is where a root filesystem that must be mounted will be: an empty
// directory of the bundle, covered in the container's mount namespace only.
const bundleRootfs = "rootfs"

func (t *translation) translateRootfs() error {
	s := t.last("lxc.rootfs.path")
	if mount := t.last("lxc.rootfs.mount"); mount != nil {
		t.rootPrefixes = append(t.rootPrefixes, mount.Value)
		mount.entry.keep()
	}
	if b := t.last("lxc.rootfs.backend"); b != nil {
		if s != nil && backendOf(s.Value) == "" && t.version.legacy() {
			s.Value = b.Value + ":" + s.Value
			b.entry.keep()
		} else {
			b.entry.say(Exact, "no effect, as in LXC %s", t.version)
		}
	}
	if p := t.last("lxc.pivotdir"); p != nil {
		p.entry.keep()
	}
	if m := t.last("lxc.rootfs.managed"); m != nil {
		m.entry.keep()
	}
	if s == nil {
		t.noRootfs = true
		t.mountRoot(RootfsMount{Type: "bind", Source: "/", Options: []string{"rbind", "rslave"}})
		t.defaulted("lxc.rootfs.path", Extension, "no root filesystem named: the container sees the host's / in its own mount namespace; needs kist")
		return t.translateRootfsOptions(&RootfsMount{Type: "bind", Source: "/", Options: []string{"rbind", "rslave"}})
	}
	m, err := t.rootfsMount(s, s.Value, 0)
	if err != nil {
		return err
	}
	t.rootPrefixes = append(t.rootPrefixes, s.Value)
	if t.lxcPath != "" {
		t.rootPrefixes = append([]string{filepath.Join(t.lxcPath, t.name, "rootfs")}, t.rootPrefixes...)
	}
	if m.Type == "bind" && m.Source != "" {
		if err := t.ephemeral(s, m); err != nil {
			return err
		}
	}
	if m.Type == "bind" {
		t.rootfsDir = m.Source
		t.spec.Root.Path = m.Source
		s.entry.keep()
		return t.translateRootfsOptions(nil)
	}
	t.mountRoot(*m)
	s.entry.say(Extension, "annotation: kist mounts the %s in the container's mount namespace, and nothing stays on the host", m.Type)
	return t.translateRootfsOptions(m)
}

// mountRoot makes root.path an empty directory and tells kist what to put on it.
func (t *translation) mountRoot(m RootfsMount) {
	t.spec.Root.Path = bundleRootfs
	t.files[bundleRootfs+"/"] = nil
	t.annotateJSON(AnnotationRootfs, m)
}

// rootfsMount reads a [backend:]path; overlays nest, since a lower directory may
// have a backend of its own.
func (t *translation) rootfsMount(s *setting, spec string, depth int) (*RootfsMount, error) {
	if depth > 4 {
		return nil, refuse(s.Directive, "%q: too many storage prefixes", s.Value)
	}
	kind := backendOf(spec)
	path := strings.TrimPrefix(spec, kind+":")
	if kind == "" && strings.Contains(spec, ":") && !filepath.IsAbs(spec) {
		return nil, refuse(s.Directive, "%q: unknown storage type; known are dir zfs lvm rbd btrfs overlay overlayfs loop nbd aufs", spec)
	}
	if path == "" {
		return nil, refuse(s.Directive, "%q: names no path", spec)
	}
	switch kind {
	case "", "dir", "btrfs":
		if kind == "" {
			if info, err := t.host.Stat(path); err == nil {
				switch info.Kind {
				case KindBlock:
					return &RootfsMount{Type: "auto", Source: path}, nil
				case KindRegular:
					return &RootfsMount{Type: "auto", Source: path, Loop: true}, nil
				}
			}
		}
		return t.directory(s, path)
	case "loop":
		return &RootfsMount{Type: "auto", Source: path, Loop: true}, t.absolute(s, path)
	case "lvm":
		if !strings.HasPrefix(path, "/") {
			path = "/dev/lxc/" + path
		}
		return &RootfsMount{Type: "auto", Source: path}, nil
	case "zfs":
		// A path is a mount point that zfs maintains; a dataset has to be
		// mounted.
		if filepath.IsAbs(path) {
			return t.directory(s, path)
		}
		return &RootfsMount{Type: "zfs", Source: path, Options: []string{"zfsutil"}}, nil
	case "overlay", "overlayfs", "aufs":
		return t.overlay(s, kind, path, depth)
	}
	return nil, refuse(s.Directive, "%s: network block devices are attached by the host, not by a runtime: attach it (%s) and name the device, as lxc.rootfs.path = /dev/…",
		spec, map[string]string{"rbd": "rbd map", "nbd": "qemu-nbd --connect"}[kind])
}

func (t *translation) directory(s *setting, path string) (*RootfsMount, error) {
	return &RootfsMount{Type: "bind", Source: filepath.Clean(path)}, t.absolute(s, path)
}

func (t *translation) absolute(s *setting, path string) error {
	if !filepath.IsAbs(path) {
		return refuse(s.Directive, "%q: the root filesystem must be an absolute path", path)
	}
	return nil
}

// overlay reads LOWER[:LOWER…]:UPPER. The work directory stands next to the
// upper one, also for the form of before Linux 3.18, which had none.
func (t *translation) overlay(s *setting, kind, path string, depth int) (*RootfsMount, error) {
	// The first lower directory may have a backend's name and colon in front.
	prefix := ""
	if b := backendOf(path); b != "" {
		prefix, path = b+":", strings.TrimPrefix(path, b+":")
	}
	parts := strings.Split(path, ":")
	if len(parts) < 2 {
		return nil, refuse(s.Directive, "%q: want LOWER:UPPER behind %s:", s.Value, kind)
	}
	upper := filepath.Clean(parts[len(parts)-1])
	lowers := parts[:len(parts)-1]
	first, err := t.rootfsMount(s, prefix+lowers[0], depth+1)
	if err != nil {
		return nil, err
	}
	m := &RootfsMount{Type: "overlay", Source: "overlay"}
	if first.Type == "bind" {
		lowers[0] = first.Source
		m.Source = first.Source // what LXC names as the device
	} else {
		m.Lower = first
		lowers[0] = ""
	}
	for _, p := range append([]string{upper}, lowers[1:]...) {
		if err := t.absolute(s, p); err != nil {
			return nil, err
		}
		if strings.Contains(p, ",") {
			return nil, refuse(s.Directive, "%q: a comma in an overlay's directory would split its options", p)
		}
	}
	work := filepath.Join(filepath.Dir(upper), "work")
	if kind == "aufs" {
		s.entry.say(Approximated, "aufs is mounted as overlay: a directory that aufs has written whiteouts to shows them as files")
	}
	// Kist prepends what it mounted for Lower to an empty first element.
	m.Options = []string{"lowerdir=" + strings.Join(lowers, ":"), "upperdir=" + upper, "workdir=" + work}
	if t.userns {
		m.Options = append(m.Options, "userxattr")
	}
	m.Mkdir = []string{upper, work}
	return m, nil
}

// translateRootfsOptions carries lxc.rootfs.options; m is what is mounted as the
// root, nil for a plain directory.
func (t *translation) translateRootfsOptions(m *RootfsMount) error {
	s := t.last("lxc.rootfs.options")
	if s == nil {
		return nil
	}
	l, err := parseFstabLine("none / none " + s.Value)
	if err != nil {
		return refuse(s.Directive, "%s", err)
	}
	if l.Optional || l.Create != "" || l.Relative {
		return refuse(s.Directive, "%q: optional, create= and relative do not apply to a root filesystem", s.Value)
	}
	extra := RootfsMount{Type: "bind", Source: t.rootfsDir, IDMap: l.IDMap}
	if m != nil {
		extra = *m
		extra.IDMap = l.IDMap
	}
	more := false
	for _, f := range l.Flags {
		switch {
		case f == "ro":
			t.spec.Root.Readonly = true
			s.entry.say(Approximated, "root.readonly: LXC mounts the root read-only before anything is mounted on it, so that missing mount targets are errors there")
		case f == "rw" || f == "bind" || f == "rbind":
			s.entry.say(Exact, "as by default")
		case propagation(f):
			t.spec.Linux.RootfsPropagation = f
			s.entry.say(Exact, "linux.rootfsPropagation")
		default:
			extra.Options, more = append(extra.Options, f), true
		}
	}
	for _, d := range l.Data {
		extra.Options, more = append(extra.Options, d), true
	}
	if more || l.IDMap != "" {
		t.annotateJSON(AnnotationRootfs, extra)
		s.entry.say(Extension, "annotation: kist mounts the root filesystem with these options")
	}
	if s.entry.Class == "" {
		s.entry.keep()
	}
	return nil
}
