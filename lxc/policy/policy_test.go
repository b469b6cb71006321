// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGolden(t *testing.T) {
	policies, err := filepath.Glob("testdata/*.policy")
	if err != nil || len(policies) < 5 {
		t.Fatalf("testdata: %v, %v", policies, err)
	}
	for _, path := range policies {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			seccomp, notes, err := ParseFor(f, filepath.Base(path), "amd64")
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(struct {
				Seccomp *specs.LinuxSeccomp
				Notes   []Note
			}{seccomp, notes}, "", "\t")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			golden := strings.TrimSuffix(path, ".policy") + ".json"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestRefused has what LXC 5.0.2 refuses, and what it says about where.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ policy, want string }{
		{"", "p:1: empty"},
		{"\n\n", "p:1: empty"},
		{"3\ndenylist\n", `p:1: version "3"`},
		{"denylist\n", `p:1: version "denylist"`},
		{"99999999999999999999\n", "p:1: version"},
		{"2\n", "p:1: ends after the version"},
		{"2 x\ndenylist\n", `p:1: policy "x": neither`},
		{"2\ngraylist\n", `p:2: policy "graylist"`},
		{"2\ndenylist debug\n", "p:2: policy \"denylist debug\": debug"},
		{"2\ndenylist bogus\n", `p:2: policy "denylist bogus": action "bogus"`},
		{"2\ndenylist \n", `action ""`},
		{"2\ndenylist errno\n", "errno needs a number"},
		{"2\ndenylist notify\n", "p:2: policy \"denylist notify\""},
		{"2\ndenylist\n[all] \nmkdir\n", `p:3: section "[all] "`},
		{"2\ndenylist\n[bogus]\n", "p:3: section"},
		{"2\ndenylist\n[X86_64\n", "p:3: section"},
		{"2\ndenylist\n[X86_64x]\n", "p:3: section"},
		{"2\ndenylist\n[riscv64]\n", "p:3: section"},
		{"2\ndenylist\nread allow\n", "p:3: read: allow is what already happens"},
		{"2\ndenylist\nread allow [0,1,==]\n", "p:3: read: allow is what already happens"},
		{"2\nallowlist allow\nread\n", "p:3: read: allow is what already happens"},
		{"2\nallowlist errno 5\nread errno 5\n", "p:3: read: errno 5 is what already happens"},
		{"2\ndenylist\n\nmkdir bogus\n", `p:4: mkdir: action "bogus"`},
		{"2\ndenylist\nmkdir [0,1,==]\n", "p:3: mkdir: action"},
		{"2\ndenylist\nmkdir errno\n", "errno needs a number"},
		{"2\ndenylist\nmkdir errnoX 7\n", "errno needs a number"},
		{"2\ndenylist\nmkdir errno -1\n", "errno needs a number"},
		{"2\ndenylist\nmkdir errno 4096\n", "from 0 to 4095"},
		{"2\ndenylist\nmkdir errno 99999999999999999999\n", "from 0 to 4095"},
		{"2\ndenylist\n mkdir errno 1\n", `action "mkdir errno 1"`},
		{"2\ndenylist\nmkdir\terrno 1\n", `action "1"`},
		{"2\ndenylist\nmkdir # [zork]\n", "condition [zork]"},
		{"2\ndenylist\nmkdir errno 1 []\n", "condition []"},
		{"2\ndenylist\nmkdir errno 1 [0,1]\n", "wants index, value, operator"},
		{"2\ndenylist\nmkdir errno 1 [6,1,==]\n", `index "6"`},
		{"2\ndenylist\nmkdir errno 1 [0,-1,==]\n", `value "-1"`},
		{"2\ndenylist\nmkdir errno 1 [0, 16 ,==]\n", `value " 16 "`},
		{"2\ndenylist\nmkdir errno 1 [0,1_6,==]\n", `value "1_6"`},
		{"2\ndenylist\nmkdir errno 1 [0,0b1,==]\n", `value "0b1"`},
		{"2\ndenylist\nmkdir errno 1 [0,16, ==]\n", `operator " =="`},
		{"2\ndenylist\nmkdir errno 1 [0,16,<>]\n", `operator "<>"`},
		{"2\ndenylist\nmkdir errno 1 [0,1,&=, 3 ]\n", `mask " 3 "`},
		{"2\ndenylist\nmkdir errno 1 [0,1,==] [0,2,!=]\n", "a second one on argument 0"},
		{"1\nfoo\n", `p:2: policy "foo"`},
		{"1\nallowlist\n\n0\n", "p:3: \"\": version 1"},
		{"1\nallowlist\nread\n", "p:3: \"read\": version 1"},
		{"1\nallowlist\n-5\n", "p:3: \"-5\": version 1"},
		{"2\n" + strings.Repeat("#", maxPolicy), "larger than"},
		{strings.Repeat("#\n", maxPolicy/2+1), "larger than"},
	} {
		seccomp, _, err := ParseFor(strings.NewReader(c.policy), "p", "amd64")
		if err == nil {
			t.Errorf("%q: accepted: %+v", c.policy, seccomp)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.policy, err, c.want)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, c := range []struct {
		goarch string
		arches []specs.Arch
		first  string // the name of the call with that number
		number string
	}{
		{"amd64", []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}, "stat", "4"},
		{"386", []specs.Arch{specs.ArchX86}, "write", "4"},
		{"arm64", []specs.Arch{specs.ArchAARCH64, specs.ArchARM}, "io_getevents", "4"},
		{"arm", []specs.Arch{specs.ArchARM}, "write", "4"},
		{"ppc64", []specs.Arch{specs.ArchPPC64, specs.ArchPPC}, "write", "4"},
		{"ppc64le", []specs.Arch{specs.ArchPPC64LE}, "write", "4"},
		{"mips", []specs.Arch{specs.ArchMIPS}, "write", "4004"},
		{"mipsle", []specs.Arch{specs.ArchMIPSEL}, "write", "4004"},
		{"mips64", []specs.Arch{specs.ArchMIPS64, specs.ArchMIPS, specs.ArchMIPS64N32}, "stat", "5004"},
		{"mips64le", []specs.Arch{specs.ArchMIPSEL64, specs.ArchMIPSEL, specs.ArchMIPSEL64N32}, "stat", "5004"},
		{"s390x", []specs.Arch{specs.ArchS390X}, "write", "4"},
		{"loong64", []specs.Arch{specs.ArchLOONGARCH64}, "io_getevents", "4"},
		{"riscv64", []specs.Arch{specs.ArchRISCV64}, "io_getevents", "4"},
	} {
		got, _, err := ParseFor(strings.NewReader("2\ndenylist\nmkdirat errno 1\n"), "p", c.goarch)
		if err != nil {
			t.Errorf("%s: %v", c.goarch, err)
			continue
		}
		if diff := cmp.Diff(c.arches, got.Architectures); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.goarch, diff)
		}
		got, _, err = ParseFor(strings.NewReader("1\nallowlist\n"+c.number+"\n"), "p", c.goarch)
		if err != nil || len(got.Syscalls) != 1 || got.Syscalls[0].Names[0] != c.first || len(got.Architectures) != 1 {
			t.Errorf("%s: version 1: %+v, %v, want %s", c.goarch, got, err, c.first)
		}
	}
	if _, _, err := ParseFor(strings.NewReader("2\ndenylist\n"), "p", "wasm"); err == nil {
		t.Error("wasm: accepted")
	}
}

func FuzzParse(f *testing.F) {
	policies, _ := filepath.Glob("testdata/*.policy")
	for _, path := range policies {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		seccomp, notes, err := ParseFor(strings.NewReader(text), "p", "amd64")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "p:") {
				t.Fatalf("error without position: %v", err)
			}
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, n := range notes {
			if n.Line < 1 || n.Line > lines || n.Text == "" {
				t.Fatalf("note %+v of %d lines", n, lines)
			}
		}
		for _, s := range seccomp.Syscalls {
			if len(s.Names) == 0 || len(s.Args) > maxArgs || (s.Action == specs.ActErrno) != (s.ErrnoRet != nil) {
				t.Fatalf("entry %+v", s)
			}
			for _, name := range s.Names {
				if name == "" || strings.ContainsAny(name, " \t[") {
					t.Fatalf("name %q", name)
				}
			}
		}
		if _, err := json.Marshal(seccomp); err != nil {
			t.Fatal(err)
		}
	})
}
