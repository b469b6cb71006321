// SPDX-License-Identifier: Apache-2.0

package network

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

// create makes the card's device right inside the container, under its final name.
// What is made there vanishes with the namespace, so a crash leaves nothing
// behind; the host's end of a veth goes with its peer.
func (u *up) create(c *nic.Card, rec *cardRecord, name string) error {
	switch c.Type {
	case nic.TypeVeth:
		return u.createVeth(c, rec, name)
	case nic.TypeMacvlan, nic.TypeIPVlan, nic.TypeVlan:
		return u.createOnLink(c, name)
	case nic.Phys:
		return u.findPhys(c, rec, name)
	}
	return nil
}

func (u *up) attrs(c *nic.Card, name string) (netlink.LinkAttrs, error) {
	a := netlink.NewLinkAttrs()
	a.Name = name
	a.MTU = c.MTU
	if c.HardwareAddr != "" {
		mac, err := net.ParseMAC(c.HardwareAddr)
		if err != nil {
			return a, fmt.Errorf("hwaddr: %w", err)
		}
		a.HardwareAddr = mac
	}
	return a, nil
}

// createOnLink makes the kinds that sit on a device of the host.
func (u *up) createOnLink(c *nic.Card, name string) error {
	parent, err := u.hostLink(c.Link)
	if err != nil {
		return err
	}
	link, err := u.onLink(c, name, parent.Attrs().Index)
	if err != nil {
		return err
	}
	if err := u.ns.host.LinkAdd(link); err != nil {
		return createError(c, name, err)
	}
	return nil
}

// onLink describes the device; the socket is the host's, where the parent is, and
// the new device is born in the container.
func (u *up) onLink(c *nic.Card, name string, parent int) (netlink.Link, error) {
	a, err := u.attrs(c, name)
	if err != nil {
		return nil, err
	}
	a.ParentIndex = parent
	a.Namespace = netlink.NsFd(u.ns.insideFD)
	switch c.Type {
	case nic.TypeMacvlan:
		return &netlink.Macvlan{LinkAttrs: a, Mode: macvlanMode(c.Macvlan.Mode)}, nil
	case nic.TypeIPVlan:
		// An ipvlan has the address of its parent, and the kernel refuses another.
		if a.HardwareAddr != nil {
			return nil, errors.New("hwaddr: an ipvlan shares the address of its link and can have no other")
		}
		return &netlink.IPVlan{LinkAttrs: a, Mode: ipvlanMode(c.IPVlan.Mode), Flag: ipvlanFlag(c.IPVlan.Isolation)}, nil
	default:
		return &netlink.Vlan{LinkAttrs: a, VlanId: c.Vlan.ID, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}, nil
	}
}

func macvlanMode(s string) netlink.MacvlanMode {
	switch s {
	case "vepa":
		return netlink.MACVLAN_MODE_VEPA
	case "bridge":
		return netlink.MACVLAN_MODE_BRIDGE
	case "passthru":
		return netlink.MACVLAN_MODE_PASSTHRU
	}
	return netlink.MACVLAN_MODE_PRIVATE
}

func ipvlanMode(s string) netlink.IPVlanMode {
	switch s {
	case "l2":
		return netlink.IPVLAN_MODE_L2
	case "l3s":
		return netlink.IPVLAN_MODE_L3S
	}
	return netlink.IPVLAN_MODE_L3
}

func ipvlanFlag(s string) netlink.IPVlanFlag {
	switch s {
	case "private":
		return netlink.IPVLAN_FLAG_PRIVATE
	case "vepa":
		return netlink.IPVLAN_FLAG_VEPA
	}
	return netlink.IPVLAN_FLAG_BRIDGE
}

