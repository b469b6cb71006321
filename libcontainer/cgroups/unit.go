// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/cgroups/systemd"
)

// unit is the systemd side of a cgroup. systemd owns the directory and the
// attributes that it has properties for; kist writes the same values again for
// what the properties cannot express (rounded quotas, single devices).
type unit struct {
	name  string // "kist-ID.scope", or a slice
	slice string
	own   []systemd.Property // of annotations
	conn  *systemd.Conn
	job   *systemd.Job // the start that is under way
}

// initSystemd decides unit and path from "slice:prefix:name".
func (c *Cgroup) initSystemd() error {
	if err := c.initUnit(); err != nil {
		return err
	}
	inner, err := c.unit.path()
	if err != nil {
		return err
	}
	if c.cfg.Rootless {
		own, err := c.managerCgroup()
		if err != nil {
			return err
		}
		inner = path.Join(own, inner)
	}
	return c.resolve(inner)
}

// initUnit decides the names alone.
func (c *Cgroup) initUnit() error {
	if st, err := os.Lstat("/run/systemd/system"); err != nil || !st.IsDir() {
		return errors.New("--systemd-cgroup: systemd is not running on this host: use the cgroupfs driver (leave the flag out)")
	}
	if c.cfg.Rootless && c.mode != V2 {
		return errors.New("--systemd-cgroup: a rootless container needs cgroup v2: v1 has no safe delegation")
	}
	slice, prefix, name := "", "kist", c.cfg.ID
	if p := c.cfg.Path; p != "" {
		f := strings.Split(p, ":")
		if len(f) != 3 {
			return fmt.Errorf("%s: %q: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups", pathPointer, p)
		}
		slice, prefix, name = f[0], f[1], f[2]
	}
	if slice == "" {
		slice = "system.slice"
		if c.cfg.Rootless {
			slice = "user.slice"
		}
	}
	if _, err := expandSlice(slice); err != nil {
		return fmt.Errorf("%s: %w", pathPointer, err)
	}
	switch {
	case name == "":
		return fmt.Errorf("%s: %q: the name is empty", pathPointer, c.cfg.Path)
	case strings.HasSuffix(name, ".slice"):
		if _, err := expandSlice(name); err != nil {
			return fmt.Errorf("%s: %w", pathPointer, err)
		}
	case prefix == "":
		name += ".scope"
	default:
		name = prefix + "-" + name + ".scope"
	}
	if !validUnit(name) {
		return fmt.Errorf("%s: %q is not a unit name (letters, digits and :-_.\\@, at most 255 bytes)", pathPointer, name)
	}
	own, err := annotatedProperties(c.cfg.Annotations)
	c.unit = unit{name: name, slice: slice, own: own}
	return err
}

func (u *unit) isSlice() bool { return strings.HasSuffix(u.name, ".slice") }

// path returns the cgroup that systemd will make for the unit.
func (u *unit) path() (string, error) {
	if u.isSlice() {
		// A slice's place follows from its own name.
		return expandSlice(u.name)
	}
	p, err := expandSlice(u.slice)
	return path.Join(p, u.name), err
}

// validUnit follows systemd.unit(5).
func validUnit(name string) bool {
	for i := 0; i < len(name); i++ {
		switch b := name[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9', strings.IndexByte(`:-_.\@`, b) >= 0:
		default:
			return false
		}
	}
	return len(name) <= 255
}

// expandSlice returns the path of a slice: a-b.slice is in a.slice.
func expandSlice(slice string) (string, error) {
	name, ok := strings.CutSuffix(slice, ".slice")
	if !ok || name == "" || !validUnit(slice) {
		return "", fmt.Errorf("%q is not a slice name", slice)
	}
	if name == "-" {
		return "/", nil
	}
	p := ""
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '-' {
			continue
		}
		if i == 0 || name[i-1] == '-' {
			return "", fmt.Errorf("%q is not a slice name: a part between dashes is empty", slice)
		}
		p += "/" + name[:i] + ".slice"
	}
	return p, nil
}

// systemd returns the connection, made at the first use.
func (c *Cgroup) systemd() (*systemd.Conn, error) {
	if c.unit.conn == nil {
		conn, err := systemd.Connect(c.cfg.Rootless)
		if err != nil {
			return nil, err
		}
		c.unit.conn = conn
	}
	return c.unit.conn, nil
}

