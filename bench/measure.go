// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is what one run of a command took.
type sample struct {
	wall time.Duration
	rss  int64 // KiB, of the command itself
}

// task is one thing to measure for one runtime: the commands that count, in a
// row, and those that clean up and do not.
type task struct {
	runtime string
	steps   [][]string
	after   [][]string
}

// once runs a task and gives its time.
func (t *task) once() (sample, error) {
	var s sample
	begin := time.Now()
	for _, argv := range t.steps {
		rss, err := quiet(argv)
		if err != nil {
			return s, err
		}
		s.rss = max(s.rss, rss)
	}
	s.wall = time.Since(begin)
	for _, argv := range t.after {
		if _, err := quiet(argv); err != nil {
			return s, err
		}
	}
	return s, nil
}

// quiet runs a command with its output thrown away, by way of a descriptor and
// not a pipe: nothing of ours runs while it does. What it said is asked for
// again when it fails.
func quiet(argv []string) (int64, error) {
	log, err := os.CreateTemp("/run", "log")
	if err != nil {
		return 0, err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stderr, cmd.Stdout = log, log
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(text)))
	}
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss, nil
}

// interleave measures tasks in turn, so that whatever else the machine does
// hits them all alike. One that fails is left out and said so.
func interleave(tasks []task, n int) map[string][]sample {
	got := map[string][]sample{}
	failed := map[string]bool{}
	for round := range n + 1 {
		for i := range tasks {
			t := &tasks[i]
			if failed[t.runtime] {
				continue
			}
			s, err := t.once()
			if err != nil {
				fmt.Fprintf(os.Stderr, "bench: %s is left out: %v\n", t.runtime, err)
				failed[t.runtime] = true
				delete(got, t.runtime)
				continue
			}
			if round > 0 { // the first round warms the caches
				got[t.runtime] = append(got[t.runtime], s)
			}
		}
	}
	return got
}

// quantile gives the q-th quantile of the wall times.
func quantile(s []sample, q float64) time.Duration {
	if len(s) == 0 {
		return 0
	}
	d := make([]time.Duration, len(s))
	for i := range s {
		d[i] = s[i].wall
	}
	slices.Sort(d)
	return d[min(len(d)-1, int(q*float64(len(d))))]
}

func peak(s []sample) int64 {
	var m int64
	for i := range s {
		m = max(m, s[i].rss)
	}
	return m
}

// row prints one measurement.
func row(view, name string, order []string, got map[string][]sample) {
	base := quantile(got["crun"], 0.5)
	for _, r := range order {
		s, ok := got[r]
		if !ok {
			continue
		}
		ratio := "–"
		if base > 0 {
			ratio = fmt.Sprintf("%.2f", float64(quantile(s, 0.5))/float64(base))
		}
		fmt.Printf("| %s | %s | %s | %.2f | %.2f | %s | %d |\n", view, name, r,
			ms(quantile(s, 0.5)), ms(quantile(s, 0.95)), ratio, peak(s))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
