// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// temporaryPrefix begins the name of an entry that is being written.
const temporaryPrefix = ".new-"

// abandoned is the age from which on an entry that is being written has lost its writer.
const abandoned = time.Hour

// evict removes the oldest entries beyond cacheEntries, and what writers that were killed have left. It runs after an
// entry was written, so that a hit never pays for it. What
// it cannot remove stays.
func evict(dir int) {
	type entry struct {
		name    string
		written unix.Timespec
	}
	var entries []entry
	now := time.Now()
	for _, name := range names(dir) {
		var st unix.Stat_t
		if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
			continue
		}
		if strings.HasPrefix(name, temporaryPrefix) {
			if now.Sub(time.Unix(st.Mtim.Unix())) > abandoned {
				_ = unix.Unlinkat(dir, name, 0)
			}
			continue
		}
		entries = append(entries, entry{name, st.Mtim})
	}
	if len(entries) <= cacheEntries {
		return
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.written.Nano() != b.written.Nano() {
			if a.written.Nano() < b.written.Nano() {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	for _, e := range entries[:len(entries)-cacheEntries] {
		_ = unix.Unlinkat(dir, e.name, 0)
	}
}

// names lists the directory.
func names(dir int) []string {
	if _, err := unix.Seek(dir, 0, unix.SEEK_SET); err != nil {
		return nil
	}
	var list []string
	buffer := make([]byte, 8192)
	for {
		n, err := unix.ReadDirent(dir, buffer)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return list
		}
		_, _, list = unix.ParseDirent(buffer[:n], -1, list)
	}
}
