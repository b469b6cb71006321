// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files")

// golden compares got with a file, or writes it with -update.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// check does all that a create does with a config.json.
func check(data []byte) error {
	c, err := Decode(data)
	if err != nil {
		return err
	}
	if err := c.Validate(); err != nil {
		return err
	}
	if c.Seccomp != nil {
		if _, err := DecodeSeccomp(c.Seccomp); err != nil {
			return c.Locate(err)
		}
	}
	return nil
}

// TestBadCorpus feeds every document of testdata/bad and compares the error,
// which is part of the interface.
func TestBadCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.json")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			err = check(data)
			if err == nil {
				t.Fatal("accepted")
			}
			text := err.Error()
			for i := range len(text) {
				if text[i] < 0x20 || text[i] >= 0x7f {
					t.Fatalf("error has unprintable bytes: %q", text)
				}
			}
			if len(text) > 600 {
				t.Errorf("error of %d bytes", len(text))
			}
			golden(t, strings.TrimSuffix(file, ".json")+".want", []byte(text+"\n"))
		})
	}
}

// TestGood checks that a file of an engine is accepted as a whole.
func TestGood(t *testing.T) {
	data, err := os.ReadFile("testdata/docker.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := check(data); err != nil {
		t.Fatal(err)
	}
	c, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Unknown) != 0 || len(c.Warnings()) != 0 {
		t.Errorf("unknown %v, warnings %v", c.Unknown, c.Warnings())
	}
	if c.Spec.Linux.Seccomp != nil || len(c.Seccomp) < 4000 {
		t.Errorf("seccomp: %v, %d raw bytes", c.Spec.Linux.Seccomp, len(c.Seccomp))
	}
	profile, err := DecodeSeccomp(c.Seccomp)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(profile.Syscalls[0].Names); n != 357 {
		t.Errorf("%d names", n)
	}
	hooks, err := DecodeHooks(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Spec.Hooks, hooks); diff != "" {
		t.Errorf("hooks (-Decode +DecodeHooks):\n%s", diff)
	}
}

// TestUnknown checks that unknown properties are ignored, and listed.
func TestUnknown(t *testing.T) {
	c, err := Decode([]byte(`{"Process": {"a": 1}, "process": {"user": {"x/y~": [], "uid": 7}}, "mounts": [{}, {"zz": null}], "windows": {"b": 1}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/Process", "/process/user/x~1y~0", "/mounts/1/zz"}, c.Unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if c.Spec.Process.User.UID != 7 || c.Spec.Windows != nil {
		t.Errorf("%+v", c.Spec)
	}
}

// TestNull checks that null means absent.
func TestNull(t *testing.T) {
	c, err := Decode([]byte(`{"process": null, "hostname": null, "mounts": null, "annotations": null, "linux": {"seccomp": null, "resources": {"pids": {"limit": null}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &specs.Spec{Linux: &specs.Linux{Resources: &specs.LinuxResources{Pids: &specs.LinuxPids{}}}}
	if diff := cmp.Diff(want, c.Spec); diff != "" || c.Seccomp != nil {
		t.Errorf("(-want +got):\n%s\nseccomp %s", diff, c.Seccomp)
	}
}

// TestDefault pins the files that `kist spec` writes and that they are read
// back as written.
func TestDefault(t *testing.T) {
	for _, tt := range []struct {
		name              string
		rootless, cgroup2 bool
	}{
		{"default", false, false}, {"default-cgroup2", false, true}, {"default-rootless", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := Default(tt.rootless, tt.cgroup2)
			if tt.rootless { // the caller's own ids
				s.Linux.UIDMappings[0].HostID = 1000
				s.Linux.GIDMappings[0].HostID = 1000
			}
			data, err := Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "testdata/"+tt.name+".json", data)
			if err := check(data); err != nil {
				t.Fatal(err)
			}
			c, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(s, c.Spec); diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
			if w := c.Warnings(); len(w) != 0 {
				t.Error(w)
			}
		})
	}
}

// TestLimits checks the limits that would make big files for the corpus.
func TestLimits(t *testing.T) {
	big := strings.Repeat(" ", maxSize)
	for _, tt := range []struct{ name, doc, want string }{
		{"size", big + "{}", "config.json:1:1: document larger than 16 MiB"},
		{"size just allowed", big[2:] + "{}", "config.json:1:16777215: /ociVersion: is required (supported: 1.x)"},
		{"depth just allowed", `{"x":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `}`, "config.json:1:1: /ociVersion: is required (supported: 1.x)"},
		{"only a byte order mark", "\xef\xbb\xbf", "config.json:1:1: document begins with a byte order mark; save it as UTF-8 without one"},
		{"nine for a string", `{"hostname":9}`, "config.json:1:13: /hostname: expected a string, found a number"},
		{"zero for a string", `{"hostname":0}`, "config.json:1:13: /hostname: expected a string, found a number"},
		{"open brackets", strings.Repeat(`{"x":`, 1e6), "config.json:1:321: " + strings.Repeat("/x", 64) + ": nesting deeper than 64"},
		{"long string", `{"hostname": "` + strings.Repeat("x", 10<<20) + `"}`, "config.json:1:1: /ociVersion: is required (supported: 1.x)"},
		{"many unknown", `{` + strings.Repeat(`"x":0,`, 2000) + `"y":0}`, `config.json:1:6146: /x: more than 1024 unknown properties`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := check([]byte(tt.doc)); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}
