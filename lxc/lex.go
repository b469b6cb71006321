// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"strings"

	"kist/lxc/directive"
)

// line is one line of a configuration that LXC does more with than skip
// silently: a directive, or text it ignores that looks as if somebody meant it.
type line struct {
	directive.Directive
	// ignored marks a line that LXC skips although it contains a value.
	ignored bool
}

// lex splits a configuration into lines by the grammar of one LXC series. It
// refuses what no LXC reads: a key without '=', Proxmox's dialect, and templates
// that nobody has filled in.
func lex(file string, data []byte, v Version) ([]line, error) {
	var out []line
	for n, text := range strings.Split(string(data), "\n") {
		// Recent series end a line at a carriage return, older ones kept it
		// in the value, where it broke everything it touched. Nobody can
		// depend on the broken form.
		text = strings.Trim(strings.TrimRight(text, "\r"), " \t")
		d := directive.Directive{File: file, Line: n + 1}
		if i := strings.IndexByte(text, 0); i >= 0 {
			return nil, refuse(d, "the line contains a NUL byte, so this is no configuration file")
		}
		if text == "" || text[0] == '#' {
			continue
		}
		if !strings.HasPrefix(text, "lxc.") {
			if pveLine(text) {
				return nil, refuse(d, "%s", pveAdvice)
			}
			if m := wholeLineMarker(text); m != "" {
				return nil, refuse(d, "unexpanded template marker %s; fill the template in first", m)
			}
			if strings.ContainsAny(text, "=:") {
				d.Value = text
				out = append(out, line{Directive: d, ignored: true})
			}
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		if colon := strings.IndexByte(key, ':'); colon >= 0 && (colon+1 == len(key) || key[colon+1] == ' ' || key[colon+1] == '\t') {
			return nil, refuse(d, "%s", pveAdvice)
		}
		d.Key = strings.TrimRight(key, " \t")
		if !ok {
			return nil, refuse(d, "no '=' in the line; LXC refuses to load a file with such a line")
		}
		d.Value = unquote(strings.Trim(value, " \t"), v)
		if m := marker(d.Key, d.Value); m != "" {
			return nil, refuse(d, "unexpanded template marker %s; fill the template in first", m)
		}
		out = append(out, line{Directive: d})
	}
	return out, nil
}

// unquote removes exactly one pair of quotes, and only where both ends carry the
// same one. There is no escaping: 'a' 'b' becomes a' 'b, as in LXC.
func unquote(s string, v Version) string {
	if len(s) >= 2 && v.stripsQuotes() && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

const pveAdvice = "this is Proxmox's `key: value` dialect, which is no lxc.conf; " +
	"Proxmox writes the real one to /var/lib/lxc/VMID/config whenever it starts the container: import that file (run `pct start VMID` once if it is missing)"

// pveLine recognises the lines of Proxmox's /etc/pve/lxc/VMID.conf that do not
// begin with "lxc.". LXC would skip them, and with them the root filesystem.
func pveLine(text string) bool {
	key, rest, ok := strings.Cut(text, ":")
	if !ok || rest == "" || rest[0] != ' ' {
		return false
	}
	switch key {
	case "arch", "cmode", "cores", "cpulimit", "cpuunits", "entrypoint", "features", "hookscript", "hostname",
		"memory", "nameserver", "onboot", "ostype", "protection", "rootfs", "searchdomain", "startup", "swap",
		"tty", "unprivileged":
		return true
	}
	stem := strings.TrimRight(key, "0123456789")
	return stem != key && (stem == "net" || stem == "mp" || stem == "dev" || stem == "unused")
}

// shellKey reports whether a key's value may hold '$' for somebody else to
// expand: a shell, or the program that reads the environment.
func shellKey(key string) bool {
	return strings.HasPrefix(key, "lxc.hook.") || strings.Contains(key, ".script.") ||
		strings.HasPrefix(key, "lxc.environment") || key == "lxc.apparmor.raw"
}

// commandKey reports whether a key's value is a command line.
func commandKey(key string) bool {
	switch key {
	case "lxc.init.cmd", "lxc.init_cmd", "lxc.execute.cmd":
		return true
	}
	return false
}

// marker finds what a template processor left behind: such text is never what
// LXC was meant to read, and it would fail there much later and less clearly.
func marker(key, value string) string {
	if m := braces(value); m != "" && strings.HasPrefix(m, "{{") {
		return m
	}
	if shellKey(key) {
		return ""
	}
	if commandKey(key) {
		// Arguments may be meant for a shell that the command starts; the
		// program itself never is.
		value, _, _ = strings.Cut(value, " ")
	}
	if m := braces(value); m != "" {
		return m
	}
	if m := atMarker(value); m != "" {
		return m
	}
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '$':
			rest := value[i+1:]
			if rest != "" && (rest[0] == '{' || rest[0] == '(' || isNameByte(rest[0], true)) {
				return "$" + strings.SplitN(rest, " ", 2)[0]
			}
		case '%':
			rest := value[i+1:]
			if strings.HasPrefix(rest, "%") || strings.HasPrefix(rest, "(") {
				return "%" + strings.SplitN(rest, " ", 2)[0]
			}
			if rest == "s" || strings.HasPrefix(rest, "s/") {
				return "%s"
			}
		}
	}
	if value == "LXCARCH" {
		return value
	}
	return ""
}

// wholeLineMarker is marker for a line that is nothing but a placeholder, which
// LXC would skip without a word.
func wholeLineMarker(text string) string {
	switch {
	case strings.HasPrefix(text, "{{"), strings.HasPrefix(text, "%("), strings.HasPrefix(text, "%%"):
		return text
	}
	if m := atMarker(text); m == text {
		return m
	}
	return ""
}

// braces finds {{…}} and {NAME}.
func braces(s string) string {
	i := strings.IndexByte(s, '{')
	if i < 0 {
		return ""
	}
	rest := s[i:]
	if strings.HasPrefix(rest, "{{") {
		if j := strings.Index(rest, "}}"); j > 0 {
			return rest[:j+2]
		}
		return ""
	}
	if i > 0 && s[i-1] == '$' {
		return ""
	}
	j := strings.IndexByte(rest, '}')
	if j < 2 {
		return ""
	}
	for k := 1; k < j; k++ {
		if c := rest[k]; c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return rest[:j+1]
}

// atMarker finds autoconf's @NAME@.
func atMarker(s string) string {
	i := strings.IndexByte(s, '@')
	if i < 0 {
		return ""
	}
	j := strings.IndexByte(s[i+1:], '@')
	if j < 1 {
		return ""
	}
	for _, c := range []byte(s[i+1 : i+1+j]) {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return ""
		}
	}
	return s[i : i+j+2]
}

func isNameByte(c byte, first bool) bool {
	return c == '_' || (c|0x20 >= 'a' && c|0x20 <= 'z') || (!first && c >= '0' && c <= '9')
}
