// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/google/go-cmp/cmp"
)

// seeds adds the documents of testdata and what extract makes of them.
func seeds(f *testing.F, extract func(*Config) []byte) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	bad, err := filepath.Glob("testdata/bad/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, bad...) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if extract == nil {
			f.Add(data)
		} else if c, err := Decode(data); err == nil {
			if part := extract(c); part != nil {
				f.Add(part)
			}
		}
	}
}

// checkError demands of every fault an *Error whose place is in the document
// and whose text is one printable line.
func checkError(t *testing.T, data []byte, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%T", err)
	}
	lines := strings.Split(string(data), "\n")
	if e.Line > len(lines) || e.Line > 0 && e.Column > len(lines[e.Line-1])+1 {
		t.Fatalf("%v: there is no such place", err)
	}
	for _, c := range []byte(err.Error()) {
		if c < 0x20 || c >= 0x7f {
			t.Fatalf("unprintable error %q", err.Error())
		}
	}
}

// FuzzDecode compares with encoding/json: what Decode accepts, encoding/json
// must accept and understand in the same way.
func FuzzDecode(f *testing.F) {
	seeds(f, nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data)
		checkError(t, data, err)
		if err != nil {
			return
		}
		checkError(t, data, c.Validate())
		c.Warnings()
		if _, err := DecodeHooks(data); err != nil {
			t.Fatalf("Decode accepts, DecodeHooks does not: %v", err)
		}
		if len(c.Unknown) > 0 {
			return // encoding/json may match them, since it ignores case
		}
		var want specs.Spec
		if err := json.Unmarshal(data, &want); err != nil {
			if otherPlatforms(data) {
				return // not looked at
			}
			t.Fatalf("Decode accepts, encoding/json does not: %v", err)
		}
		// Decode leaves out what belongs to other platforms.
		want.Windows, want.Solaris, want.VM, want.ZOS, want.FreeBSD = nil, nil, nil, nil, nil
		if want.Process != nil {
			want.Process.CommandLine = ""
		}
		if want.Linux != nil {
			want.Linux.Seccomp = nil
		}
		if diff := cmp.Diff(&want, c.Spec); diff != "" {
			t.Fatalf("(-encoding/json +Decode):\n%s", diff)
		}
	})
}

// otherPlatforms tells whether a document has properties that Decode skips.
func otherPlatforms(data []byte) bool {
	for _, name := range []string{"windows", "solaris", "vm", "zos", "freebsd", "commandLine", "seccomp", `\u`} {
		if strings.Contains(string(data), name) {
			return true
		}
	}
	return false
}

func FuzzDecodeProcess(f *testing.F) {
	seeds(f, func(c *Config) []byte {
		data, _ := json.Marshal(c.Spec.Process)
		return data
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodeProcess(data)
		checkError(t, data, err)
		if err != nil {
			return
		}
		checkError(t, nil, ValidateProcess(p))
		ProcessWarnings(p)
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := DecodeProcess(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if text, _ := json.Marshal(q); string(text) != string(again) {
			t.Fatalf("written %s, read as %s", again, text)
		}
	})
}

func FuzzDecodeResources(f *testing.F) {
	seeds(f, func(c *Config) []byte {
		if c.Spec.Linux == nil || c.Spec.Linux.Resources == nil {
			return nil
		}
		data, _ := json.Marshal(c.Spec.Linux.Resources)
		return data
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeResources(data)
		checkError(t, data, err)
		if err == nil {
			checkError(t, nil, ValidateResources(r))
		}
	})
}

func FuzzDecodeSeccomp(f *testing.F) {
	seeds(f, func(c *Config) []byte { return c.Seccomp })
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSeccomp(data)
		checkError(t, nil, err)
		if err != nil {
			if e, _ := errors.AsType[*Error](err); !strings.HasPrefix(e.Pointer, "/linux/seccomp") {
				t.Fatalf("pointer %q", e.Pointer)
			}
			return
		}
		if s.DefaultAction == specs.ActNotify || s.DefaultAction == "" {
			t.Fatalf("default action %q accepted", s.DefaultAction)
		}
	})
}

func FuzzParseList(f *testing.F) {
	for _, list := range []string{"0", "0-3,8", "0-31:2/4", "1-", ""} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		mask, err := ParseList(list, MaxCPUs)
		if err == nil && (len(mask) == 0 || len(mask) > MaxCPUs/64 || mask[len(mask)-1] == 0) {
			t.Fatalf("%q: %x", list, mask)
		}
	})
}

func FuzzSysctlPath(f *testing.F) {
	for _, name := range []string{"net.ipv4.ip_forward", "net/ipv4/conf/eth0.100/mtu", "net/../x", "."} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		path, err := SysctlPath(name)
		if err == nil && (path == "" || clean(path) != "/"+path) {
			t.Fatalf("%q leaves its directory as %q", name, path)
		}
	})
}
