// SPDX-License-Identifier: Apache-2.0

// Command gen writes syscalls.tsv, the table of system call numbers that
// version 1 policies need, from the tables in golang.org/x/sys/unix, which are
// generated from the kernel's headers. It runs by `go generate`, never in a
// container or in kist.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// The little-endian variants of mips, mips64 and ppc64 have the numbers of the
// big-endian ones.
var arches = []string{"amd64", "386", "arm", "arm64", "loong64", "riscv64", "mips", "mips64", "ppc", "ppc64", "s390x"}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		return fmt.Errorf("golang.org/x/sys: find: %w", err)
	}
	table := map[string]map[string]string{}
	for _, arch := range arches {
		path := filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_"+arch+".go")
		if err := read(path, arch, table); err != nil {
			return err
		}
	}
	var names []string
	for name := range table {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("#\t" + strings.Join(arches, "\t") + "\n")
	for _, name := range names {
		b.WriteString(name)
		for _, arch := range arches {
			nr := table[name][arch]
			if nr == "" {
				nr = "-"
			}
			b.WriteString("\t" + nr)
		}
		b.WriteString("\n")
	}
	return os.WriteFile("syscalls.tsv", []byte(b.String()), 0o644)
}

func read(path, arch string, table map[string]map[string]string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		fields := strings.Fields(sc.Text())
		if len(fields) != 3 || !strings.HasPrefix(fields[0], "SYS_") || fields[1] != "=" {
			continue
		}
		name := strings.ToLower(strings.TrimPrefix(fields[0], "SYS_"))
		if table[name] == nil {
			table[name] = map[string]string{}
		}
		table[name][arch] = fields[2]
	}
	return sc.Err()
}
