// SPDX-License-Identifier: Apache-2.0

// Package spec reads config.json: it decodes, validates and, for `kist spec`,
// writes it. Nothing else in kist parses a bundle's configuration.
//
// The description of a container is [specs.Spec]; there is no second model.
// What this package adds is certainty about it: a [Config] was decoded by a
// strict reader (case-sensitive keys, no duplicates, exact integers, bounded
// sizes) and, after [Config.Validate], satisfies every rule of the runtime
// specification that can be decided without looking at the host.
//
// Errors are of type [Error] and name the place in the file twice, as a JSON
// pointer for programs and as line and column for people.
//
// The decoder works on tokens. Its core (decoder.go, scalar.go, skip.go) is
// written by hand; one function per type (decode_gen.go) is generated from the
// types of specs-go. encoding/json is not used for reading: its reflection
// costs more than the rest of a container's creation, it matches keys without
// regard to case, and it keeps the last of duplicate keys, so that an
// admission tool and the runtime could read different things in one file.
//
// The package runs in the host's kist process. It must stay pure: it may read
// the file it is told to, and must not ask the kernel anything else.
package spec

//go:generate go run ./internal/gen -o decode_gen.go
