// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

func cards(c ...nic.Card) *nic.Set {
	for i := range c {
		c[i].Index = i
	}
	return &nic.Set{Format: nic.Format, Container: "c1", Cards: c}
}

func addr(s string) []nic.Address { return []nic.Address{{Prefix: netip.MustParsePrefix(s)}} }

// logScript writes what a script is told to a file.
func logScript(t *testing.T) (command, log string) {
	t.Helper()
	dir := t.TempDir()
	command, log = dir+"/script", dir+"/log"
	text := fmt.Sprintf("#!/bin/sh\n{ echo \"args: $*\"; env | grep ^LXC_ | sort; ip -br link; } >> %s\n", log)
	if err := os.WriteFile(command, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return command, log
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestVethOnBridge(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, dir)
	ip(t, "link add vb0 mtu 1400 type bridge")
	defer ip(t, "link del vb0")
	ip(t, "addr add 10.7.0.1/24 dev vb0")
	ip(t, "addr add fd00:7::1/64 dev vb0 nodad")
	ip(t, "link set vb0 up")
	command, log := logScript(t)
	set := cards(nic.Card{
		Type: nic.TypeVeth, Up: true, Link: "vb0", HardwareAddr: "00:16:3e:01:02:03",
		IPv4: addr("10.7.0.2/24"), IPv6: addr("fd00:7::2/64"), Gateway4: "auto", Gateway6: "auto",
		ScriptUp: command, ScriptDown: command, Veth: &nic.Veth{Mode: nic.VethBridge, Pair: "vb0host"},
	}, nic.Card{Type: nic.TypeVeth, Veth: &nic.Veth{Mode: nic.VethBridge, RxQueues: 3, TxQueues: 2}})
	if err := Up(set, b.Target); err != nil {
		t.Fatal(err)
	}
	has(t, "inside", b.ip(t, "addr"), "eth0@", "mtu 1400", "00:16:3e:01:02:03", "inet 10.7.0.2/24 brd 10.7.0.255", "inet6 fd00:7::2/64", "inet 127.0.0.1/8")
	has(t, "second card", b.ip(t, "-d link show eth1"), "mtu 1500", "numtxqueues 2 numrxqueues 3", "state DOWN")
	has(t, "routes", b.ip(t, "route"), "default via 10.7.0.1 dev eth0")
	has(t, "routes", b.ip(t, "-6 route"), "default via fd00:7::1 dev eth0")
	has(t, "host's end", ip(t, "link show vb0host"), "master vb0", "link/ether fe:", "mtu 1400", ",UP")
	if v, err := readSysctl("ipv6/conf/vb0host/disable_ipv6"); err != nil || v != "1" {
		t.Errorf("disable_ipv6: %q %v", v, err)
	}
	has(t, "script.up", read(t, log), "args: c1 net up veth vb0 vb0host\n", fmt.Sprintf("LXC_PID=%d\n", b.PID), "vb0host@if2")
	hasNot(t, "script.up", read(t, log), "LXC_HOOK_TYPE")

	if err := Up(set, b.Target); err == nil || !strings.Contains(err.Error(), "up already") {
		t.Errorf("second up: %v", err)
	}
	// The container crashes, its namespace lives on in the pin: script.down sees
	// the host's end still.
	b.kill()
	_ = os.Remove(log)
	for range 2 {
		if err := Down(b.Target); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, log); strings.Count(got, "args:") != 1 {
		t.Errorf("script.down ran more than once:\n%s", got)
	}
	has(t, "script.down", read(t, log), "args: c1 net down veth vb0 vb0host\n", "LXC_NET_NS="+b.pinPath(), "vb0host")
	hasNot(t, "host", ip(t, "link"), "vb0host", "veth")
	gone(t, dir)
}

func TestScriptVersionOne(t *testing.T) {
	b := newBox(t, t.TempDir())
	command, log := logScript(t)
	set := cards(nic.Card{Type: nic.TypeVeth, ScriptUp: command + " own", Veth: &nic.Veth{Mode: nic.VethBridge, Pair: "p2phost"}})
	set.HookVersion = 1
	if err := Up(set, b.Target); err != nil {
		t.Fatal(err)
	}
	// An empty link vanishes from the arguments.
	has(t, "script.up", read(t, log), "args: own veth p2phost\n", "LXC_HOOK_TYPE=up\n", "LXC_HOOK_SECTION=net\n", "LXC_NET_TYPE=veth\n", "LXC_NET_PARENT=\n", "LXC_NET_PEER=p2phost\n")
	// No card is up, so lo is not.
	hasNot(t, "lo", b.ip(t, "link show lo"), "UP")
	if err := Down(b.Target); err != nil {
		t.Fatal(err)
	}
	hasNot(t, "host", ip(t, "link"), "p2phost")
}

func TestRouter(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, dir)
	ip(t, "link add rl0 type veth peer name rl1")
	defer ip(t, "link del rl0")
	ip(t, "link set rl0 up")
	ip(t, "link set rl1 up")
	set := func() *nic.Set {
		return cards(nic.Card{
			Type: nic.TypeVeth, Up: true, Link: "rl0", L2Proxy: true, MTU: 1300,
			IPv4: addr("10.10.0.2/32"), IPv6: addr("fd00:10::2/128"), Gateway4: "169.254.1.1", Gateway6: "fe80::9",
			Veth: &nic.Veth{Mode: nic.VethRouter, Pair: "rt0", Routes: []netip.Prefix{netip.MustParsePrefix("10.66.0.0/16")}},
		})
	}
	if err := Up(set(), b.Target); err == nil || !strings.Contains(err.Error(), "all.forwarding") {
		t.Fatalf("without forwarding: %v", err)
	}
	hasNot(t, "undone", ip(t, "link"), "rt0")
	gone(t, dir)
	if err := writeSysctl("ipv6/conf/all/forwarding", "1"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = writeSysctl("ipv6/conf/all/forwarding", "0") }()
	if err := Up(set(), b.Target); err == nil || !strings.Contains(err.Error(), "l2proxy: needs net/ipv4/conf/rl0/forwarding=1") {
		t.Fatalf("without forwarding of the link: %v", err)
	}
	for _, s := range []string{"ipv4/conf/rl0/forwarding", "ipv6/conf/rl0/proxy_ndp"} {
		if err := writeSysctl(s, "1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := Up(set(), b.Target); err != nil {
		t.Fatal(err)
	}
	has(t, "host routes", ip(t, "route"), "10.10.0.2 dev rt0 scope link", "10.66.0.0/16 dev rt0 scope link")
	has(t, "host routes", ip(t, "-6 route"), "fd00:10::2 dev rt0")
	has(t, "proxies", ip(t, "neigh show proxy"), "10.10.0.2 dev rl0", "169.254.1.1 dev rt0")
	has(t, "proxies", ip(t, "-6 neigh show proxy"), "fd00:10::2 dev rl0", "fe80::9 dev rt0")
	has(t, "inside", b.ip(t, "addr show eth0"), "mtu 1300", "10.10.0.2/32")
	hasNot(t, "inside", b.ip(t, "addr show eth0"), "brd 10")
	has(t, "inside", b.ip(t, "route"), "default via 169.254.1.1 dev eth0", "169.254.1.1 dev eth0 scope link")
	has(t, "inside", b.ip(t, "-6 route"), "default via fe80::9 dev eth0")
	b.kill()
	if err := Down(b.Target); err != nil {
		t.Fatal(err)
	}
	hasNot(t, "proxies", ip(t, "neigh show proxy")+ip(t, "-6 neigh show proxy"), "rl0", "rt0")
	gone(t, dir)
}

func TestMacvlanAndNames(t *testing.T) {
	b := newBox(t, t.TempDir())
	ip(t, "link add ml0 type veth peer name ml1")
	defer ip(t, "link del ml0")
	mac := func(mode, name string) nic.Card {
		return nic.Card{Type: nic.TypeMacvlan, Link: "ml0", Name: name, Macvlan: &nic.Macvlan{Mode: mode}}
	}
	if err := Up(cards(mac("private", ""), mac("vepa", "eth0"), mac("bridge", ""), mac("bridge", "lan%d"), nic.Card{Type: nic.None}, nic.Card{Type: nic.Empty}), b.Target); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]string{"eth1": "private", "eth0": "vepa", "eth2": "bridge", "lan0": "bridge"} {
		has(t, name, b.ip(t, "-d link show "+name), "macvlan mode "+mode)
	}
	hasNot(t, "host", ip(t, "link"), "macvlan", "mc", "eth1")
	if err := Down(b.Target); err != nil {
		t.Fatal(err)
	}
	other := newBox(t, t.TempDir())
	if err := Up(cards(mac("passthru", "")), other.Target); err == nil {
		t.Error("passthru next to others was accepted")
	}
	b.ip(t, "link del eth0")
	for _, l := range []string{"eth1", "eth2", "lan0"} {
		b.ip(t, "link del "+l)
	}
	if err := Up(cards(mac("passthru", "wan")), other.Target); err != nil {
		t.Fatal(err)
	}
	has(t, "wan", other.ip(t, "-d link show wan"), "macvlan mode passthru")
}

