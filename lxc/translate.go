// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"reflect"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"kist/lxc/network"
)

// translation turns the settings into a bundle. The fields are facts that one
// subject finds and a later one needs.
type translation struct {
	*importer
	spec  *specs.Spec
	files map[string][]byte
	cards *network.Result

	userns                   bool
	capSysAdmin, capNetAdmin bool
	// unified: the host has only cgroup v2.
	unified bool
	// rootfsDir is the root filesystem as a directory of the host, or empty when
	// it has to be mounted first.
	rootfsDir string
	// rootPrefixes are the paths that absolute mount targets may begin with.
	rootPrefixes []string
	noRootfs     bool
	extras       []MountExtra
}

// translate runs the subjects in the order of their dependencies.
func (im *importer) translate(res *Result) error {
	t := &translation{importer: im, files: map[string][]byte{}}
	t.spec = &specs.Spec{
		// Older runtimes refuse a version they have not heard of; finish raises
		// it when the bundle needs more.
		Version:     "1.0.2",
		Process:     &specs.Process{Cwd: "/", Args: []string{"/sbin/init"}},
		Root:        &specs.Root{},
		Annotations: map[string]string{AnnotationVersion: im.version.String(), AnnotationConfig: im.config},
		Linux:       &specs.Linux{},
	}
	_, err := im.host.Stat("/sys/fs/cgroup/cgroup.controllers")
	t.unified = err == nil
	for _, step := range []func() error{
		t.collectNetwork,
		t.translateIDMap,
		t.translateNamespaces,
		t.translateProcess,
		t.translateCapabilities,
		t.translateRlimits,
		t.translateProc,
		t.translateRootfs,
		t.translateMounts,
		t.translateConsole,
		t.translateSecurity,
		t.translateCgroups,
		t.translateDevices,
		t.translateHooks,
		t.translateNetwork,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	t.translateSysctls()
	t.finish()
	res.Spec, res.Files = t.spec, t.files
	return t.complete()
}

// complete makes sure that every line was decided. A host-side row needs no
// translator; any other that is still open is a hole in this package, and an
// import that hides it would drop the line silently.
func (t *translation) complete() error {
	for _, e := range t.report {
		if e.Class != "" {
			continue
		}
		if e.row == nil || e.row.Class != HostSide {
			return &Error{File: e.File, Line: e.Line, Key: e.Key, Msg: "no translator decided on this key; please report this as a bug of kist"}
		}
		e.keep()
	}
	return nil
}

// finish writes what all subjects contributed to.
func (t *translation) finish() {
	if len(t.extras) > 0 {
		t.annotateJSON(AnnotationMounts, t.extras)
	}
	if r := t.spec.Linux.Resources; r != nil {
		// A file that OCI has no field for leaves its controller's part empty.
		if r.Memory != nil && reflect.ValueOf(*r.Memory).IsZero() {
			r.Memory = nil
		}
		if r.CPU != nil && reflect.ValueOf(*r.CPU).IsZero() {
			r.CPU = nil
		}
		if r.BlockIO != nil && reflect.ValueOf(*r.BlockIO).IsZero() {
			r.BlockIO = nil
		}
		if r.Network != nil && reflect.ValueOf(*r.Network).IsZero() {
			r.Network = nil
		}
	}
	if h := t.spec.Hooks; h != nil && reflect.ValueOf(*h).IsZero() {
		t.spec.Hooks = nil
	}
	if len(t.spec.Linux.TimeOffsets) > 0 {
		t.spec.Version = "1.1.0"
	}
	for _, m := range t.spec.Mounts {
		if len(m.UIDMappings) > 0 || len(m.Options) > 0 && m.Options[len(m.Options)-1] == "idmap" {
			t.spec.Version = "1.2.0"
		}
	}
	// LXC masks nothing; an empty list keeps engines from adding theirs.
	t.spec.Linux.MaskedPaths = []string{}
}
