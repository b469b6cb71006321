// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	begin = "<!-- bench -->\n"
	end   = "<!-- /bench -->\n"
)

// machine says what was measured on.
func machine() string {
	var u syscall.Utsname
	_ = syscall.Uname(&u)
	var release []byte
	for _, c := range u.Release {
		if c == 0 {
			break
		}
		release = append(release, byte(c))
	}
	load, _ := os.ReadFile("/proc/loadavg")
	s := fmt.Sprintf("Kernel %s, %d processors, load %s at the start, %s; %d rounds", release, runtime.NumCPU(),
		strings.Fields(string(load) + " ?")[0], time.Now().UTC().Format(time.DateOnly), *rounds)
	for _, program := range []string{*kist, "crun", "runc", "lxc-execute"} {
		out, err := exec.Command(program, "--version").Output()
		if err != nil {
			continue
		}
		line, _, _ := strings.Cut(string(out), "\n")
		line = strings.Replace(line, " version", "", 1)
		if program == "lxc-execute" {
			line = "LXC " + line
		}
		s += "; " + line
	}
	return s + ".\n"
}

// insert puts the tables in their place of a page.
func insert(file, text string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, found := bytes.Cut(page, []byte(begin))
	_, tail, found2 := bytes.Cut(rest, []byte(end))
	if !found || !found2 {
		return fmt.Errorf("%s: no lines %q and %q", file, strings.TrimSpace(begin), strings.TrimSpace(end))
	}
	return os.WriteFile(file, bytes.Join([][]byte{head, []byte(begin), []byte(text), []byte(end), tail}, nil), 0o644)
}

// heading begins a table: the measurement, the runtimes, and comparisons.
func (b *bencher) heading(first string, columns, more []string) {
	b.columns = columns
	fmt.Printf("\n| %s | %s |\n|---|%s\n", first, strings.Join(append(append([]string{}, columns...), more...), " | "),
		strings.Repeat("---:|", len(columns)+len(more)))
}

// times prints one measurement: medians and 95th percentiles in milliseconds,
// and the ratio of kist's median to that of others with the budget for it.
func (b *bencher) times(name string, got samples, budgets ...budget) {
	if len(got) == 0 {
		return
	}
	fmt.Printf("| %s |", name)
	for _, c := range b.columns {
		if len(got[c]) == 0 {
			fmt.Print(" |")
			continue
		}
		fmt.Printf(" %s / %s |", ms(quantile(got[c], 0.5)), ms(quantile(got[c], 0.95)))
	}
	for _, peer := range b.peers {
		if got.median(peer) == 0 || got.median("kist") == 0 {
			fmt.Print(" |")
			continue
		}
		fmt.Printf(" %.2f", float64(got.median("kist"))/float64(got.median(peer)))
		for _, limit := range budgets {
			if limit.of == peer {
				fmt.Printf(" (≤ %.2f)", limit.ratio)
			}
		}
		fmt.Print(" |")
	}
	fmt.Println()
}

// budget is what design asks of a measurement: at most that much of a peer.
type budget struct {
	of    string
	ratio float64
}

// values prints a row that is not of times.
func (b *bencher) values(name string, of map[string]string) {
	fmt.Printf("| %s |", name)
	for _, c := range b.columns {
		fmt.Printf(" %s |", of[c])
	}
	for range b.peers {
		fmt.Print(" |")
	}
	fmt.Println()
}

// ms prints three digits.
func ms(d time.Duration) string {
	switch v := float64(d.Microseconds()) / 1000; {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.0f", v)
	}
}

// leftOut notes why a runtime is not in the table.
func (b *bencher) leftOut(runtime string, err error) {
	note := fmt.Sprintf("%s is left out of %q: %s", runtime, b.row, strings.Join(strings.Fields(err.Error()), " "))
	b.notes = append(b.notes, note)
	fmt.Fprintln(os.Stderr, "bench:", note)
}

// footnotes prints them below the table.
func (b *bencher) footnotes() {
	if len(b.notes) == 0 {
		return
	}
	fmt.Println()
	for _, n := range b.notes {
		fmt.Println("-", n)
	}
	b.notes = nil
}
