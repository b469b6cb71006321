// SPDX-License-Identifier: Apache-2.0

package host

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kist/apparmor"
)

// CgroupRoot is where the file system hierarchy standard of systemd, and so
// every distribution, has the cgroup mounts.
const CgroupRoot = "/sys/fs/cgroup"

// MinKernel is the oldest kernel kist runs on: openat2, the mount API,
// mount_setattr, close_range, pidfds, CLONE_INTO_CGROUP and cgroup.kill are
// all there, so there is no second way beside any of them.
const MinKernel = "5.14"

// Gather looks at this machine, and refuses one whose kernel is too old.
func Gather() (*Facts, error) {
	f, err := Look()
	if err != nil {
		return nil, err
	}
	return f, f.CheckKernel()
}

// Look looks at this machine, whatever its kernel: for telling a user about it.
func Look() (*Facts, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, fmt.Errorf("uname: %w", err)
	}
	f := &Facts{Kernel: unix.ByteSliceToString(u.Release[:]), Euid: unix.Geteuid()}
	f.UserNS = InUserNS()
	f.LastCap = LastCap()
	f.NoCaps = noCaps(f.LastCap)
	var st unix.Statfs_t
	if err := unix.Statfs(CgroupRoot, &st); err == nil {
		f.CgroupV2 = st.Type == unix.CGROUP2_SUPER_MAGIC
	}
	if !f.CgroupV2 {
		f.Hierarchy = hierarchies()
	}
	f.KCore = exists("/proc/kcore")
	return f, nil
}

// LSMs adds to the facts which security modules can label a process. It is for
// those who need it: most containers name no label.
func (f *Facts) LSMs() {
	f.AppArmor = apparmor.Host{}.Enabled()
	f.SELinux = exists("/sys/fs/selinux/enforce")
}

// CheckKernel refuses kernels older than MinKernel.
func (f *Facts) CheckKernel() error {
	major, rest, _ := strings.Cut(f.Kernel, ".")
	end := 0
	for end < len(rest) && rest[end] >= '0' && rest[end] <= '9' {
		end++
	}
	ma, err1 := strconv.Atoi(major)
	mi, err2 := strconv.Atoi(rest[:end])
	if err1 != nil || err2 != nil {
		return fmt.Errorf("kernel: release %q: not a version", f.Kernel)
	}
	if ma < 5 || ma == 5 && mi < 14 {
		return fmt.Errorf("kernel: %s is too old: kist needs Linux %s or later", f.Kernel, MinKernel)
	}
	return nil
}

// InUserNS says whether this process lives in a user namespace other than the
// initial one, which maps every id onto itself.
func InUserNS() bool {
	b, err := readSmall("/proc/self/uid_map")
	if err != nil {
		return false // no user namespaces in this kernel
	}
	f := bytes.Fields(b)
	return len(f) != 3 || string(f[0]) != "0" || string(f[1]) != "0" || string(f[2]) != "4294967295"
}

// LastCap asks the kernel for the highest capability: PR_CAPBSET_READ answers
// EINVAL beyond it. The newest kernels know 40, so this is two calls.
func LastCap() int {
	known := func(c int) bool {
		_, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0)
		return err == nil
	}
	c := unix.CAP_LAST_CAP
	for known(c + 1) {
		c++
	}
	for c > 0 && !known(c) {
		c--
	}
	return c
}

// noCaps asks which capabilities up to last are not in the bounding set: what
// root execs does not have them either.
func noCaps(last int) uint64 {
	var mask uint64
	for c := 0; c <= last; c++ {
		if in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(c), 0, 0, 0); err == nil && in == 0 {
			mask |= 1 << c
		}
	}
	return mask
}

// hierarchies lists the v1 mounts below /sys/fs/cgroup from its directory
// entries and /proc/self/cgroup, which is shorter than mountinfo and does not
// grow with the host's mounts.
func hierarchies() []Hierarchy {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	var hs []Hierarchy
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		parts := strings.SplitN(line, ":", 3)
		if len(parts) != 3 || parts[1] == "" {
			continue
		}
		opts := strings.Split(parts[1], ",")
		name := strings.TrimPrefix(parts[1], "name=")
		dir := filepath.Join(CgroupRoot, name)
		h := Hierarchy{Mountpoint: dir, Options: opts}
		if len(opts) > 1 {
			h.Links = opts
		}
		var st unix.Statfs_t
		if unix.Statfs(dir, &st) != nil || st.Type != unix.CGROUP_SUPER_MAGIC {
			// Some mount cpu,cpuacct under cpu alone; take the first name that is a hierarchy.
			found := false
			for _, o := range opts {
				dir = filepath.Join(CgroupRoot, o)
				if unix.Statfs(dir, &st) == nil && st.Type == unix.CGROUP_SUPER_MAGIC {
					h.Mountpoint, found = dir, true
					break
				}
			}
			if !found {
				continue
			}
		}
		hs = append(hs, h)
	}
	// Innermost id last in /proc/self/cgroup; list in the order they were mounted.
	for i, j := 0, len(hs)-1; i < j; i, j = i+1, j-1 {
		hs[i], hs[j] = hs[j], hs[i]
	}
	return hs
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }

// readSmall reads a file of the kernel that fits in one read.
func readSmall(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	b := make([]byte, 4096)
	n, err := unix.Read(fd, b)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b[:n], nil
}