// Close ends the connection to systemd, if there is one.
func (c *Cgroup) Close() {
	if c.unit.conn != nil {
		c.unit.conn.Close()
		c.unit.conn = nil
	}
}

// managerCgroup is where the user's systemd keeps its units.
func (c *Cgroup) managerCgroup() (string, error) {
	conn, err := c.systemd()
	if err != nil {
		return "", err
	}
	p, err := conn.ControlGroup()
	if err != nil {
		return "", err
	}
	if p == "" {
		return "/", nil // the root of what it can see
	}
	if !strings.HasPrefix(p, "/") {
		return "", fmt.Errorf("systemd: its control group is %q", p)
	}
	return p, checkComponents(p)
}

// askForUnit asks systemd for the scope around a process, which is the only way
// a scope comes into being. It comes with its limits, so that there is nothing
// left to tell systemd once it is there, except on v1 (see setUnit).
func (c *Cgroup) askForUnit(pid int) error {
	conn, err := c.systemd()
	if err != nil {
		return err
	}
	props := []systemd.Property{{Name: "Description", Value: systemd.String(c.description())}}
	if c.unit.isSlice() {
		props = append(props, systemd.Property{Name: "Wants", Value: systemd.Strings(c.unit.slice)})
	} else {
		props = append(props,
			systemd.Property{Name: "Slice", Value: systemd.String(c.unit.slice)},
			systemd.Property{Name: "Delegate", Value: systemd.Bool(true)},
			systemd.Property{Name: "PIDs", Value: systemd.Uint32s(uint32(pid))},
		)
	}
	// Accounting on from the start: switched on later it would miss what was
	// used before.
	io := "IOAccounting"
	if c.mode != V2 {
		io = "BlockIOAccounting"
	}
	for _, name := range [...]string{"MemoryAccounting", "CPUAccounting", io, "TasksAccounting"} {
		props = append(props, systemd.Property{Name: name, Value: systemd.Bool(true)})
	}
	// Stopping at shutdown together with the default targets is for services.
	props = append(props, systemd.Property{Name: "DefaultDependencies", Value: systemd.Bool(false)})
	props = append(props, c.unit.own...)
	if p, ok, err := c.oomPolicy(conn); err != nil {
		return err
	} else if ok {
		props = append(props, p)
	}
	if c.limitsAtStart() {
		// systemd is not to hear of what Set would refuse.
		if _, err := settings(c.cfg.Resources, true); err != nil {
			return err
		}
		limits, err := c.limitProperties(conn, value(c.cfg.Resources), true)
		if err != nil {
			return err
		}
		props = append(props, limits...)
	}
	c.unit.job, err = conn.Start(c.unit.name, props)
	return err
}

// limitsAtStart: on v2 a process may be under its limits and its device filter
// before all of its set-up is done, as one is that is born in its cgroup.
func (c *Cgroup) limitsAtStart() bool { return c.mode == V2 && !c.unit.isSlice() }

// startUnit waits for the unit.
func (c *Cgroup) startUnit(pid int) error {
	if c.unit.job == nil {
		if err := c.askForUnit(pid); err != nil {
			return err
		}
	}
	job := c.unit.job
	c.unit.job = nil
	if err := job.Wait(); err != nil {
		return c.blameAnnotations(err)
	}
	if err := c.adoptUnit(pid); err != nil {
		_ = c.unit.conn.Stop(c.unit.name)
		return err
	}
	return nil
}

// blameAnnotations adds the properties that are not kist's: systemd does not
// always say which one it did not like.
func (c *Cgroup) blameAnnotations(err error) error {
	if e := (*systemd.Error)(nil); len(c.unit.own) == 0 || !errors.As(err, &e) {
		return err
	}
	var names strings.Builder
	for _, p := range c.unit.own {
		names.WriteString(" " + p.Name)
	}
	return fmt.Errorf("%w; properties that annotations have set:%s", err, &names)
}