func TestPhys(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, dir)
	ip(t, "link add ph0 type veth peer name ph1")
	defer func() { ip(t, "link del ph0") }()
	ip(t, "link set ph0 address 02:00:00:00:00:01")
	ip(t, "link property add dev ph0 altname physalt")
	ip(t, "link add pb0 type veth peer name pb1")
	defer func() { ip(t, "link del pb0") }()
	command, log := logScript(t)
	set := cards(nic.Card{
		Type: nic.Phys, Link: "ph0", Name: "wan", Up: true, MTU: 1280, HardwareAddr: "02:00:00:00:00:99",
		IPv4: addr("10.9.0.2/31"), Gateway4: "dev", ScriptUp: command,
	}, nic.Card{Type: nic.Phys, Link: "pb0"})
	if err := Up(set, b.Target); err != nil {
		t.Fatal(err)
	}
	has(t, "script.up", read(t, log), "args: c1 net up phys ph0\n", "ph0@") // still on the host
	has(t, "inside", b.ip(t, "addr"), "wan@", "mtu 1280", "02:00:00:00:00:99", "inet 10.9.0.2/31 scope global wan", "pb0")
	has(t, "inside", b.ip(t, "route"), "default dev wan")
	hasNot(t, "inside", b.ip(t, "route"), "default dev wan scope") // as LXC makes it
	hasNot(t, "host", ip(t, "link"), "ph0:", "ph0@", "pb0:", "pb0@")
	// The container renames it, and is killed; nobody calls down. The next
	// container of the name clears up first.
	b.ip(t, "link set wan down")
	b.ip(t, "link set wan name mine")
	b.kill()
	next := newBox(t, dir)
	if err := Up(cards(nic.Card{Type: nic.Empty, Up: true, ScriptUp: command}), next.Target); err != nil {
		t.Fatal(err)
	}
	has(t, "host", ip(t, "link show ph0"), "mtu 1500", "02:00:00:00:00:01", "physalt")
	has(t, "host", ip(t, "link"), "pb0@")
	if err := Down(next.Target); err != nil {
		t.Fatal(err)
	}
	gone(t, dir)

	// All devices whose names begin so; the name is for the last.
	many := newBox(t, dir)
	if err := Up(cards(nic.Card{Type: nic.Phys, Link: "p+", Name: "last"}), many.Target); err != nil {
		t.Fatal(err)
	}
	has(t, "inside", many.ip(t, "link"), "ph0@", "ph1@", "pb1@", "last@")
	ip(t, "link add ph0 type bridge") // the name is taken while it is away
	if err := Down(many.Target); err != nil {
		t.Fatal(err)
	}
	has(t, "host", ip(t, "link"), "ph0_0@ph1", "ph1@", "pb1@", "pb0@")
	ip(t, "link del ph0")
	ip(t, "link set ph0_0 name ph0")
	gone(t, dir)
}

