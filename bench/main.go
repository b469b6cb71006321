// SPDX-License-Identifier: Apache-2.0

// Command bench measures kist beside the other runtimes of this machine, in
// one run and interleaved, and prints tables of medians, 95th percentiles and
// ratios. Nothing in it passes or fails: speed is read, not tested.
//
// It executes itself in mount and pid namespaces of its own, once for each
// view: "v1" with the host's cgroup v1 mounts, "v2" with nothing but cgroup
// v2, "engines" below container engines that bench/engines starts. Processes
// end with the pid namespace; what is left of cgroups is removed afterwards.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

var (
	rounds  = flag.Int("n", 25, "rounds of each measurement")
	kist    = flag.String("kist", "./kist", "the kist to measure")
	tools   = flag.String("tools", "build/out", "the directory of the compiled floor and stopwatch")
	rows    = flag.String("rows", "", "measure only what this regular expression matches; list: print the names")
	views   = flag.String("views", "v1,v2", "which of v1, v2 and engines to measure")
	write   = flag.String("write", "", "put the tables into this file, between the lines <!-- bench --> and <!-- /bench -->")
	busy    = flag.String("busybox", "/bin/busybox", "a static busybox for the root filesystem")
	cpuTime = flag.Bool("cpu", false, "measure the processor time of a command and of what it fetches, in place of the time that passes")
	inside  = flag.String("inside", "", "internal: the view, when executed again")
	prefix  = flag.String("prefix", "", "internal: what the names of containers begin with")
)

func main() {
	flag.Parse()
	if err := bench(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench() error {
	if *inside != "" {
		return measure(*inside, *prefix)
	}
	if *rows == "list" {
		for _, r := range slices.Concat(runtimeRows, engineRows) {
			fmt.Println(r.name)
		}
		return nil
	}
	if _, err := regexp.Compile(*rows); err != nil {
		return err
	}
	text := &strings.Builder{}
	out := io.MultiWriter(os.Stdout, text)
	fmt.Fprint(out, machine())
	for _, view := range strings.Split(*views, ",") {
		if view == "v1" && isUnified() {
			fmt.Fprintln(os.Stderr, "bench: this machine has no cgroup v1: the view v1 is left out")
			continue
		}
		if err := enter(view, out); err != nil {
			return fmt.Errorf("view %s: %w", view, err)
		}
	}
	if *write == "" {
		return nil
	}
	return insert(*write, text.String())
}

func isUnified() bool {
	var st syscall.Statfs_t
	return syscall.Statfs("/sys/fs/cgroup", &st) == nil && st.Type == 0x63677270
}

// enter runs this program again, in namespaces of its own. There, process 1 is
// a shell: it fetches the orphans that containers leave.
func enter(view string, out io.Writer) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("bench%d", os.Getpid())
	self := []string{exe, "-inside", view, "-prefix", name}
	flag.Visit(func(f *flag.Flag) { self = append(self, "-"+f.Name+"="+f.Value.String()) })
	var argv []string
	switch view {
	case "v1", "v2":
		argv = append([]string{"unshare", "-mpf", "--kill-child", "--mount-proc", "--propagation", "private",
			"bash", "-c", `"$@"; exit $?`, "bench"}, self...)
	case "engines":
		argv = append([]string{"bench/engines"}, self...)
	default:
		return fmt.Errorf("must be v1, v2 or engines")
	}
	before := cgroups("lxc")
	defer func() {
		sweep(cgroups(name))
		sweep(slices.DeleteFunc(cgroups("lxc"), func(dir string) bool { return slices.Contains(before, dir) }))
	}()
	cmd := exec.Command(argv[0], argv[1:]...)
	binary, err := filepath.Abs(*kist)
	if err != nil {
		return err
	}
	cmd.Env = append(os.Environ(), "ENGINES_CGROUP="+name, "KIST="+binary)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}

// cgroups lists the cgroups below one whose name begins with that word, the
// lowest last.
func cgroups(word string) []string {
	var found []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, "/"+word) {
			found = append(found, path)
		}
		return nil
	})
	return found
}

// sweep removes cgroups in which nothing is left; LXC never removes some.
func sweep(dirs []string) {
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir)
	}
}

// prepare gives a tmpfs for everything that is written, and the cgroup mounts
// that are wanted. Debian's crun knows v1 or v2, not both at once.
func prepare(view string) error {
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
