// SPDX-License-Identifier: Apache-2.0

// Package nic describes the network cards of an imported LXC container: the one
// type on both sides of the file lxc-net.json in the bundle.
//
// `kist import` writes the file (kist/lxc/network), the hooks `kist lxc-net up`
// and `kist lxc-net down` read it (kist/libcontainer/network), perhaps months
// later and under another runtime. The package therefore imports nothing but the
// standard library, describes and checks, and never looks at a host: whether a
// bridge exists is found out when the container starts.
package nic

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// FileName is the name of the file in the bundle.
const FileName = "lxc-net.json"

// Format is the value of Set.Format that this package reads and writes.
const Format = 1

// Set is the whole file: all cards of a container.
type Set struct {
	// Format is the version of this description.
	Format int `json:"format"`
	// Container is the name that scripts are told, LXC's name of the container.
	Container string `json:"container"`
	// HookVersion is lxc.hook.version: 0 passes names to scripts as arguments,
	// 1 also as environment.
	HookVersion int `json:"hookVersion"`
	// Cards are in the order of their index.
	Cards []Card `json:"cards"`
}

// Card is one network card, lxc.net.N.
type Card struct {
	// Index is N. It need not be the position in the list.
	Index int  `json:"index"`
	Type  Type `json:"type"`
	// Up brings the card up, and lo with it.
	Up bool `json:"up,omitempty"`
	// Link is a device of the host: the bridge of a veth, the device under a
	// macvlan, ipvlan or vlan, the device to move for phys (where a final "+"
	// stands for every device whose name begins so).
	Link string `json:"link,omitempty"`
	// Name is the name inside; empty means the next free eth0, eth1, …, for
	// phys the name it has.
	Name string `json:"name,omitempty"`
	// HardwareAddr is six octets; empty leaves the choice to the kernel.
	HardwareAddr string `json:"hardwareAddr,omitempty"`
	// MTU in bytes; 0 means that of the bridge for a veth, and else the kernel's.
	MTU int `json:"mtu,omitempty"`
	// IPv4 and IPv6 are in the order in which they are added.
	IPv4 []Address `json:"ipv4,omitempty"`
	IPv6 []Address `json:"ipv6,omitempty"`
	// Gateway4 and Gateway6 are an address, GatewayAuto or GatewayDevice.
	Gateway4 string `json:"gateway4,omitempty"`
	Gateway6 string `json:"gateway6,omitempty"`
	// L2Proxy answers ARP and NDP for the addresses on Link.
	L2Proxy bool `json:"l2proxy,omitempty"`
	// ScriptUp and ScriptDown are shell command lines, run on the host.
	ScriptUp   string `json:"scriptUp,omitempty"`
	ScriptDown string `json:"scriptDown,omitempty"`

	// Of the following, only the one that belongs to Type is set.
	Veth    *Veth    `json:"veth,omitempty"`
	Macvlan *Macvlan `json:"macvlan,omitempty"`
	IPVlan  *IPVlan  `json:"ipvlan,omitempty"`
	Vlan    *Vlan    `json:"vlan,omitempty"`
}

// Type is the kind of a card.
type Type string

// The kinds of cards. A card of type none next to others does nothing; alone it
// stands for the host's network and needs no file.
const (
	None        Type = "none"
	Empty       Type = "empty"
	TypeVeth    Type = "veth"
	TypeMacvlan Type = "macvlan"
	TypeIPVlan  Type = "ipvlan"
	TypeVlan    Type = "vlan"
	Phys        Type = "phys"
)

// What a gateway can be besides an address.
const (
	// GatewayAuto is the first address of Link on the host.
	GatewayAuto = "auto"
	// GatewayDevice is a default route through the card, without a gateway.
	GatewayDevice = "dev"
)

// Address is an address with the length of its network's prefix.
type Address struct {
	Prefix netip.Prefix `json:"prefix"`
	// Broadcast is for IPv4; the zero value means that of the network, and none
	// for /31 and /32.
	Broadcast netip.Addr `json:"broadcast,omitzero"`
}

// Veth is what only a veth pair has.
type Veth struct {
	Mode VethMode `json:"mode"`
	// Pair is the name of the host's end; empty means vethXXXXXX.
	Pair string `json:"pair,omitempty"`
	// Routes lead on the host to the pair.
	Routes []netip.Prefix `json:"routes,omitempty"`
	// VLAN is the untagged VLAN of the bridge port: a number, or VLANNone to
	// take the port out of the bridge's default; nil leaves that default.
	VLAN *int `json:"vlan,omitempty"`
	// Tagged are its tagged VLANs.
	Tagged []int `json:"tagged,omitempty"`
	// RxQueues and TxQueues are 0 for the kernel's choice.
	RxQueues int `json:"rxQueues,omitempty"`
	TxQueues int `json:"txQueues,omitempty"`
}

// VLANNone is the value none of lxc.net.N.veth.vlan.id.
const VLANNone = -1

// VethMode is what happens to the host's end.
type VethMode string

// The modes of a veth pair. LXC calls a bridge without a link p2p: the end is
// left for a script to attach.
const (
	VethBridge VethMode = "bridge"
	VethRouter VethMode = "router"
)

// Macvlan is what only a macvlan has.
type Macvlan struct {
	// Mode is private, vepa, bridge or passthru.
	Mode string `json:"mode"`
}

// IPVlan is what only an ipvlan has.
type IPVlan struct {
	// Mode is l3, l3s or l2.
	Mode string `json:"mode"`
	// Isolation is bridge, private or vepa.
	Isolation string `json:"isolation"`
}

// Vlan is what only an 802.1Q device has.
type Vlan struct {
	ID int `json:"id"`
}

// Up reports whether any card is brought up; lo is then up too, and else down.
func (s *Set) Up() bool {
	for i := range s.Cards {
		if s.Cards[i].Up && s.Cards[i].Type != None {
			return true
		}
	}
	return false
}

// maxFile is the largest lxc-net.json read, in bytes.
const maxFile = 4 << 20

// Read decodes and checks lxc-net.json. Errors carry a JSON pointer.
func Read(r io.Reader) (*Set, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: read: %w", FileName, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: larger than %d bytes", FileName, maxFile)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s Set
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("%s: %w", FileName, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: something follows the document", FileName)
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", FileName, err)
	}
	return &s, nil
}

// Encode is the text of the file.
func (s *Set) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("%s: encode: %w", FileName, err)
	}
	return append(data, '\n'), nil
}