// TestDownInPieces has a Down that can not finish: what it did is not done again.
func TestDownInPieces(t *testing.T) {
	if vswitchPath() != "" {
		t.Skip("ovs-vsctl is installed; the test needs its absence")
	}
	dir := t.TempDir()
	b := newBox(t, dir)
	command, log := logScript(t)
	set := cards(nic.Card{Type: nic.TypeVeth, ScriptDown: command, Veth: &nic.Veth{Mode: nic.VethBridge, Pair: "pieces"}})
	if err := Up(set, b.Target); err != nil {
		t.Fatal(err)
	}
	r, err := readRecord(b.Target)
	if err != nil {
		t.Fatal(err)
	}
	r.Cards[0].OpenVSwitch, r.Cards[0].Link = true, "ovs0"
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Down(b.Target); err == nil || !strings.Contains(err.Error(), "ovs-vsctl: not installed") {
			t.Fatalf("%v", err)
		}
		hasNot(t, "host", ip(t, "link"), "pieces")
	}
	if got := read(t, log); strings.Count(got, "args:") != 1 {
		t.Errorf("script.down ran more than once:\n%s", got)
	}
	if r, err = readRecord(b.Target); err != nil {
		t.Fatal(err)
	}
	r.Cards[0].OpenVSwitch = false
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	if err := Down(b.Target); err != nil {
		t.Fatal(err)
	}
	gone(t, dir)
}

