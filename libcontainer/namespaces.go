// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/libcontainer/compile"
)

// namespaceTypes lists the types of a container's namespaces, for its record.
func namespaceTypes(list []specs.LinuxNamespace) []string {
	types := make([]string, len(list))
	for i := range list {
		types[i] = string(list[i].Type)
	}
	return types
}

// namespaceFlags is the inverse: what setns(2) is to join. A namespace that
// was joined from the caller's own is joined again without harm, except that
// the kernel refuses to enter the user namespace one is in.
func namespaceFlags(types []string) uint64 {
	var flags uint64
	for _, t := range types {
		flags |= compile.CloneFlag(specs.LinuxNamespaceType(t))
	}
	return flags
}

func findNamespace(list []specs.LinuxNamespace, t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	for i := range list {
		if list[i].Type == t {
			return &list[i]
		}
	}
	return nil
}

func createsNamespace(list []specs.LinuxNamespace, t specs.LinuxNamespaceType) bool {
	ns := findNamespace(list, t)
	return ns != nil && ns.Path == ""
}

func hookKinds(h *specs.Hooks) []string {
	if h == nil {
		return nil
	}
	var kinds []string
	for _, k := range []struct {
		name  string
		hooks []specs.Hook
	}{
		{"prestart", h.Prestart}, //nolint:staticcheck // deprecated, not gone
		{"createRuntime", h.CreateRuntime},
		{"createContainer", h.CreateContainer},
		{"startContainer", h.StartContainer},
		{"poststart", h.Poststart},
		{"poststop", h.Poststop},
	} {
		if len(k.hooks) > 0 {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

func netDeviceNames(devices map[string]specs.LinuxNetDevice) map[string]string {
	if len(devices) == 0 {
		return nil
	}
	names := make(map[string]string, len(devices))
	for host, d := range devices {
		names[host] = host
		if d.Name != "" {
			names[host] = d.Name
		}
	}
	return names
}
