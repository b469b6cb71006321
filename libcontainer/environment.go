// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// environment gives the process's environment: what the configuration lists
// (of duplicates the last), what kist has to tell it, and HOME from the
// container's passwd if it is not set. Nothing of the caller's comes in.
func environment(env []string, passwd int, uid uint32, extra []string) []string {
	all := make([]string, 0, len(env)+len(extra)+1)
	all = append(append(all, env...), extra...)
	result := make([]string, 0, len(all)+1)
	for i, e := range all {
		name, _, _ := strings.Cut(e, "=")
		last := true
		for _, later := range all[i+1:] {
			if len(later) > len(name) && later[len(name)] == '=' && later[:len(name)] == name {
				last = false
				break
			}
		}
		if last {
			result = append(result, e)
		}
	}
	if !hasEnv(result, "HOME") {
		result = append(result, "HOME="+home(passwd, uid))
	}
	return result
}

// maxPasswd bounds what is read of a file that the image brings.
const maxPasswd = 1 << 20

// home looks a user up in a passwd file, given by descriptor: "/" if the file
// or the user is missing. See passwd(5).
func home(fd int, uid uint32) string {
	if fd < 0 {
		return "/"
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return "/" // a fifo or a device is not a passwd file
	}
	data := make([]byte, 0, 4096)
	for len(data) < maxPasswd {
		if cap(data)-len(data) < 4096 {
			data = append(data, make([]byte, 4096)...)[:len(data)]
		}
		n, err := unix.Read(fd, data[len(data):cap(data)])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			break
		}
		data = data[:len(data)+n]
	}
	want := strconv.FormatUint(uint64(uid), 10)
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		data = rest
		f := bytes.SplitN(line, []byte{':'}, 8)
		if len(f) >= 6 && string(f[2]) == want {
			if dir := string(f[5]); dir != "" && !strings.ContainsRune(dir, 0) {
				return dir
			}
			return "/"
		}
	}
	return "/"
}
