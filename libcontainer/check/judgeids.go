// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"

	"kist/libcontainer/idmap"
)

// ids is about maps of more than one id, for callers that the kernel does not let
// write them.
func (j *judge) ids() {
	if j.s.Facts.Privileged() {
		return // root maps any
	}
	j.group = "User ids"
	const breaks = "user namespaces with more than the caller's own id: most images"
	const install = "install the package uidmap (Debian, Ubuntu, Alpine: shadow-uidmap) or shadow-utils (Fedora, RHEL)"
	for i, h := range [2]struct{ name, path string }{{"newuidmap", j.s.Helpers.NewUIDMap}, {"newgidmap", j.s.Helpers.NewGIDMap}} {
		l := Line{ID: "ids." + h.name, What: h.name, Status: OK, Breaks: breaks}
		switch {
		case h.path == "":
			l.Status, l.Remedy = Missing, install
		case j.s.Privileges[i] == "":
			l.Status, l.Found = Missing, h.path+" has no privilege"
			l.Remedy = "chmod u+s " + h.path + " (and no nosuid on its file system), or setcap cap_set" + h.name[3:6] + "+ep " + h.path
		default:
			l.Found = h.path + ", " + j.s.Privileges[i]
		}
		j.add(l)
	}
	name := j.s.User
	if name == "" {
		name = fmt.Sprint(j.s.Facts.Euid)
	}
	for _, f := range [2]struct {
		file, flag string
		ranges     []idmap.Range
	}{{"subuid", "--add-subuids", j.s.SubUIDs}, {"subgid", "--add-subgids", j.s.SubGIDs}} {
		l := Line{ID: "ids." + f.file, What: "/etc/" + f.file, Status: OK, Breaks: breaks}
		l.Remedy = "usermod " + f.flag + " 100000-165535 " + name + ": any range that nobody else has"
		total := uint64(0)
		for _, r := range f.ranges {
			total += uint64(r.Size)
			l.Found += fmt.Sprintf("%d:%d ", r.Start, r.Size)
		}
		switch {
		case total == 0:
			l.Status, l.Found = Missing, "has no range for "+name
		case total < 65536:
			l.Status = Limited
			l.Found += "are less than the 65536 ids that images expect"
		}
		j.add(l)
	}
	if j.s.Mapped {
		l := Line{ID: "ids.map", What: "a map of these ids", Status: OK, Breaks: breaks, Remedy: "what the helper says"}
		if j.s.Map.Err != "" {
			l.Status, l.Found = Missing, j.s.Map.Err
		}
		j.add(l)
	}
}
