// SPDX-License-Identifier: Apache-2.0

package apparmor

import "strings"

// Dialect is the policy language of the parser that is installed, named by the
// newest feature set ("ABI") that a profile can be pinned to. Without the pin
// a newer kernel would mediate, and so deny, what the profile's author had not
// heard of.
type Dialect string

const (
	// ABI2 is a parser before 3.0: no pin, and no rules on namespaces.
	ABI2 Dialect = ""
	// ABI3 is a parser of 3.x.
	ABI3 Dialect = "3.0"
	// ABI4 is a parser of 4.x: user namespaces, message queues and io_uring
	// have rules, so that they must be allowed.
	ABI4 Dialect = "4.0"
)

// Dialect finds out what the parser understands. It brings the feature sets
// that it knows as files, so nothing needs to be executed.
func (h Host) Dialect() Dialect {
	for _, d := range [...]Dialect{ABI4, ABI3} {
		if exists(h.path(PolicyDir, "abi", string(d))) {
			return d
		}
	}
	return ABI2
}

// pin is the line that names the feature set.
func (d Dialect) pin() string {
	if d == ABI2 {
		return ""
	}
	return "abi <abi/" + string(d) + ">,\n"
}

// classes are rules for what newer parsers mediate, and a container may do:
// its capabilities and its seccomp profile decide.
func (d Dialect) classes() []string {
	if d != ABI4 {
		return nil
	}
	return []string{"userns,", "mqueue,", "io_uring,"}
}

// adapt turns a text that is pinned to 3.0 into this dialect: the pin is
// another one, and the new classes are allowed where the network is.
func (d Dialect) adapt(text string) string {
	text = strings.Replace(text, ABI3.pin(), d.pin(), 1)
	more := "  network,\n"
	for _, rule := range d.classes() {
		more += "  " + rule + "\n"
	}
	return strings.Replace(text, "  network,\n", more, 1)
}
