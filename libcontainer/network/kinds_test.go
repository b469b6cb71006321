// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Each kind is judged as ip(8) finds it, in a network namespace of its own.
func TestTryKind(t *testing.T) {
	needNamespaces(t)
	for _, kind := range Kinds {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // ends with the namespace
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				done <- err
				return
			}
			done <- TryKind(kind)
		}()
		err := <-done
		script := "ip link add x type " + kind
		switch kind {
		case "vlan":
			script = "ip link add type veth && ip link add link veth0 name x type vlan id 5"
		case "ipvlan", "macvlan":
			script = "ip link add type veth && ip link add link veth0 name x type " + kind
		}
		out, ipErr := exec.Command("unshare", "-n", "sh", "-c", script).CombinedOutput()
		if (err == nil) != (ipErr == nil) || err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
			t.Errorf("%s: %v, but ip: %v: %s", kind, err, ipErr, out)
		}
	}
	if err := TryKind("nosuch"); err == nil {
		t.Error("nosuch: no error")
	}
}
