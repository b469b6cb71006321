// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"path/filepath"
	"strings"
)

// Nearly every real configuration includes files that LXC installs, by absolute
// path. The host that imports may have another LXC, with keys the file's own
// series does not know, or none. So the importer knows what those files say in
// each series, and uses that when the file is absent or of another generation.

// carried returns the content of an installed file when the host's own copy
// cannot serve, with a sentence for the report; nil means: read the file.
func (im *importer) carried(path string) ([]byte, string) {
	if !installed(path) {
		return nil, ""
	}
	data, err := im.host.ReadFile(path)
	if err == nil && im.readable(path, data) {
		return nil, ""
	}
	text := shipped(filepath.Base(path), filepath.Dir(path), im.version)
	if text == "" {
		return nil, ""
	}
	why := "the file is missing"
	if err == nil {
		why = "the host's file is written for another LXC"
	}
	return []byte(text), why + "; read as LXC " + im.version.String() + " installs it, without local additions"
}

// installed reports whether a path is where LXC's packages put their files.
func installed(path string) bool { return strings.HasSuffix(filepath.Dir(path), "/lxc/config") }

// readable reports whether the series of the import knows all keys of a file.
func (im *importer) readable(path string, data []byte) bool {
	if strings.HasSuffix(path, ".seccomp") {
		return true
	}
	for _, text := range strings.Split(string(data), "\n") {
		text = strings.TrimSpace(text)
		key, _, ok := strings.Cut(text, "=")
		if !ok || !strings.HasPrefix(text, "lxc.") {
			continue
		}
		if _, ok := lookup(strings.TrimSpace(key), im.version); !ok {
			return false
		}
	}
	return true
}

// shipped returns an installed file as a series has it, or "".
func shipped(base, dir string, v Version) string {
	if base == "common.seccomp" && v.atLeast(1, 0, 0) {
		word := "blacklist"
		if v.atLeast(4, 0, 4) {
			word = "denylist"
		}
		return "2\n" + word + "\nreject_force_umount\n[all]\nkexec_load errno 1\nopen_by_handle_at errno 1\n" +
			"init_module errno 1\nfinit_module errno 1\ndelete_module errno 1\n"
	}
	name, ok := strings.CutSuffix(base, ".conf")
	if !ok || !v.atLeast(1, 0, 0) {
		return ""
	}
	f := &shippedFile{dir: dir, v: v}
	distro, part, _ := strings.Cut(name, ".")
	switch {
	case name == "common" && v.atLeast(1, 1, 0):
		f.common()
	case name == "userns" && v.atLeast(1, 1, 0):
		f.userns()
	case name == "nesting":
		f.add("apparmor.profile", "lxc-container-default-with-nesting",
			"mount.entry", "proc dev/.lxc/proc proc create=dir,optional 0 0",
			"mount.entry", "sys dev/.lxc/sys sysfs create=dir,optional 0 0")
	case name == "oci.common" && v.atLeast(3, 0, 0):
		return "# nothing active\n"
	case part == "userns":
		f.distroUserns(distro)
	case part == "common" && !v.atLeast(1, 1, 0):
		f.distroOld(distro)
	case part == "common":
		f.distro(distro)
	case name == "ubuntu.lucid":
		f.add("tty.dir", "")
	case name == "ubuntu-cloud.lucid":
		f.include("ubuntu.lucid")
	case name == "gentoo.moresecure":
		f.moresecure()
	}
	return strings.Join(f.lines, "")
}

// shippedFile collects lines under their modern keys and writes them in the
// spelling of the series.
type shippedFile struct {
	dir   string
	v     Version
	lines []string
}

func (f *shippedFile) add(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		key := "lxc." + pairs[i]
		if m, ok := lookup(key, Version{2, 1, 1}); ok && f.v.legacy() && m.rest == "" && len(m.key.Names) > 1 {
			key = m.key.Names[1].Key
		}
		f.lines = append(f.lines, key+" = "+pairs[i+1]+"\n")
	}
}

