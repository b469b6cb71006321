// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// ConfigJSON is the bundle's config.json: indented, with a final newline.
func (r *Result) ConfigJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	if err := enc.Encode(r.Spec); err != nil {
		return nil, fmt.Errorf("config.json: encode: %w", err)
	}
	return b.Bytes(), nil
}

// Write makes the bundle: config.json and the further files. An existing
// config.json is replaced only when it was imported too, so that a slip of the
// hand does not destroy somebody's bundle. config.json comes last and by rename:
// a bundle that has one is complete.
func (r *Result) Write(dir string) error {
	config, err := r.ConfigJSON()
	if err != nil {
		return err
	}
	target := filepath.Join(dir, "config.json")
	old, err := os.ReadFile(target)
	switch {
	case err == nil && !bytes.Contains(old, []byte(`"`+AnnotationVersion+`"`)):
		return fmt.Errorf("%s: exists and is not the work of `kist import`; choose another directory or remove it", target)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("bundle: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	names := make([]string, 0, len(r.Files))
	for n := range r.Files {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		if strings.HasSuffix(n, "/") {
			err = os.MkdirAll(filepath.Join(dir, n), 0o755)
		} else {
			err = replace(filepath.Join(dir, n), r.Files[n])
		}
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
	}
	if err := replace(target, config); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// replace writes a file whole or not at all. The mode is for root only: an
// environment often holds secrets.
func replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
