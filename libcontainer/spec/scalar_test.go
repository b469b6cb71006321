// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStrings compares every form of string with encoding/json, both decoded
// and skipped.
func TestStrings(t *testing.T) {
	for _, text := range []string{
		``, `a`, `\"\\\/\b\f\n\r\t`, `\u0001\u00ff\u0aF9\u9fAf\uABCD\uefEF`, `\ud83d\ude00`, `x\uD83D\uDE00y`, `é€😀`, `\u007f`, `\uffff`,
	} {
		var want string
		if err := json.Unmarshal([]byte(`"`+text+`"`), &want); err != nil {
			t.Fatal(text, err)
		}
		c, err := Decode([]byte(`{"hostname": "` + text + `", "x": "` + text + `"}`))
		if err != nil || c.Spec.Hostname != want {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{
		`\`, `\x`, `\u`, `\u1`, `\u12`, `\u123`, `\u123g`, `\u123G`, "\\u123`", `\u123@`, `\u123:`, `\u123/`, `\u 123`, `\U1234`,
	} {
		for _, doc := range []string{`{"hostname": "` + text + `"}`, `{"x": "` + text + `"}`, `{"x": ["` + text + `"]}`} {
			if _, err := Decode([]byte(doc)); err == nil {
				t.Errorf("%s: accepted", doc)
			}
		}
	}
	// Surrogates are looked at only where the value is used.
	for _, text := range []string{`\ud83d`, `\ud83dx`, `\ud83d\n`, `\ud83d\u`, `\ud83d\u0041`, `\ud83d\ud83d`, `\ude00`, `\ud83d\\ude00`} {
		if _, err := Decode([]byte(`{"hostname": "` + text + `"}`)); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

// TestNumberForms checks the grammar of numbers, decoded and skipped.
func TestNumberForms(t *testing.T) {
	for _, tt := range []struct {
		text          string
		decode, valid bool
	}{
		{"0", true, true}, {"-0", true, true}, {"9", true, true}, {"2147483647", true, true}, {"-2147483648", true, true},
		{"2147483648", false, true}, {"-2147483649", false, true}, {"1.0", false, true}, {"-1.5", false, true}, {"1e3", false, true},
		{"1E+3", false, true}, {"1e-3", false, true}, {"0.0", false, true}, {"0e0", false, true},
		{"00", false, false}, {"-", false, false}, {"-a", false, false}, {"1.", false, false}, {"1.e1", false, false}, {"1e", false, false},
		{"1e+", false, false}, {".5", false, false}, {"+1", false, false}, {"-01", false, false}, {"0x1", false, false}, {"1_0", false, false},
	} {
		if _, err := DecodeProcess([]byte(`{"oomScoreAdj": ` + tt.text + `}`)); (err == nil) != tt.decode {
			t.Errorf("%s: %v", tt.text, err)
		}
		if _, err := DecodeProcess([]byte(`{"x": ` + tt.text + `}`)); (err == nil) != tt.valid {
			t.Errorf("%s skipped: %v", tt.text, err)
		}
		if json.Valid([]byte(tt.text)) != tt.valid {
			t.Errorf("%s: the table is wrong", tt.text)
		}
	}
	_, err := DecodeProcess([]byte(`{"oomScoreAdj": 2147483648}`))
	if want := "1:17: /oomScoreAdj: must be an integer from -2147483648 to 2147483647, found 2147483648"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestTruncated cuts a document at every byte: no prefix is a document, and
// none may panic.
func TestTruncated(t *testing.T) {
	doc := `{"process": {"args": ["a\u0041\n"], "user": {"uid": 12, "gid": 7}, "terminal": true}, "x": [1.5e-7, null, false, "\u0041"], "mounts": [{}, {}]}`
	if _, err := Decode([]byte(doc)); err != nil {
		t.Fatal(err)
	}
	for i := range doc {
		if _, err := Decode([]byte(doc[:i])); err == nil {
			t.Errorf("accepted %s", doc[:i])
		}
		if _, err := DecodeHooks([]byte(doc[:i])); err == nil {
			t.Errorf("DecodeHooks accepted %s", doc[:i])
		}
	}
	for _, text := range []string{"1", "-", "1.", "1e", "1e+", "12", "t", "nul"} {
		if _, err := DecodeProcess([]byte(text)); err == nil {
			t.Errorf("accepted %s", text)
		}
		d := newDecoder(text)
		d.skip()
		d.finish()
		d = newDecoder(text)
		d.signed(64)
		d.finish()
	}
}

// TestQuoted checks how much of a value an error repeats, and that it never
// cuts inside a character.
func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		strings.Repeat("x", 64):                          `"` + strings.Repeat("x", 64) + `"`,
		strings.Repeat("x", 65):                          `"` + strings.Repeat("x", 64) + `"...`,
		strings.Repeat("x", 63) + "€":                    `"` + strings.Repeat("x", 63) + `"...`,
		strings.Repeat("x", 64) + strings.Repeat("y", 9): `"` + strings.Repeat("x", 64) + `"...`,
		"\x1b[31m\u202e\"":                               `"\x1b[31m\u202e\""`,
	} {
		if got := quoted(in); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := clipped(strings.Repeat("1", 64)); len(got) != 64 {
		t.Error(got)
	}
	// Stray continuation bytes only: nothing is left, and nothing panics.
	if got := quoted(strings.Repeat("\x80", 70)); got != `""...` {
		t.Error(got)
	}
	if got := printable(strings.Repeat("x", 256)); len(got) != 256 {
		t.Error(got)
	}
	if got := printable("/a\n\u202e"); got != `/a\n\u202e` {
		t.Error(got)
	}
}

// TestLoadEdges checks a socket, and a file of exactly the largest size.
func TestLoadEdges(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Load(dir, "socket"); err == nil || err.Error() != dir+"/socket: not a regular file" {
		t.Error(err)
	}
	doc := append([]byte("{}"), make([]byte, maxSize-2)...)
	for i := range doc[2:] {
		doc[2+i] = '\n'
	}
	if err := os.WriteFile(filepath.Join(dir, "largest"), doc, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, "largest"); err != nil {
		t.Error(err)
	}
}
