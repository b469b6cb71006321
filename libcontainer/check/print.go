// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Escape sequences of the statuses; terminals only.
const (
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	red    = "\x1b[31m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// color of a line: what is missing is red only if nothing works without it.
func (l *Line) color() string {
	switch {
	case l.Status == OK:
		return green
	case l.Required && l.Status != Limited:
		return red
	}
	return yellow
}

// Print writes the table.
func (r *Report) Print(w io.Writer, color bool) error {
	paint := func(code, text string) string {
		if !color {
			return text
		}
		return code + text + plain
	}
	width := 0
	for i := range r.Lines {
		width = max(width, len(r.Lines[i].What))
	}
	var sb strings.Builder
	group := ""
	required := 0
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Group != group {
			if group != "" {
				sb.WriteByte('\n')
			}
			group = l.Group
			sb.WriteString(paint(bold, group) + "\n")
		}
		need := " "
		if l.Required {
			need = "*"
		}
		text := fmt.Sprintf("  %s %s %-*s  %s", paint(l.color(), fmt.Sprintf("%-7s", l.Status)), need, width, l.What, l.Found)
		sb.WriteString(strings.TrimRight(text, " ") + "\n")
		if l.Breaks != "" {
			sb.WriteString("            without it: " + l.Breaks + "\n")
		}
		if l.Remedy != "" {
			sb.WriteString("            get it by:  " + l.Remedy + "\n")
		}
		if l.Required && l.Status != OK && l.Status != Limited {
			required++
		}
	}
	sb.WriteByte('\n')
	if r.OK {
		sb.WriteString(paint(green, "Everything that is required (*) is there.") + "\n")
	} else {
		sb.WriteString(paint(red, fmt.Sprintf("%d of what is required (*) missing.", required)) + "\n")
	}
	_, err := io.WriteString(w, sb.String())
	return err
}

// WriteJSON writes the report for scripts.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
