// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"strings"
)

// networkTypes returns the types of the cards that are left after all clearing,
// which decides whether there is a network namespace at all.
func (t *translation) networkTypes() []string {
	var types []string
	byIndex := map[string]int{}
	for _, s := range t.network {
		rest := strings.TrimPrefix(s.Key, "lxc.")
		legacy := strings.HasPrefix(rest, "network")
		key := strings.TrimPrefix(strings.TrimPrefix(rest, "network"), "net")
		key = strings.TrimPrefix(key, ".")
		index, sub, _ := strings.Cut(key, ".")
		numbered := index != "" && strings.Trim(index, "0123456789") == ""
		if legacy && !numbered {
			index, sub = "", key
		}
		switch {
		case key == "" || legacy && sub == "type" && s.Value == "":
			types, byIndex = nil, map[string]int{}
		case sub == "type" && legacy:
			types = append(types, s.Value)
		case sub == "" || sub == "type" && s.Value == "":
			if i, ok := byIndex[index]; ok {
				types[i] = ""
				delete(byIndex, index)
			}
		case sub == "type":
			if i, ok := byIndex[index]; ok {
				types[i] = s.Value
			} else {
				byIndex[index] = len(types)
				types = append(types, s.Value)
			}
		}
	}
	kept := types[:0]
	for _, ty := range types {
		if ty != "" {
			kept = append(kept, ty)
		}
	}
	return kept
}
