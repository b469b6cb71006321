// SPDX-License-Identifier: Apache-2.0

// Package check says what this machine can do for kist: `kist check`.
//
// It tries things instead of reading the kernel's configuration, for what is
// configured may still be refused: by a limit, a security module, the seccomp
// filter or the mounts of the container that kist itself runs in. What is tried
// is tried in processes that are made for it, in namespaces of their own, and
// vanishes with them; the one exception, a cgroup, is removed at once. The
// kernel may load modules for a file system or a kind of network device, as it
// would for a container.
//
// It runs on the host, as any user, and has three parts that know nothing of
// each other's insides: Observe asks the machine (observe.go, and probe.go for
// what is tried in a child), Judge makes lines of the answers (judge*.go; pure,
// so that its tests need no machine), and Report prints them (print.go).
//
// What another package of kist knows how to find out is asked there: package
// host for its facts, cgroups, idmap, seccomp, network, launch. It must not
// decide anything for a container: no other package imports it.
package check

// Status says how far something works.
type Status string

// The statuses. Unknown means that it could not be tried, most often for lack
// of privilege.
const (
	OK      Status = "ok"
	Limited Status = "limited"
	Missing Status = "missing"
	Unknown Status = "unknown"
)

// Line is one thing that was looked at.
type Line struct {
	ID       string `json:"id"`               // stable name, such as namespace.pid
	Group    string `json:"group"`            // heading
	What     string `json:"what"`             // in words
	Status   Status `json:"status"`           //
	Required bool   `json:"required"`         // no container runs without it
	Found    string `json:"found,omitempty"`  // what was found, or what the kernel said
	Breaks   string `json:"breaks,omitempty"` // what does not work; empty if all does
	Remedy   string `json:"remedy,omitempty"` // how to get it
}

// Report is the whole answer. Its JSON form is stable: fields and ids may be
// added, none is renamed or removed.
type Report struct {
	Kernel     string `json:"kernel"`
	UID        int    `json:"uid"`
	Privileged bool   `json:"privileged"` // root of the initial user namespace
	OK         bool   `json:"ok"`         // everything required is there
	Lines      []Line `json:"checks"`
}

// Options are what the answer is for.
type Options struct {
	// Systemd: containers are to be run with --systemd-cgroup.
	Systemd bool
	// NoCgroup: with --cgroup-manager disabled.
	NoCgroup bool
}

// Run looks at the machine.
func Run(opts Options) (*Report, error) {
	s, err := Observe(opts)
	if err != nil {
		return nil, err
	}
	return Judge(s), nil
}
