// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"slices"
)

// engineProfile is a seccomp profile of the size that container engines send:
// some 350 names allowed, a few rules with conditions. The names are those
// that this machine's own headers know.
func engineProfile() map[string]any {
	denied := []string{"bpf", "keyctl", "add_key", "request_key", "kexec_load", "kexec_file_load", "open_by_handle_at",
		"init_module", "finit_module", "delete_module", "perf_event_open", "userfaultfd", "personality", "clone"}
	var names []string
	for _, n := range systemCalls() {
		if !slices.Contains(denied, n) {
			names = append(names, n)
		}
	}
	condition := func(value uint64) []any {
		return []any{map[string]any{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}}
	}
	rules := []any{map[string]any{"names": names, "action": "SCMP_ACT_ALLOW"}}
	for _, v := range []uint64{0, 8, 0x20000, 0x20008, 0xffffffff} {
		rules = append(rules, map[string]any{"names": []string{"personality"}, "action": "SCMP_ACT_ALLOW", "args": condition(v)})
	}
	rules = append(rules, map[string]any{"names": []string{"clone"}, "action": "SCMP_ACT_ALLOW", "args": []any{
		map[string]any{"index": 0, "value": 0x7e020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}}})
	return map[string]any{
		"defaultAction":   "SCMP_ACT_ERRNO",
		"defaultErrnoRet": 1,
		"architectures":   []string{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"},
		"syscalls":        rules,
	}
}

// systemCalls reads the names out of the C headers.
func systemCalls() []string {
	for _, path := range []string{"/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"} {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		var names []string
		for _, m := range regexp.MustCompile(`(?m)^#define __NR_([a-z0-9_]+) `).FindAllSubmatch(data, -1) {
			names = append(names, string(m[1]))
		}
		return names
	}
	return []string{"read", "write", "execve", "exit_group"}
}