func TestUndone(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, dir)
	ip(t, "link add un0 type veth peer name un1")
	defer func() { ip(t, "link del un0") }()
	ip(t, "link add unbr type bridge")
	defer ip(t, "link del unbr")
	command, log := logScript(t)
	veth := func(c nic.Card) nic.Card {
		c.Type, c.Veth = nic.TypeVeth, &nic.Veth{Mode: nic.VethBridge}
		return c
	}
	good := []nic.Card{{Type: nic.Phys, Link: "un0"}, veth(nic.Card{ScriptUp: command, ScriptDown: command})}
	vlan := 7
	for _, c := range []struct {
		bad  nic.Card
		want string
	}{
		{veth(nic.Card{Link: "nosuch"}), "link nosuch: no such device on the host"},
		{veth(nic.Card{Link: "un1"}), "link un1: is a device of type veth, not a bridge"},
		{veth(nic.Card{ScriptUp: "exit 3"}), "script.up"},
		{veth(nic.Card{ScriptUp: "sh -c 'kill -9 $$'"}), "killed by signal 9"},
		{veth(nic.Card{Name: "un0"}), "name un0: is taken in the container"},
		{veth(nic.Card{Link: "unbr", Up: true, IPv4: addr("10.1.0.1/24"), Gateway4: "auto"}), "ipv4.gateway auto: link unbr has no such address"},
		{veth(nic.Card{Up: true, IPv4: addr("10.1.0.1/24"), HardwareAddr: "02:00:00:00:00:02", Gateway4: "10.1.0.255"}), "ipv4.gateway 10.1.0.255"},
		{nic.Card{Type: nic.TypeVeth, Veth: &nic.Veth{Mode: nic.VethBridge, Pair: "un1"}}, "un1: exists already on the host"},
		{nic.Card{Type: nic.TypeVeth, Link: "unbr", Veth: &nic.Veth{Mode: nic.VethBridge, VLAN: &vlan}}, "bridge unbr does not filter VLANs"},
		{nic.Card{Type: nic.Phys, Link: "nosuch+"}, "no device of the host has a name that begins with nosuch"},
		{nic.Card{Type: nic.Phys, Link: "lo", Name: "x"}, "a loopback device can not be moved"},
		{nic.Card{Type: nic.TypeMacvlan, Link: "nosuch", Macvlan: &nic.Macvlan{Mode: "bridge"}}, "link nosuch: no such device"},
	} {
		t.Run(c.want, func(t *testing.T) {
			_ = os.Remove(log)
			err := Up(cards(append(append([]nic.Card{}, good...), c.bad)...), b.Target)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "lxc.net.2: ") {
				t.Fatalf("%v, want %q", err, c.want)
			}
			has(t, "host", ip(t, "link"), "un0@")
			hasNot(t, "host", ip(t, "link"), "veth")
			hasNot(t, "inside", b.ip(t, "link"), "un0", "kist")
			gone(t, dir)
			if data, err := os.ReadFile(log); err == nil && strings.Contains(string(data), "net up") != strings.Contains(string(data), "net down") {
				t.Errorf("scripts:\n%s", data)
			}
			b.ipMayFail("link del eth0")
		})
	}
}

