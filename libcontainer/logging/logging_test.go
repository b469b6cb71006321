// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

func testLog(asJSON, debug bool) (l *Log, out, stderr *bytes.Buffer) {
	out, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	return &Log{out: out, stderr: stderr, json: asJSON, debug: debug, now: func() time.Time { return testTime }}, out, stderr
}

var testTime = time.Date(2026, 1, 2, 5, 4, 5, 6, time.FixedZone("x", 7200))

func emit(l *Log, level slog.Level, msg string, attrs ...slog.Attr) {
	r := slog.NewRecord(testTime, level, msg, 0)
	r.AddAttrs(attrs...)
	h := l.Handler()
	if h.Enabled(context.Background(), level) {
		_ = h.Handle(context.Background(), r)
	}
}

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name       string
		json       bool
		level      slog.Level
		msg        string
		attrs      []slog.Attr
		wantOut    string
		wantStderr string
	}{
		{"text word", false, slog.LevelWarn, "word", nil, "time=\"2026-01-02T03:04:05Z\" level=warning msg=word\n", ""},
		{"text quoted", false, slog.LevelError, "two words", nil, "time=\"2026-01-02T03:04:05Z\" level=error msg=\"two words\"\n", ""},
		{"text fields", false, slog.LevelInfo, "a", []slog.Attr{slog.Int("n", 1), slog.String("s", "x y"), slog.String("msg", "")}, "time=\"2026-01-02T03:04:05Z\" level=info msg=a n=1 s=\"x y\" fields.msg=\n", ""},
		{"text forged", false, slog.LevelError, "a\ntime=\"x\" \x1b[2J\u202e\u009b\xff", nil, `time="2026-01-02T03:04:05Z" level=error msg="a\ntime=\"x\" \x1b[2J\u202e\u009b\xff"` + "\n", ""},
		{"json", true, slog.LevelError, "a \"b\" \\ <c>", nil, `{"level":"error","msg":"a \"b\" \\ <c>","time":"2026-01-02T03:04:05Z"}` + "\n", ""},
		{"json forged", true, slog.LevelError, "a\n\t\x1b\u202e\u009b\u2028\ufeff\U000E0041\xff😀", nil, `{"level":"error","msg":"a\n\t\u001b\u202e\u009b\u2028\ufeff` + "\ufffd\ufffd😀" + `","time":"2026-01-02T03:04:05Z"}` + "\n", ""},
		{"json group", true, slog.LevelError, "a", []slog.Attr{slog.Group("g", "k", "v"), slog.String("level", "debug")}, `{"level":"error","msg":"a","time":"2026-01-02T03:04:05Z","g.k":"v","fields.level":"debug"}` + "\n", ""},
		{"debug is off", false, slog.LevelDebug, "a", nil, "", ""},
	} {
		l, out, stderr := testLog(tt.json, false)
		emit(l, tt.level, tt.msg, tt.attrs...)
		if out.String() != tt.wantOut || stderr.String() != tt.wantStderr {
			t.Errorf("%s:\n got %q %q\nwant %q", tt.name, out, stderr, tt.wantOut)
		}
	}
}

