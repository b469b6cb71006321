// SPDX-License-Identifier: Apache-2.0

package state

import (
	"slices"
	"strconv"
	"unicode/utf8"
)

// encoder appends one JSON object. Absent values are left out, so a record stays within one page.
type encoder struct {
	b     []byte
	comma bool
}

func (e *encoder) key(name string) {
	if e.comma {
		e.b = append(e.b, ',')
	}
	e.comma = true
	e.b = appendString(e.b, name)
	e.b = append(e.b, ':')
}

func (e *encoder) str(name, v string) {
	if v != "" {
		e.key(name)
		e.b = appendString(e.b, v)
	}
}

func (e *encoder) num(name string, v uint64) {
	if v != 0 {
		e.key(name)
		e.b = strconv.AppendUint(e.b, v, 10)
	}
}

func (e *encoder) flag(name string, v bool) {
	if v {
		e.key(name)
		e.b = append(e.b, "true"...)
	}
}

func (e *encoder) list(name string, v []string) {
	if len(v) == 0 {
		return
	}
	e.key(name)
	for i, s := range v {
		e.b = append(e.b, "[,"[min(i, 1)])
		e.b = appendString(e.b, s)
	}
	e.b = append(e.b, ']')
}

func (e *encoder) dict(name string, v map[string]string) {
	if len(v) == 0 {
		return
	}
	e.key(name)
	e.b = appendMap(e.b, v)
}

func appendMap(b []byte, v map[string]string) []byte {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys) // the same record gives the same bytes
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendString(b, v[k])
	}
	return append(b, '}')
}

// encode gives the record as one line of JSON, version first: a reader must know it before it judges the rest.
func (s *State) encode() []byte {
	e := encoder{b: make([]byte, 0, 1024)}
	e.b = append(e.b, '{')
	e.num("version", uint64(s.Version))
	e.str("ociVersion", s.OCIVersion)
	e.str("id", s.ID)
	e.str("bundle", s.Bundle)
	e.str("rootfs", s.Rootfs)
	e.str("created", s.Created)
	e.num("owner", uint64(s.Owner))
	e.str("phase", string(s.Phase))
	e.str("bootID", s.BootID)
	e.num("initPid", uint64(s.InitPid))
	e.num("initStartTime", s.InitStartTime)
	e.num("initInode", s.InitInode)
	e.num("creatorPid", uint64(s.CreatorPid))
	e.num("creatorStartTime", s.CreatorStartTime)
	e.dict("annotations", s.Annotations)
	e.dict("cgroupPaths", s.CgroupPaths)
	e.flag("cgroupFresh", s.CgroupFresh)
	e.flag("systemd", s.Systemd)
	e.str("systemdUnit", s.SystemdUnit)
	e.flag("rootless", s.Rootless)
	e.list("namespaces", s.Namespaces)
	e.flag("privatePID", s.PrivatePID)
	e.dict("netDevices", s.NetDevices)
	e.flag("intelRdt", s.IntelRdt)
	e.str("resctrlGroup", s.ResctrlGroup)
	e.str("resctrlMonGroup", s.ResctrlMonGroup)
	e.str("appArmorProfile", s.AppArmorProfile)
	e.str("appArmorNamespace", s.AppArmorNamespace)
	e.list("hooks", s.Hooks)
	e.flag("seccompNotify", s.SeccompNotify)
	e.flag("notifySocket", s.NotifySocket)
	e.flag("noNewKeyring", s.NoNewKeyring)
	e.flag("noPivot", s.NoPivot)
	e.flag("terminal", s.Terminal)
	e.flag("noProcess", s.NoProcess)
	e.num("preservedFDs", uint64(s.PreservedFDs))
	e.num("withheld", s.Withheld)
	e.list("descriptors", s.Descriptors)
	return append(e.b, "}\n"...)
}

const hexDigits = "0123456789abcdef"

// appendString appends v as a JSON string. It expects UTF-8 (check refuses anything else); bytes that are not become
// U+FFFD, so that what is printed is JSON in any case.
func appendString(b []byte, v string) []byte {
	b = append(b, '"')
	for i := 0; i < len(v); {
		c := v[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(v[i:])
			b = utf8.AppendRune(b, r)
			i += n
		}
	}
	return append(b, '"')
}
