// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// The checks are what LXC's own loader refuses in a value, per key. They see the
// value after quotes are gone and never an empty one, except for the keys of
// emptyClears.

func checkEmpty(value string, _ Version) error {
	if value != "" {
		return errors.New("takes no value: the key only clears")
	}
	return nil
}

func checkNonEmpty(value string, _ Version) error {
	if value == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func checkFstabPath(value string, _ Version) error {
	if value == "" {
		return errors.New("must not be empty; remove the line to have no fstab")
	}
	return nil
}

func checkAbsolute(value string, _ Version) error {
	if !filepath.IsAbs(value) {
		return fmt.Errorf("%q: must be an absolute path", value)
	}
	return nil
}

func checkUTSName(value string, _ Version) error {
	if len(value) > 64 {
		return fmt.Errorf("%q: longer than 64 characters", value)
	}
	return nil
}

// integer reads a number as a release does: all of the text, or as much as there
// is before the first other character.
func integer(value string, v Version) (int64, error) {
	s := value
	if v.looseNumbers() {
		end := 0
		for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
			end++
		}
		s = s[:end]
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: must be a number", value)
	}
	return n, nil
}

func checkInteger(value string, v Version) error {
	n, err := integer(value, v)
	if err == nil && n != int64(int32(n)) {
		err = fmt.Errorf("%q: does not fit in 32 bits", value)
	}
	return err
}

func checkCount(value string, v Version) error {
	n, err := integer(value, v)
	if err == nil && (n < 0 || n > 1<<32-1) {
		err = fmt.Errorf("%q: must be between 0 and 4294967295", value)
	}
	return err
}

func checkID(value string, v Version) error {
	n, err := integer(value, v)
	if err == nil && (n < 0 || n >= 1<<32-1) {
		err = fmt.Errorf("%q: must be an id between 0 and 4294967294", value)
	}
	return err
}

func checkBool(value string, v Version) error {
	if value == "" {
		return nil
	}
	n, err := integer(value, v)
	if err != nil || n != 0 && n != 1 {
		return fmt.Errorf("%q: must be 0 or 1", value)
	}
	return nil
}

func checkHookVersion(value string, v Version) error { return checkBool(value, v) }

func checkCommand(value string, _ Version) error {
	_, err := splitCommand(value)
	return err
}

func checkTTYDir(value string, _ Version) error {
	if len(value) > 255 || filepath.IsAbs(value) || hasDotDot(value) {
		return fmt.Errorf("%q: must be a short path relative to /dev, with no .. in it", value)
	}
	return nil
}

func checkCgroupDir(value string, _ Version) error {
	if filepath.IsAbs(value) || hasDotDot(value) {
		return fmt.Errorf("%q: must be a relative path, with no .. in it", value)
	}
	return nil
}

func checkCgroupInner(value string, _ Version) error {
	if strings.Contains(value, "/") || value == "." || value == ".." {
		return fmt.Errorf("%q: must be a single path component", value)
	}
	return nil
}

func hasDotDot(path string) bool {
	for _, p := range strings.Split(path, "/") {
		if p == ".." {
			return true
		}
	}
	return false
}

func checkGroups(value string, v Version) error {
	for _, g := range strings.Split(value, ",") {
		if err := checkID(strings.TrimSpace(g), v); err != nil {
			return err
		}
	}
	return nil
}

func checkEnvironment(value string, _ Version) error {
	if strings.HasPrefix(value, "=") {
		return fmt.Errorf("%q: the variable has no name", value)
	}
	return nil
}

func checkBackend(value string, _ Version) error {
	if backendOf(value+":x") == "" {
		return fmt.Errorf("%q: unknown storage type", value)
	}
	return nil
}

func checkNotifyProxy(value string, _ Version) error {
	if p, ok := strings.CutPrefix(value, "unix:"); !ok || p == "" {
		return fmt.Errorf("%q: must be unix:/path or unix:@name", value)
	}
	return nil
}

func checkLogLevel(value string, _ Version) error {
	switch strings.ToLower(value) {
	case "trace", "debug", "info", "notice", "warn", "error", "crit", "alert", "fatal",
		"0", "1", "2", "3", "4", "5", "6", "7", "8":
		return nil
	}
	return fmt.Errorf("%q: must be a level from trace to fatal, or 0 to 8", value)
}

func checkSyslog(value string, _ Version) error {
	if value == "daemon" || len(value) == 6 && strings.HasPrefix(value, "local") && value[5] >= '0' && value[5] <= '7' {
		return nil
	}
	return fmt.Errorf("%q: must be daemon or local0 to local7", value)
}

// checkSize reads bytes with an optional KB, MB or GB, or the word auto.
func checkSize(value string, _ Version) error {
	_, err := size(value)
	return err
}

func size(value string) (uint64, error) {
	if value == "auto" {
		return 128 << 10, nil
	}
	digits := strings.TrimRight(value, "kKmMgGtTbB ")
	n, err := strconv.ParseUint(digits, 10, 40)
	if err != nil {
		return 0, fmt.Errorf("%q: must be a size such as 131072, 128KB or auto", value)
	}
	switch strings.ToUpper(strings.TrimSpace(value[len(digits):])) {
	case "", "B":
		return n, nil
	case "KB", "K":
		return n << 10, nil
	case "MB", "M":
		return n << 20, nil
	case "GB", "G":
		if n < 1<<30 {
			return n << 30, nil
		}
	}
	return 0, fmt.Errorf("%q: must be a size such as 131072, 128KB or auto", value)
}

// splitCommand splits a command line at blanks. Quotes group; there is no other
// escaping, because no shell is involved.
func splitCommand(s string) ([]string, error) {
	var args []string
	var word strings.Builder
	inWord := false
	var open byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case open != 0 && c == open:
			open = 0
		case open != 0:
			word.WriteByte(c)
		case c == '"' || c == '\'':
			open, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				args = append(args, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if open != 0 {
		return nil, fmt.Errorf("%q: a quote is not closed", s)
	}
	if inWord {
		args = append(args, word.String())
	}
	if len(args) == 0 || args[0] == "" {
		return nil, fmt.Errorf("%q: names no program", s)
	}
	return args, nil
}
