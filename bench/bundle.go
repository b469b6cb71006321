// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// bencher is one view's measurements: bundles below /run, runtimes found.
type bencher struct {
	view        string
	prefix      string // of the names of containers: what begins so is ours to remove
	rootfs      string
	runtimes    []string // in the order of the table
	path        map[string]string
	columns     []string // of the table that is printed
	peers       []string // what kist is compared with in it
	row         string   // the measurement that runs
	notes       []string
	deviceRules bool // on v2: the configuration denies devices, see devices
}

// row is one measurement. Its name is what -rows is matched with.
type row struct {
	name string
	do   func(*bencher, string) error
}

func measure(view, prefix string) error {
	if view != "engines" {
		if err := prepare(view); err != nil {
			return err
		}
	}
	b := &bencher{view: view, prefix: prefix, rootfs: "/run/bench/rootfs", path: map[string]string{}}
	for name, path := range map[string]string{"kist": *kist, "crun": "crun", "runc": "runc"} {
		if abs, err := absolute(path); err == nil {
			b.path[name] = abs
		}
	}
	for _, name := range []string{"kist", "crun", "runc"} {
		if b.path[name] != "" {
			b.runtimes = append(b.runtimes, name)
		}
	}
	if b.path["kist"] == "" {
		return errors.New("no kist to measure")
	}
	if view == "engines" {
		b.path["kist"] = "/usr/local/bin/kist" // see bench/engines
		return b.engines()
	}
	if err := b.makeRootfs(); err != nil {
		return err
	}
	columns := append(append([]string{}, b.runtimes...), "floor")
	if b.lxc() != "" {
		columns = append(columns, "lxc-execute")
	}
	b.peers = []string{"crun", "floor"}
	b.heading("cgroup "+view+": median / p95 in ms", columns, []string{"kist : crun", "kist : floor"})
	if err := b.each(runtimeRows); err != nil {
		return err
	}
	b.footnotes()
	b.peers = nil
	b.heading("cgroup "+view, b.runtimes, nil)
	if err := b.each(sizeRows); err != nil {
		return err
	}
	b.footnotes()
	return nil
}

func absolute(path string) (string, error) {
	if !strings.Contains(path, "/") {
		return exec.LookPath(path)
	}
	return filepath.Abs(path)
}

// each runs the rows that were asked for.
func (b *bencher) each(list []row) error {
	only := regexp.MustCompile(*rows)
	for _, r := range list {
		if !only.MatchString(r.name) {
			continue
		}
		b.row = r.name
		if err := r.do(b, r.name); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

func (b *bencher) makeRootfs() error {
	for _, dir := range []string{"bin", "proc", "sys", "dev", "tmp", "etc", "mnt"} {
		if err := os.MkdirAll(filepath.Join(b.rootfs, dir), 0o755); err != nil {
			return err
		}
	}
	if err := quiet("cp", *busy, b.rootfs+"/bin/busybox"); err != nil {
		return err
	}
	for _, applet := range []string{"true", "sh", "sleep"} {
		if err := os.Symlink("busybox", b.rootfs+"/bin/"+applet); err != nil {
			return err
		}
	}
	return nil
}

// bundle writes a bundle: the default configuration with /bin/true, changed by
// edit.
func (b *bencher) bundle(name string, edit func(map[string]any)) (string, error) {
	dir := "/run/bench/" + name
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	_ = os.Remove(dir + "/config.json")
	if err := quiet(b.path["kist"], "spec", "--bundle", dir); err != nil {
		return "", err
	}
	data, err := os.ReadFile(dir + "/config.json")
	if err != nil {
		return "", err
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		return "", err
	}
	c["ociVersion"] = "1.0.2" // the newest that Debian's crun takes
	c["root"].(map[string]any)["path"] = b.rootfs
	setArgs(c, "/bin/true")
	c["process"].(map[string]any)["terminal"] = false
	if b.view == "v2" && !b.deviceRules {
		c["linux"].(map[string]any)["resources"] = map[string]any{
			"devices": []any{map[string]any{"allow": true, "access": "rwm"}},
		}
	}
	if edit != nil {
		edit(c)
	}
	if data, err = json.Marshal(c); err != nil {
		return "", err
	}
	return dir, os.WriteFile(dir+"/config.json", data, 0o644)
}

func setArgs(c map[string]any, args ...string) { c["process"].(map[string]any)["args"] = args }
