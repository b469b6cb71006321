// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

const resourcesPointer = "/linux/resources"

// setting is one value for one cgroup file: what linux.resources means on this
// host. Making the list is a pure function; writing it is in set.go.
type setting struct {
	controller string // v1: hierarchy; v2: what must be in cgroup.controllers
	file       string
	value      string
	pointer    string // JSON pointer of the property it comes from
	alt        string // file to use if the first does not exist …
	altValue   string // … and the value for it
	optional   bool   // the file may be missing
	retry      bool   // on EINVAL, write again after the others
}

// settings translates resources, without the device rules. The order of the
// list is the order of writing.
func settings(r *specs.LinuxResources, v2 bool) ([]setting, error) {
	if r == nil {
		return nil, nil
	}
	if err := validate(r); err != nil {
		return nil, err
	}
	if v2 {
		return settingsV2(r)
	}
	return settingsV1(r)
}

func invalid(pointer, format string, args ...any) error {
	return &ResourceError{Pointer: resourcesPointer + pointer, Err: fmt.Errorf(format, args...)}
}

var errNoFile = errors.New("the kernel has no such file")

// validate checks what is wrong on every host.
func validate(r *specs.LinuxResources) error {
	if m := r.Memory; m != nil {
		if err := validateMemory(m); err != nil {
			return err
		}
	}
	if c := r.CPU; c != nil {
		if err := validateCPU(c); err != nil {
			return err
		}
	}
	if b := r.BlockIO; b != nil {
		if err := validateBlockIO(b); err != nil {
			return err
		}
	}
	if r.Pids != nil && r.Pids.Limit != nil && *r.Pids.Limit < -1 {
		return invalid("/pids/limit", "%d: must be -1 (no limit) or not negative", *r.Pids.Limit)
	}
	for i, h := range r.HugepageLimits {
		if !validPageSize(h.Pagesize) {
			return invalid(fmt.Sprintf("/hugepageLimits/%d/pageSize", i), "%q: must be a size as in hugetlb.2MB.max: a number and KB, MB or GB", h.Pagesize)
		}
	}
	if r.Network != nil {
		for i, p := range r.Network.Priorities {
			if !validWord(p.Name, 15) {
				return invalid(fmt.Sprintf("/network/priorities/%d/name", i), "%q: is not an interface name", p.Name)
			}
		}
	}
	for name := range r.Rdma {
		if !validWord(name, 64) {
			return invalid("/rdma/"+escapePointer(name), "%q: is not a device name", name)
		}
	}
	for key, value := range r.Unified {
		if err := validateUnified(key, value); err != nil {
			return invalid("/unified/"+escapePointer(key), "%w", err)
		}
	}
	return nil
}

func validateMemory(m *specs.LinuxMemory) error {
	for _, v := range [...]struct {
		name string
		p    *int64
	}{{"limit", m.Limit}, {"reservation", m.Reservation}, {"swap", m.Swap}, {"kernel", m.Kernel}, {"kernelTCP", m.KernelTCP}} {
		if v.p != nil && *v.p < -1 {
			return invalid("/memory/"+v.name, "%d: must be -1 (no limit) or not negative", *v.p)
		}
	}
	if k := value(m.Kernel); k > 0 {
		return invalid("/memory/kernel", "%d: Linux 5.4 dropped kernel memory limits: remove it, limit covers kernel memory too", k)
	}
	if s := value(m.Swappiness); s > 100 {
		return invalid("/memory/swappiness", "%d: must be 0 to 100", s)
	}
	limit, swap := value(m.Limit), value(m.Swap)
	switch {
	case swap > 0 && limit == 0:
		return invalid("/memory/swap", "%d: is memory and swap together, so it needs %s/memory/limit", swap, resourcesPointer)
	case swap > 0 && limit > 0 && swap < limit:
		return invalid("/memory/swap", "%d: is memory and swap together, so it cannot be less than %s/memory/limit (%d)", swap, resourcesPointer, limit)
	}
	return nil
}

func validateCPU(c *specs.LinuxCPU) error {
	if !validList(c.Cpus) {
		return invalid("/cpu/cpus", "%q: must be a list like 0-3,7", c.Cpus)
	}
	if !validList(c.Mems) {
		return invalid("/cpu/mems", "%q: must be a list like 0-3,7", c.Mems)
	}
	if c.Idle != nil && *c.Idle != 0 && *c.Idle != 1 {
		return invalid("/cpu/idle", "%d: must be 0 or 1", *c.Idle)
	}
	if value(c.Idle) == 1 && value(c.Shares) != 0 {
		return invalid("/cpu/shares", "%d: the kernel gives an idle cgroup no shares: remove shares or %s/cpu/idle", *c.Shares, resourcesPointer)
	}
	return nil
}