// ipMayFail clears away a device whose namespace outlives the failed start.
func (b *box) ipMayFail(args string) {
	if l, err := b.h.LinkByName("eth0"); err == nil {
		_ = b.h.LinkDel(l)
	}
}

func TestTwoDefaultRoutes(t *testing.T) {
	b := newBox(t, t.TempDir())
	veth := func(net string) nic.Card {
		return nic.Card{Type: nic.TypeVeth, Up: true, IPv4: addr(net), Gateway4: "dev", Veth: &nic.Veth{Mode: nic.VethBridge}}
	}
	if err := Up(cards(veth("10.1.0.1/24"), veth("10.2.0.1/24")), b.Target); err == nil || !strings.Contains(err.Error(), "another card has set the default route") {
		t.Errorf("%v", err)
	}
}

func TestNotAContainer(t *testing.T) {
	needNamespaces(t)
	dir := t.TempDir()
	if err := Up(cards(), Target{ID: "a", Bundle: "/b", PID: os.Getpid(), Dir: dir}); !errors.Is(err, ErrHostNetwork) {
		t.Errorf("own namespace: %v", err)
	}
	if err := Up(cards(), Target{ID: "a", Bundle: "/b", PID: 1 << 22, Dir: dir}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no process: %v", err)
	}
	gone(t, dir)
}

// TestKinds makes what this kernel has, and wants a clear word about what it has not.
func TestKinds(t *testing.T) {
	b := newBox(t, t.TempDir())
	ip(t, "link add kl0 type veth peer name kl1")
	defer ip(t, "link del kl0")
	list := []nic.Card{{Type: nic.TypeVlan, Vlan: &nic.Vlan{ID: 12}}}
	for _, mode := range []string{"l2", "l3", "l3s"} {
		for _, isolation := range []string{"bridge", "private", "vepa"} {
			list = append(list, nic.Card{Type: nic.TypeIPVlan, IPVlan: &nic.IPVlan{Mode: mode, Isolation: isolation}})
		}
	}
	for _, c := range list {
		c.Link, c.Name = "kl0", "x0"
		err := Up(cards(c), b.Target)
		switch {
		case errors.Is(err, unix.EOPNOTSUPP):
			option := map[nic.Type]string{nic.TypeVlan: "CONFIG_VLAN_8021Q", nic.TypeIPVlan: "CONFIG_IPVLAN"}[c.Type]
			if !strings.Contains(err.Error(), "the kernel has no "+string(c.Type)+" devices") || !strings.Contains(err.Error(), option) {
				t.Errorf("%s: %v", c.Type, err)
			}
		case err != nil:
			t.Errorf("%s: %v", c.Type, err)
		case c.Type == nic.TypeVlan:
			has(t, "vlan", b.ip(t, "-d link show x0"), "802.1Q id 12")
		default:
			has(t, "ipvlan", b.ip(t, "-d link show x0"), "ipvlan mode "+c.IPVlan.Mode+" "+c.IPVlan.Isolation)
		}
		if err == nil {
			b.ip(t, "link del x0")
		}
		if err := Down(b.Target); err != nil {
			t.Fatal(err)
		}
	}
}
