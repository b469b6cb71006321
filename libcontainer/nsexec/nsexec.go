// SPDX-License-Identifier: Apache-2.0

// Package nsexec carries the image of the interpreter that becomes a
// container's process. The image is built by the Makefile beside this file,
// from freestanding C, before the Go program that embeds it.
package nsexec

import _ "embed"

//go:generate go run ./gen

// Image is the static ELF executable to be run from a sealed memfd.
//
//go:embed nsexec
var Image string
