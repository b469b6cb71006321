// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTry(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	c, err := New(Config{ID: testID(t)})
	if err != nil {
		t.Fatal(err)
	}
	called := false
	if err := c.Try(func(fd int) {
		called = true
		for _, p := range c.Paths() {
			var st unix.Stat_t
			if err := unix.Stat(p, &st); err != nil {
				t.Errorf("%s: not there: %v", p, err)
			}
		}
		if (fd >= 0) != (c.Mode() != V1) {
			t.Errorf("descriptor %d in mode %s", fd, c.Mode())
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !called {
		t.Error("not called")
	}
	for _, p := range c.Paths() {
		if _, err := os.Stat(p); !os.IsNotExist(err) {
			t.Errorf("%s: left behind (%v)", p, err)
		}
	}
	names, err := c.Available()
	if err != nil || len(names) == 0 {
		t.Errorf("controllers %q, %v", names, err)
	}
	if err := TryDeviceFilter(); err != nil {
		t.Error(err)
	}
}
