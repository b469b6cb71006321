// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a value LXC accepts for a key.
func sample(key string) string {
	switch key {
	case "lxc.uts.name", "lxc.tty.dir", "lxc.group", "lxc.cgroup.dir", "lxc.cgroup.dir.container.inner",
		"lxc.cgroup.dir.monitor", "lxc.cgroup.dir.monitor.pivot", "lxc.cgroup.dir.container":
		return "word"
	case "lxc.init.cwd":
		return "/srv"
	case "lxc.arch":
		return "amd64"
	case "lxc.init.cmd", "lxc.execute.cmd":
		return "/bin/true -x"
	case "lxc.environment", "lxc.environment.runtime", "lxc.environment.hooks":
		return "A=b"
	case "lxc.prlimit.*":
		return "10:20"
	case "lxc.time.offset.boot", "lxc.time.offset.monotonic":
		return "5s"
	case "lxc.signal.halt", "lxc.signal.reboot", "lxc.signal.stop", "lxc.monitor.signal.pdeath":
		return "SIGTERM"
	case "lxc.console.path":
		return "none"
	case "lxc.mount.entry":
		return "tmpfs tmp tmpfs defaults 0 0"
	case "lxc.mount.auto":
		return "proc:rw"
	case "lxc.mount.fstab":
		return "/fstab"
	case "lxc.rootfs.options":
		return "ro"
	case "lxc.rootfs.backend":
		return "dir"
	case "lxc.cap.drop", "lxc.cap.keep":
		return "chown"
	case "lxc.seccomp.profile":
		return "/policy"
	case "lxc.seccomp.notify.proxy":
		return "unix:/run/notify"
	case "lxc.idmap":
		return "u 0 100000 65536"
	case "lxc.namespace.clone":
		return "mnt pid"
	case "lxc.namespace.keep":
		return "net"
	case "lxc.namespace.share.*":
		return "/proc/1/ns/net"
	case "lxc.include":
		return "/included"
	case "lxc.log.level":
		return "info"
	case "lxc.log.syslog":
		return "daemon"
	case "lxc.hook":
		return ""
	case "lxc.cgroup2.devices.allow", "lxc.cgroup2.devices.deny", "lxc.cgroup.devices.allow", "lxc.cgroup.devices.deny":
		return "c 1:3 rwm"
	}
	if strings.HasPrefix(key, "lxc.hook.") && key != "lxc.hook.version" || strings.HasPrefix(key, "lxc.rootfs.") && key != "lxc.rootfs.managed" {
		return "/some/path"
	}
	return "1"
}

// TestEveryKey imports each key of the table in each spelling with the first and
// the last release that know it: what no translator decides on is an error.
func TestEveryKey(t *testing.T) {
	for _, k := range Keys() {
		if k.kind == netKey {
			continue // TestNetworkKeys
		}
		if k.LXC == "" || k.Kist == "" || k.Class == "" {
			t.Errorf("%s: the row is not complete", k.Name())
		}
		for _, n := range k.Names {
			first := n.span.first
			if oldest := (Version{0, 6, 0}); first.Less(oldest) {
				first = oldest
			}
			releases := []Version{first}
			if (n.span.last == Version{}) {
				releases = append(releases, Version{7, 0, 0})
			} else {
				releases = append(releases, n.span.last)
			}
			for _, v := range releases {
				key := strings.Replace(n.Key, ".*", "."+free(k.Name()), 1)
				line := key + " = " + sample(k.Name()) + "\n"
				t.Run(key+"@"+v.String(), func(t *testing.T) {
					h := configHost(line + "lxc.start.auto = 1\n")
					if !v.atLeast(1, 0, 0) {
						h = configHost(line)
					}
					if k.Name() == "lxc.cgroup.dir.container" {
						h = configHost("lxc.cgroup.dir.monitor = m\n" + line)
					}
					h.files["/fstab"], h.files["/included"] = "", "# nothing\n"
					h.files["/policy"] = "2\nblacklist\nreboot errno 1\n"
					r, err := importText(t, h, v.String())
					if err != nil {
						t.Fatal(err)
					}
					found := false
					for _, e := range r.Report {
						if e.Class == "" || e.Effect == "" {
							t.Errorf("%s %s: undecided", e.Position(), e.Key)
						}
						found = found || e.Key == key
					}
					if !found {
						t.Errorf("%s is not in the report", key)
					}
				})
			}
			// A release before the first must not know the name, unless by the
			// prefix match of that time.
			if n.span.first.Minor == 0 || n.span.first.Less(Version{0, 7, 0}) {
				continue
			}
			before := Version{n.span.first.Major, n.span.first.Minor - 1, 99}
			if m, ok := lookupExact(strings.Replace(n.Key, ".*", ".x", 1), before); ok && m.key == k && m.name == n {
				t.Errorf("%s: known to %v, before its first release", n.Key, before)
			}
		}
	}
}

// free is a free part that fits a family.
func free(family string) string {
	switch family {
	case "lxc.prlimit.*":
		return "nofile"
	case "lxc.sysctl.*":
		return "kernel.msgmax"
	case "lxc.namespace.share.*":
		return "net"
	case "lxc.cgroup.*":
		return "pids.max"
	case "lxc.cgroup2.*":
		return "pids.max"
	}
	return "oom_score_adj"
}

