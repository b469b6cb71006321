// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"kist/libcontainer/nsexec"
)

// sizeRows are the measurements that are not of times.
var sizeRows = []row{
	{"smallest memory limit", (*bencher).memory},
	{"peak memory", (*bencher).peaks},
	{"size of the image exec'd in the container", (*bencher).size},
}

// memory finds the smallest limit, among powers of two, under which a static
// program that does nothing still runs.
func (b *bencher) memory(name string) error {
	if !b.memoryController() {
		b.notes = append(b.notes, fmt.Sprintf("%q needs the memory controller, which is not in this view", name))
		return nil
	}
	if err := tinyTrue(b.rootfs + "/bin/tiny"); err != nil {
		return err
	}
	least := map[string]string{}
	for _, r := range b.runtimes {
		for limit := int64(16 << 20); limit >= 32<<10; limit /= 2 {
			bundle, err := b.bundle("memory", func(c map[string]any) {
				setArgs(c, "/bin/tiny")
				c["linux"].(map[string]any)["resources"] = map[string]any{"memory": map[string]any{"limit": limit}}
			})
			if err != nil {
				return err
			}
			worked := 0
			for range 3 {
				if quiet(b.path[r], "run", "--bundle", bundle, b.id(r)) == nil {
					worked++
				}
				b.remove(r, b.id(r))()
			}
			if worked < 3 {
				break
			}
			least[r] = fmt.Sprintf("%d KiB", limit>>10)
		}
	}
	b.values(name, least)
	return nil
}

func (b *bencher) memoryController() bool {
	if b.view == "v1" {
		_, err := os.Stat("/sys/fs/cgroup/memory/memory.limit_in_bytes")
		return err == nil
	}
	data, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
	return err == nil && slices.Contains(strings.Fields(string(data)), "memory")
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
	return quiet("gcc", "-O2", "-static", "-nostdlib", "-o", path, src)
}

// peaks is the largest resident memory of a process of each command: its own,
// or one that it has started and fetched.
func (b *bencher) peaks(name string) error {
	plain, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	sleep, err := b.bundle("sleep", func(c map[string]any) { setArgs(c, "/bin/sleep", "100000") })
	if err != nil {
		return err
	}
	commands := []struct {
		name string
		args []string
	}{
		{"run", []string{"run", "--bundle", plain}},
		{"create", []string{"create", "--bundle", sleep}},
		{"start", []string{"start"}},
		{"state", []string{"state"}},
		{"list", []string{"list"}},
		{"exec", []string{"exec"}},
		{"kill", []string{"kill"}},
		{"delete", []string{"delete", "--force"}},
	}
	got := map[string]map[string]int64{}
	for range 3 {
		for _, r := range b.runtimes {
			for _, c := range commands {
				argv := append([]string{b.path[r]}, c.args...)
				switch c.name {
				case "list":
				case "exec":
					argv = append(argv, b.id(r), "/bin/true")
				case "kill":
					argv = append(argv, b.id(r), "KILL")
				default:
					argv = append(argv, b.id(r))
				}
				s, err := timed(argv)
				if err != nil {
					b.leftOut(r, err)
					b.remove(r, b.id(r))()
					break
				}
				if got[c.name] == nil {
					got[c.name] = map[string]int64{}
				}
				got[c.name][r] = max(got[c.name][r], s.rss)
			}
		}
	}
	for _, c := range commands {
		text := map[string]string{}
		for r, kib := range got[c.name] {
			text[r] = fmt.Sprintf("%d KiB", kib)
		}
		b.values(name+", `"+c.name+"`", text)
	}
	return nil
}

// size: kist's nsexec; the others execute themselves once more.
func (b *bencher) size(name string) error {
	text := map[string]string{"kist": fmt.Sprintf("%d bytes", len(nsexec.Image))}
	for _, r := range b.runtimes[1:] {
		st, err := os.Stat(b.path[r])
		if err != nil {
			return err
		}
		text[r] = fmt.Sprintf("%d bytes", st.Size())
	}
	b.values(name, text)
	return nil
}