// createVeth makes a pair: one end here, its peer in the container.
func (u *up) createVeth(c *nic.Card, rec *cardRecord, name string) error {
	a, err := u.attrs(c, "")
	if err != nil {
		return err
	}
	if c.Link != "" {
		parent, err := u.hostLink(c.Link)
		if err != nil {
			return err
		}
		if a.MTU == 0 {
			// A port with a larger MTU than its bridge loses packets.
			a.MTU = parent.Attrs().MTU
		}
	}
	a.NumTxQueues, a.NumRxQueues = c.Veth.TxQueues, c.Veth.RxQueues
	veth := &netlink.Veth{
		LinkAttrs: a, PeerName: name, PeerHardwareAddr: a.HardwareAddr,
		PeerNamespace: netlink.NsFd(u.ns.insideFD), PeerTxQLen: -1,
	}
	// A bridge takes the lowest address of its ports for its own. fe: is above
	// what cards have, so that the bridge's address does not change whenever a
	// container comes or goes.
	if veth.HardwareAddr, err = hostEndAddr(); err != nil {
		return err
	}
	for {
		veth.Name = c.Veth.Pair
		if veth.Name == "" {
			if veth.Name, err = hostEndName(); err != nil {
				return err
			}
		}
		rec.HostEnd = veth.Name
		if err := u.rec.write(); err != nil {
			return err
		}
		err = u.ns.host.LinkAdd(veth)
		if !errors.Is(err, unix.EEXIST) || c.Veth.Pair != "" {
			break
		}
		if _, findErr := u.ns.inside.LinkByName(name); findErr == nil {
			break // it is the other end's name that is taken
		}
	}
	if err != nil {
		if errors.Is(err, unix.EEXIST) {
			if _, findErr := u.ns.host.LinkByName(veth.Name); findErr == nil {
				return fmt.Errorf("%s: exists already on the host: two containers with the same veth.pair can not run at once", veth.Name)
			}
		}
		return createError(c, name, err)
	}
	host, err := u.ns.host.LinkByName(veth.Name)
	if err != nil {
		return fmt.Errorf("%s: find on the host: %w", veth.Name, err)
	}
	rec.HostIndex = host.Attrs().Index
	if err := u.rec.write(); err != nil {
		return err
	}
	return u.attach(c, rec, host)
}

func hostEndName() (string, error) {
	// As LXC's: veth and six letters or digits.
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	var b [6]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fmt.Errorf("random name: %w", err)
	}
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return "veth" + string(b[:]), nil
}

func hostEndAddr() (net.HardwareAddr, error) {
	mac := make(net.HardwareAddr, 6)
	if _, err := rand.Read(mac); err != nil {
		return nil, fmt.Errorf("random hardware address: %w", err)
	}
	mac[0] = 0xfe
	return mac, nil
}

// hostLink finds a device of the host.
func (u *up) hostLink(name string) (netlink.Link, error) {
	link, err := u.ns.host.LinkByName(name)
	if err != nil {
		if isNotFound(err) {
			return nil, fmt.Errorf("link %s: no such device on the host", name)
		}
		return nil, fmt.Errorf("link %s: find on the host: %w", name, err)
	}
	return link, nil
}

// createError says what the kernel's refusals mean.
func createError(c *nic.Card, name string, err error) error {
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		option := strings.ToUpper(string(c.Type))
		if c.Type == nic.TypeVlan {
			option = "VLAN_8021Q"
		}
		return fmt.Errorf("create %s %s: %w (the kernel has no %[1]s devices: load the module or build it with CONFIG_%[4]s)", c.Type, name, err, option)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("create %s %s on %s: %w (the link belongs to a bridge or bond, or another card in mode passthru has it)", c.Type, name, c.Link, err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("create %s %s on %s: %w (the name is taken in the container, or the link has such a device already)", c.Type, name, c.Link, err)
	}
	return fmt.Errorf("create %s %s: %w", c.Type, name, needAdmin(err))
}

// writeSysctl sets a value below /proc/sys/net, which is that of the namespace of
// the process that opens it: the host's.
func writeSysctl(path, value string) error {
	f, err := os.OpenFile("/proc/sys/net/"+path, os.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("sysctl net/%s: %w", path, err)
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}

func readSysctl(path string) (string, error) {
	data, err := os.ReadFile("/proc/sys/net/" + path)
	if err != nil {
		return "", fmt.Errorf("sysctl net/%s: %w", path, err)
	}
	return strings.TrimSpace(string(data)), nil
}
