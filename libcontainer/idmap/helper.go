// SPDX-License-Identifier: Apache-2.0

package idmap

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Helpers are the absolute paths of the set-user-id programs of the shadow suite; empty where there is none.
type Helpers struct{ NewUIDMap, NewGIDMap string }

// FindHelpers looks in the directories where distributions put them; PATH belongs to the caller and has no say. It is
// called before kist enters or prepares any other namespace.
func FindHelpers() Helpers {
	return Helpers{find("newuidmap"), find("newgidmap")}
}

func find(name string) string {
	// /run/wrappers/bin is where NixOS keeps what is set-user-id.
	for _, dir := range [...]string{"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/", "/usr/local/bin/", "/run/wrappers/bin/"} {
		var st unix.Stat_t
		if unix.Stat(dir+name, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0 {
			return dir + name
		}
	}
	return ""
}

// maxMessage bounds what of a helper's complaint is shown.
const maxMessage = 1024

// runHelper runs "helper PID CONTAINER HOST SIZE …" with an empty environment and gives its complaint as the error.
func runHelper(helper string, pid int, maps []specs.LinuxIDMapping) error {
	argv := make([]string, 0, 2+3*len(maps))
	argv = append(argv, helper, strconv.Itoa(pid))
	for _, m := range maps {
		for _, v := range [3]uint32{m.ContainerID, m.HostID, m.Size} {
			argv = append(argv, strconv.FormatUint(uint64(v), 10))
		}
	}
	var out [2]int
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer unix.Close(out[0])
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(out[1])
		return fmt.Errorf("/dev/null: open: %w", err)
	}
	child, err := syscall.ForkExec(helper, argv, &syscall.ProcAttr{Files: []uintptr{uintptr(null), uintptr(out[1]), uintptr(out[1])}})
	unix.Close(null)
	unix.Close(out[1])
	if err != nil {
		return fmt.Errorf("%s: execute: %w", helper, err)
	}
	message := readAll(out[0])
	var status unix.WaitStatus
	for {
		if _, err = unix.Wait4(child, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: wait: %w", helper, err)
	case status.Signaled():
		return fmt.Errorf("%s: signal: %v: %s", helper, status.Signal(), message)
	case status.ExitStatus() != 0:
		return fmt.Errorf("%s: exit status %d: %s", helper, status.ExitStatus(), message)
	}
	return nil
}

// helperAdvice says what to do about a helper that has refused a map.
func helperAdvice(helper string, maps []specs.LinuxIDMapping) string {
	advice := ""
	file, own := "/etc/subuid", os.Geteuid()
	if strings.HasSuffix(helper, "newgidmap") {
		file, own = "/etc/subgid", os.Getegid()
	}
	if HelperPrivilege(helper) == "" {
		advice = "the helper has no privilege: chmod u+s " + helper + ", on a file system without nosuid"
	} else if advice = lacking(maps, file, own); advice == "" && noNewPrivileges() {
		advice = "kist was started with no_new_privs, where no program can gain privilege (systemd: NoNewPrivileges=)"
	}
	if advice != "" {
		advice = " (" + advice + ")"
	}
	return advice
}

// HelperPrivilege says by what a helper may write maps: "" if it may not.
func HelperPrivilege(helper string) string {
	var st unix.Stat_t
	var fs unix.Statfs_t
	if helper == "" || unix.Stat(helper, &st) != nil || unix.Statfs(helper, &fs) == nil && fs.Flags&unix.ST_NOSUID != 0 {
		return ""
	}
	if st.Mode&unix.S_ISUID != 0 && st.Uid == 0 {
		return "set-user-id root"
	}
	if n, err := unix.Getxattr(helper, "security.capability", nil); err == nil && n > 0 {
		return "file capabilities"
	}
	return ""
}

func noNewPrivileges() bool {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return err == nil && set == 1
}

// readAll reads to the end, which comes with the end of the helper, and keeps the beginning.
func readAll(fd int) string {
	var kept []byte
	var buf [maxMessage]byte
	for {
		n, err := unix.Read(fd, buf[:])
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return strings.TrimSpace(strings.ToValidUTF8(string(kept), "\ufffd"))
		}
		kept = append(kept, buf[:min(n, maxMessage-len(kept))]...)
	}
}
