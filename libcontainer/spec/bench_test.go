// SPDX-License-Identifier: Apache-2.0

package spec

import (
	"os"
	"testing"
)

// The budgets are 200 µs for the default file and 400 µs for one of Docker's
// size, cold; these loops show the warm part.

func benchmark(b *testing.B, file string, f func([]byte) error) {
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := f(data); err != nil {
			b.Fatal(err)
		}
	}
}

func decode(data []byte) error {
	_, err := Decode(data)
	return err
}

func decodeAndValidate(data []byte) error {
	c, err := Decode(data)
	if err != nil {
		return err
	}
	return c.Validate()
}

func decodeHooks(data []byte) error {
	_, err := DecodeHooks(data)
	return err
}

func BenchmarkDecodeDefault(b *testing.B) { benchmark(b, "testdata/default.json", decode) }
func BenchmarkDecodeDocker(b *testing.B)  { benchmark(b, "testdata/docker.json", decode) }
func BenchmarkDefault(b *testing.B)       { benchmark(b, "testdata/default.json", decodeAndValidate) }
func BenchmarkDocker(b *testing.B)        { benchmark(b, "testdata/docker.json", decodeAndValidate) }
func BenchmarkWithSeccomp(b *testing.B)   { benchmark(b, "testdata/docker.json", check) }
func BenchmarkHooks(b *testing.B)         { benchmark(b, "testdata/docker.json", decodeHooks) }
