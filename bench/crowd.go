// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"
)

// Many containers: made at once, and those that merely exist.

// everyone gives one command per container of a crowd.
func (b *bencher) everyone(runtime string, n int, command ...string) [][]string {
	all := make([][]string, n)
	for i := range all {
		all[i] = append(append([]string{b.path[runtime]}, command...), fmt.Sprintf("%s-%d", b.id(runtime), i))
	}
	return all
}

// fifty creates fifty containers at once, and takes them away again.
func (b *bencher) fifty(name string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	got := samples{}
	failed := map[string]bool{}
	for round := range max(5, *rounds/4) {
		for i := range b.runtimes {
			r := b.runtimes[(i+round)%len(b.runtimes)]
			if failed[r] {
				continue
			}
			s, err := timed(b.everyone(r, 50, "create", "--bundle", bundle)...)
			if _, gone := timed(b.everyone(r, 50, "delete", "--force")...); err == nil {
				err = gone
			}
			if err != nil {
				b.leftOut(r, err)
				failed[r] = true
				delete(got, r)
				continue
			}
			got[r] = append(got[r], s)
		}
	}
	b.times(name, got)
	return nil
}

// crowd is how many containers exist in thousand, beside the one that is
// looked at.
const crowd = 1000

// thousand measures what depends on how many containers exist: with one, then
// with a thousand more, then with one again. The runtimes cannot take turns
// here; what is compared is a runtime with itself.
func (b *bencher) thousand(string) error {
	bundle, err := b.bundle("plain", nil)
	if err != nil {
		return err
	}
	kinds := []string{"list", "state", "create"}
	few, many := map[string]samples{}, map[string]samples{}
	for _, k := range kinds {
		few[k], many[k] = samples{}, samples{}
	}
	for _, r := range b.runtimes {
		if err := quiet(b.path[r], "create", "--bundle", bundle, b.id(r)); err != nil {
			b.leftOut(r, err)
			b.remove(r, b.id(r))()
			continue
		}
		err := b.crowded(r, bundle, kinds, few, many)
		b.remove(r, b.id(r))()
		if err != nil {
			return err
		}
	}
	for _, k := range kinds {
		b.times("`"+k+"`, 1 container exists", few[k])
		b.times(fmt.Sprintf("`%s`, %d containers exist", k, crowd+1), many[k])
		growth := map[string]string{}
		for _, r := range b.runtimes {
			if few[k].median(r) > 0 {
				growth[r] = fmt.Sprintf("× %.2f", float64(many[k].median(r))/float64(few[k].median(r)))
			}
		}
		b.values("`"+k+"`, growth", growth)
	}
	return nil
}

func (b *bencher) crowded(r, bundle string, kinds []string, few, many map[string]samples) error {
	n := max(8, *rounds/2)
	ask := func(into map[string]samples) {
		other := b.id(r) + "-other"
		tasks := map[string]task{
			"list":   {steps: [][]string{{b.path[r], "list"}}},
			"state":  {steps: [][]string{{b.path[r], "state", b.id(r)}}},
			"create": {steps: [][]string{{b.path[r], "create", "--bundle", bundle, other}}, after: b.remove(r, other)},
		}
		var list []task
		for _, k := range kinds {
			t := tasks[k]
			t.runtime = k
			list = append(list, t)
		}
		for k, s := range b.interleave(list, n) {
			into[k][r] = append(into[k][r], s...)
		}
	}
	// In groups: a thousand processes of a runtime at once are another measurement.
	inGroups := func(command ...string) error {
		all := b.everyone(r, crowd, command...)
		for len(all) > 0 {
			group := all[:min(20, len(all))]
			all = all[len(group):]
			if _, err := timed(group...); err != nil {
				return err
			}
		}
		return nil
	}
	ask(few)
	err := inGroups("create", "--bundle", bundle)
	if err == nil {
		time.Sleep(time.Second) // the kernel's own work for what was made
		ask(many)
	}
	if gone := inGroups("delete", "--force"); err == nil {
		err = gone
	}
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	ask(few)
	return nil
}
