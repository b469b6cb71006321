// SPDX-License-Identifier: Apache-2.0

package host

import "strings"

// UnescapeMount undoes the escapes of paths in /proc/PID/mountinfo: blanks and the
// backslash, in octal (proc_pid_mountinfo(5)).
func UnescapeMount(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
