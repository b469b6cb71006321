// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"kist/libcontainer/network"
	"kist/lxc/network/nic"
)

func TestReadHookState(t *testing.T) {
	got, err := readHookState(strings.NewReader(`{"ociVersion":"1.0.2","id":"c1","status":"creating","pid":7,"bundle":"/b//x/","annotations":{"a":"b"},"owner":"root"}`))
	if want := (network.Target{ID: "c1", Bundle: "/b/x", PID: 7}); err != nil || got != want {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for text, want := range map[string]string{
		"":                           "standard input holds no state",
		"[]":                         "standard input holds no state",
		`{"bundle":"/b"}`:            "/id: missing",
		`{"id":"a","bundle":"b"}`:    `/bundle: "b"`,
		strings.Repeat(" ", 1<<20+1): "larger than",
	} {
		if _, err := readHookState(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func TestLxcNetUpBundle(t *testing.T) {
	bundle := t.TempDir()
	target := network.Target{ID: "c1", Bundle: bundle, Dir: t.TempDir()}
	if err := lxcNetUp(target); err == nil || !strings.Contains(err.Error(), nic.FileName) {
		t.Errorf("no file: %v", err)
	}
	write := func(text string) {
		if err := os.WriteFile(bundle+"/"+nic.FileName, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"format":9}`)
	if err := lxcNetUp(target); err == nil || !strings.Contains(err.Error(), "/format: 9") {
		t.Errorf("other format: %v", err)
	}
	write(`{"format":1,"container":"c","hookVersion":0,"cards":[]}`)
	if err := lxcNetUp(target); err == nil || !strings.Contains(err.Error(), "/pid: 0") {
		t.Errorf("no process: %v", err)
	}
	unlock, err := lockBundle(bundle)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if unlock, err := lockBundle(bundle + "/gone"); err != nil {
		t.Errorf("bundle gone: %v", err)
	} else {
		unlock()
	}
}
