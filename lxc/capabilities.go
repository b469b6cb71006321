// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// capabilityNames is indexed by the kernel's number.
func capabilityNames() [41]string {
	return [41]string{"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
		"setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw", "ipc_lock",
		"ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot",
		"sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease", "audit_write", "audit_control",
		"setfcap", "mac_override", "mac_admin", "syslog", "wake_alarm", "block_suspend", "audit_read", "perfmon",
		"bpf", "checkpoint_restore"}
}

// capability returns the number of a name as LXC writes it.
func capability(word string) (int, error) {
	names := capabilityNames()
	if n, err := strconv.ParseUint(word, 10, 8); err == nil {
		if int(n) < len(names) {
			return int(n), nil
		}
		return 0, fmt.Errorf("unknown capability number %s; the last known is %d", word, len(names)-1)
	}
	for i, n := range names {
		if n == word {
			return i, nil
		}
	}
	lower := strings.TrimPrefix(strings.ToLower(word), "cap_")
	for _, n := range names {
		if n == lower {
			return 0, fmt.Errorf("unknown capability %q; LXC's spelling is %s", word, n)
		}
	}
	return 0, fmt.Errorf("unknown capability %q", word)
}

func checkCapsDrop(value string, _ Version) error {
	for _, w := range strings.Fields(value) {
		if _, err := capability(w); err != nil {
			return err
		}
	}
	return nil
}

func checkCapsKeep(value string, _ Version) error {
	for _, w := range strings.Fields(value) {
		if w == "none" {
			continue
		}
		if _, err := capability(w); err != nil {
			return err
		}
	}
	return nil
}

// translateCapabilities computes the bounding set, which is all that LXC ever
// changes, and from it what the first process gets: as root all of it, as another
// user nothing, because an exec by a user drops what is not ambient.
func (t *translation) translateCapabilities() error {
	var kept [41]bool
	keep, drop := t.live("lxc.cap.keep"), t.live("lxc.cap.drop")
	for i := range kept {
		kept[i] = len(keep) == 0
	}
	for _, s := range keep {
		for _, w := range strings.Fields(s.Value) {
			if w == "none" {
				kept = [41]bool{}
				continue
			}
			n, err := capability(w)
			if err != nil {
				return refuse(s.Directive, "%s", err)
			}
			kept[n] = true
		}
		s.entry.keep()
	}
	// 0.9 forgot to drop anything in a user namespace, and containers of that
	// time were written against it.
	ignoreDrop := t.userns && !t.version.atLeast(1, 0, 0)
	for _, s := range drop {
		if ignoreDrop {
			s.entry.say(Exact, "no effect: LXC 0.9 does not drop capabilities in a user namespace")
			continue
		}
		for _, w := range strings.Fields(s.Value) {
			n, err := capability(w)
			if err != nil {
				return refuse(s.Directive, "%s", err)
			}
			kept[n] = false
		}
		s.entry.keep()
	}
	if !t.userns { // in a user namespace of its own the container has them all
		t.withoutMissing(&kept)
	}
	names := capabilityNames()
	bounding := []string{}
	for i, k := range kept {
		if k {
			bounding = append(bounding, "CAP_"+strings.ToUpper(names[i]))
		}
	}
	caps := &specs.LinuxCapabilities{Bounding: bounding}
	if t.spec.Process.User.UID == 0 {
		caps.Effective, caps.Permitted = bounding, bounding
	}
	t.spec.Process.Capabilities = caps
	t.capSysAdmin, t.capNetAdmin = kept[21], kept[12]
	return nil
}

// withoutMissing takes away what this host cannot give: LXC only ever removes
// capabilities, so it has no trouble with an older kernel or a restricted host,
// while an OCI runtime fails when it is asked for one that is not there.
func (t *translation) withoutMissing(kept *[41]bool) {
	data, err := t.host.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	_, rest, ok := strings.Cut(string(data), "\nCapBnd:")
	if !ok {
		return
	}
	text, _, _ := strings.Cut(rest, "\n")
	bound, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
	if err != nil {
		return
	}
	names := capabilityNames()
	var missing []string
	for i := range kept {
		if kept[i] && bound>>i&1 == 0 {
			kept[i] = false
			missing = append(missing, names[i])
		}
	}
	if len(missing) > 0 {
		t.defaulted("lxc.cap", Exact, "without "+strings.Join(missing, " ")+", which this host does not have; import again on one that has them")
	}
}
