// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"kist/libcontainer/criu"
	"kist/libcontainer/state"
	"kist/lxc"
)

const mountinfo = `20 1 0:5 / / rw,relatime shared:1 - ext4 /dev/vda rw
21 20 0:6 / /proc rw,nosuid - proc proc rw
22 20 0:7 /a\040b /with\040space\134and\043 ro - tmpfs tmpfs rw
23 22 0:8 / /with\040space\134and\043/below rw,idmapped - ext4 /dev/vdb rw
a line that is none
24 x 0:8 / /x rw - ext4 /dev/vdb rw
`

func TestMountTable(t *testing.T) {
	table := parseMounts(mountinfo)
	var points []string
	for _, m := range table {
		points = append(points, m.point)
	}
	if diff := cmp.Diff([]string{"/", "/proc", `/with space\and#`, `/with space\and#/below`}, points); diff != "" {
		t.Error(diff)
	}
	if !table.has(22) || table.has(24) || table.find(21).fstype != "proc" {
		t.Error("find")
	}
	for _, c := range []struct {
		id, up uint32
		want   bool
	}{{23, 22, true}, {23, 20, true}, {22, 21, false}, {20, 20, false}} {
		if got := table.isBelow(table.find(c.id), table.find(c.up)); got != c.want {
			t.Errorf("%d below %d: %v", c.id, c.up, got)
		}
	}
	if got := table.idMapped(); got != `/with space\and#/below` {
		t.Errorf("id-mapped: %q", got)
	}
	// A mount that is its own ancestor must not hang.
	circle := mountTable{{id: 1, parent: 2}, {id: 2, parent: 1}, {id: 3, parent: 3}}
	if circle.isBelow(&circle[0], &circle[2]) {
		t.Error("circle")
	}
}

func FuzzMounts(f *testing.F) {
	f.Add(mountinfo)
	f.Fuzz(func(t *testing.T, text string) {
		table := parseMounts(text)
		for i := range table {
			_ = table.isBelow(&table[i], &table[0])
		}
		_ = table.idMapped()
	})
}

func TestCheckVersion(t *testing.T) {
	for _, c := range []struct {
		version int
		lock    criu.NetworkLock
		want    string
	}{
		{31501, criu.LockDefault, "criu 3.15.1 is too old: at least 3.16 is needed"},
		{31501, criu.LockSkip, "criu 3.15.1 is too old: at least 3.16 is needed"},
		{31600, criu.LockDefault, ""},
		{31600, criu.LockNftables, ""}, // came with 3.16
		{31701, criu.LockIptables, ""},
		{31701, criu.LockSkip, "--network-lock: criu 3.17.1 is too old: at least 3.19 is needed"},
		{31900, criu.LockSkip, ""},
		{40001, criu.LockSkip, ""},
	} {
		got := ""
		if err := checkVersion(func() (int, error) { return c.version, nil }, c.lock); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("criu %d, lock %d: %q, not %q", c.version, c.lock, got, c.want)
		}
	}
	broken := errors.New("no answer")
	if err := checkVersion(func() (int, error) { return 0, broken }, criu.LockDefault); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestInherited(t *testing.T) {
	for _, c := range []struct {
		json string
		want []criu.Inherited
		fail bool
	}{
		{`[]`, nil, false},
		{`["/dev/null","pipe:[11]","pipe:[12]"]`, []criu.Inherited{{Key: "pipe:[11]", FD: 1}, {Key: "pipe:[12]", FD: 2}}, false},
		{`["file[1a:2b]","socket:[3]","socket:[3]"]`, []criu.Inherited{{Key: "file[1a:2b]", FD: 0}, {Key: "socket:[3]", FD: 1}}, false},
		{`["","","","file[1:2]","pipe:[9]","/etc/passwd"]`, []criu.Inherited{{Key: "file[1:2]", FD: 33}}, false},
		{`{"a":1}`, nil, true},
		{`[1]`, nil, true},
		{``, nil, true},
	} {
		got, err := parseInherited([]byte(c.json), 33)
		if (err != nil) != c.fail {
			t.Errorf("%s: %v", c.json, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.json, diff)
		}
	}
}

