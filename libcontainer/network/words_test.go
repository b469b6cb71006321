// SPDX-License-Identifier: Apache-2.0

package network

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"kist/lxc/network/nic"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		s    script
		want string
	}{
		{script{command: "/s a", direction: "up", container: "c1", card: cardRecord{Type: "veth", Link: "br0", HostEnd: "vethA"}}, "exec /s a 'c1' 'net' 'up' veth br0 vethA"},
		{script{command: "/s", direction: "down", container: "it's", card: cardRecord{Type: "macvlan", Link: "eth0"}}, `exec /s 'it'\''s' 'net' 'down' macvlan eth0`},
		{script{command: "/s", direction: "up", container: "c1", card: cardRecord{Type: "empty", Link: "br0"}}, "exec /s 'c1' 'net' 'up' empty"},
		{script{command: "/s", direction: "up", container: "c1", hookVersion: 1, card: cardRecord{Type: "phys", Link: "eth0"}}, "exec /s phys eth0"},
	} {
		// The shell drops empty words.
		if got := strings.Join(strings.Fields(c.s.commandLine()), " "); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestVSwitchPort(t *testing.T) {
	five, none := 5, nic.VLANNone
	for _, c := range []struct {
		vlan   *int
		tagged []int
		want   string
	}{
		{nil, nil, "--may-exist add-port ovs0 p"},
		{&five, nil, "--may-exist add-port ovs0 p tag=5 vlan_mode=access"},
		{&five, []int{6, 7}, "--may-exist add-port ovs0 p tag=5 trunks=6,7 vlan_mode=native-untagged"},
		{nil, []int{6}, "--may-exist add-port ovs0 p trunks=6 vlan_mode=trunk"},
		{&none, []int{6}, "--may-exist add-port ovs0 p trunks=6 vlan_mode=trunk"},
		{&none, nil, ""},
	} {
		card := &nic.Card{Link: "ovs0", Veth: &nic.Veth{VLAN: c.vlan, Tagged: c.tagged}}
		if got := strings.Join(vswitchPort(card, "p"), " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestOnLink checks what is asked of kernels that this one is not.
func TestOnLink(t *testing.T) {
	u := &up{ns: &namespaces{insideFD: 9}}
	base := netlink.NewLinkAttrs()
	base.Name, base.MTU, base.ParentIndex, base.Namespace = "x0", 1400, 3, netlink.NsFd(9)
	for _, c := range []struct {
		card nic.Card
		want netlink.Link
	}{
		{nic.Card{Type: nic.TypeVlan, Vlan: &nic.Vlan{ID: 12}}, &netlink.Vlan{LinkAttrs: base, VlanId: 12, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}},
		{nic.Card{Type: nic.TypeIPVlan, IPVlan: &nic.IPVlan{Mode: "l2", Isolation: "bridge"}}, &netlink.IPVlan{LinkAttrs: base, Mode: netlink.IPVLAN_MODE_L2, Flag: netlink.IPVLAN_FLAG_BRIDGE}},
		{nic.Card{Type: nic.TypeIPVlan, IPVlan: &nic.IPVlan{Mode: "l3", Isolation: "private"}}, &netlink.IPVlan{LinkAttrs: base, Mode: netlink.IPVLAN_MODE_L3, Flag: netlink.IPVLAN_FLAG_PRIVATE}},
		{nic.Card{Type: nic.TypeIPVlan, IPVlan: &nic.IPVlan{Mode: "l3s", Isolation: "vepa"}}, &netlink.IPVlan{LinkAttrs: base, Mode: netlink.IPVLAN_MODE_L3S, Flag: netlink.IPVLAN_FLAG_VEPA}},
		{nic.Card{Type: nic.TypeMacvlan, Macvlan: &nic.Macvlan{Mode: "passthru"}}, &netlink.Macvlan{LinkAttrs: base, Mode: netlink.MACVLAN_MODE_PASSTHRU}},
	} {
		c.card.MTU = 1400
		got, err := u.onLink(&c.card, "x0", 3)
		if err != nil {
			t.Errorf("%s: %v", c.card.Type, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.card.Type, diff)
		}
	}
	card := nic.Card{Type: nic.TypeIPVlan, HardwareAddr: "02:00:00:00:00:01", IPVlan: &nic.IPVlan{Mode: "l2", Isolation: "bridge"}}
	if _, err := u.onLink(&card, "x0", 3); err == nil || !strings.Contains(err.Error(), "shares the address of its link") {
		t.Errorf("ipvlan with hwaddr: %v", err)
	}
}

func TestRecord(t *testing.T) {
	target := Target{ID: "a", Bundle: "/b", Dir: t.TempDir()}
	if target.key() == (Target{ID: "a", Bundle: "/c"}).key() || target.key() == (Target{ID: "b", Bundle: "/b"}).key() {
		t.Error("two containers share a record")
	}
	if r, err := readRecord(target); r != nil || err != nil {
		t.Errorf("no record: %v %v", r, err)
	}
	if err := os.WriteFile(target.recordPath(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Down(target); err == nil || !strings.Contains(err.Error(), "decode") {
		t.Errorf("broken record: %v", err)
	}
	start, err := startTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for start, want := range map[uint64]bool{start: true, start + 1: false} {
		if r := (&record{Target: Target{PID: os.Getpid()}, Start: start}); r.alive() != want {
			t.Errorf("start %d: alive %v", start, !want)
		}
	}
}
