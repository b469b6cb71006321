// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A cache entry is one file. Its name is a hash of the key, and it contains the whole key, so that two keys with the same
// hash cost a compilation and can never be mistaken for one another: the hash needs speed, not strength.
//
//	magic | length of key | length of value | sum of value | key | value
//
// The sum is over the value, the key being compared as a whole. It finds what a crash or a bad disk did to the file. What an attacker could do is kept out by the owner and the
// mode of the directory and the file.

// cacheMagic names the format. Its last digit counts up with every change of the format or of what Compile makes of a
// profile.
const cacheMagic = "kistbpf1"

const (
	cacheHeader  = len(cacheMagic) + 4 + 4 + 8
	cacheEntries = 64
	// cacheLargest bounds an entry: a profile of the largest config.json, and a filter of the largest size.
	cacheLargest = 17 << 20
)

// Load returns the filter for the profile raw, the JSON text of /linux/seccomp. If an entry for the same text is in the
// directory cacheDir, made by the same build with the same library on the same kernel, that is returned, hit is true,
// and decode is not called. Otherwise decode is called, the profile compiled and the result stored.
//
// cacheDir is made if it is missing; its parent must exist. "" means no cache. A cache that cannot be used or written, for
// example because somebody else owns it, is no error: the filter says so in its warnings.
func Load(raw []byte, decode func([]byte) (*specs.LinuxSeccomp, error), cacheDir string, opts Options) (f *Filter, hit bool, err error) {
	if !Supported {
		return nil, false, ErrUnsupported
	}
	var key []byte
	var name string
	dir, cacheErr := -1, error(nil)
	if cacheDir != "" {
		key = cacheKey(raw, opts)
		name = entryName(key)
		if dir, cacheErr = openCache(cacheDir); cacheErr == nil {
			defer unix.Close(dir)
			if f := readEntry(dir, name, key); f != nil {
				return f, true, nil
			}
		}
	}
	profile, err := decode(raw)
	if err != nil {
		return nil, false, err
	}
	if profile == nil {
		return nil, false, errors.New("/linux/seccomp: the profile is empty")
	}
	if f, err = Compile(profile, opts); err != nil {
		return nil, false, err
	}
	if dir >= 0 {
		if cacheErr = writeEntry(dir, name, key, f); cacheErr == nil {
			evict(dir)
		}
	}
	if cacheErr != nil {
		f.Warnings = append(f.Warnings, fmt.Sprintf("seccomp cache %s: not used: %v", cacheDir, cacheErr))
	}
	return f, false, nil
}

// cacheKey is all that a filter depends on. Every part but the last has its length in front or is of fixed length, so
// that different inputs never give the same key.
func cacheKey(raw []byte, opts Options) []byte {
	var uname unix.Utsname
	_ = unix.Uname(&uname) // cannot fail with a valid address
	release := uname.Release[:]
	if i := bytes.IndexByte(release, 0); i >= 0 {
		release = release[:i]
	}
	key := make([]byte, 0, len(raw)+256)
	for _, part := range [...]string{runtime.GOARCH, Version(), opts.Build, string(release)} {
		key = appendString(key, part)
	}
	if opts.RefuseUnknown {
		key = append(key, 1)
	} else {
		key = append(key, 0)
	}
	return append(key, raw...)
}

func entryName(key []byte) string {
	const digits = "0123456789abcdef"
	h := sum(key)
	var name [16]byte
	for i := range name {
		name[i] = digits[h>>(60-4*i)&15]
	}
	return string(name[:])
}