// adoptUnit does what systemd has left: the hierarchies that it does not
// manage, the mark, the delegation; and it checks that the process really is
// where it should be (systemd has been seen to report success without moving
// it).
func (c *Cgroup) adoptUnit(pid int) error {
	now := mark{id: c.cfg.ID}
	for i := range c.dirs {
		d := &c.dirs[i]
		if d.alias {
			continue
		}
		err := mkdir(d.path)
		if errors.Is(err, unix.ENOENT) {
			if err = mkdirParents(d.mount, path.Dir(d.path), false); err == nil {
				err = mkdir(d.path)
			}
		}
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return pathError("create", d.path, err)
		}
		if d.controller == "cpuset" {
			if err := fillCpuset(d, false); err != nil {
				return err
			}
		}
	}
	if err := c.writeMark(now); err != nil {
		return pathError("mark as ours", c.dirs[0].path, err)
	}
	if c.mode == V2 {
		if err := c.prepareV2(&c.dirs[0], path.Dir(c.dirs[0].path)); err != nil {
			return err
		}
	}
	if err := c.attachDirs(pid); err != nil {
		return err
	}
	pids, err := pidsOf(c.dirs[0].path)
	if err != nil {
		return err
	}
	if !slices.Contains(pids, pid) {
		return fmt.Errorf("systemd: unit %s: pid %d is not in %s although systemd has reported success", c.unit.name, pid, c.dirs[0].path)
	}
	return nil
}

// setUnit tells systemd the limits that it has properties for, so that a
// daemon-reload does not undo them. With devices unchanged nothing is said of
// them: a hook may have allowed further ones in systemd's own filter.
func (c *Cgroup) setUnit(r *specs.LinuxResources, devices bool) error {
	conn, err := c.systemd()
	if err != nil {
		return err
	}
	props, err := c.limitProperties(conn, value(r), devices)
	if err != nil {
		return err
	}
	// The container must not notice that systemd v1 first denies all devices
	// and then allows them one by one.
	if c.mode != V2 && devices {
		if f := c.dir("freezer"); f != nil {
			if frozen, _ := c.Frozen(); !frozen && freezeV1(f.path) == nil {
				defer func() { _ = writeFile(f.path+"/freezer.state", "THAWED") }()
			}
		}
	}
	return conn.SetProperties(c.unit.name, props)
}

// limitProperties translates limits and device rules.
func (c *Cgroup) limitProperties(conn *systemd.Conn, r specs.LinuxResources, devices bool) ([]systemd.Property, error) {
	version, err := conn.Version()
	if err != nil {
		return nil, err
	}
	props, err := unitProperties(&r, c.mode == V2, version)
	if err != nil || !devices {
		return props, err
	}
	rules, err := deviceRules(r.Devices)
	return append(props, deviceProperties(rules)...), err
}

// oomPolicy translates memory.oom.group, which systemd takes only when a unit
// starts.
func (c *Cgroup) oomPolicy(conn *systemd.Conn) (systemd.Property, bool, error) {
	if c.cfg.Resources == nil || c.mode != V2 {
		return systemd.Property{}, false, nil
	}
	policy := ""
	switch strings.TrimSpace(c.cfg.Resources.Unified["memory.oom.group"]) {
	case "0":
		policy = "continue"
	case "1":
		policy = "kill"
	default:
		return systemd.Property{}, false, nil
	}
	const since = 253
	version, err := conn.Version()
	return systemd.Property{Name: "OOMPolicy", Value: systemd.String(policy)}, err == nil && version >= since, err
}

const propertyAnnotation = "org.systemd.property."

// annotatedProperties translates annotations to unit properties. A name ending
// in Sec is turned into USec with its value in microseconds.
func annotatedProperties(annotations map[string]string) ([]systemd.Property, error) {
	var props []systemd.Property
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, propertyAnnotation)
		if !ok {
			continue
		}
		fail := func(err error) error {
			return fmt.Errorf("/annotations/%s: %w", escapePointer(key), err)
		}
		if !validProperty(name) {
			return nil, fail(errors.New("is not the name of a unit property"))
		}
		v, err := systemd.ParseVariant(annotations[key])
		if err != nil {
			return nil, fail(err)
		}
		if n := len(name) - 3; n > 0 && name[n:] == "Sec" && name[n-1] >= 'a' && name[n-1] <= 'z' {
			if v, err = v.Microseconds(); err != nil {
				return nil, fail(err)
			}
			name = name[:n] + "USec"
		}
		props = append(props, systemd.Property{Name: name, Value: v})
	}
	return props, nil
}

func validProperty(name string) bool {
	for i := 0; i < len(name); i++ {
		if b := name[i] | 0x20; b < 'a' || b > 'z' {
			return false
		}
	}
	return len(name) >= 3 && len(name) <= 128
}
