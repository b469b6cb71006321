// SPDX-License-Identifier: Apache-2.0

// Command lint checks what gofmt, vet and staticcheck do not know: who may
// import whom, and what costs time at the start of kist.
//
// It runs on a developer's machine and in CI, in the root of the repository, and reads source files only. With
// -inittrace FILE it runs that binary once and reports package initialisers
// that take more than their budget.
//
// The import rules are a table (rules.go): arrows point one way, spec →
// compile → program → launch, and each heavy library has one importer.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	binary := flag.String("inittrace", "", "check the initialisers of a `BINARY`")
	flag.Parse()
	var problems []string
	var err error
	if *binary != "" {
		problems, err = initWork(*binary)
	} else {
		problems, err = checkTree(".")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(2)
	}
	for _, p := range problems {
		fmt.Println(p)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}