// sum is a 64-bit hash: eight bytes at a time, mixed by a full multiplication. It is for finding damage and choosing names.
func sum(b []byte) uint64 {
	const m1, m2 = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	h := uint64(len(b)) * m1
	mix := func(w uint64) {
		high, low := bits.Mul64(h^w^m2, m1)
		h = high ^ low ^ bits.RotateLeft64(h, 23)
	}
	for len(b) >= 8 {
		mix(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	var last uint64
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	mix(last)
	mix(m1)
	return h
}

// openCache opens the directory, which it makes if need be, and makes sure that nobody else can write there.
func openCache(path string) (int, error) {
	const how = unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_RDONLY | unix.O_CLOEXEC
	dir, err := unix.Open(path, how, 0)
	if err == unix.ENOENT {
		if err := unix.Mkdir(path, 0o700); err != nil && err != unix.EEXIST {
			return -1, fmt.Errorf("mkdir: %w", err)
		}
		dir, err = unix.Open(path, how, 0)
	}
	if err != nil {
		return -1, fmt.Errorf("open: %w", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(dir, &st); err != nil {
		unix.Close(dir)
		return -1, fmt.Errorf("stat: %w", err)
	}
	if st.Uid != uint32(unix.Geteuid()) || st.Mode&0o077 != 0 {
		unix.Close(dir)
		return -1, fmt.Errorf("owned by uid %d with mode %04o, must be owned by uid %d with mode 0700",
			st.Uid, st.Mode&0o7777, unix.Geteuid())
	}
	return dir, nil
}

// readEntry returns nil for an entry that is missing, damaged, for another key, or not ours.
func readEntry(dir int, name string, key []byte) *Filter {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode != unix.S_IFREG|0o600 || st.Uid != uint32(unix.Geteuid()) ||
		st.Size < int64(cacheHeader+len(key)) || st.Size > cacheLargest {
		return nil
	}
	b := make([]byte, st.Size)
	for n := 0; n < len(b); {
		m, err := unix.Read(fd, b[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || m == 0 {
			return nil
		}
		n += m
	}
	return decodeEntry(b, key)
}

func encodeEntry(key []byte, f *Filter) []byte {
	var value []byte
	value = binary.LittleEndian.AppendUint32(value, uint32(f.Flags))
	notify := byte(0)
	if f.Notify {
		notify = 1
	}
	value = append(value, notify)
	value = appendString(value, f.ListenerPath)
	value = appendString(value, f.ListenerMetadata)
	value = binary.LittleEndian.AppendUint32(value, uint32(len(f.Warnings)))
	for _, w := range f.Warnings {
		value = appendString(value, w)
	}
	value = append(value, f.BPF...)

	b := append(make([]byte, 0, cacheHeader+len(key)+len(value)), cacheMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(key)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	b = binary.LittleEndian.AppendUint64(b, sum(value))
	return append(append(b, key...), value...)
}

func decodeEntry(b, key []byte) *Filter {
	if len(b) < cacheHeader || string(b[:len(cacheMagic)]) != cacheMagic {
		return nil
	}
	b = b[len(cacheMagic):]
	keyLen, valueLen, check := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint64(b[8:])
	b = b[16:]
	if uint64(keyLen)+uint64(valueLen) != uint64(len(b)) || !bytes.Equal(b[:keyLen], key) || sum(b[keyLen:]) != check {
		return nil
	}
	r := reader{b: b[keyLen:]}
	f := &Filter{}
	f.Flags = uint(r.uint32())
	f.Notify = r.byte() == 1
	f.ListenerPath = r.string()
	f.ListenerMetadata = r.string()
	for n := r.uint32(); n > 0 && !r.short; n-- {
		f.Warnings = append(f.Warnings, r.string())
	}
	f.BPF = r.b
	if r.short || len(f.BPF) == 0 || len(f.BPF)%instructionSize != 0 {
		return nil
	}
	return f
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// reader takes a value apart. After a read beyond the end, short is set and everything is zero.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n uint32) []byte {
	if r.short || uint64(n) > uint64(len(r.b)) {
		r.short = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) string() string { return string(r.take(r.uint32())) }

// writeEntry stores the filter under its final name in one step, so that no reader sees half of it.
func writeEntry(dir int, name string, key []byte, f *Filter) error {
	b := encodeEntry(key, f)
	if len(b) > cacheLargest {
		return fmt.Errorf("the entry would have %d bytes, the limit is %d", len(b), cacheLargest)
	}
	temporary := temporaryPrefix + strconv.Itoa(unix.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	fd, err := unix.Openat(dir, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	err = unix.Fchmod(fd, 0o600) // whatever the umask is
	for len(b) > 0 && err == nil {
		var n int
		if n, err = unix.Write(fd, b); err == unix.EINTR {
			err = nil
		} else if err == nil {
			b = b[n:]
		}
	}
	if closeErr := unix.Close(fd); err == nil {
		err = closeErr
	}
	if err == nil {
		err = unix.Renameat(dir, temporary, dir, name)
	}
	if err != nil {
		_ = unix.Unlinkat(dir, temporary, 0)
		return fmt.Errorf("write: %w", err)
	}
	return nil
}
