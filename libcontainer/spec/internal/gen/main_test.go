// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUpToDate fails after an update of specs-go until `go generate` was run,
// so that no new property is silently unknown.
func TestUpToDate(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../decode_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("run go generate ./libcontainer/spec (-want +file):\n%s", diff)
	}
}

// TestRefusesUnknownTypes checks that a type the generator does not handle is
// an error and not a hole.
func TestRefusesUnknownTypes(t *testing.T) {
	for name, typ := range map[string]reflect.Type{
		"float": reflect.TypeFor[struct {
			F float64 `json:"f"`
		}](),
		"interface": reflect.TypeFor[struct {
			F any `json:"f"`
		}](),
		"integer keys": reflect.TypeFor[struct {
			F map[int]string `json:"f"`
		}](),
		"no JSON name": reflect.TypeFor[struct{ F string }](),
		"array of ints": reflect.TypeFor[struct {
			F []int `json:"f"`
		}](),
	} {
		if err := new(generator).structure(typ); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
