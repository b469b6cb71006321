// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"fmt"
	"strconv"
	"strings"
)

// signalName turns LXC's spellings of a signal into the one kist and other tools
// read: a name with SIG, or SIGRTMIN+n, or a number that has no name.
func signalName(value string) (string, error) {
	bad := fmt.Errorf("%q: must be a number, a name such as SIGTERM, SIGRTMIN+n or SIGRTMAX-n", value)
	if n, err := strconv.Atoi(value); err == nil {
		if n < 1 || n > 64 {
			return "", bad
		}
		if names := signalNames(); n < len(names) {
			return "SIG" + names[n], nil
		}
		return value, nil
	}
	s := strings.ToUpper(value)
	name, ok := strings.CutPrefix(s, "SIG")
	if !ok {
		return "", bad
	}
	for _, base := range [...]string{"RTMIN", "RTMAX"} {
		rest, ok := strings.CutPrefix(name, base)
		if !ok {
			continue
		}
		if rest == "" {
			return "SIG" + base, nil
		}
		sign := byte('+')
		if base == "RTMAX" {
			sign = '-'
		}
		n, err := strconv.ParseUint(rest[1:], 10, 8)
		if rest[0] != sign || err != nil || n > 30 {
			return "", bad
		}
		return "SIG" + base + string(sign) + strconv.FormatUint(n, 10), nil
	}
	switch name {
	case "IOT":
		name = "ABRT"
	case "POLL":
		name = "IO"
	case "CLD":
		name = "CHLD"
	case "UNUSED":
		name = "SYS"
	}
	for _, known := range signalNames() {
		if name == known && name != "" {
			return "SIG" + name, nil
		}
	}
	return "", bad
}

// signalNames is indexed by number; x86, arm, s390, riscv and powerpc agree.
func signalNames() [32]string {
	return [32]string{"", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
		"PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ",
		"VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"}
}

func checkSignal(value string, _ Version) error {
	_, err := signalName(value)
	return err
}
