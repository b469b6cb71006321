// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// TestGolden imports testdata/golden/*/config, one for each sort of container that
// people have, and compares the bundle and the report. The directory host holds
// what the machine has besides, the file options how to import.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/golden/*/config")
	if err != nil || len(cases) < 35 {
		t.Fatalf("%d golden cases: %v", len(cases), err)
	}
	for _, config := range cases {
		dir := filepath.Dir(config)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			options := readOptions(t, filepath.Join(dir, "options"))
			h := readHost(t, dir, options)
			data, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			path := "/var/lib/lxc/" + options["name"] + "/config"
			h.files[path] = string(data)
			res, err := Import(Options{Config: path, Version: options["version"], Host: h, Random: sameDigits{},
				Arch: "amd64", Bundle: "/bundle"})
			if err != nil {
				t.Fatal(err)
			}
			js, err := res.ConfigJSON()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(dir, "config.json"), js)
			var report bytes.Buffer
			report.WriteString("read as LXC " + res.Version.String() + ": " + res.Detected + "\n")
			if err := PrintTable(&report, res.Report, false); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join(dir, "report.txt"), report.Bytes())
			for name, content := range res.Files {
				if !strings.HasSuffix(name, "/") {
					golden(t, filepath.Join(dir, name), content)
				}
			}
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (run the test with -update if that is meant):\n%s", path, d)
	}
}

func readOptions(t *testing.T, path string) map[string]string {
	t.Helper()
	out := map[string]string{}
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(data), "\n") {
		if k, v, ok := strings.Cut(l, " "); ok {
			out[k] = v
		}
	}
	return out
}
