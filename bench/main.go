// SPDX-License-Identifier: Apache-2.0

// Command bench measures kist beside the other runtimes of this machine, in
// one run and interleaved, and prints a table of medians, 95th percentiles and
// ratios. Nothing in it passes or fails: speed is read, not tested.
//
// It re-executes itself in mount and pid namespaces of its own, once with the
// host's cgroup v1 mounts and once with a pure cgroup v2 view, so that nothing
// it makes outlives it.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

var (
	rounds = flag.Int("n", 30, "rounds of each measurement")
	kist   = flag.String("kist", "./kist", "the kist to measure")
	floor  = flag.String("floor", "", "the bare C program (bench/floor.c), compiled")
	only   = flag.String("only", "", "measure only what this regular expression matches")
	inside = flag.String("inside", "", "internal: v1 or v2, when re-executed")
	busy   = flag.String("busybox", "/bin/busybox", "a static busybox for the root filesystem")
)

func main() {
	flag.Parse()
	if *inside == "" {
		for _, view := range []string{"v1", "v2"} {
			if view == "v1" && isUnified() {
				continue
			}
			if err := enter(view); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
				os.Exit(1)
			}
		}
		return
	}
	if err := prepareView(*inside); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	b, err := newBench(*inside)
	if err == nil {
		err = b.all(regexp.MustCompile(*only))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func isUnified() bool {
	var st syscall.Statfs_t
	return syscall.Statfs("/sys/fs/cgroup", &st) == nil && st.Type == 0x63677270
}

// enter runs this program again, in namespaces of its own.
func enter(view string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"-mpf", "--mount-proc", "--propagation", "private", exe, "-inside", view}
	flag.Visit(func(f *flag.Flag) { args = append(args, "-"+f.Name+"="+f.Value.String()) })
	cmd := exec.Command("unshare", args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// prepareView gives a tmpfs for everything that is written, and the cgroup
// mounts that are wanted. Debian's crun knows v1 or v2, not both at once.
func prepareView(view string) error {
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if view == "v1" {
		_ = syscall.Unmount("/sys/fs/cgroup/unified", syscall.MNT_DETACH)
		return nil
	}
	if isUnified() {
		return nil
	}
	if err := syscall.Unmount("/sys/fs/cgroup", syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("umount /sys/fs/cgroup: %w", err)
	}
	return syscall.Mount("none", "/sys/fs/cgroup", "cgroup2", 0, "")
}

// run runs a command and gives its output with the error.
func run(argv ...string) error {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

func absolute(path string) (string, error) {
	if !strings.Contains(path, "/") {
		return exec.LookPath(path)
	}
	return filepath.Abs(path)
}
