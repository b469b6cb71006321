// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

// Down takes down what Up made, from the record alone: the bundle may be gone or
// changed. It may be called again and again, after a crash at any point, and
// without an Up before it. It does as much as it can; the record stays if
// something is left to do. Only t.ID, t.Bundle and t.Dir are used.
func Down(t Target) error {
	r, err := readRecord(t)
	if err != nil {
		return err
	}
	if r == nil {
		return unpin(t)
	}
	host, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: open in the host's network namespace: %w", err)
	}
	defer host.Close()
	fd, err := openPin(r.Target)
	if err != nil {
		return err
	}
	if fd >= 0 {
		defer unix.Close(fd)
	}
	var errs []error
	for i := range r.Cards {
		if err := r.takeDown(&r.Cards[i], host, fd); err != nil {
			errs = append(errs, fmt.Errorf("lxc.net.%d: %s: %w", r.Cards[i].Index, r.Cards[i].Type, err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(append(errs, r.write())...)
	}
	if err := unpin(r.Target); err != nil {
		return err
	}
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("network record: %w", err)
	}
	return nil
}

// takeDown works off one card. What is done is struck from the record, which is
// written before a script runs, so that no script runs twice.
func (r *record) takeDown(c *cardRecord, host *netlink.Handle, fd int) error {
	errs := []error{r.bringBackAll(c, host, fd)}
	if c.ScriptDown != "" {
		s := script{
			command: c.ScriptDown, direction: "down", container: r.Container, hookVersion: r.HookVersion,
			card: *c, env: []string{"LXC_PID=" + strconv.Itoa(r.PID)},
		}
		if fd >= 0 {
			s.env = append(s.env, "LXC_NET_NS="+r.pinPath())
		}
		c.ScriptDown = ""
		errs = append(errs, r.write())
		if err := s.run(); err != nil {
			// As in LXC: said, and otherwise of no consequence.
			fmt.Fprintf(os.Stderr, "lxc.net.%d: %v\n", c.Index, err)
		}
	}
	errs = append(errs, c.removeProxies(host))
	if c.OpenVSwitch {
		if err := vswitch("--if-exists", "del-port", c.Link, c.HostEnd); err != nil {
			errs = append(errs, err)
		} else {
			c.OpenVSwitch = false
		}
	}
	return errors.Join(append(errs, c.removeHostEnd(host))...)
}

// bringBackAll returns the card's physical devices. Without the kept namespace they
// are on their way back by the kernel's own doing.
func (r *record) bringBackAll(c *cardRecord, host *netlink.Handle, fd int) error {
	if len(c.Phys) == 0 || fd < 0 {
		c.Phys = nil
		return nil
	}
	hostFD, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("/proc/thread-self/ns/net: open: %w", err)
	}
	defer unix.Close(hostFD)
	inside, err := netlink.NewHandleAt(netns.NsHandle(fd), unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("netlink: open in the container's network namespace: %w", needAdmin(err))
	}
	defer inside.Close()
	n := &namespaces{host: host, inside: inside, insideFD: fd, hostFD: hostFD}
	var errs []error
	var left []physRecord
	for _, p := range c.Phys {
		err := bringBack(n, p)
		if errors.Is(err, errGone) {
			fmt.Fprintf(os.Stderr, "lxc.net.%d: %v\n", c.Index, err)
		} else if err != nil {
			errs, left = append(errs, err), append(left, p)
		}
	}
	c.Phys = left
	return errors.Join(errs...)
}

func (c *cardRecord) removeProxies(host *netlink.Handle) error {
	if len(c.Proxies) == 0 {
		return nil
	}
	link, err := host.LinkByName(c.Link)
	if err != nil {
		if isNotFound(err) {
			c.Proxies = nil // they went with the link
			return nil
		}
		return fmt.Errorf("link %s: find on the host: %w", c.Link, err)
	}
	var errs []error
	var left []string
	for _, ip := range c.Proxies {
		n, err := proxyEntry(link.Attrs().Index, netlink.NTF_PROXY, ip)
		if err == nil {
			err = host.NeighDel(n)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			errs, left = append(errs, fmt.Errorf("stop answering for %s on %s: %w", ip, c.Link, err)), append(left, ip)
			continue
		}
		if c.Type == string(nic.TypeIPVlan) {
			if err := removeLoopRoute(host, n.IP); err != nil {
				errs = append(errs, err)
			}
		}
	}
	c.Proxies = left
	return errors.Join(errs...)
}

func removeLoopRoute(host *netlink.Handle, ip []byte) error {
	lo, err := host.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("lo: find on the host: %w", err)
	}
	route := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: hostNet(ip)}
	if len(ip) == 4 {
		route.Scope = netlink.SCOPE_LINK
	}
	if err := host.RouteDel(route); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("l2proxy: remove route to lo: %w", err)
	}
	return nil
}

// removeHostEnd deletes the host's end of a veth, if it is still there and still
// that: names are used again, indexes are not.
func (c *cardRecord) removeHostEnd(host *netlink.Handle) error {
	if c.HostEnd == "" || c.HostIndex == 0 {
		return nil
	}
	link, err := host.LinkByIndex(c.HostIndex)
	if err != nil {
		if isNotFound(err) {
			return nil
		}
		return fmt.Errorf("%s: find on the host: %w", c.HostEnd, err)
	}
	if link.Type() != "veth" {
		return nil
	}
	if err := host.LinkDel(link); err != nil && !isNotFound(err) {
		return fmt.Errorf("%s: delete: %w", c.HostEnd, err)
	}
	return nil
}
