// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"kist/libcontainer/nsexec"
)

// memory finds the smallest limit, among powers of two, under which a static
// program that does nothing still runs.
func (b *bench) memory(name string) error {
	if _, err := os.Stat("/sys/fs/cgroup/memory"); b.view == "v1" && err != nil {
		return nil
	}
	if b.view == "v2" {
		data, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		if err != nil || !contains(string(data), "memory") {
			return nil
		}
	}
	if err := tinyTrue(b.rootfs + "/bin/tiny"); err != nil {
		return err
	}
	for _, r := range b.runtimes {
		least := int64(0)
		for limit := int64(16 << 20); limit >= 64<<10; limit /= 2 {
			bundle, err := b.bundle("memory", func(c map[string]any) {
				c["process"].(map[string]any)["args"] = []string{"/bin/tiny"}
				c["linux"].(map[string]any)["resources"] = map[string]any{"memory": map[string]any{"limit": limit}}
			})
			if err != nil {
				return err
			}
			worked := 0
			for range 3 {
				if _, err := quiet([]string{b.path[r], "run", "--bundle", bundle, "mem-" + r}); err == nil {
					worked++
				}
				_, _ = quiet([]string{b.path[r], "delete", "--force", "mem-" + r})
			}
			if worked < 3 {
				break
			}
			least = limit
		}
		fmt.Printf("| %s | %s | %s | %d KiB | | | |\n", b.view, name, r, least>>10)
	}
	return nil
}

func contains(list, word string) bool {
	for i := 0; i+len(word) <= len(list); i++ {
		if list[i:i+len(word)] == word {
			return true
		}
	}
	return false
}

// tinyTrue compiles a program that exits with 0 and does nothing else.
func tinyTrue(path string) error {
	src := path + ".c"
	const text = `__attribute__((noreturn)) void _start(void) {
#if defined(__x86_64__)
	__asm__ volatile("syscall" : : "a"(231), "D"(0));
#else
	register long x8 __asm__("x8") = 94, x0 __asm__("x0") = 0;
	__asm__ volatile("svc 0" : : "r"(x8), "r"(x0));
#endif
	__builtin_unreachable();
}
`
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		return err
	}
	defer os.Remove(src)
	return run("gcc", "-O2", "-static", "-nostdlib", "-o", path, src)
}

func (b *bench) size(name string) error {
	fmt.Printf("| %s | %s | kist | %d bytes | | | |\n", b.view, name, len(nsexec.Image))
	for _, r := range b.runtimes[1:] {
		st, err := os.Stat(b.path[r])
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %s | %s | %d bytes | | | |\n", b.view, name, r, st.Size())
	}
	return nil
}
