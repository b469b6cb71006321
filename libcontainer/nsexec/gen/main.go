// SPDX-License-Identifier: Apache-2.0

// Command gen writes program.h, the interpreter's view of package program,
// from the constants and structures that the Go side uses.
package main

import (
	"fmt"
	"os"

	"kist/libcontainer/program"
)

func main() {
	if err := os.WriteFile("program.h", []byte(program.Header()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
