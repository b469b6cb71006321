// SPDX-License-Identifier: Apache-2.0

//go:build !cgo || !seccomp

package seccomp

// Supported tells whether this build can compile profiles.
const Supported = false

// Version returns the version of libseccomp, such as "2.5.4"; "" if this build has none.
func Version() string { return "" }

func lookup(string, *arch) (int64, bool) { return -1, false }
