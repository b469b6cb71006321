// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func decode(raw []byte) (*specs.LinuxSeccomp, error) {
	var p specs.LinuxSeccomp
	err := json.Unmarshal(raw, &p)
	return &p, err
}

func mustNotDecode([]byte) (*specs.LinuxSeccomp, error) {
	return nil, errors.New("the profile was decoded on a hit")
}

const small = `{"defaultAction":"SCMP_ACT_ERRNO","listenerPath":"/run/a","listenerMetadata":"m",
	"syscalls":[{"names":["mkdir","nonsense"],"action":"SCMP_ACT_NOTIFY"}]}`

// mustLoad calls Load and reports whether it was a hit.
func mustLoad(t testing.TB, raw, dir string, opts Options) (*Filter, bool) {
	t.Helper()
	f, hit, err := Load([]byte(raw), decode, dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f, hit
}

// entryFiles returns the entries of the cache, without those that are being written.
func entryFiles(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "[0-9a-f]*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestCacheHit(t *testing.T) {
	requireSupport(t)
	dir := filepath.Join(t.TempDir(), "cache")
	cold, hit := mustLoad(t, small, dir, Options{})
	if hit || len(cold.Warnings) != 1 || !cold.Notify {
		t.Fatalf("first: hit %v, %+v", hit, cold)
	}
	warm, hit, err := Load([]byte(small), mustNotDecode, dir, Options{})
	if err != nil || !hit {
		t.Fatalf("second: hit %v, error %v", hit, err)
	}
	if diff := cmp.Diff(cold, warm); diff != "" {
		t.Errorf("the filter from the cache is another one:\n%s", diff)
	}
	for _, path := range append(entryFiles(t, dir), dir) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %s", path, info.Mode())
		}
	}
}

func TestCacheKey(t *testing.T) {
	requireSupport(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, small, dir, Options{Build: "1"})
	for name, c := range map[string]struct {
		raw  string
		opts Options
	}{
		"another text":  {small + " ", Options{Build: "1"}},
		"another build": {small, Options{Build: "2"}},
		"no build":      {small, Options{}},
	} {
		if _, hit := mustLoad(t, c.raw, dir, c.opts); hit {
			t.Errorf("%s: hit", name)
		}
	}
	// Strictness is part of the key: what was compiled with a warning must not be taken where it is an error.
	if _, _, err := Load([]byte(small), decode, dir, Options{Build: "1", RefuseUnknown: true}); err == nil {
		t.Error("RefuseUnknown: the entry of a tolerant run was used")
	}
	if n := len(entryFiles(t, dir)); n != 4 {
		t.Errorf("%d entries, want 4", n)
	}
}

// TestCacheDamage changes every byte of an entry in turn, and cuts it at every length.
func TestCacheDamage(t *testing.T) {
	key := cacheKey([]byte(small), Options{})
	whole := encodeEntry(key, &Filter{BPF: make([]byte, 16), Flags: 3, Warnings: []string{"w"}, ListenerPath: "/x"})
	if decodeEntry(whole, key) == nil {
		t.Fatal("the whole entry is not accepted")
	}
	for i := range whole {
		b := append([]byte(nil), whole...)
		b[i] ^= 0x40
		if decodeEntry(b, key) != nil {
			t.Errorf("byte %d of %d changed: accepted", i, len(whole))
		}
		if decodeEntry(whole[:i], key) != nil {
			t.Errorf("cut to %d of %d: accepted", i, len(whole))
		}
	}
	if decodeEntry(whole, append(key, ' ')) != nil {
		t.Error("accepted for another key")
	}
}

// TestCacheForeign puts things in the place of an entry that must not be believed, and looks that a good entry replaces them.
func TestCacheForeign(t *testing.T) {
	requireSupport(t)
	for name, spoil := range map[string]func(t *testing.T, entry string) error{
		"garbage":  func(_ *testing.T, e string) error { return os.WriteFile(e, []byte("garbage"), 0o600) },
		"empty":    func(_ *testing.T, e string) error { return os.Truncate(e, 0) },
		"writable": func(_ *testing.T, e string) error { return os.Chmod(e, 0o622) },
		"link": func(_ *testing.T, e string) error {
			if err := os.Rename(e, e+".real"); err != nil {
				return err
			}
			return os.Symlink(e+".real", e)
		},
		"owner": func(t *testing.T, e string) error {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			return os.Chown(e, 12345, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			mustLoad(t, small, dir, Options{})
			entry := entryFiles(t, dir)[0]
			if err := spoil(t, entry); err != nil {
				t.Fatal(err)
			}
			f, hit := mustLoad(t, small, dir, Options{})
			if hit {
				t.Fatal("believed")
			}
			if len(f.Warnings) != 1 {
				t.Errorf("warnings: %q", f.Warnings)
			}
			if _, hit := mustLoad(t, small, dir, Options{}); !hit {
				t.Error("not replaced")
			}
		})
	}
}

// TestCacheDirectory checks directories that somebody else could write to: no use of them, and a warning.
func TestCacheDirectory(t *testing.T) {
	requireSupport(t)
	base := t.TempDir()
	open := filepath.Join(base, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o770); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(base, "link")
	target := filepath.Join(base, "target")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{open, link, filepath.Join(base, "a", "b")} {
		for range 2 {
			f, hit := mustLoad(t, small, dir, Options{})
			if hit || len(f.Warnings) != 2 || !strings.HasPrefix(f.Warnings[1], "seccomp cache "+dir+": not used: ") {
				t.Errorf("%s: hit %v, warnings %q", dir, hit, f.Warnings)
			}
		}
		if n := len(entryFiles(t, dir)); n != 0 {
			t.Errorf("%s: %d entries", dir, n)
		}
	}
	if f, hit := mustLoad(t, small, "", Options{}); hit || len(f.Warnings) != 1 {
		t.Errorf("no cache: hit %v, warnings %q", hit, f.Warnings)
	}
}

