// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// host is the architecture a policy is read for.
type host struct {
	goarch string
	// section is its name in a policy file; empty if LXC has none.
	section string
	// columns are the columns of the system call table that count: its own
	// first, then those of the architectures whose programs it also runs.
	columns []string
	// compat are the sections, besides its own, that its programs may be in.
	compat []string
	// arches are the architectures of the filter, its own first.
	arches []specs.Arch
}

// hostOf lists what LXC 3.0 and later add to a filter on each architecture.
func hostOf(goarch string) (host, error) {
	switch goarch {
	case "amd64":
		return host{goarch, "x86_64", []string{"amd64", "386"}, []string{"x86", "x32"}, []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}}, nil
	case "386":
		return host{goarch, "x86", []string{"386"}, nil, []specs.Arch{specs.ArchX86}}, nil
	case "arm64":
		return host{goarch, "arm64", []string{"arm64", "arm"}, []string{"arm"}, []specs.Arch{specs.ArchAARCH64, specs.ArchARM}}, nil
	case "arm":
		return host{goarch, "arm", []string{"arm"}, nil, []specs.Arch{specs.ArchARM}}, nil
	case "ppc64":
		return host{goarch, "ppc64", []string{"ppc64", "ppc"}, []string{"ppc"}, []specs.Arch{specs.ArchPPC64, specs.ArchPPC}}, nil
	case "ppc64le":
		return host{goarch, "ppc64le", []string{"ppc64"}, nil, []specs.Arch{specs.ArchPPC64LE}}, nil
	case "mips":
		return host{goarch, "mips", []string{"mips"}, nil, []specs.Arch{specs.ArchMIPS}}, nil
	case "mipsle":
		return host{goarch, "mipsel", []string{"mips"}, nil, []specs.Arch{specs.ArchMIPSEL}}, nil
	case "mips64":
		return host{goarch, "mips64", []string{"mips64", "mips"}, []string{"mips", "mips64n32"}, []specs.Arch{specs.ArchMIPS64, specs.ArchMIPS, specs.ArchMIPS64N32}}, nil
	case "mips64le":
		return host{goarch, "mipsel64", []string{"mips64", "mips"}, []string{"mipsel", "mipsel64n32"}, []specs.Arch{specs.ArchMIPSEL64, specs.ArchMIPSEL, specs.ArchMIPSEL64N32}}, nil
	case "s390x":
		return host{goarch, "s390x", []string{"s390x"}, nil, []specs.Arch{specs.ArchS390X}}, nil
	case "loong64":
		return host{goarch, "loongarch64", []string{"loong64"}, nil, []specs.Arch{specs.ArchLOONGARCH64}}, nil
	case "riscv64":
		return host{goarch, "", []string{"riscv64"}, nil, []specs.Arch{specs.ArchRISCV64}}, nil
	}
	return host{}, fmt.Errorf("architecture %s: no seccomp policy can be read for it", goarch)
}

// runs reports whether programs of the section's architecture run on the host.
func (h host) runs(section string) bool {
	for _, c := range h.compat {
		if c == section {
			return true
		}
	}
	return false
}

// sectionName takes the brackets off a section line. The line must match to the
// letter; names are in lower or in upper case, not in both.
func sectionName(line string) (string, bool) {
	if len(line) < 2 || line[len(line)-1] != ']' {
		return "", false
	}
	name := line[1 : len(line)-1]
	if name != strings.ToLower(name) {
		if name != strings.ToUpper(name) || name == "ALL" {
			return "", false
		}
		name = strings.ToLower(name)
	}
	switch name {
	case "all", "x86", "x32", "x86_64", "arm", "arm64", "ppc", "ppc64", "ppc64le",
		"mips", "mips64", "mips64n32", "mipsel", "mipsel64", "mipsel64n32",
		"s390", "s390x", "loongarch64":
		return name, true
	}
	return "", false
}
