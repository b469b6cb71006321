// SPDX-License-Identifier: Apache-2.0

package state

import "testing"

func BenchmarkLoad(b *testing.B) {
	r := testRoot(b)
	s := full()
	d, err := r.Create(s, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer d.Unlock()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Load("c1"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCreateRemove(b *testing.B) {
	r := testRoot(b)
	for b.Loop() {
		if err := mustCreate(b, r, "c1").Remove(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStatus(b *testing.B) {
	r := testRoot(b)
	s := minimal("c1")
	if _, err := r.Create(s, nil); err != nil {
		b.Fatal(err)
	}
	s.InitPid, s.InitStartTime, s.Phase = s.CreatorPid, s.CreatorStartTime, Created
	for b.Loop() {
		if got, err := s.Status(nil); got != StatusRunning || err != nil {
			b.Fatal(got, err)
		}
	}
}
