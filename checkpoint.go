// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"kist/libcontainer"
	"kist/libcontainer/criu"
)

// defaultImages is where the images are if it is not said: below the working
// directory.
const defaultImages = "checkpoint"

// criuFlags are those that checkpoint and restore share.
func criuFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Value: defaultImages, Usage: "`DIR` of the checkpoint"},
		&cli.StringFlag{Name: "work-path", Usage: "`DIR` for CRIU's log and sockets (default: that of the checkpoint)"},
		&cli.BoolFlag{Name: "tcp-established", Usage: "allow open TCP connections"},
		&cli.BoolFlag{Name: "ext-unix-sk", Usage: "allow Unix sockets that are connected with the outside"},
		&cli.BoolFlag{Name: "shell-job", Usage: "allow a container that uses the terminal of the caller"},
		&cli.BoolFlag{Name: "lazy-pages", Usage: "move memory when it is needed (userfaultfd)"},
		&cli.BoolFlag{Name: "file-locks", Usage: "allow file locks"},
		&cli.StringFlag{Name: "manage-cgroups-mode", Usage: "`MODE` of restoring cgroups: soft, full, strict or ignore"},
		&cli.StringSliceFlag{Name: "empty-ns", Usage: "leave out the content of the `NAMESPACE`: network"},
		&cli.BoolFlag{Name: "auto-dedup", Usage: "remove pages from the checkpoint that are superseded or restored"},
	}
}

func checkpointCommand() *cli.Command {
	return &cli.Command{
		Name:      "checkpoint",
		Usage:     "save a running container to files",
		ArgsUsage: "ID",
		Description: `Saves the processes of a container with CRIU, and deletes the container unless it is to
run on. ` + "`kist restore`" + ` brings it back.`,
		Flags: append(criuFlags(),
			&cli.StringFlag{Name: "parent-path", Usage: "`DIR` of an earlier --pre-dump, relative to --image-path"},
			&cli.BoolFlag{Name: "leave-running", Usage: "let the container run on"},
			&cli.BoolFlag{Name: "tcp-skip-in-flight", Usage: "leave out TCP connections that are not yet accepted"},
			&cli.BoolFlag{Name: "link-remap", Usage: "give deleted files that are open a name, if they can be linked"},
			&cli.IntFlag{Name: "status-fd", Value: -1, Usage: "write a zero byte to descriptor `FD` when the page server listens"},
			&cli.StringFlag{Name: "page-server", Usage: "send memory to, or with --lazy-pages serve it at, `ADDRESS:PORT`"},
			&cli.BoolFlag{Name: "pre-dump", Usage: "save the memory only, and let the container run on"},
			&cli.StringFlag{Name: "network-lock", Usage: "`METHOD` of keeping packets away: iptables, nftables or skip"},
		),
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if err := needArgs(c, 1, 1); err != nil {
				return err
			}
			o, err := checkpointOptions(c)
			if err != nil {
				return err
			}
			container, err := open(c)
			if err != nil {
				return err
			}
			defer container.Close()
			if err := container.Checkpoint(o); err != nil {
				return fmt.Errorf("kist checkpoint failed: %w", err)
			}
			return nil
		},
	}
}

func checkpointOptions(c *cli.Context) (*libcontainer.CheckpointOptions, error) {
	o := &libcontainer.CheckpointOptions{
		ImagePath:       c.String("image-path"),
		WorkPath:        c.String("work-path"),
		ParentPath:      c.String("parent-path"),
		LeaveRunning:    c.Bool("leave-running"),
		PreDump:         c.Bool("pre-dump"),
		TCPEstablished:  c.Bool("tcp-established"),
		TCPSkipInFlight: c.Bool("tcp-skip-in-flight"),
		LinkRemap:       c.Bool("link-remap"),
		ExtUnixSockets:  c.Bool("ext-unix-sk"),
		ShellJob:        c.Bool("shell-job"),
		FileLocks:       c.Bool("file-locks"),
		AutoDedup:       c.Bool("auto-dedup"),
		LazyPages:       c.Bool("lazy-pages"),
		StatusFD:        c.Int("status-fd"),
	}
	var err error
	if o.EmptyNetwork, err = emptyNetwork(c); err != nil {
		return nil, err
	}
	if o.CgroupMode, err = cgroupMode(c); err != nil {
		return nil, err
	}
	var ok bool
	if o.NetworkLock, ok = criu.ParseNetworkLock(c.String("network-lock")); !ok {
		return nil, fmt.Errorf("--network-lock %q: must be iptables, nftables or skip", c.String("network-lock"))
	}
	if v := c.String("page-server"); v != "" {
		if o.PageServer, err = pageServer(v); err != nil {
			return nil, err
		}
	}
	switch {
	case o.LazyPages && o.PageServer == nil:
		return nil, fmt.Errorf("--lazy-pages: needs --page-server ADDRESS:PORT, where the restoring side fetches memory")
	case o.LazyPages && o.PreDump:
		return nil, fmt.Errorf("--lazy-pages: contradicts --pre-dump, which moves memory at once")
	case c.IsSet("status-fd") && !o.LazyPages:
		return nil, fmt.Errorf("--status-fd: needs --lazy-pages: without there is no page server to wait for")
	}
	if o.StatusFD >= 0 {
		flags, err := unix.FcntlInt(uintptr(o.StatusFD), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_ACCMODE == unix.O_RDONLY {
			return nil, fmt.Errorf("--status-fd %d: not open for writing", o.StatusFD)
		}
	}
	return o, nil
}

func emptyNetwork(c *cli.Context) (bool, error) {
	for _, name := range c.StringSlice("empty-ns") {
		if name != "network" {
			return false, fmt.Errorf("--empty-ns %q: CRIU can leave out the content of network only", name)
		}
	}
	return len(c.StringSlice("empty-ns")) > 0, nil
}

func cgroupMode(c *cli.Context) (criu.CgroupMode, error) {
	mode, ok := criu.ParseCgroupMode(c.String("manage-cgroups-mode"))
	if !ok {
		return 0, fmt.Errorf("--manage-cgroups-mode %q: must be soft, full, strict or ignore", c.String("manage-cgroups-mode"))
	}
	return mode, nil
}

// pageServer reads ADDRESS:PORT; an IPv6 address may be in brackets.
func pageServer(v string) (*criu.PageServer, error) {
	i := strings.LastIndexByte(v, ':')
	if i <= 0 {
		return nil, fmt.Errorf("--page-server %q: must be ADDRESS:PORT", v)
	}
	port, err := strconv.ParseUint(v[i+1:], 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("--page-server %q: the port must be a number from 1 to 65535", v)
	}
	address := strings.TrimSuffix(strings.TrimPrefix(v[:i], "["), "]")
	return &criu.PageServer{Address: address, Port: int(port)}, nil
}
