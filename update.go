// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"kist/libcontainer/spec"
)

func updateCommand() *cli.Command {
	return &cli.Command{
		Name:      "update",
		Usage:     "change limits of a container",
		ArgsUsage: "ID",
		Description: `Changes the given limits and leaves the others as they are. Sizes take the suffixes k, m,
g, t; -1 means no limit. A file of resources has the form of /linux/resources of
config.json and cannot be combined with other flags.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Usage: "`FILE` with resources as JSON, - for stdin"},
			&cli.StringFlag{Name: "blkio-weight", Usage: "weight of block i/o, `10 to 1000`"},
			&cli.StringFlag{Name: "cpu-period", Usage: "cpu period in `MICROSECONDS`"},
			&cli.StringFlag{Name: "cpu-quota", Usage: "cpu time per period in `MICROSECONDS`"},
			&cli.StringFlag{Name: "cpu-burst", Usage: "cpu time that may be saved up, in `MICROSECONDS`"},
			&cli.StringFlag{Name: "cpu-share", Usage: "relative `WEIGHT` of cpu time"},
			&cli.StringFlag{Name: "cpu-rt-period", Usage: "realtime period in `MICROSECONDS`"},
			&cli.StringFlag{Name: "cpu-rt-runtime", Usage: "realtime time per period in `MICROSECONDS`"},
			&cli.StringFlag{Name: "cpuset-cpus", Usage: "`CPUS` to use, such as 0-3,7"},
			&cli.StringFlag{Name: "cpuset-mems", Usage: "memory `NODES` to use"},
			&cli.StringFlag{Name: "memory", Usage: "memory limit in `BYTES`"},
			&cli.StringFlag{Name: "memory-reservation", Usage: "soft memory limit in `BYTES`"},
			&cli.StringFlag{Name: "memory-swap", Usage: "limit of memory and swap together in `BYTES`"},
			&cli.StringFlag{Name: "kernel-memory", Hidden: true, Usage: "refused: the kernel has no such limit any more"},
			&cli.StringFlag{Name: "kernel-memory-tcp", Hidden: true, Usage: "refused: the kernel has no such limit any more"},
			&cli.StringFlag{Name: "pids-limit", Usage: "`NUMBER` of processes"},
			&cli.StringFlag{Name: "l3-cache-schema", Usage: "Intel RDT/CAT `SCHEMA`"},
			&cli.StringFlag{Name: "mem-bw-schema", Usage: "Intel RDT/MBA `SCHEMA`"},
			&cli.StringFlag{Name: "cpu-idle", Usage: "`0 or 1`: run only when nobody else wants the cpu"},
		},
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 1, 1); err != nil {
				return err
			}
			r, rdt, err := updateFlags(c)
			if err != nil {
				return err
			}
			if err := spec.ValidateResources(r); err != nil {
				return err
			}
			container, err := open(c)
			if err != nil {
				return err
			}
			defer container.Close()
			return container.Update(r, rdt)
		},
	}
}

func updateFlags(c *cli.Context) (*specs.LinuxResources, *specs.LinuxIntelRdt, error) {
	if file := c.String("resources"); file != "" {
		// Not NumFlags: it counts a flag that has an alias twice.
		for _, name := range c.LocalFlagNames() {
			if name != "resources" && name != "r" {
				return nil, nil, fmt.Errorf("--resources: cannot be combined with --%s", name)
			}
		}
		r, err := readResources(file)
		return r, nil, err
	}
	for _, dead := range []string{"kernel-memory", "kernel-memory-tcp"} {
		if c.IsSet(dead) {
			return nil, nil, fmt.Errorf("--%s: the kernel has no such limit any more", dead)
		}
	}
	p := &flagParser{c: c}
	r := &specs.LinuxResources{CPU: &specs.LinuxCPU{}, Memory: &specs.LinuxMemory{}}
	r.CPU.Period = p.unsigned("cpu-period")
	r.CPU.Quota = p.signed("cpu-quota")
	r.CPU.Burst = p.unsigned("cpu-burst")
	r.CPU.Shares = p.unsigned("cpu-share")
	r.CPU.RealtimePeriod = p.unsigned("cpu-rt-period")
	r.CPU.RealtimeRuntime = p.signed("cpu-rt-runtime")
	r.CPU.Idle = p.signed("cpu-idle")
	r.CPU.Cpus = c.String("cpuset-cpus")
	r.CPU.Mems = c.String("cpuset-mems")
	r.Memory.Limit = p.size("memory")
	r.Memory.Reservation = p.size("memory-reservation")
	r.Memory.Swap = p.size("memory-swap")
	if n := p.signed("pids-limit"); n != nil {
		r.Pids = &specs.LinuxPids{Limit: n}
	}
	if n := p.unsigned("blkio-weight"); n != nil {
		w := uint16(*n)
		if uint64(w) != *n {
			return nil, nil, fmt.Errorf("--blkio-weight %d: must be from 10 to 1000", *n)
		}
		r.BlockIO = &specs.LinuxBlockIO{Weight: &w}
	}
	var rdt *specs.LinuxIntelRdt
	if c.IsSet("l3-cache-schema") || c.IsSet("mem-bw-schema") {
		rdt = &specs.LinuxIntelRdt{L3CacheSchema: c.String("l3-cache-schema"), MemBwSchema: c.String("mem-bw-schema")}
	}
	if p.err == nil && c.NumFlags() == 0 {
		p.err = fmt.Errorf("kist: \"update\": nothing to change (see kist update --help)")
	}
	return r, rdt, p.err
}

func readResources(file string) (*specs.LinuxResources, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(io.LimitReader(os.Stdin, 16<<20))
	} else {
		data, err = readLimited(file)
	}
	if err != nil {
		return nil, fmt.Errorf("--resources: %w", err)
	}
	r, err := spec.DecodeResources(data)
	if file == "-" {
		file = "stdin"
	}
	return r, spec.InFile(err, file)
}

// flagParser reads numbers out of flags and keeps the first error.
type flagParser struct {
	c   *cli.Context
	err error
}

func (p *flagParser) bad(name, want string) {
	if p.err == nil {
		p.err = fmt.Errorf("--%s %q: %s", name, p.c.String(name), want)
	}
}

func (p *flagParser) unsigned(name string) *uint64 {
	if !p.c.IsSet(name) {
		return nil
	}
	n, err := strconv.ParseUint(p.c.String(name), 10, 64)
	if err != nil {
		p.bad(name, "must be a number, zero or more")
	}
	return &n
}

func (p *flagParser) signed(name string) *int64 {
	if !p.c.IsSet(name) {
		return nil
	}
	n, err := strconv.ParseInt(p.c.String(name), 10, 64)
	if err != nil {
		p.bad(name, "must be a number")
	}
	return &n
}

// size reads bytes: a number with an optional suffix of powers of 1024, or -1.
func (p *flagParser) size(name string) *int64 {
	if !p.c.IsSet(name) {
		return nil
	}
	text := strings.ToLower(strings.TrimSpace(p.c.String(name)))
	text = strings.TrimSuffix(strings.TrimSuffix(text, "b"), "i")
	shift := 0
	if len(text) > 0 {
		if i := strings.IndexByte("kmgt", text[len(text)-1]); i >= 0 {
			shift = 10 * (i + 1)
			text = text[:len(text)-1]
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1 || shift > 0 && (n < 0 || n > (1<<63-1)>>shift) {
		p.bad(name, "must be bytes, such as 512m or 1g, or -1")
		return nil
	}
	n <<= shift
	return &n
}
