// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func testRoot(t testing.TB) *Root {
	t.Helper()
	r, err := Make(filepath.Join(t.TempDir(), "run", "kist"), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func minimal(id string) *State {
	return &State{ID: id, OCIVersion: "1.3.0", Bundle: "/bundle", Rootfs: "/bundle/rootfs"}
}

func mustCreate(t testing.TB, r *Root, id string) *Dir {
	t.Helper()
	d, err := r.Create(minimal(id), []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "none")); !errors.Is(err, ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, bad := range []string{"", "/", "/run/..", "//"} {
		if _, err := Make(bad, false); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	good := filepath.Join(dir, "a", "b")
	r, err := Make(good, true)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if st, _ := os.Stat(good); st.Mode() != os.ModeDir|os.ModeSticky|0o700 {
		t.Errorf("mode %v", st.Mode())
	}
	for _, mode := range []uint32{0o770, 0o702} {
		if err := unix.Chmod(good, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(good); err == nil || !strings.Contains(err.Error(), "writable by group or others") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := unix.Chmod(good, 0o755); err != nil {
		t.Fatal(err)
	}
	if r, err := Open(good); err != nil {
		t.Errorf("0755: %v", err)
	} else {
		r.Close()
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(good, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(link, false); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("link: %v", err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(good, 12345, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(good); err == nil || !strings.Contains(err.Error(), "owned by uid 12345") {
			t.Errorf("owner: %v", err)
		}
	}
}

func TestLife(t *testing.T) {
	r := testRoot(t)
	d := mustCreate(t, r, "c1")
	if got := entries(t, r.path); !slices.Equal(got, []string{"c1"}) {
		t.Errorf("after create: %v", got)
	}
	if st, _ := os.Stat(r.Path("c1")); st.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", st.Mode())
	}
	s, err := r.Load("c1")
	if err != nil {
		t.Fatal(err)
	}
	if status, err := s.Status(nil); status != StatusCreating || err != nil {
		t.Errorf("status %v, %v", status, err)
	}
	if raw, err := r.Config("c1"); string(raw) != "{}" || err != nil {
		t.Errorf("config %q, %v", raw, err)
	}
	if err := d.Save(s); err != nil {
		t.Error(err)
	}
	s.InitPid = 1
	if err := d.Save(s); err == nil || !strings.Contains(err.Error(), "initPid") {
		t.Errorf("a record that could not be read was written: %v", err)
	}
	// Update takes those of config.json then.
	if _, err := r.Resources("c1"); !errors.Is(err, ErrIncomplete) {
		t.Errorf("resources before the first update: %v", err)
	}
	if err := d.SaveResources([]byte("[]")); err != nil {
		t.Error(err)
	}
	if raw, _ := r.Resources("c1"); string(raw) != "[]" {
		t.Errorf("resources %q", raw)
	}
	if err := os.MkdirAll(d.Path()+"/notify/x", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, r.path); len(got) != 0 {
		t.Errorf("after remove: %v", got)
	}
	if _, err := r.Load("c1"); !errors.Is(err, ErrNotExist) {
		t.Errorf("load: %v", err)
	}
	if _, err := r.Lock("c1", 0); !errors.Is(err, ErrNotExist) {
		t.Errorf("lock: %v", err)
	}
	d.Unlock() // a second time
	mustCreate(t, r, "c1").Unlock()
}

func TestNamesStayInside(t *testing.T) {
	r := testRoot(t)
	for _, id := range []string{"", ".", "..", "../x", "a/b", "a\x00", ".creating-x", "a\nb"} {
		_, e1 := r.Load(id)
		_, e2 := r.Lock(id, 0)
		_, e3 := r.Create(minimal(id), nil)
		e4 := r.Sweep(id)
		_, e5 := r.Config(id)
		for i, err := range []error{e1, e2, e3, e4, e5} {
			if err == nil || !strings.Contains(err.Error(), "invalid container ID format") {
				t.Errorf("%q, call %d: %v", id, i, err)
			}
		}
	}
}

func TestCreateExisting(t *testing.T) {
	r := testRoot(t)
	d := mustCreate(t, r, "c1")
	before, _ := os.Stat(d.Path())
	for range 2 { // locked by its creator, then not
		if _, err := r.Create(minimal("c1"), nil); !errors.Is(err, ErrExist) {
			t.Errorf("%v", err)
		}
		d.Unlock()
	}
	after, _ := os.Stat(r.Path("c1"))
	if before.ModTime() != after.ModTime() {
		t.Error("the loser changed the directory")
	}
	if err := os.WriteFile(r.path+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Create(minimal("file"), nil); !errors.Is(err, ErrExist) {
		t.Errorf("file: %v", err)
	}
	if got := entries(t, r.path); !slices.Equal(got, []string{"c1", "file"}) {
		t.Errorf("left over: %v", got)
	}
}

// Each round has one winner, and it alone has a complete directory, although losers and a deleter run beside it.
func TestConcurrentCreate(t *testing.T) {
	r := testRoot(t)
	for range 30 {
		var winners atomic.Int32
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				d, err := r.Create(minimal("c"), []byte("{}"))
				if err == nil {
					winners.Add(1)
					d.Unlock()
				} else if !errors.Is(err, ErrExist) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, err := r.Load("c"); err != nil && !errors.Is(err, ErrNotExist) {
					t.Errorf("a reader saw half a container: %v", err)
				}
				if err := r.Sweep("c"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("%d winners", n)
		}
		if got := entries(t, r.path); !slices.Equal(got, []string{"c"}) {
			t.Fatalf("%v", got)
		}
		d, err := r.Lock("c", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Remove(); err != nil {
			t.Fatal(err)
		}
	}
}

// Create and delete of one id in a storm: locks exclude each other, and nobody loses a directory he has locked.
func TestConcurrentCreateDelete(t *testing.T) {
	r := testRoot(t)
	var inside, made, removed atomic.Int32
	work := func(d *Dir) {
		if inside.Add(1) != 1 {
			t.Error("two holders of one lock")
		}
		if _, err := d.Load(); err != nil {
			t.Errorf("directory lost under the lock: %v", err)
		}
		inside.Add(-1)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 60 {
				if i%2 == 0 {
					if d, err := r.Create(minimal("c"), []byte("{}")); err == nil {
						made.Add(1)
						work(d)
						d.Unlock()
					} else if !errors.Is(err, ErrExist) {
						t.Error(err)
					}
				} else if d, err := r.Lock("c", 5*time.Second); err == nil {
					work(d)
					if err := d.Remove(); err != nil {
						t.Error(err)
					}
					removed.Add(1)
				} else if !errors.Is(err, ErrNotExist) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := made.Load() - removed.Load(); n != 0 && n != 1 {
		t.Errorf("%d made, %d removed", made.Load(), removed.Load())
	}
}

func TestLockBusy(t *testing.T) {
	r := testRoot(t)
	d := mustCreate(t, r, "c1")
	var busy *BusyError
	if _, err := r.Lock("c1", 20*time.Millisecond); !errors.As(err, &busy) || busy.Pid != os.Getpid() {
		t.Fatalf("%v", err)
	}
	// The one who gave up must not keep the lock that its thread still gets.
	d.Unlock()
	time.Sleep(50 * time.Millisecond)
	d, err := r.Lock("c1", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	go func() {
		d, err := r.Lock("c1", 5*time.Second)
		if err == nil {
			d.Unlock()
		}
		got <- err
	}()
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, ErrNotExist) {
		t.Errorf("waiter for a deleted container: %v", err)
	}
}

func TestFindHolder(t *testing.T) {
	const table = "1: FLOCK  ADVISORY  WRITE 7 00:1b:55 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 8 00:1b:55 0 EOF\n2: POSIX  ADVISORY  WRITE 9 00:1b:56 0 EOF\n3: FLOCK x\n"
	if pid := findHolder([]byte(table), unix.Mkdev(0, 0x1b), 55); pid != 7 {
		t.Errorf("pid %d", pid)
	}
	if pid := findHolder([]byte(table), unix.Mkdev(0, 0x1b), 56); pid != 0 {
		t.Errorf("a POSIX lock is not ours: %d", pid)
	}
}

// What a kill between any two steps of create, save and remove can leave.
func TestLeftovers(t *testing.T) {
	r := testRoot(t)
	put := func(name string) {
		t.Helper()
		if err := os.MkdirAll(r.path+"/"+filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(r.path+"/"+name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(".creating-c1/state.json")
	put(".creating-c1/config.json")
	put(".deleting-c1/state.json")
	for _, err := range r.List() {
		t.Errorf("listed: %v", err)
	}
	d := mustCreate(t, r, "c1")
	put("c1/.state.json.new")
	s, _ := d.Load()
	if err := d.Save(s); err != nil {
		t.Error(err)
	}
	if err := d.Remove(); err != nil {
		t.Error(err)
	}
	put(".creating-c2/state.json")
	put(".deleting-c2/state.json")
	if err := r.Sweep("c2"); err != nil {
		t.Error(err)
	}
	if got := entries(t, r.path); len(got) != 0 {
		t.Errorf("left over: %v", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	r := testRoot(t)
	d := mustCreate(t, r, "c1")
	defer d.Unlock()
	file := d.Path() + "/state.json"
	good, _ := os.ReadFile(file)
	write := func(data string, mode os.FileMode) {
		_ = os.Remove(file)
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want string, is error) {
		t.Helper()
		_, err := r.Load("c1")
		if err == nil || !strings.Contains(err.Error(), want) || is != nil && !errors.Is(err, is) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	write("", 0o600)
	expect("expected an object", ErrCorrupt)
	write(strings.Replace(string(good), `"id":"c1"`, `"id":"c2"`, 1), 0o600)
	expect("not the name of the directory", ErrCorrupt)
	write(string(good), 0o622)
	expect("writable by group or others", nil)
	write(strings.Repeat(" ", maxState+1), 0o600)
	expect("at most", nil)
	_ = os.Remove(file)
	expect("state.json is missing", ErrIncomplete)
	if err := os.Symlink("/etc/passwd", file); err != nil {
		t.Fatal(err)
	}
	expect("too many levels of symbolic links", nil)
	_ = os.Remove(file)
	if err := unix.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
	expect("not a regular file", nil)
	n := 0
	for s, err := range r.List() {
		if n++; s.ID != "c1" || err == nil {
			t.Errorf("list: %v, %v", s, err)
		}
	}
	if n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestList(t *testing.T) {
	r := testRoot(t)
	for _, id := range []string{"b", "a", "c"} {
		mustCreate(t, r, id).Unlock()
	}
	var got []string
	for s, err := range r.List() {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, s.ID); len(got) == 2 {
			break
		}
	}
	if !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v", got)
	}
}
