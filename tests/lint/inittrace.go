// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// An initialiser may allocate this much: a count, which does not depend on how
// busy the machine is, as a time would.
const (
	maxInitAllocs = 60
	maxInitBytes  = 16 << 10
	maxOwnAllocs  = 4 // the errors that callers compare with
)

// initWork runs a binary and lists the packages that do work before main.
// Packages of the Go runtime and standard library are not ours to change.
func initWork(binary string) ([]string, error) {
	cmd := exec.Command(binary, "--version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace strings.Builder
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s --version: %w", binary, err)
	}
	var problems []string
	seen := 0
	for _, line := range strings.Split(trace.String(), "\n") {
		// init PACKAGE @TIME ms, TIME ms clock, BYTES bytes, COUNT allocs
		f := strings.Fields(line)
		if len(f) < 10 || f[0] != "init" {
			continue
		}
		seen++
		bytes, err1 := strconv.Atoi(f[len(f)-4])
		allocs, err2 := strconv.Atoi(f[len(f)-2])
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("cannot read %q", line)
		}
		ours := strings.HasPrefix(f[1], "kist") || f[1] == "main"
		if ours && allocs > maxOwnAllocs || allocs > maxInitAllocs || bytes > maxInitBytes {
			problems = append(problems, fmt.Sprintf("%s: initialiser allocates %d bytes in %d pieces", f[1], bytes, allocs))
		}
	}
	if seen == 0 {
		return nil, fmt.Errorf("%s prints no trace of initialisers", binary)
	}
	return problems, nil
}
