// SPDX-License-Identifier: Apache-2.0

package nsexec

import (
	"bytes"
	"debug/elf"
	"os"
	"runtime"
	"strings"
	"testing"
)

// The shipped image is what it is said to be: small, static, without
// relocations, and with no page that can be both written and executed.
func TestImage(t *testing.T) {
	if n := len(Image); n == 0 || n >= 32<<10 {
		t.Errorf("%d bytes, want fewer than 32 KiB", n)
	}
	f, err := elf.NewFile(strings.NewReader(Image))
	if err != nil {
		t.Fatal(err)
	}
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	if f.Type != elf.ET_EXEC || f.Machine != machine || f.Class != elf.ELFCLASS64 {
		t.Errorf("%v for %v, want a static executable for %v", f.Type, f.Machine, machine)
	}
	stack := false
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_LOAD:
			if p.Flags&elf.PF_W != 0 && p.Flags&elf.PF_X != 0 {
				t.Errorf("segment at %#x can be written and executed", p.Vaddr)
			}
			// Pages may be up to 64 KiB large on arm64; there the linker is told so.
			page := uint64(4096)
			if runtime.GOARCH == "arm64" {
				page = 65536
			}
			for _, q := range f.Progs {
				if q != p && q.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && (p.Vaddr+p.Memsz-1)/page == q.Vaddr/page {
					t.Errorf("segments at %#x and %#x share a page", p.Vaddr, q.Vaddr)
				}
			}
		case elf.PT_GNU_STACK:
			stack = true
			if p.Flags&elf.PF_X != 0 {
				t.Error("the stack is executable")
			}
		case elf.PT_INTERP, elf.PT_DYNAMIC, elf.PT_TLS:
			t.Errorf("has a %v segment", p.Type)
		}
	}
	if !stack {
		t.Error("nothing says that the stack is not executable")
	}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_REL || s.Type == elf.SHT_RELA || s.Type == elf.SHT_DYNAMIC {
			t.Errorf("section %s: %v", s.Name, s.Type)
		}
	}
}

// An interpreter that grows has stopped being one.
func TestSourceIsSmall(t *testing.T) {
	src, err := os.ReadFile("nsexec.c")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(src, []byte("\n")); n >= 600 {
		t.Errorf("nsexec.c has %d lines, want fewer than 600", n)
	}
}
