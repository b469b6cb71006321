// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus finds the real configurations that are kept outside the repository.
func corpus(t *testing.T) string {
	dir := os.Getenv("KIST_LXC_CORPUS")
	if dir == "" {
		dir = "../../shared/lxc-corpus"
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no folder of real configurations at %s (set KIST_LXC_CORPUS)", dir)
	}
	return dir
}

func TestCorpus(t *testing.T) {
	dir := corpus(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.conf*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			res, err := Import(Options{Config: file, Name: "c1", LXCPath: "/var/lib/lxc"})
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			t.Logf("%s %v", res.Version, err)
			_ = strings.Contains
		})
	}
}