func (f *shippedFile) include(name string) {
	// The carried files have no directories of local additions.
	f.add("include", f.dir+"/"+name+".conf")
}

// devices emits deny all and then the allow rules, written as "1:3 1:5", each
// with rwm unless it says otherwise.
func (f *shippedFile) devices(family, list string) {
	f.add(family+".devices.deny", "a", family+".devices.allow", "c *:* m", family+".devices.allow", "b *:* m")
	f.allow(family, list)
}

func (f *shippedFile) allow(family, list string) {
	for _, d := range strings.Fields(list) {
		access := "rwm"
		if n, a, ok := strings.Cut(d, "/"); ok {
			d, access = n, a
		}
		f.add(family+".devices.allow", "c "+d+" "+access)
	}
}

const (
	shippedDevices = "1:3 1:5 1:7 5:0 5:1 5:2 1:8 1:9 136:* 10:229"
	fuseEntry      = "/sys/fs/fuse/connections sys/fs/fuse/connections none bind,optional 0 0"
	shmEntry       = "none dev/shm tmpfs rw,nosuid,nodev,create=dir"
)

func (f *shippedFile) common() {
	v := f.v
	drop := "mac_admin mac_override sys_time sys_module"
	if v.atLeast(2, 0, 0) {
		drop += " sys_rawio"
	}
	f.add("tty.dir", "lxc", "pty.max", "1024", "tty.max", "4", "cap.drop", drop,
		"hook.clone", "/usr/share/lxc/hooks/clonehostname")
	if v.legacy() {
		f.add("pivotdir", "lxc_putold")
	}
	if !v.atLeast(7, 0, 0) {
		f.devices("cgroup", shippedDevices)
	}
	if v.atLeast(4, 0, 3) {
		f.devices("cgroup2", shippedDevices)
	}
	f.add("mount.auto", "cgroup:mixed proc:mixed sys:mixed", "mount.entry", fuseEntry,
		"seccomp.profile", f.dir+"/common.seccomp")
}

func (f *shippedFile) clearDevices() {
	if !f.v.atLeast(7, 0, 0) {
		f.add("cgroup.devices.deny", "", "cgroup.devices.allow", "")
	}
	if f.v.atLeast(4, 0, 3) {
		f.add("cgroup2.devices.deny", "", "cgroup2.devices.allow", "")
	}
}

func (f *shippedFile) bindNodes() {
	for _, n := range [...]string{"console", "full", "null", "random", "tty", "urandom", "zero"} {
		f.add("mount.entry", "/dev/"+n+" dev/"+n+" none bind,create=file 0 0")
	}
}

func (f *shippedFile) userns() {
	f.clearDevices()
	v := f.v
	if v.atLeast(2, 0, 10) && !(v.Major == 2 && v.Minor == 1) {
		f.add("cap.drop", "", "cap.keep", "")
	}
	f.add("tty.dir", "")
	switch {
	case !v.atLeast(2, 0, 9):
		f.bindNodes()
	case v.Major == 2 && v.Minor == 0 && v.Patch >= 10, v.atLeast(3, 0, 1):
		f.add("mount.auto", "sys:rw")
	}
}

func (f *shippedFile) efi() {
	f.add("mount.entry", "/sys/firmware/efi/efivars sys/firmware/efi/efivars none bind,optional 0 0",
		"mount.entry", "/proc/sys/fs/binfmt_misc proc/sys/fs/binfmt_misc none bind,optional 0 0")
}

func (f *shippedFile) distroUserns(distro string) {
	if !f.v.atLeast(1, 1, 0) {
		f.clearDevices()
		f.bindNodes()
		if distro != "debian" && distro != "plamo" {
			f.add("tty.dir", "")
			f.efi()
		}
		return
	}
	if distro == "ubuntu-cloud" {
		f.include("ubuntu.userns")
		return
	}
	f.include("userns")
	switch distro {
	case "ubuntu":
		f.efi()
	case "voidlinux":
		f.add("environment", "VIRTUALIZATION=lxc", "signal.halt", "SIGCONT")
	}
}