func TestNetworkKeys(t *testing.T) {
	values := map[string]string{"type": "veth", "flags": "up", "link": "br0", "name": "eth5", "hwaddr": "00:16:3e:00:00:01",
		"ipv4.address": "192.0.2.2/24", "ipv4": "192.0.2.2/24", "ipv6.address": "2001:db8::2/64", "ipv6": "2001:db8::2/64",
		"script.up": "/up", "script.down": "/down", "veth.pair": "vp0", "veth.mode": "router", "veth.ipv4.route": "192.0.2.0/24",
		"veth.ipv6.route": "2001:db8::/64", "ipv4.gateway": "192.0.2.1", "ipv6.gateway": "2001:db8::1", "mtu": "1400",
		"macvlan.mode": "bridge", "ipvlan.mode": "l2", "ipvlan.isolation": "vepa", "vlan.id": "7", "l2proxy": "1",
		"veth.vlan.id": "5", "veth.vlan.tagged.id": "6", "veth.n_rxqueues": "2", "veth.n_txqueues": "2"}
	for _, k := range Keys() {
		if k.kind != netKey {
			continue
		}
		for _, n := range k.Names {
			prefix, version := "lxc.net.0", "6.0"
			if strings.HasPrefix(n.Key, "lxc.network") {
				prefix, version = "lxc.network", "2.0"
			}
			sub := strings.TrimPrefix(strings.TrimPrefix(n.Key, "lxc.net.N"), "lxc.network")
			value, ok := values[strings.TrimPrefix(sub, ".")]
			if !ok {
				continue // the keys that only clear
			}
			kind := "veth"
			if first, _, ok := strings.Cut(strings.TrimPrefix(sub, "."), "."); ok && (first == "macvlan" || first == "ipvlan" || first == "vlan") {
				kind = first
			}
			text := prefix + ".type = " + kind + "\n" + prefix + ".link = br0\n" + prefix + ".flags = up\n"
			if strings.Contains(sub, "gateway") {
				text += prefix + strings.TrimSuffix(sub, ".gateway")
				if version == "6.0" {
					text += ".address"
				}
				text += " = " + values[strings.TrimPrefix(strings.TrimSuffix(sub, ".gateway"), ".")] + "\n"
			}
			if sub == ".type" {
				value = kind
			}
			text += prefix + sub + " = " + value + "\n"
			t.Run(n.Key, func(t *testing.T) {
				r := mustImport(t, text, version)
				if _, ok := r.Files["lxc-net.json"]; !ok {
					t.Errorf("no network in the bundle")
				}
			})
		}
	}
}

// TestKeysDocument keeps docs/lxc-keys.md the same as the table.
func TestKeysDocument(t *testing.T) {
	var b bytes.Buffer
	if err := WriteKeys(&b); err != nil {
		t.Fatal(err)
	}
	const path = "../docs/lxc-keys.md"
	if *update {
		if err := os.MkdirAll("../docs", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(b.String(), string(got)); d != "" {
		t.Errorf("%s is not current (go test ./lxc -run TestKeysDocument -update):\n%s", path, d)
	}
}

func TestLookup(t *testing.T) {
	for _, c := range []struct{ key, version, want string }{
		{"lxc.utsname", "2.0", "lxc.uts.name"},
		{"lxc.utsname", "3.0", ""},
		{"lxc.uts.name", "2.1", "lxc.uts.name"},
		{"lxc.uts.name", "1.0", ""},
		{"lxc.rootfs.path", "2.0", "lxc.rootfs.path"}, // by its prefix lxc.rootfs
		{"lxc.console.logfile", "1.0.5", "lxc.console.path"},
		{"lxc.console.logfile", "1.0.6", "lxc.console.logfile"},
		{"lxc.uts.name2", "4.0.6", "lxc.uts.name"},
		{"lxc.uts.name2", "4.0.7", ""},
		{"lxc.cgroup.memory.limit_in_bytes", "6.0", "lxc.cgroup.*"},
		{"lxc.cgroup.memory.limit_in_bytes", "7.0", ""},
		{"lxc.cgroup.dir", "7.0", "lxc.cgroup.dir"},
		{"lxc.cgroup.devices.allow", "1.0", "lxc.cgroup.devices.allow"},
		{"lxc.net.17.veth.mode", "4.0", "lxc.net.N.veth.mode"},
		{"lxc.net.type", "6.0", ""},
		{"lxc.network.3.ipv4", "1.1", "lxc.net.N.ipv4.address"},
		{"lxc.network.hwaddress", "2.0", "lxc.net.N.hwaddr"},
		{"lxc.prlimit.", "6.0", ""},
	} {
		v, err := ParseVersion(c.version)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if m, ok := lookup(c.key, v); ok {
			got = m.key.Name()
		}
		if got != c.want {
			t.Errorf("%s in %s: %q, want %q", c.key, c.version, got, c.want)
		}
	}
}

func TestExplain(t *testing.T) {
	for key, want := range map[string]string{
		"lxc.utsname":           "lxc.uts.name  (LXC since 2.1)\nlxc.utsname  (LXC 0.1 to 2.1)",
		"lxc.net.3.mtu":         "lxc.network.mtu  (LXC 0.6.4 to 2.1)",
		"prlimit.nofile":        "process.rlimits",
		"lxc.cgroup.cpu.shares": "0.4 to 6.x",
		"lxc.keyring.session":   "the manual says the opposite",
	} {
		var b bytes.Buffer
		if err := Explain(&b, key); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s: %v\n%s\nwant %q in it", key, err, b.String(), want)
		}
	}
	for key, want := range map[string]string{"lxc.uts.nam": "did you mean lxc.uts.name", "lxc.systemd.wants": "remove the line", "zzz": "no LXC knows"} {
		if err := Explain(&bytes.Buffer{}, key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", key, err, want)
		}
	}
}
