// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"strconv"
)

// decode reads a record. It accepts exactly what encode can produce, in any order and spacing: one object, no key twice,
// no unknown key, nothing after it. Whatever else is in the file did not come from kist.
func decode(data []byte) (*State, error) {
	p := scanner{b: data}
	s := &State{}
	seen := make([]string, 0, 32)
	err := p.object(func(key string) error {
		for _, k := range seen {
			if k == key {
				return fmt.Errorf("%s: given twice", key)
			}
		}
		seen = append(seen, key)
		if err := s.decodeField(&p, key); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if key == "version" && s.Version > Version {
			return fmt.Errorf("version %d is from a newer kist, this one knows versions up to %d: use the newer kist for this container", s.Version, Version)
		}
		return nil
	})
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *State) decodeField(p *scanner, key string) (err error) {
	switch key {
	case "version":
		s.Version, err = p.integer()
	case "ociVersion":
		s.OCIVersion, err = p.str()
	case "id":
		s.ID, err = p.str()
	case "bundle":
		s.Bundle, err = p.str()
	case "rootfs":
		s.Rootfs, err = p.str()
	case "created":
		s.Created, err = p.str()
	case "owner":
		s.Owner, err = p.integer()
	case "phase":
		var v string
		v, err = p.str()
		s.Phase = Phase(v)
	case "bootID":
		s.BootID, err = p.str()
	case "initPid":
		s.InitPid, err = p.integer()
	case "initStartTime":
		s.InitStartTime, err = p.number(64)
	case "initInode":
		s.InitInode, err = p.number(64)
	case "creatorPid":
		s.CreatorPid, err = p.integer()
	case "creatorStartTime":
		s.CreatorStartTime, err = p.number(64)
	case "annotations":
		s.Annotations, err = p.dict()
	case "cgroupPaths":
		s.CgroupPaths, err = p.dict()
	case "cgroupFresh":
		s.CgroupFresh, err = p.boolean()
	case "systemd":
		s.Systemd, err = p.boolean()
	case "systemdUnit":
		s.SystemdUnit, err = p.str()
	case "rootless":
		s.Rootless, err = p.boolean()
	case "namespaces":
		s.Namespaces, err = p.list()
	case "privatePID":
		s.PrivatePID, err = p.boolean()
	case "netDevices":
		s.NetDevices, err = p.dict()
	case "intelRdt":
		s.IntelRdt, err = p.boolean()
	case "resctrlGroup":
		s.ResctrlGroup, err = p.str()
	case "resctrlMonGroup":
		s.ResctrlMonGroup, err = p.str()
	case "appArmorProfile":
		s.AppArmorProfile, err = p.str()
	case "appArmorNamespace":
		s.AppArmorNamespace, err = p.str()
	case "hooks":
		s.Hooks, err = p.list()
	case "seccompNotify":
		s.SeccompNotify, err = p.boolean()
	case "notifySocket":
		s.NotifySocket, err = p.boolean()
	case "noNewKeyring":
		s.NoNewKeyring, err = p.boolean()
	case "noPivot":
		s.NoPivot, err = p.boolean()
	case "terminal":
		s.Terminal, err = p.boolean()
	case "noProcess":
		s.NoProcess, err = p.boolean()
	case "preservedFDs":
		s.PreservedFDs, err = p.integer()
	case "withheld":
		s.Withheld, err = p.number(64)
	case "descriptors":
		s.Descriptors, err = p.list()
	default:
		err = fmt.Errorf("unknown field")
	}
	return err
}

// integer reads a number of at most 32 bits, which fits every id and pid.
func (p *scanner) integer() (int, error) {
	v, err := p.number(32)
	return int(v), err
}

// number reads an unsigned decimal number without sign, fraction or leading zero.
func (p *scanner) number(bits int) (uint64, error) {
	p.space()
	from := p.i
	for p.i < len(p.b) && p.b[p.i] >= '0' && p.b[p.i] <= '9' {
		p.i++
	}
	text := p.b[from:p.i]
	if len(text) == 0 || len(text) > 1 && text[0] == '0' {
		return 0, p.errorf(from, "expected a whole number")
	}
	v, err := strconv.ParseUint(string(text), 10, bits)
	if err != nil {
		return 0, p.errorf(from, "number out of range")
	}
	return v, nil
}

func (p *scanner) boolean() (bool, error) {
	p.space()
	for _, word := range [2]string{"true", "false"} {
		if len(p.b)-p.i >= len(word) && string(p.b[p.i:p.i+len(word)]) == word {
			p.i += len(word)
			return word == "true", nil
		}
	}
	return false, p.errorf(p.i, "expected true or false")
}

func (p *scanner) list() ([]string, error) {
	var out []string
	if !p.take('[') {
		return nil, p.errorf(p.i, "expected an array")
	}
	if p.take(']') {
		return nil, nil
	}
	for {
		v, err := p.str()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if p.take(']') {
			return out, nil
		}
		if !p.take(',') {
			return nil, p.errorf(p.i, "expected , or ]")
		}
	}
}

func (p *scanner) dict() (map[string]string, error) {
	var out map[string]string
	err := p.object(func(key string) error {
		if _, twice := out[key]; twice {
			return fmt.Errorf("%q: given twice", key)
		}
		v, err := p.str()
		if err != nil {
			return err
		}
		if out == nil {
			out = make(map[string]string, 12) // the ten v1 hierarchies without growing
		}
		out[key] = v
		return nil
	})
	return out, err
}
