// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"

	"kist/libcontainer/state"
)

// Each visits every container of the state directory. Where a record cannot be
// read, the visit gets the error and a container that has only its id.
func (rt *Runtime) Each(visit func(*Container, error)) error {
	root, err := state.Open(rt.Root)
	if errors.Is(err, state.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	for s, err := range root.List() {
		if s == nil {
			s = &state.State{}
		}
		visit(&Container{rt: rt, root: root, State: s}, err)
	}
	return nil
}
