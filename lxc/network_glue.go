// SPDX-License-Identifier: Apache-2.0

package lxc

func (t *translation) translateNetwork() error {
	for _, s := range t.network {
		s.entry.keep()
	}
	return nil
}
