// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// process is what /proc/PID/stat says, read in one piece.
type process struct {
	comm  string
	state byte   // R, S, D, Z, X, …
	start uint64 // clock ticks since boot, in the reader's time namespace
}

// dead reports whether only the entry in the process table is left.
func (p *process) dead() bool { return p.state == 'Z' || p.state == 'X' || p.state == 'x' }

// readProcess gives ErrNotRunning if there is no such process.
func readProcess(pid int) (process, error) {
	fd, err := openat(unix.AT_FDCWD, "/proc/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY)
	if err == nil {
		var buf [1024]byte
		var n int
		for {
			if n, err = unix.Read(fd, buf[:]); !errors.Is(err, unix.EINTR) {
				break
			}
		}
		unix.Close(fd)
		if err == nil {
			return parseStat(buf[:n])
		}
	}
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return process{}, ErrNotRunning
	}
	return process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
}

// parseStat takes apart the line "PID (COMM) STATE …". The name is the process's own choice and may contain anything,
// also ") Z 1 1": it ends at the last parenthesis.
func parseStat(line []byte) (process, error) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("stat of a process: no name in %q", line)
	}
	p := process{comm: string(line[open+1 : end])}
	rest := line[end+1:]
	const stateField, startField = 3, 22 // proc(5)
	for field := stateField; field <= startField; field++ {
		rest = bytes.TrimLeft(rest, " ")
		word, after, _ := bytes.Cut(rest, []byte{' '})
		rest = after
		switch {
		case field == stateField && len(word) == 1:
			p.state = word[0]
		case field == startField:
			start, err := strconv.ParseUint(string(word), 10, 64)
			if err == nil && p.state != 0 && start != 0 {
				p.start = start
				return p, nil
			}
		}
	}
	return process{}, fmt.Errorf("stat of a process: unexpected fields in %q", line)
}

// startedAt reports whether p began at the recorded time. The kernel shows start times in the reader's time namespace;
// records hold the host's view, so a reader in another one takes its offset away first.
func (p *process) startedAt(recorded uint64) bool {
	if p.start == recorded {
		return true
	}
	offset := bootTimeOffset()
	if offset == 0 {
		return false
	}
	difference := int64(p.start) - offset - int64(recorded)
	return difference >= -1 && difference <= 1 // both values were rounded to ticks
}

// hostStart gives the start time in the host's view.
func (p *process) hostStart() uint64 { return uint64(int64(p.start) - bootTimeOffset()) }

// initialTimeNS is the inode number of the host's time namespace (PROC_TIME_INIT_INO, fixed in the kernel).
const initialTimeNS = 0xEFFFFFFA

// bootTimeOffset gives the offset of CLOCK_BOOTTIME in our time namespace, in clock ticks.
func bootTimeOffset() int64 {
	var st unix.Stat_t
	if unix.Stat("/proc/self/ns/time", &st) != nil || st.Ino == initialTimeNS {
		return 0
	}
	text, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return 0
	}
	return parseBootTimeOffset(text)
}

func parseBootTimeOffset(text []byte) int64 {
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) != 3 || string(f[0]) != "boottime" && string(f[0]) != "7" {
			continue
		}
		sec, err1 := strconv.ParseInt(string(f[1]), 10, 64)
		nsec, err2 := strconv.ParseInt(string(f[2]), 10, 64)
		if err1 == nil && err2 == nil {
			const ticks = 100 // USER_HZ, the same on every architecture that Go runs on
			return sec*ticks + nsec/(1e9/ticks)
		}
	}
	return 0
}

// bootID is read once per process.
var bootID = sync.OnceValues(func() (string, error) {
	const name = "/proc/sys/kernel/random/boot_id"
	fd, err := openat(unix.AT_FDCWD, name, unix.O_RDONLY)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	defer unix.Close(fd)
	var buf [64]byte
	n, err := unix.Read(fd, buf[:])
	id := string(bytes.TrimSpace(buf[:max(n, 0)]))
	if err != nil || !isBootID(id) {
		return "", fmt.Errorf("%s: read %q: not a boot id: %w", name, id, orShort(err))
	}
	return id, nil
})

func (s *State) describeCreator() error {
	self, err := readProcess(os.Getpid())
	if err != nil {
		return err
	}
	if s.BootID, err = bootID(); err != nil {
		return err
	}
	s.Version, s.Phase = Version, Creating
	s.Owner = os.Geteuid()
	s.Created = time.Now().UTC().Format(time.RFC3339Nano)
	s.CreatorPid, s.CreatorStartTime = os.Getpid(), self.hostStart()
	return nil
}
