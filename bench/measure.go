// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// sample is what one run of a command took.
type sample struct {
	wall time.Duration // or, with -cpu, the processor's
	rss  int64         // KiB: the largest resident memory of one of its processes
}

// task is one thing to measure for one runtime: the commands that count, one
// after another, and what is done afterwards and does not count.
type task struct {
	runtime string
	steps   [][]string
	after   func()
}

// once runs a task and gives its time.
func (t *task) once() (sample, error) {
	var sum sample
	if t.after != nil {
		defer t.after()
	}
	for _, argv := range t.steps {
		s, err := timed(argv)
		if err != nil {
			return sum, err
		}
		sum.wall += s.wall
		sum.rss = max(sum.rss, s.rss)
	}
	return sum, nil
}

// timed runs commands, all at once, by way of bench/stopwatch.c.
func timed(commands ...[]string) (sample, error) {
	log, err := os.CreateTemp("/run", "log")
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	args := []string{log.Name()}
	for i, argv := range commands {
		if i > 0 {
			args = append(args, ";")
		}
		args = append(args, argv...)
	}
	cmd := exec.Command(*tools+"/stopwatch", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return sample{}, fmt.Errorf("stopwatch: %w", err)
	}
	var ns, cpu, kib int64
	var status int
	if _, err := fmt.Sscan(string(out), &ns, &cpu, &kib, &status); err != nil {
		return sample{}, fmt.Errorf("stopwatch: %q: %w", out, err)
	}
	if status != 0 {
		text, _ := os.ReadFile(log.Name())
		return sample{}, fmt.Errorf("%s: status %d: %s", strings.Join(commands[0], " "), status, strings.TrimSpace(string(text)))
	}
	if *cpuTime {
		ns = cpu
	}
	return sample{wall: time.Duration(ns), rss: kib}, nil
}

// quiet runs a command of which only the success counts.
func quiet(argv ...string) error {
	_, err := timed(argv)
	return err
}

// samples are those of a measurement, by runtime.
type samples map[string][]sample

// interleave measures tasks in turn, each round beginning with another one, so
// that whatever else the machine does hits them all alike. One that fails is
// left out, and the table says so.
func (b *bencher) interleave(tasks []task, n int) samples {
	got := samples{}
	failed := map[string]bool{}
	for round := range n + 1 {
		for i := range tasks {
			t := &tasks[(i+round)%len(tasks)]
			if failed[t.runtime] {
				continue
			}
			s, err := t.once()
			if err != nil {
				b.leftOut(t.runtime, err)
				if b.path[t.runtime] != "" {
					b.remove(t.runtime, b.id(t.runtime))()
				}
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
	d := make([]time.Duration, len(s))
	for i := range s {
		d[i] = s[i].wall
	}
	slices.Sort(d)
	return d[min(len(d)-1, int(q*float64(len(d))))]
}

// median is 0 where nothing was measured.
func (s samples) median(runtime string) time.Duration {
	if len(s[runtime]) == 0 {
		return 0
	}
	return quantile(s[runtime], 0.5)
}
