// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// fakeHost is a machine made of a map: path to content, "dir" markers by a
// trailing slash, and devices.
type fakeHost struct {
	files   map[string]string
	devices map[string]FileInfo
	env     map[string]string
}

func (h *fakeHost) ReadFile(name string) ([]byte, error) {
	if s, ok := h.files[name]; ok {
		return []byte(s), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
}

func (h *fakeHost) ReadDir(name string) ([]string, error) {
	var out []string
	for f := range h.files {
		if filepath.Dir(f) == filepath.Clean(name) {
			out = append(out, filepath.Base(f))
		}
	}
	return out, nil
}

func (h *fakeHost) Stat(name string) (FileInfo, error) {
	name = filepath.Clean(name)
	if d, ok := h.devices[name]; ok {
		return d, nil
	}
	if _, ok := h.files[name]; ok {
		return FileInfo{Kind: KindRegular}, nil
	}
	for f := range h.files {
		if strings.HasPrefix(f, name+"/") {
			return FileInfo{Kind: KindDirectory}, nil
		}
	}
	return FileInfo{}, &fs.PathError{Op: "stat", Path: name, Err: syscall.ENOENT}
}

func (h *fakeHost) Getenv(name string) (string, bool) {
	v, ok := h.env[name]
	return v, ok
}

// sameDigits stands for a random generator in golden files.
type sameDigits struct{}

func (sameDigits) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0x5a
	}
	return len(p), nil
}

// configHost is a machine with one container c1 below /var/lib/lxc.
func configHost(config string) *fakeHost {
	return &fakeHost{files: map[string]string{"/var/lib/lxc/c1/config": config}}
}

func importText(t *testing.T, h *fakeHost, version string, set ...string) (*Result, error) {
	t.Helper()
	return Import(Options{Config: "/var/lib/lxc/c1", Host: h, Version: version, Random: sameDigits{}, Arch: "amd64", Set: set})
}

// mustImport imports a configuration that is right.
func mustImport(t *testing.T, config, version string) *Result {
	t.Helper()
	r, err := importText(t, configHost(config), version)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// readHost builds a fakeHost from a directory of the machine's files and the
// golden case's options.
func readHost(t *testing.T, dir string, options map[string]string) *fakeHost {
	t.Helper()
	h := &fakeHost{files: map[string]string{}, devices: map[string]FileInfo{}, env: map[string]string{}}
	root := filepath.Join(dir, "host")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		h.files[strings.TrimPrefix(path, root)] = string(data)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if options["unified"] != "" {
		h.files["/sys/fs/cgroup/cgroup.controllers"] = "cpu memory pids\n"
	}
	if name, value, ok := strings.Cut(options["env"], "="); ok {
		h.env[name] = value
	}
	if f := strings.Fields(options["stat"]); len(f) == 4 {
		info := FileInfo{Kind: KindChar}
		if f[1] == "block" {
			info.Kind = KindBlock
		}
		info.Major, _ = strconv.ParseInt(f[2], 10, 64)
		info.Minor, _ = strconv.ParseInt(f[3], 10, 64)
		h.devices[f[0]] = info
	}
	return h
}