func TestCacheErrors(t *testing.T) {
	requireSupport(t)
	dir := filepath.Join(t.TempDir(), "cache")
	bad := errors.New("bad profile")
	if _, _, err := Load([]byte("x"), func([]byte) (*specs.LinuxSeccomp, error) { return nil, bad }, dir, Options{}); !errors.Is(err, bad) {
		t.Errorf("decode: got %v", err)
	}
	if _, _, err := Load([]byte("null"), func([]byte) (*specs.LinuxSeccomp, error) { return nil, nil }, dir, Options{}); err == nil {
		t.Error("no profile: no error")
	}
	if _, _, err := Load([]byte("{}"), decode, dir, Options{}); err == nil {
		t.Error("bad profile: no error")
	}
	if n := len(entryFiles(t, dir)); n != 0 {
		t.Errorf("%d entries after errors", n)
	}
}

func TestEviction(t *testing.T) {
	requireSupport(t)
	dir := filepath.Join(t.TempDir(), "cache")
	mustLoad(t, small, dir, Options{})
	oldest := entryFiles(t, dir)[0]
	start := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(oldest, start, start); err != nil {
		t.Fatal(err)
	}
	for i := range cacheEntries - 1 {
		at := start.Add(time.Duration(i+1) * time.Minute)
		path := filepath.Join(dir, fmt.Sprintf("%016x", i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	left, fresh := filepath.Join(dir, temporaryPrefix+"1-a"), filepath.Join(dir, temporaryPrefix+"1-b")
	for _, path := range []string{left, fresh} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(left, start, start); err != nil {
		t.Fatal(err)
	}
	mustLoad(t, small+" ", dir, Options{})
	if _, err := os.Stat(oldest); !os.IsNotExist(err) {
		t.Errorf("the oldest entry is still there: %v", err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("the file of a dead writer is still there: %v", err)
	}
	if _, err := os.Stat(fresh); err != nil {
		t.Errorf("the file of a writer at work: %v", err)
	}
	if _, hit := mustLoad(t, small+" ", dir, Options{}); !hit {
		t.Error("the new entry is gone")
	}
	if n := len(entryFiles(t, dir)); n != cacheEntries {
		t.Errorf("%d entries, want %d", n, cacheEntries)
	}
}

// TestCacheRace has writers and readers of the same and of different entries at once: every filter must be a whole one.
func TestCacheRace(t *testing.T) {
	requireSupport(t)
	dir := filepath.Join(t.TempDir(), "cache")
	var group sync.WaitGroup
	for w := range 8 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range 50 {
				raw := small + strings.Repeat(" ", (w+i)%3)
				f, hit, err := Load([]byte(raw), decode, dir, Options{})
				if err != nil || len(f.Warnings) != 1 || f.ListenerMetadata != "m" {
					t.Errorf("hit %v, error %v, filter %+v", hit, err, f)
					return
				}
				if i%10 == 0 {
					for _, e := range entryFiles(t, dir) {
						_ = os.Remove(e)
					}
				}
			}
		}()
	}
	group.Wait()
}

func TestSum(t *testing.T) {
	seen := map[uint64]string{}
	for _, s := range []string{"", "\x00", "\x00\x00", "a", "a\x00", "aaaaaaaa", "aaaaaaaa\x00", "aaaaaaaab", "baaaaaaa", "aaaaaaaaaaaaaaab"} {
		h := sum([]byte(s))
		if other, ok := seen[h]; ok {
			t.Errorf("%q and %q have the same sum", s, other)
		}
		seen[h] = s
	}
}

func FuzzEntry(f *testing.F) {
	key := []byte("key")
	f.Add(encodeEntry(key, &Filter{BPF: make([]byte, 8), Warnings: []string{"w"}})[cacheHeader+len(key):])
	f.Fuzz(func(t *testing.T, value []byte) {
		// Around the value everything is right, or nothing but that would be tried.
		b := append([]byte(nil), cacheMagic...)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
		b = binary.LittleEndian.AppendUint64(b, sum(value))
		b = append(append(b, key...), value...)
		if got := decodeEntry(b, key); got != nil {
			if diff := cmp.Diff(got, decodeEntry(encodeEntry(key, got), key)); diff != "" {
				t.Errorf("not stable:\n%s", diff)
			}
		}
	})
}

func BenchmarkLoadCold(b *testing.B) {
	requireSupport(b)
	raw := engineProfile(b)
	for b.Loop() {
		if _, _, err := Load(raw, decode, "", Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	requireSupport(b)
	p, err := decode(engineProfile(b))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		mustCompile(b, p)
	}
}

func BenchmarkLoadHit(b *testing.B) {
	requireSupport(b)
	raw := engineProfile(b)
	dir := filepath.Join(b.TempDir(), "cache")
	if _, _, err := Load(raw, decode, dir, Options{}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, hit, err := Load(raw, mustNotDecode, dir, Options{}); err != nil || !hit {
			b.Fatal(hit, err)
		}
	}
}

func BenchmarkSum(b *testing.B) {
	raw := engineProfile(b)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		sum(raw)
	}
}
