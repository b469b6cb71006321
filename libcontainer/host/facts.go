// SPDX-License-Identifier: Apache-2.0

// Package host gathers what the compiler must know about this machine. Facts
// are plain data, so that a plan can be made for another machine from a file
// (`kist plan --facts`) and golden tests need no privilege. Nothing here
// changes the host.
package host

// Facts about the machine and about the caller.
type Facts struct {
	Kernel    string      `json:"kernel"`    // release, as uname -r
	Euid      int         `json:"euid"`      // effective user of the caller
	UserNS    bool        `json:"userNS"`    // the caller is not in the initial user namespace
	LastCap   int         `json:"lastCap"`   // highest capability the kernel knows
	NoCaps    uint64      `json:"noCaps"`    // capabilities that are not in the caller's bounding set, a bit for each
	AppArmor  bool        `json:"appArmor"`  // AppArmor is enabled
	SELinux   bool        `json:"selinux"`   // SELinux is enabled
	CgroupV2  bool        `json:"cgroupV2"`  // /sys/fs/cgroup is a cgroup2 mount
	Hierarchy []Hierarchy `json:"hierarchy"` // cgroup v1 hierarchies, in mount order
	KCore     bool        `json:"kcore"`     // /proc/kcore exists
}

// Hierarchy is a mounted cgroup v1 hierarchy.
type Hierarchy struct {
	Mountpoint string   `json:"mountpoint"`      // such as /sys/fs/cgroup/cpu,cpuacct
	Options    []string `json:"options"`         // controllers, or name=systemd
	Links      []string `json:"links,omitempty"` // names under which its parts are found too (cpu, cpuacct)
}

// Privileged says whether the caller is root of the initial user namespace.
func (f *Facts) Privileged() bool { return f.Euid == 0 && !f.UserNS }