func validateBlockIO(b *specs.LinuxBlockIO) error {
	weight := func(pointer string, w *uint16) error {
		if v := value(w); v != 0 && (v < 10 || v > 1000) {
			return invalid(pointer, "%d: must be 10 to 1000", v)
		}
		return nil
	}
	if err := weight("/blockIO/weight", b.Weight); err != nil {
		return err
	}
	const gone = "%d: Linux 5.0 removed leaf weights together with the CFQ scheduler: remove it"
	if v := value(b.LeafWeight); v != 0 {
		return invalid("/blockIO/leafWeight", gone, v)
	}
	for i, d := range b.WeightDevice {
		p := fmt.Sprintf("/blockIO/weightDevice/%d", i)
		if err := weight(p+"/weight", d.Weight); err != nil {
			return err
		}
		if v := value(d.LeafWeight); v != 0 {
			return invalid(p+"/leafWeight", gone, v)
		}
		if d.Major < 0 || d.Minor < 0 {
			return invalid(p, "%d:%d: is not a device number", d.Major, d.Minor)
		}
	}
	for name, list := range throttles(b) {
		for i, d := range list {
			if d.Major < 0 || d.Minor < 0 {
				return invalid(fmt.Sprintf("/blockIO/%s/%d", name, i), "%d:%d: is not a device number", d.Major, d.Minor)
			}
		}
	}
	return nil
}

// throttles yields the four throttle lists with their property names, always
// in the same order.
func throttles(b *specs.LinuxBlockIO) func(func(string, []specs.LinuxThrottleDevice) bool) {
	return func(yield func(string, []specs.LinuxThrottleDevice) bool) {
		_ = yield("throttleReadBpsDevice", b.ThrottleReadBpsDevice) &&
			yield("throttleWriteBpsDevice", b.ThrottleWriteBpsDevice) &&
			yield("throttleReadIOPSDevice", b.ThrottleReadIOPSDevice) &&
			yield("throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice)
	}
}

// validateUnified checks a file name and its value. The name becomes a path
// component; a few names are not limits but commands that belong to kist.
func validateUnified(key, val string) error {
	controller, _, ok := strings.Cut(key, ".")
	if !ok || controller == "" || len(key) > 255 || strings.Contains(key, "..") {
		return errors.New("must have the form CONTROLLER.PARAMETER")
	}
	for i := 0; i < len(key); i++ {
		switch b := key[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', b == '_', b == '.', b == '-':
		default:
			return errors.New("must be the name of one cgroup file (letters, digits, '_', '-' and '.')")
		}
	}
	switch key {
	case "cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze", "cgroup.type", "cgroup.subtree_control":
		return errors.New("is not a limit: the runtime itself controls this file")
	}
	if strings.ContainsRune(val, 0) || len(val) > 4096 {
		return errors.New("the value must have no NUL byte and at most 4096 bytes")
	}
	return nil
}

func validPageSize(s string) bool {
	n := len(s) - 2
	if n < 1 || n > 12 || s[0] == '0' {
		return false
	}
	switch s[n:] {
	case "KB", "MB", "GB":
	default:
		return false
	}
	for i := range n {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// validWord accepts a name without white space, '/' or control characters.
func validWord(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] == '/' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func validList(s string) bool {
	for i := 0; i < len(s); i++ {
		if b := s[i]; (b < '0' || b > '9') && b != ',' && b != '-' && b != ' ' {
			return false
		}
	}
	return true
}

func escapePointer(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1")
}

func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// firstLimit returns the pointer of some limit in r, or "" if there is none.
func firstLimit(r *specs.LinuxResources) string {
	list, err := settings(r, Detect() == V2)
	if e := (*ResourceError)(nil); errors.As(err, &e) {
		return e.Pointer
	}
	if len(list) == 0 {
		return ""
	}
	return list[0].pointer
}

func hasLimits(r *specs.LinuxResources) bool { return firstLimit(r) != "" }

// hasDomainLimits tells whether a v2 controller is needed that accounts for
// whole processes.
func hasDomainLimits(r *specs.LinuxResources) bool {
	list, _ := settings(r, true)
	for i := range list {
		switch list[i].controller {
		case "memory", "io", "hugetlb", "rdma", "misc":
			return true
		}
	}
	return false
}
