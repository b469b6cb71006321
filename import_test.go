// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"

	"kist/libcontainer/spec"
)

// TestImportedConfigs: whatever the importer writes, the runtime's own strict
// reader accepts.
func TestImportedConfigs(t *testing.T) {
	files, err := filepath.Glob("lxc/testdata/golden/*/config.json")
	if err != nil || len(files) < 35 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := spec.Decode(data)
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			t.Errorf("%s: %v", f, err)
		}
	}
}
