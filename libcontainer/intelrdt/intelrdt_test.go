// SPDX-License-Identifier: Apache-2.0

package intelrdt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// fake is a directory in place of resctrl. The kernel makes files in each new
// group; here kist does when it writes them.
func fake(t *testing.T) string {
	t.Helper()
	old := mount
	mount = t.TempDir()
	t.Cleanup(func() { mount = old })
	return mount
}

// group makes one that somebody else has set up.
func group(t *testing.T, name, schemata string) string {
	t.Helper()
	dir := filepath.Join(mount, name)
	if err := os.MkdirAll(filepath.Join(dir, "mon_groups"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "schemata"), schemata)
	put(t, filepath.Join(dir, "tasks"), "")
	return dir
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	_ = os.Chmod(name, 0o600) // what kist makes here has no permissions
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPlanWithoutResctrl(t *testing.T) {
	if g, err := Plan("c1", nil); err != nil || g != (Groups{}) {
		t.Errorf("%v, %v", g, err)
	}
	if Available() {
		t.Skip("resctrl is mounted here")
	}
	if _, err := Plan("c1", &specs.LinuxIntelRdt{}); err == nil || !strings.Contains(err.Error(), "config.json: /linux/intelRdt: resctrl is not mounted") {
		t.Error(err)
	}
}

// What is named for the record is what Join then makes, and Remove takes away.
func TestGroups(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rdt   specs.LinuxIntelRdt
		there string // a group that exists
		want  Groups // below the mount
		tasks string
	}{
		{"its own", specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f"}, "", Groups{Group: "c1"}, "c1"},
		{"by name", specs.LinuxIntelRdt{ClosID: "gold", MemBwSchema: "MB:0=50"}, "", Groups{Group: "gold"}, "gold"},
		{"somebody's", specs.LinuxIntelRdt{ClosID: "gold"}, "gold", Groups{}, "gold"},
		{"the root group", specs.LinuxIntelRdt{ClosID: "/", EnableMonitoring: true}, ".", Groups{Monitor: "mon_groups/c1"}, "."},
		{"monitored", specs.LinuxIntelRdt{ClosID: "gold", EnableMonitoring: true}, "gold", Groups{Monitor: "gold/mon_groups/c1"}, "gold"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := fake(t)
			if tt.there != "" {
				group(t, tt.there, "    L3:0=ff;1=ff\n    MB:0=100\n")
			}
			got := missing("c1", &tt.rdt)
			want := Groups{}
			if tt.want.Group != "" {
				want.Group = filepath.Join(root, tt.want.Group)
			}
			if tt.want.Monitor != "" {
				want.Monitor = filepath.Join(root, tt.want.Monitor)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatal(d)
			}
			if err := Join("c1", 4242, &tt.rdt); err != nil {
				t.Fatal(err)
			}
			if s := text(t, root, tt.tasks, "tasks"); s != "4242" {
				t.Errorf("tasks: %q", s)
			}
			if got.Monitor != "" {
				if s := text(t, got.Monitor, "tasks"); s != "4242" {
					t.Errorf("tasks of the monitoring group: %q", s)
				}
			}
			for _, dir := range []string{got.Monitor, got.Group} {
				if dir != "" { // the kernel's files do not keep a group from being removed
					_ = os.Remove(filepath.Join(dir, "tasks"))
					_ = os.Remove(filepath.Join(dir, "schemata"))
				}
			}
			for range 2 { // a second time nothing is there any more
				if err := Remove(got.Group, got.Monitor); err != nil {
					t.Fatal(err)
				}
			}
			for _, dir := range []string{got.Monitor, got.Group} {
				if dir != "" && exists(dir) {
					t.Errorf("%s is left", dir)
				}
			}
			if tt.there != "" && !exists(filepath.Join(root, tt.there, "schemata")) {
				t.Error("somebody's group is gone")
			}
		})
	}
}

// The order is that of config-linux.md: l3CacheSchema, memBwSchema, schemata.
func TestSchemata(t *testing.T) {
	root := fake(t)
	r := &specs.LinuxIntelRdt{L3CacheSchema: "L3:0=f0;1=f\n", MemBwSchema: " MB:0=20 ", Schemata: []string{"L2:0=3", "", "SMBA:0=1"}}
	if err := Join("c1", 1, r); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, root, "c1", "schemata"), "L3:0=f0;1=f\nMB:0=20\nL2:0=3\nSMBA:0=1\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if err := Update(filepath.Join(root, "c1"), &specs.LinuxIntelRdt{MemBwSchema: "MB:0=30"}); err != nil {
		t.Fatal(err)
	}
	if got := text(t, root, "c1", "schemata"); got != "MB:0=30\n" {
		t.Errorf("after update: %q", got)
	}
}

// A group that exists belongs to others too: it is used as it is, or not at all.
func TestExistingGroup(t *testing.T) {
	const kernel = "    MB:0=100;1=100\n    L3:0=00ff0;1=fffff\n"
	for _, tt := range []struct{ lines, want string }{
		{"", ""},
		{"L3:0=ff0", ""},
		{"L3:0=0FF0;1=fffff;", ""},
		{"MB:1=100\nL3:0=ff0", ""},
		{"L3:0=ff", "/closID: group gold exists with other schemata"},
		{"L3:2=ff0", "/closID: group gold exists with other schemata"},
		{"L2:0=ff0", "/closID: group gold exists with other schemata"},
		{"nonsense", `schema "nonsense": want NAME:domain=value`},
	} {
		for _, r := range []*specs.LinuxIntelRdt{{ClosID: "gold", L3CacheSchema: tt.lines}, {Schemata: strings.Split(tt.lines, "\n")}} {
			fake(t)
			dir := group(t, "gold", kernel)
			err := Join("gold", 7, r)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("%q: %v", tt.lines, err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "config.json: /linux/intelRdt")):
				t.Errorf("%q: %v, want %s", tt.lines, err, tt.want)
			}
			if got := text(t, dir, "schemata"); got != kernel {
				t.Errorf("%q: somebody's schemata are now %q", tt.lines, got)
			}
			if joined := text(t, dir, "tasks") == "7"; joined != (err == nil) {
				t.Errorf("%q: joined: %v, error: %v", tt.lines, joined, err)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	root := fake(t)
	if err := Join("c1", 1, &specs.LinuxIntelRdt{ClosID: "none"}); err == nil || !strings.Contains(err.Error(), `/closID: "none" does not exist`) {
		t.Error(err)
	}
	if exists(filepath.Join(root, "none")) {
		t.Error("it was made all the same")
	}
	// What the kernel says about a refused write is passed on.
	dir := group(t, "full", "")
	if err := os.Mkdir(filepath.Join(root, "info"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, "info", "last_cmd_status"), "Non-consecutive 1-bits in the mask 5\n")
	for _, name := range []string{"schemata", "tasks"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil { // nothing can be written there
			t.Fatal(err)
		}
	}
	for _, err := range []error{Update(dir, &specs.LinuxIntelRdt{L3CacheSchema: "L3:0=5"}), Join("c1", 1, &specs.LinuxIntelRdt{ClosID: "full"})} {
		if err == nil || !strings.HasSuffix(err.Error(), "(Non-consecutive 1-bits in the mask 5)") {
			t.Error(err)
		}
	}
	for _, dir := range []string{"/etc", root + "x", "relative", root} {
		if err := Remove(dir, ""); err == nil || !strings.Contains(err.Error(), "left alone") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
