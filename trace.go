// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer"
)

// traceValue is the value of --trace[=FILE]: a flag that may stand alone.
type traceValue struct {
	on   bool
	file string
}

func (t *traceValue) Set(v string) error {
	t.on = v != "false"
	if v != "true" && v != "false" {
		t.file = v
	}
	return nil
}
func (t *traceValue) String() string   { return t.file }
func (t *traceValue) IsBoolFlag() bool { return true }

func traceFlag() cli.Flag {
	return &cli.GenericFlag{Name: "trace", Value: &traceValue{},
		Usage: "print every instruction with its time to stderr, or write it to `=FILE` (FILE.json: Chrome trace-event format)"}
}

// startTrace begins tracing if it is asked for; the function it returns writes
// the result, also of a command that failed.
func startTrace(c *cli.Context, rt *libcontainer.Runtime) (func() error, error) {
	t, _ := c.Generic("trace").(*traceValue)
	if t == nil || !t.on {
		return func() error { return nil }, nil
	}
	var out io.WriteCloser = os.Stderr
	if t.file != "" {
		f, err := os.OpenFile(t.file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			return nil, fmt.Errorf("--trace: %w", err)
		}
		out = f
	}
	rt.Trace = &libcontainer.Trace{}
	return func() error {
		w := bufio.NewWriter(out)
		var err error
		if strings.HasSuffix(t.file, ".json") {
			err = writeChromeTrace(w, rt.Trace)
		} else {
			err = writeTextTrace(w, rt.Trace)
		}
		if e := w.Flush(); err == nil {
			err = e
		}
		if t.file != "" {
			if e := out.Close(); err == nil {
				err = e
			}
		}
		if err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
		return nil
	}, nil
}

// line is one row of a trace, from either side.
type line struct {
	at       time.Time
	duration time.Duration
	text     string
}

// merge puts phases and steps on one time line.
func merge(t *libcontainer.Trace) []line {
	var lines []line
	for _, p := range t.Phases {
		if !p.End.IsZero() {
			lines = append(lines, line{p.Begin, p.End.Sub(p.Begin), "kist    " + p.Name})
		}
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		var d time.Duration
		result := "?"
		if !s.End.IsZero() {
			d, result = s.End.Sub(s.Begin), resultText(s.Result)
		}
		lines = append(lines, line{s.Begin, d, fmt.Sprintf("nsexec  %-4d %s = %s", s.Insn, s.Program.Format(s.Insn), result)})
	}
	sortLines(lines)
	return lines
}

func resultText(r int64) string {
	if r < 0 && r > -4096 {
		return "-" + unix.ErrnoName(unix.Errno(-r))
	}
	return fmt.Sprint(r)
}

func sortLines(lines []line) {
	// Two sorted halves: insertion sort is short, and quick on those.
	for i := 1; i < len(lines); i++ {
		for k := i; k > 0 && lines[k].at.Before(lines[k-1].at); k-- {
			lines[k], lines[k-1] = lines[k-1], lines[k]
		}
	}
}

func writeTextTrace(w io.Writer, t *libcontainer.Trace) error {
	lines := merge(t)
	if len(lines) == 0 {
		return nil
	}
	origin := lines[0].at
	for _, l := range lines {
		_, err := fmt.Fprintf(w, "%10.1fµs %9.1fµs  %s\n", micros(l.at.Sub(origin)), micros(l.duration), l.text)
		if err != nil {
			return err
		}
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// chromeEvent is a complete event of the Chrome trace-event format, which
// Perfetto reads.
type chromeEvent struct {
	Name     string            `json:"name"`
	Category string            `json:"cat"`
	Phase    string            `json:"ph"`
	Start    float64           `json:"ts"`
	Duration float64           `json:"dur"`
	Pid      int               `json:"pid"`
	Thread   int               `json:"tid"`
	Args     map[string]string `json:"args,omitempty"`
}

func writeChromeTrace(w io.Writer, t *libcontainer.Trace) error {
	events := []chromeEvent{}
	add := func(name, category string, thread int, begin, end time.Time, args map[string]string) {
		if end.IsZero() {
			end = begin
		}
		events = append(events, chromeEvent{name, category, "X", float64(begin.UnixNano()) / 1000, micros(end.Sub(begin)), 1, thread, args})
	}
	for _, p := range t.Phases {
		add(p.Name, "kist", 1, p.Begin, p.End, nil)
	}
	for i := range t.Steps {
		s := &t.Steps[i]
		text := s.Program.Format(s.Insn)
		name, _, _ := strings.Cut(text, "(")
		add(name, "nsexec", 2, s.Begin, s.End, map[string]string{
			"instruction": text,
			"result":      resultText(s.Result),
			"cause":       s.Program.Causes[s.Insn].String(),
		})
	}
	return json.NewEncoder(w).Encode(struct {
		Events []chromeEvent `json:"traceEvents"`
		Unit   string        `json:"displayTimeUnit"`
	}{events, "ns"})
}