// Podman decodes the whole file as one object, containerd wants the last error of a stream.
func TestFailingCommandWritesOneRecord(t *testing.T) {
	l, out, stderr := testLog(true, false)
	emit(l, slog.LevelWarn, "first")
	emit(l, slog.LevelInfo, "second")
	l.Fatal(errors.New("container x does not exist\x1b"))
	var got struct {
		Level, Msg string
		Time       time.Time
		Warnings   []string
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Level != "error" || got.Msg != "container x does not exist\x1b" || len(got.Warnings) != 2 || got.Warnings[0] != "first" {
		t.Errorf("%+v", got)
	}
	if stderr.String() != "container x does not exist\\x1b\n" {
		t.Errorf("stderr %q", stderr)
	}
	l.Flush()
	if n := bytes.Count(out.Bytes(), []byte{'\n'}); n != 1 {
		t.Errorf("%d lines", n)
	}
}

func TestFlush(t *testing.T) {
	l, out, stderr := testLog(true, false)
	l.Flush()
	if out.Len() != 0 {
		t.Errorf("a success wrote %q", out)
	}
	emit(l, slog.LevelWarn, "w")
	if out.Len() != 0 {
		t.Errorf("not held back: %q", out)
	}
	l.Flush()
	l.Flush()
	if want := `{"level":"warning","msg":"w","time":"2026-01-02T03:04:05Z"}` + "\n"; out.String() != want || stderr.Len() != 0 {
		t.Errorf("%q", out)
	}
	l, out, _ = testLog(true, true)
	emit(l, slog.LevelDebug, "now")
	if !strings.Contains(out.String(), `"level":"debug"`) {
		t.Errorf("--debug: %q", out)
	}
}

func TestDebugCaller(t *testing.T) {
	l, out, _ := testLog(false, true)
	slog.New(l.Handler()).With("id", "c1").WithGroup("g").Debug("step", "n", 2)
	if s := out.String(); !strings.Contains(s, "msg=step id=c1 g.n=2 func=kist/libcontainer/logging.TestDebugCaller file=") || !strings.Contains(s, "logging_test.go:") {
		t.Errorf("%q", s)
	}
}

func TestHandlersAreIndependent(t *testing.T) {
	l, out, _ := testLog(false, false)
	base := slog.New(l.Handler()).With("x", 0, "y", 0, "a", 1)
	one, two := base.With("b", 2), base.With("c", 3)
	one.Info("x")
	two.Info("x")
	if s := out.String(); !strings.Contains(s, "a=1 b=2\n") || !strings.Contains(s, "a=1 c=3\n") {
		t.Errorf("%q", s)
	}
}

func TestLongLines(t *testing.T) {
	for _, asJSON := range []bool{true, false} {
		for _, c := range []string{"x", "\x01", "ü", "\xff", "😀"} {
			l, out, stderr := testLog(asJSON, false)
			var attrs []slog.Attr
			for range 300 {
				attrs = append(attrs, slog.String(strings.Repeat(c, 90), strings.Repeat(c, 3000)))
			}
			emit(l, slog.LevelError, "begin "+strings.Repeat(c, 20000)+" end", attrs...)
			for range 50 {
				emit(l, slog.LevelWarn, strings.Repeat(c, 20000))
			}
			out.Truncate(max(bytes.IndexByte(out.Bytes(), '\n')+1, 0))
			check := func() {
				t.Helper()
				for line := range bytes.Lines(out.Bytes()) {
					if len(line) > maxLine || !utf8.Valid(line) {
						t.Errorf("%q: %d bytes", c, len(line))
					}
					if asJSON && !json.Valid(line) {
						t.Errorf("not JSON: %s", line)
					}
				}
			}
			check()
			if s := out.String(); !strings.Contains(s, "begin") || !strings.Contains(s, " end") {
				t.Errorf("%q: ends are missing in %.80q", c, s)
			}
			out.Reset()
			l.Fatal(errors.New("begin" + strings.Repeat(c, 20000) + "end"))
			check()
			if s := stderr.String(); !strings.HasPrefix(s, "begin") || !strings.HasSuffix(s, "end\n") || len(s) > 4*maxLine {
				t.Errorf("stderr: %d bytes, %.80q", len(s), s)
			}
		}
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "log")
	for range 2 {
		l, err := Open(file, "json", false)
		if err != nil {
			t.Fatal(err)
		}
		l.stderr = &bytes.Buffer{}
		l.Fatal(errors.New("x"))
		flags, err := unix.FcntlInt(uintptr(l.out.(descriptor)), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Error("no O_CLOEXEC")
		}
		if flags, _ := unix.FcntlInt(uintptr(l.out.(descriptor)), unix.F_GETFL, 0); flags&unix.O_NONBLOCK != 0 {
			t.Error("still O_NONBLOCK")
		}
	}
	data, _ := os.ReadFile(file)
	if bytes.Count(data, []byte{'\n'}) != 2 {
		t.Errorf("not appended: %q", data)
	}
	if st, _ := os.Stat(file); st.Mode() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	link, fifo := filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	_, _ = os.Symlink(file, link), unix.Mkfifo(fifo, 0o600)
	for path, want := range map[string]string{link: "symbolic link", fifo: "nobody reads", dir: "is a directory", dir + "/a/b": "no such file"} {
		if _, err := Open(path, "", false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Open(file, "xml", false); err == nil {
		t.Error("format xml")
	}
	for _, path := range []string{"", "/dev/stderr"} {
		l, err := Open(path, "text", false)
		if err != nil {
			t.Fatal(err)
		}
		var out, stderr bytes.Buffer
		l.out, l.stderr = &out, &stderr
		l.Fatal(errors.New("x"))
		if out.Len() == 0 || stderr.Len() != 0 {
			t.Errorf("%q: the final error was said %q and %q", path, &out, &stderr)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, unix.ENOSPC }

func TestFullDisk(t *testing.T) {
	l, _, stderr := testLog(false, false)
	l.out = full{}
	emit(l, slog.LevelWarn, "a")
	emit(l, slog.LevelWarn, "b")
	if s := stderr.String(); strings.Count(s, "no space left") != 1 {
		t.Errorf("%q", s)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("msg", "key", "value", "warning")
	f.Fuzz(func(t *testing.T, msg, key, value, warning string) {
		r := record{time: testTime, level: slog.LevelError, msg: msg, fields: []field{{key, value}}, warnings: []string{warning}}
		for _, asJSON := range []bool{true, false} {
			line := r.line(asJSON)
			if len(line) > maxLine || bytes.IndexByte(line, '\n') != len(line)-1 || !utf8.Valid(line) || bytes.ContainsAny(line, "\x1b\u202e\u009b") {
				t.Errorf("%q", line)
			}
			if asJSON && !json.Valid(line) {
				t.Errorf("not JSON: %q", line)
			}
		}
	})
}
