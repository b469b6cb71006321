// SPDX-License-Identifier: Apache-2.0

package cgroups

import (
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestCheckBeforeUpdate refuses limits that v2 would enforce by killing. v1
// needs no check: there the kernel refuses.
func TestCheckBeforeUpdate(t *testing.T) {
	dirs := []dir{{path: t.TempDir()}}
	if err := os.WriteFile(filepath.Join(dirs[0].path, "memory.current"), []byte("4096\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mem := func(check bool, limit, swap int64) *specs.LinuxResources {
		return &specs.LinuxResources{Memory: &specs.LinuxMemory{CheckBeforeUpdate: &check, Limit: &limit, Swap: &swap}}
	}
	for _, tt := range []struct {
		mode Mode
		r    *specs.LinuxResources
		want string
	}{
		{V2, mem(true, 4096, 0), "/linux/resources/memory/limit: rejecting memory limit 4096 <= usage 4096"},
		{V2, mem(true, 4097, 0), ""},
		{V2, mem(true, 8192, 4096), "/linux/resources/memory/swap: rejecting memory+swap limit 4096 <= usage 4096"},
		{V2, mem(true, -1, -1), ""},
		{V2, mem(false, 1, 1), ""},
		{V2, &specs.LinuxResources{}, ""},
		{V1, mem(true, 1, 1), ""},
	} {
		got := ""
		if err := (&Cgroup{mode: tt.mode, dirs: dirs}).checkMemory(tt.r); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.r.Memory, got, tt.want)
		}
	}
	if err := os.Remove(filepath.Join(dirs[0].path, "memory.current")); err != nil {
		t.Fatal(err)
	}
	if err := (&Cgroup{mode: V2, dirs: dirs}).checkMemory(mem(true, 1, 1)); err == nil {
		t.Error("a cgroup whose use cannot be told is given a limit all the same")
	}
}
