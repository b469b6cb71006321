// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestMoveDevices(t *testing.T) {
	b := newBox(t, t.TempDir())
	ip(t, "link add d0 type veth peer name d1")
	ip(t, "link add e0 type veth peer name e1")
	ip(t, "addr add 192.0.2.1/24 brd 192.0.2.255 dev d0")
	ip(t, "addr add 192.0.3.9/24 scope link dev d0")
	ip(t, "addr add 192.0.4.1/24 dev d0")
	ip(t, "addr add 198.51.100.1/24 dev d0 valid_lft 1000 preferred_lft 1000")
	ip(t, "addr add 203.0.113.1/24 peer 203.0.113.7/32 dev d0")
	ip(t, "link set d1 up")
	ip(t, "link set d0 up")
	ip(t, "addr add 2001:db8::1/64 dev d0 nodad")
	defer func() { ip(t, "link del d1"); ip(t, "link del e1") }()
	got, err := MoveDevices(b.fd, map[string]specs.LinuxNetDevice{"e0": {Name: "net%d"}, "d0": {Name: "ctr0"}, "d1": {}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Moved{{"d0", "ctr0"}, {"d1", "d1"}, {"e0", "net0"}}, got); diff != "" {
		t.Error(diff)
	}
	inside := b.ip(t, "addr")
	has(t, "inside", inside, "inet 192.0.2.1/24 brd 192.0.2.255 scope global ctr0", "inet6 2001:db8::1/64 scope global nodad", "inet 192.0.4.1/24 scope global ctr0", "inet 203.0.113.1 peer 203.0.113.7/32 scope global ctr0 ", "net0@", "d1@ctr0")
	hasNot(t, "inside", inside, "192.0.3.9", "198.51.100.1", "203.0.113.255", "kist")
	has(t, "state", b.ip(t, "link show ctr0"), ",UP")
	has(t, "state", b.ip(t, "link show net0"), ",UP")
	hasNot(t, "host", ip(t, "link"), "d0", "e0")
	if _, err := MoveDevices(b.fd, nil); err != nil {
		t.Errorf("none: %v", err)
	}
	// Back, for the clean-up.
	b.ip(t, "link set d1 netns "+ownPID)
	b.ip(t, "link set net0 netns "+ownPID)
}

// ownPID is the test's process in the process namespace of unshare -p.
const ownPID = "1"

func TestMoveDevicesUndone(t *testing.T) {
	b := newBox(t, t.TempDir())
	ip(t, "link add f0 type veth peer name f1")
	ip(t, "link add g0 type veth peer name g1")
	defer func() { ip(t, "link del f0"); ip(t, "link del g0") }()
	ip(t, "addr add 192.0.2.1/24 dev f0")
	ip(t, "link set f0 up")
	ip(t, "addr add 2001:db8::1/64 dev f0 nodad")
	ip(t, "addr add 198.51.100.1/24 dev g0")
	b.ip(t, "link add taken type bridge")
	for name, c := range map[string]struct {
		devices map[string]specs.LinuxNetDevice
		want    string
	}{
		"taken name":   {map[string]specs.LinuxNetDevice{"f0": {}, "g0": {Name: "taken"}}, "/linux/netDevices/g0: g0: rename to taken in the container: file exists"},
		"same name":    {map[string]specs.LinuxNetDevice{"f0": {Name: "x"}, "g0": {Name: "x"}}, "rename to x in the container"},
		"no device":    {map[string]specs.LinuxNetDevice{"f0": {}, "nosuch": {}}, "/linux/netDevices/nosuch: no such device on the host"},
		"loopback":     {map[string]specs.LinuxNetDevice{"f0": {}, "lo": {}}, "a loopback device can not be moved"},
		"invalid name": {map[string]specs.LinuxNetDevice{"f0": {}, "g0": {Name: "a/b"}}, "rename to a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := MoveDevices(b.fd, c.devices)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			has(t, "f0", ip(t, "addr show f0"), ",UP", "inet 192.0.2.1/24", "inet6 2001:db8::1/64")
			has(t, "g0", ip(t, "addr show g0"), "inet 198.51.100.1/24")
			hasNot(t, "inside", b.ip(t, "link"), "f0@", "g0@", "kist")
		})
	}
	self, err := unix.Open("/proc/self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(self)
	if _, err := MoveDevices(self, map[string]specs.LinuxNetDevice{"f0": {}}); !errors.Is(err, ErrHostNetwork) {
		t.Errorf("own namespace: %v", err)
	}
}
