// SPDX-License-Identifier: Apache-2.0

// Package lxc turns a classic LXC configuration into an OCI bundle.
//
//	lxc.conf ──lex──▶ directives ──key table──▶ settings ──translate──▶ specs.Spec + report
//
// The lexer (lex.go) knows the grammar and its accidents per LXC series, the
// loader (load.go) follows includes, and every key that any LXC release accepted
// is a row of one table (keys.go and keys_*.go). The translation (translate.go
// and the file of each subject) runs once all lines are read, because in LXC too
// the meaning of a line depends on later ones.
//
// Every line ends in the report as exactly one class: exact, approximated,
// extension, host-side or refused. A row that no translator has decided on is a
// programming error and stops the import, so that nothing is dropped silently.
//
// What OCI can say is said in plain OCI. What it cannot say becomes an
// annotation io.kist.lxc.* (extensions.go); LXC's hooks become OCI hooks
// (hooks.go), so that a bundle runs under other runtimes as far as they can.
//
// The package runs in `kist import` only, on the host. It reads files through
// the Host interface and does nothing else: it must not import the runtime, need
// privileges, change the system, or write anything but what Result.Write is told
// to write.
package lxc
