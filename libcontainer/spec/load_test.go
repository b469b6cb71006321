// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	write("config.json", `{"hostname": "a"}`)
	write("other.json", `{"hostname": "b"}`)
	write("padded.json", `{"hostname": "c"}`+strings.Repeat("\n", 9000))
	write("bad.json", "{\n x}")
	write("invalid.json", "{\n \"ociVersion\": \"3.0.0\"}")
	must(os.Symlink("config.json", filepath.Join(dir, "link.json")))
	must(os.Mkdir(filepath.Join(dir, "dir.json"), 0o700))
	must(syscall.Mkfifo(filepath.Join(dir, "fifo.json"), 0o600))
	write("big.json", "{}")
	must(os.Truncate(filepath.Join(dir, "big.json"), maxSize+1))

	for _, tt := range []struct{ file, hostname, want string }{
		{"", "a", ""},
		{"other.json", "b", ""},
		{filepath.Join(dir, "other.json"), "b", ""},
		{"padded.json", "c", ""},
		{"bad.json", "", `bad.json:2:2: invalid JSON: expected a member name in double quotes, found 'x'`},
		{"link.json", "", dir + "/link.json: open: is a symbolic link (or below a loop of them); name the file itself"},
		{"dir.json", "", dir + "/dir.json: not a regular file"},
		{"fifo.json", "", dir + "/fifo.json: not a regular file"},
		{"big.json", "", dir + "/big.json: larger than 16 MiB"},
		{"none.json", "", "JSON specification file none.json not found: open " + dir + "/none.json: no such file or directory; make one with `kist spec`"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			c, err := Load(dir, tt.file)
			if err != nil {
				if err.Error() != tt.want {
					t.Errorf("\ngot  %v\nwant %s", err, tt.want)
				}
				return
			}
			if tt.want != "" || c.Spec.Hostname != tt.hostname {
				t.Errorf("%q", c.Spec.Hostname)
			}
		})
	}

	// What engines and users know from runc.
	_, err := Load(t.TempDir(), "")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "JSON specification file config.json not found") {
		t.Error(err)
	}
	// Errors of Validate name the file as well.
	c, err := Load(dir, "invalid.json")
	must(err)
	if err := c.Validate(); err == nil || err.Error() != "invalid.json:2:16: /ociVersion: unsupported major version 3 (supported: 1.x)" {
		t.Error(err)
	}
	// A descriptor left open would end up in the container.
	before, _ := os.ReadDir("/proc/self/fd")
	for range 10 {
		Load(dir, "")
		Load(dir, "fifo.json")
		Load(dir, "big.json")
	}
	if after, _ := os.ReadDir("/proc/self/fd"); len(after) != len(before) {
		t.Errorf("%d descriptors before, %d after", len(before), len(after))
	}
}

// TestReadPseudoFile checks files whose size is given as 0.
func TestReadPseudoFile(t *testing.T) {
	data, err := readFile("/proc/self/status")
	if err != nil || !strings.HasPrefix(string(data), "Name:") {
		t.Errorf("%q %v", data, err)
	}
}

func TestValidateID(t *testing.T) {
	for _, id := range []string{"a", "0", "_", "+x", "a.b-c_d+e", "azAZ09", strings.Repeat("x", 128)} {
		if err := ValidateID(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	for _, id := range []string{"", ".", "..", ".a", "-x", "a/b", "a b", "a\n", "a\x00", "é", "%s", "a:b", "a`b", "a{b", "a@b", "a[b", strings.Repeat("x", 129)} {
		err := ValidateID(id)
		if err == nil {
			t.Errorf("%q accepted", id)
		} else if !strings.HasPrefix(err.Error(), "invalid container ID format: ") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %q", id, err)
		}
	}
}

func TestDecodeParts(t *testing.T) {
	p, err := DecodeProcess([]byte(`{"args": ["x"], "cwd": "/", "user": {"uid": 5}}`))
	if err != nil || p.User.UID != 5 {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := DecodeProcess([]byte("{\n\"args\": 1}")); err == nil || err.Error() != "2:9: /args: expected an array of strings, found a number" {
		t.Error(err)
	}
	r, err := DecodeResources([]byte(`{"pids": {"limit": 7}}`))
	if err != nil || *r.Pids.Limit != 7 {
		t.Errorf("%+v %v", r, err)
	}
	if _, err := DecodeResources([]byte(`{"pids": 7}`)); err == nil || err.Error() != "1:10: /pids: expected an object, found a number" {
		t.Error(err)
	}
	// The profile alone has no lines, and keeps its pointer.
	if _, err := DecodeSeccomp([]byte("{\n\"syscalls\": [{\"names\": [7]}]}")); err == nil || err.Error() != "/linux/seccomp/syscalls/0/names/0: expected a string, found a number" {
		t.Error(err)
	}
}

func TestDecodeHooks(t *testing.T) {
	for _, tt := range []struct{ doc, want string }{
		{`{}`, ""},
		{`{"process": 5, "hooks": null}`, ""},
		{`{"process": [{"x": "}"}], "hooks": {"poststop": [{"path": "/x"}]}, "linux": {}}`, "/x"},
		{`{"hooks": {}, "hooks": {}}`, `config.json:1:15: /hooks: duplicate key "hooks"`},
		{`{"hooks": {"poststop": [{"path": 1}]}}`, "config.json:1:34: /hooks/poststop/0/path: expected a string, found a number"},
		{`{"x": [}`, "config.json:1:8: /x/0: invalid JSON: expected a value, found '}'"},
		{`{} x`, "config.json:1:4: unexpected data after the top-level value"},
	} {
		hooks, err := DecodeHooks([]byte(tt.doc))
		got := ""
		if err != nil {
			got = err.Error()
		} else if hooks != nil && len(hooks.Poststop) > 0 {
			got = hooks.Poststop[0].Path
		}
		if got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.doc, got, tt.want)
		}
	}
}

// TestPointers checks both directions on every value of a document.
func TestPointers(t *testing.T) {
	doc := `{ "a" : [ 1, {"b/~": "x\"}", "": [[], {}]} ], "c": {"d": null}, "e\u0066": 2 }`
	for _, tt := range []struct{ pointer, value string }{
		{"", "{"}, {"/a", "["}, {"/a/0", "1"}, {"/a/1", "{"}, {"/a/1/b~1~0", `"x`}, {"/a/1/", "[["}, {"/a/1//0", "[]"}, {"/a/1//1", "{}"},
		{"/c", "{"}, {"/c/d", "null"}, {"/ef", "2"},
	} {
		offset := offsetOf(doc, tt.pointer)
		if !strings.HasPrefix(doc[offset:], tt.value) {
			t.Errorf("%q is at %q", tt.pointer, doc[offset:])
		}
		if got := pointersAt(doc, offset)[0]; got != tt.pointer {
			t.Errorf("%q found again as %q", tt.pointer, got)
		}
	}
	// What is absent is shown where it should be.
	for pointer, value := range map[string]string{"/c/x/y": `{"d"`, "/a/7": "[ 1", "/a/x": "[ 1", "/x": "{ "} {
		if offset := offsetOf(doc, pointer); !strings.HasPrefix(doc[offset:], value) {
			t.Errorf("%q is at %q", pointer, doc[offset:])
		}
	}
}
