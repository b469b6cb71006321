// SPDX-License-Identifier: Apache-2.0

package logging

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// record is one line of the log.
type record struct {
	time     time.Time
	level    slog.Level
	msg      string
	fields   []field
	warnings []string // only in the final record
}

type field struct{ key, value string }

// handler implements slog.Handler on a Log.
type handler struct {
	log    *Log
	prefix string // names of the open groups, each with a dot
	fields []field
}

// Enabled admits everything from info on, and debug if asked for.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return h.log.debug || level >= slog.LevelInfo
}

// Handle writes or holds back one record. It never fails: a log that cannot be written is the log's own business.
func (h *handler) Handle(_ context.Context, in slog.Record) error {
	r := record{time: in.Time, level: in.Level, msg: in.Message, fields: slices.Clip(h.fields)}
	in.Attrs(func(a slog.Attr) bool {
		r.fields = appendAttr(r.fields, h.prefix, a)
		return true
	})
	l := h.log
	if l.debug && in.PC != 0 {
		frame, _ := runtime.CallersFrames([]uintptr{in.PC}).Next()
		r.fields = append(r.fields, field{"func", frame.Function}, field{"file", frame.File + ":" + strconv.Itoa(frame.Line)})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.json && !l.debug && in.Level < slog.LevelError {
		l.held = append(l.held, r)
		return nil
	}
	l.write(&r)
	return nil
}

// WithAttrs gives a handler that adds attributes to each record.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.fields = slices.Clip(h.fields)
	for _, a := range attrs {
		c.fields = appendAttr(c.fields, h.prefix, a)
	}
	return &c
}

// WithGroup gives a handler that qualifies the names of further attributes.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.prefix += name + "."
	return &c
}

// appendAttr flattens groups to dotted names. The names of the fixed keys are taken: engines decode those.
func appendAttr(fields []field, prefix string, a slog.Attr) []field {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, sub := range v.Group() {
			fields = appendAttr(fields, prefix, sub)
		}
		return fields
	}
	if a.Key == "" && v.Kind() == slog.KindAny && v.Any() == nil {
		return fields // slog: an empty attribute is ignored
	}
	key := prefix + a.Key
	switch key {
	case "level", "msg", "time", "warnings":
		key = "fields." + key
	}
	return append(fields, field{key, v.String()})
}

// levelName gives the words of runc's log.
func levelName(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return "error"
	case level >= slog.LevelWarn:
		return "warning"
	case level >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}
