// SPDX-License-Identifier: Apache-2.0

// Package reaper carries the image of the reaper that is pid 1 of a container
// in LXC's execute mode. It is built by the Makefile beside this file, from
// freestanding C, before the Go program that embeds it. Nothing of this
// package runs in kist itself.
package reaper

import _ "embed"

// Image is the static ELF executable to be run from a sealed memfd.
//
//go:embed reaper
var Image string
