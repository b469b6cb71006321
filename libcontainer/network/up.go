// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"kist/lxc/network/nic"
)

// up is one run of Up.
type up struct {
	ns  *namespaces
	rec *record
	set *nic.Set
}

// Up makes a container's cards and configures them, in LXC's order: every card is
// created and its script.up run, then physical devices move in, then named cards
// are configured and after them the numbered ones. PID must be a process in the
// container's network namespace.
//
// A record in t.Dir says what was done, for Down. A record of an earlier container
// of the same name, whose runtime crashed, is worked off first. After an error
// everything is undone.
func Up(set *nic.Set, t Target) error {
	start, err := startTime(t.PID)
	if err != nil {
		return fmt.Errorf("container process: %w", err)
	}
	old, err := readRecord(t)
	if err != nil {
		return err
	}
	if old != nil {
		if old.alive() {
			return fmt.Errorf("container %s: its network is up already, for process %d", t.ID, old.PID)
		}
		if err := Down(t); err != nil {
			return fmt.Errorf("container %s: clear away what an earlier run left: %w", t.ID, err)
		}
	}
	fd, err := unix.Open("/proc/"+strconv.Itoa(t.PID)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("container process %d: network namespace: open: %w", t.PID, err)
	}
	defer unix.Close(fd)
	// A process that ended in between may have left its number to another.
	if again, err := startTime(t.PID); err != nil || again != start {
		return fmt.Errorf("container process %d: ended", t.PID)
	}
	ns, err := openNamespaces(fd)
	if err != nil {
		return err
	}
	defer ns.close()
	u := &up{ns: ns, set: set, rec: &record{
		Target: t, Start: start, Container: set.Container, HookVersion: set.HookVersion, path: t.recordPath(),
		// Pointers into it stay valid: it never grows.
		Cards: make([]cardRecord, 0, len(set.Cards)),
	}}
	if err := u.run(); err != nil {
		if undo := Down(t); undo != nil {
			err = fmt.Errorf("%w; and undoing it: %w", err, undo)
		}
		return err
	}
	return nil
}

func (u *up) run() error {
	cards := u.set.Cards
	for i := range cards {
		if err := u.resolveAuto(&cards[i]); err != nil {
			return cardError(&cards[i], err)
		}
	}
	names, err := u.names()
	if err != nil {
		return err
	}
	if u.leavesTraces() {
		if err := u.rec.write(); err != nil {
			return err
		}
	}
	for i := range cards {
		c := &cards[i]
		if (c.Type == nic.Phys || c.ScriptDown != "") && !u.pinned() {
			if err := pin(u.rec.Target, u.ns.insideFD); err != nil {
				return err
			}
		}
		if err := u.bringUp(c, names[i]); err != nil {
			return cardError(c, err)
		}
	}
	for i := range cards {
		if err := u.movePhys(&cards[i], &u.rec.Cards[i]); err != nil {
			return cardError(&cards[i], err)
		}
	}
	for _, numbered := range [...]bool{false, true} {
		for i := range cards {
			c := &cards[i]
			if names[i] == "" || isNumbered(c) != numbered {
				continue
			}
			if err := u.configure(c, names[i]); err != nil {
				return cardError(c, err)
			}
			if err := u.proxyGateways(c, &u.rec.Cards[i]); err != nil {
				return cardError(c, err)
			}
		}
	}
	return u.loopback(u.set.Up())
}

func cardError(c *nic.Card, err error) error {
	return fmt.Errorf("lxc.net.%d: %s: %w", c.Index, c.Type, err)
}

// leavesTraces reports whether there will be anything for Down to do. Without
// cards there is not, and no file is written.
func (u *up) leavesTraces() bool {
	for i := range u.set.Cards {
		c := &u.set.Cards[i]
		if c.Type != nic.Empty && c.Type != nic.None || c.ScriptUp != "" || c.ScriptDown != "" {
			return true
		}
	}
	return false
}

func (u *up) pinned() bool {
	fd, err := openPin(u.rec.Target)
	if err != nil || fd < 0 {
		return false
	}
	defer unix.Close(fd)
	same, err := sameFile(fd, u.ns.insideFD)
	return err == nil && same
}

// bringUp creates one card and runs its script.
func (u *up) bringUp(c *nic.Card, name string) error {
	u.rec.Cards = append(u.rec.Cards, cardRecord{Index: c.Index, Type: string(c.Type), Link: c.Link})
	rec := &u.rec.Cards[len(u.rec.Cards)-1]
	if c.Type == nic.None {
		return nil
	}
	if err := u.create(c, rec, name); err != nil {
		return err
	}
	if err := u.proxyAddresses(c, rec); err != nil {
		return err
	}
	// Before the script: if it fails half way, its counterpart has to clean up.
	rec.ScriptDown = c.ScriptDown
	if u.leavesTraces() {
		if err := u.rec.write(); err != nil {
			return err
		}
	}
	if c.ScriptUp == "" {
		return nil
	}
	return script{
		command: c.ScriptUp, direction: "up", container: u.set.Container, hookVersion: u.set.HookVersion,
		card: *rec, env: []string{"LXC_PID=" + strconv.Itoa(u.rec.PID)},
	}.run()
}

// isNumbered reports whether the card gets the next free number instead of a name.
func isNumbered(c *nic.Card) bool {
	return c.Name == "" && c.Type != nic.Phys || strings.Contains(c.Name, "%")
}

// names decides every card's name in the container, empty for those without a
// device: given names first, then the lowest numbers that are free.
func (u *up) names() ([]string, error) {
	present, err := u.ns.inside.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list devices of the container: %w", err)
	}
	inUse := map[string]bool{}
	for _, l := range present {
		inUse[l.Attrs().Name] = true
	}
	cards := u.set.Cards
	names := make([]string, len(cards))
	for i := range cards {
		c := &cards[i]
		if c.Type == nic.Empty || c.Type == nic.None || isNumbered(c) {
			continue
		}
		names[i] = c.Name
		if c.Type == nic.Phys {
			links, err := u.physLinks(c.Link)
			if err != nil {
				return nil, cardError(c, err)
			}
			for j, l := range links {
				name := l.Attrs().Name
				if j == len(links)-1 {
					if names[i] == "" {
						names[i] = name
					}
					break
				}
				if inUse[name] {
					return nil, cardError(c, fmt.Errorf("%s: the name is taken in the container", name))
				}
				inUse[name] = true
			}
		}
		if inUse[names[i]] {
			return nil, cardError(c, fmt.Errorf("name %s: is taken in the container", names[i]))
		}
		inUse[names[i]] = true
	}
	for i := range cards {
		c := &cards[i]
		if c.Type == nic.Empty || c.Type == nic.None || !isNumbered(c) {
			continue
		}
		pattern := c.Name
		if pattern == "" {
			pattern = "eth%d"
		}
		for n := 0; names[i] == "" || inUse[names[i]]; n++ {
			names[i] = nic.Number(pattern, n)
			if err := nic.CheckName(names[i]); err != nil {
				return nil, cardError(c, errors.Join(errors.New("no free number for the name"), err))
			}
		}
		inUse[names[i]] = true
	}
	return names, nil
}