func FuzzInherited(f *testing.F) {
	f.Add([]byte(`["file[1a:2b]","pipe:[1]","/dev/null","file[1:1]"]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseInherited(data, 7)
		if err != nil {
			return
		}
		for _, h := range list {
			if h.FD != 7 && (h.FD < 0 || h.FD > 2) {
				t.Fatalf("%+v", h)
			}
		}
	})
}

// Of a process's files those are found that lie on no mount of the container
// and can be replaced: a standard stream, a null device; nothing else is.
func TestExternalFiles(t *testing.T) {
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	other, err := os.CreateTemp(t.TempDir(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	child := exec.Command("sleep", "1000")
	child.Stdout, child.ExtraFiles = log, []*os.File{other, null}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()

	files := &externalFiles{state: &state.State{Descriptors: []string{"", log.Name(), "pipe:[1]"}}}
	list, err := files.of(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	key := func(fd string) string {
		id, ok := mountOf(child.Process.Pid, fd)
		var st unix.Stat_t
		if err := unix.Stat("/proc/"+strconv.Itoa(child.Process.Pid)+"/fd/"+fd, &st); err != nil || !ok {
			t.Fatal(fd, ok, err)
		}
		return fmt.Sprintf("file[%x:%x]", id, st.Ino)
	}
	if diff := cmp.Diff([3]string{"", key("1"), ""}, files.stdio); diff != "" {
		t.Error(diff)
	}
	if !slices.Contains(files.null, key("0")) || slices.Contains(files.null, key("3")) {
		t.Errorf("null devices %q", files.null)
	}
	if !slices.Contains(list, key("1")) || !slices.Contains(list, key("4")) || slices.Contains(list, key("3")) {
		t.Errorf("external: %q", list)
	}
	// What lies on a mount of the container is not external.
	table, err := readMounts(child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	files = &externalFiles{state: &state.State{Descriptors: []string{"", log.Name()}}, mounts: table}
	list, err = files.of(child.Process.Pid)
	if err != nil || slices.Contains(list, key("1")) || slices.Contains(list, key("4")) || files.stdio[1] != "" {
		t.Errorf("%q, %q, %v", list, files.stdio, err)
	}
}

func TestCheckpointable(t *testing.T) {
	own := []specs.LinuxNamespace{{Type: specs.MountNamespace}}
	for _, c := range []struct {
		state state.State
		spec  specs.Spec
		list  []specs.LinuxNamespace
		want  string
	}{
		{list: own},
		{list: nil, want: "mount namespace"},
		{list: []specs.LinuxNamespace{{Type: specs.MountNamespace, Path: "/x"}}, want: "mount namespace"},
		{list: append(own, specs.LinuxNamespace{Type: specs.CgroupNamespace})},
		{list: append(own, specs.LinuxNamespace{Type: specs.CgroupNamespace, Path: "/x"}), want: "cgroup namespace"},
		{list: own, state: state.State{SeccompNotify: true}, want: "listener"},
		{list: own, state: state.State{NoPivot: true}, want: "--no-pivot"},
		{list: own, spec: specs.Spec{Annotations: map[string]string{lxc.AnnotationVersion: "5.0.2"}}},
		{list: own, spec: specs.Spec{Annotations: map[string]string{lxc.AnnotationTTYMax: "4"}}, want: lxc.AnnotationTTYMax},
		{list: own, spec: specs.Spec{Annotations: map[string]string{lxc.AnnotationExecute: "true"}}, want: lxc.AnnotationExecute},
	} {
		c.spec.Linux = &specs.Linux{Namespaces: c.list}
		err := checkpointable(&c.state, &c.spec)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.list, err, c.want)
		}
	}
}

// Who descends from init is none, whoever else is in the cgroup is.
func TestStrangers(t *testing.T) {
	child := exec.Command("sh", "-c", "sleep 1000; true")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	pid, self := child.Process.Pid, os.Getpid()
	if got := strangers([]int{self, pid}, self); len(got) > 0 {
		t.Errorf("%v", got)
	}
	if diff := cmp.Diff([]int{self}, strangers([]int{self, pid}, pid)); diff != "" {
		t.Error(diff)
	}
	if got := strangers([]int{1 << 22}, self); len(got) > 0 {
		t.Errorf("an ended process: %v", got)
	}
}

func TestMountpointsUnder(t *testing.T) {
	c := &restoration{creation: &creation{
		CreateOptions: &CreateOptions{Bundle: "/b"},
		state:         &state.State{Rootfs: "/r"},
		spec: &specs.Spec{Mounts: []specs.Mount{
			{Destination: "/proc", Type: "proc"},
			{Destination: "/data", Type: "bind", Source: "src", Options: []string{"rbind"}},
			{Destination: "/data/in/side", Type: "bind", Source: "/x", Options: []string{"bind"}},
			{Destination: "/dev", Type: "tmpfs"},
			{Destination: "/dev/x", Type: "bind", Source: "/x", Options: []string{"bind"}},
			{Destination: "/database", Type: "tmpfs"},
		}},
	}}
	for i, want := range []string{"/r/proc", "/r/data", "/b/src in/side", "/r/dev", "", "/r/database"} {
		base, path, ok := c.under(i)
		got := ""
		if ok {
			got = strings.ReplaceAll(base+" "+path, " /", "/")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", c.spec.Mounts[i].Destination, got, want)
		}
	}
}

func TestCgroupsOf(t *testing.T) {
	list, err := cgroupsOf(os.Getpid())
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	for _, p := range list {
		if !strings.HasPrefix(p.Value, "/") {
			t.Errorf("%+v", p)
		}
	}
}

// The thread with a mount namespace of its own is not the first one, which
// stands for the process, and is not used again.
func TestApart(t *testing.T) {
	done := make(chan error)
	for range 8 {
		var tid int
		go apart(done, func() error { tid = unix.Gettid(); return nil })
		if err := <-done; err != nil || tid == unix.Getpid() {
			t.Errorf("thread %d of %d, %v", tid, unix.Getpid(), err)
		}
	}
}
