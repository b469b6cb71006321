// SPDX-License-Identifier: Apache-2.0

package spec

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// validateHooks checks /hooks.
func validateHooks(h *specs.Hooks) error {
	for _, phase := range [...]struct {
		name  string
		hooks []specs.Hook
	}{
		{"prestart", h.Prestart}, {"createRuntime", h.CreateRuntime}, {"createContainer", h.CreateContainer},
		{"startContainer", h.StartContainer}, {"poststart", h.Poststart}, {"poststop", h.Poststop},
	} {
		for i, hook := range phase.hooks {
			if err := validateHook(&hook); err != nil {
				return within(err, phase.name, i)
			}
		}
	}
	return nil
}

func validateHook(h *specs.Hook) error {
	if err := validateAbsolute(h.Path); err != nil {
		return within(err, "path")
	}
	if err := validateEnv(h.Env); err != nil {
		return within(err, "env")
	}
	if h.Timeout != nil && *h.Timeout <= 0 {
		return invalid("/timeout", "must be greater than 0 seconds, found %d; leave it out for no limit", *h.Timeout)
	}
	return nil
}
