// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"strconv"
)

// AppendDocument appends the state as `kist state` and `kist list` print it: the fields of the OCI state document and
// runc's additions (rootfs, created, owner), in runc's order. Pid is 0 for a stopped container. Owner is a user name
// and may be empty. With indent the text has one field per line, without it is one line; it does not end with a newline.
func (s *State) AppendDocument(b []byte, status Status, owner string, indent bool) []byte {
	open, next, shut, colon := "{", ",", "}", ":"
	if indent {
		open, next, shut, colon = "{\n  ", ",\n  ", "\n}", ": "
	}
	pid := s.InitPid
	if status == StatusStopped {
		pid = 0
	}
	field := func(separator, name string) {
		b = append(b, separator...)
		b = appendString(b, name)
		b = append(b, colon...)
	}
	field(open, "ociVersion")
	b = appendString(b, s.OCIVersion)
	field(next, "id")
	b = appendString(b, s.ID)
	field(next, "pid")
	b = strconv.AppendInt(b, int64(pid), 10)
	field(next, "status")
	b = appendString(b, string(status))
	field(next, "bundle")
	b = appendString(b, s.Bundle)
	field(next, "rootfs")
	b = appendString(b, s.Rootfs)
	field(next, "created")
	b = appendString(b, s.Created)
	if len(s.Annotations) > 0 {
		field(next, "annotations")
		if indent {
			b = appendIndentedMap(b, s.Annotations)
		} else {
			b = appendMap(b, s.Annotations)
		}
	}
	field(next, "owner")
	b = appendString(b, owner)
	return append(b, shut...)
}

func appendIndentedMap(b []byte, v map[string]string) []byte {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		b = append(b, "{,"[min(i, 1)])
		b = append(b, "\n    "...)
		b = appendString(b, k)
		b = append(b, ": "...)
		b = appendString(b, v[k])
	}
	return append(b, "\n  }"...)
}
