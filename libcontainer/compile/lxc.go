// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"kist/lxc"
)

// LXC is what the annotations of an imported LXC configuration ask for, in
// the parts that touch the making of a container. A nil LXC asks for nothing.
// What each annotation means is documented in package lxc.
type LXC struct {
	Major       int // of the LXC release that is imitated, 0 if not said
	Execute     bool
	NoDev       bool
	TTYMax      int
	TTYDir      string
	Kmsg        bool
	ConsolePath string
	ConsoleLog  string
	LogSize     int64
	LogRotate   bool
	Rootfs      *lxc.RootfsMount
	Mounts      []lxc.MountExtra
	SysMixed    bool
	BootID      string // the text to show; Setup adds none of its own, being pure
	PreStart    []specs.Hook
	PreMount    []specs.Hook
	Keyring     bool // inherit the caller's session keyring
	// KeyringLabel is the SELinux context of the session keyring.
	KeyringLabel string
	AppArmor     bool     // a profile is generated for the container
	Nesting      bool     // it lets containers run inside
	Raw          []string // rules at its end
	SchedCore    bool
	Proc         []ProcSetting
	CgroupFiles  []lxc.CgroupFile
	CgroupInner  string
	Share        []Share
}

// ProcSetting is one io.kist.lxc.proc.NAME: text for a file below /proc/PID.
type ProcSetting struct{ Key, File, Value string }

// Share is one io.kist.lxc.share.KIND: the container whose namespace is joined.
type Share struct {
	Key, ID string
	Type    specs.LinuxNamespaceType
}

const lxcPrefix = "io.kist.lxc."

// AnnotationError is an annotation that cannot be honoured.
type AnnotationError struct{ Key, Msg string }

func (e *AnnotationError) Error() string {
	return "config.json: /annotations/" + escape(e.Key) + ": " + e.Msg
}

// ParseLXC reads the annotations of a bundle. It returns nil where there is
// none of LXC, and refuses what it does not know: a container that was
// imported must not quietly behave in another way.
func ParseLXC(annotations map[string]string) (*LXC, error) {
	var keys []string
	for k := range annotations {
		if strings.HasPrefix(k, lxcPrefix) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	slices.Sort(keys)
	l := &LXC{}
	for _, k := range keys {
		if err := l.set(k, annotations[k]); err != nil {
			return nil, &AnnotationError{k, err.Error()}
		}
	}
	if l.ConsoleLog == "" && (l.LogSize != 0 || l.LogRotate) {
		return nil, &AnnotationError{lxc.AnnotationConsoleLogSize, "needs " + lxc.AnnotationConsoleLog}
	}
	if !l.AppArmor && (l.Nesting || l.Raw != nil) {
		return nil, &AnnotationError{lxc.AnnotationApparmor, "needed by " + lxc.AnnotationApparmorNesting + " and " + lxc.AnnotationApparmorRaw}
	}
	return l, nil
}

func (l *LXC) set(key, value string) (err error) {
	switch key {
	case lxc.AnnotationVersion:
		major, _, _ := strings.Cut(value, ".")
		if l.Major, err = strconv.Atoi(major); err != nil {
			return fmt.Errorf("%q: want a release such as 5.0.2", value)
		}
	case lxc.AnnotationConfig: // where it came from, for the reader
	case lxc.AnnotationSignalHalt, lxc.AnnotationSignalReboot, lxc.AnnotationSignalStop: // read when they are sent
	case lxc.AnnotationExecute:
		l.Execute, err = boolean(value)
	case lxc.AnnotationDev:
		if value != "none" {
			return fmt.Errorf("%q: want none", value)
		}
		l.NoDev = true
	case lxc.AnnotationTTYMax:
		l.TTYMax, err = number(value, 4096)
	case lxc.AnnotationTTYDir:
		l.TTYDir, err = below(value)
	case lxc.AnnotationKmsg:
		l.Kmsg, err = boolean(value)
	case lxc.AnnotationConsolePath:
		l.ConsolePath, err = absolute(value)
	case lxc.AnnotationConsoleLog:
		l.ConsoleLog, err = absolute(value)
	case lxc.AnnotationConsoleLogSize:
		if l.LogSize, err = strconv.ParseInt(value, 10, 64); err != nil || l.LogSize <= 0 {
			return fmt.Errorf("%q: want a number of bytes", value)
		}
	case lxc.AnnotationConsoleLogRotate:
		l.LogRotate, err = boolean(value)
	case lxc.AnnotationRootfs:
		l.Rootfs = &lxc.RootfsMount{}
		err = decode(value, l.Rootfs)
	case lxc.AnnotationMounts:
		err = decode(value, &l.Mounts)
	case lxc.AnnotationSysMixed:
		l.SysMixed, err = boolean(value)
	case lxc.AnnotationBootID:
		var on bool
		if on, err = boolean(value); on {
			l.BootID = PlanBootID
		}
	case lxc.AnnotationHooks:
		var h lxc.EarlyHooks
		err = decode(value, &h)
		l.PreStart, l.PreMount = h.PreStart, h.PreMount
	case lxc.AnnotationKeyring:
		if value != "inherit" {
			return fmt.Errorf("%q: want inherit", value)
		}
		l.Keyring = true
	case lxc.AnnotationSchedCore:
		l.SchedCore, err = boolean(value)
	case lxc.AnnotationCgroupFiles:
		err = decode(value, &l.CgroupFiles)
	case lxc.AnnotationCgroupInner:
		l.CgroupInner, err = below(value)
	case lxc.AnnotationApparmor:
		if value != "generated" {
			return fmt.Errorf("%q: want generated", value)
		}
		l.AppArmor = true
	case lxc.AnnotationApparmorNesting:
		l.Nesting, err = boolean(value)
	case lxc.AnnotationApparmorRaw:
		err = decode(value, &l.Raw)
	case lxc.AnnotationKeyringContext:
		if l.KeyringLabel = value; value == "" || strings.ContainsAny(value, "\x00\n") {
			return fmt.Errorf("%q: want a SELinux context", value)
		}
	default:
		return l.setNamed(key, value)
	}
	return err
}

// setNamed takes the annotations that have a name of the user's in their key.
func (l *LXC) setNamed(key, value string) error {
	if name, ok := strings.CutPrefix(key, lxc.AnnotationProcPrefix); ok {
		file, err := below(strings.ReplaceAll(name, ".", "/"))
		if err != nil {
			return err
		}
		l.Proc = append(l.Proc, ProcSetting{key, file, value})
		return nil
	}
	if kind, ok := strings.CutPrefix(key, lxc.AnnotationSharePrefix); ok {
		t := namespaceOf(kind)
		if t == "" {
			return fmt.Errorf("unknown kind of namespace %q", kind)
		}
		l.Share = append(l.Share, Share{key, value, t})
		return nil
	}
	return fmt.Errorf("unknown annotation of an imported LXC container (it comes from another version of kist: import again)")
}

// namespaceOf reads LXC's name of a namespace, which is that of /proc/PID/ns.
func namespaceOf(kind string) specs.LinuxNamespaceType {
	switch kind {
	case "net":
		return specs.NetworkNamespace
	case "mnt":
		return specs.MountNamespace
	case "pid", "ipc", "uts", "user", "cgroup", "time":
		return specs.LinuxNamespaceType(kind)
	}
	return ""
}

// PlanBootID stands for the random number that each container gets.
const PlanBootID = "00000000-0000-4000-8000-000000000000"

func boolean(value string) (bool, error) {
	if value != "true" {
		return false, fmt.Errorf("%q: want true, or leave the annotation out", value)
	}
	return true, nil
}

func number(value string, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("%q: want a number from 0 to %d", value, most)
	}
	return n, nil
}

func absolute(value string) (string, error) {
	if !filepath.IsAbs(value) || strings.ContainsRune(value, 0) {
		return "", fmt.Errorf("%q: want an absolute path", value)
	}
	return filepath.Clean(value), nil
}

// below reads a relative path that does not lead upwards.
func below(value string) (string, error) {
	if !filepath.IsLocal(value) || filepath.Clean(value) == "." || strings.ContainsRune(value, 0) {
		return "", fmt.Errorf("%q: want a path that stays below its directory", value)
	}
	return filepath.Clean(value), nil
}

// decode reads a JSON value and refuses properties that it does not know.
func decode(value string, to any) error {
	d := json.NewDecoder(strings.NewReader(value))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one JSON value")
	}
	return nil
}

// extra gives what is to be known of a mount beside its entry in mounts.
func (l *LXC) extra(i int) lxc.MountExtra {
	if l != nil {
		for _, x := range l.Mounts {
			if x.Index == i {
				return x
			}
		}
	}
	return lxc.MountExtra{}
}

// Optional says whether the container does without mount i if it fails.
func (l *LXC) Optional(i int) bool { return l.extra(i).Optional }

// IDMap is the path of the user namespace whose maps mount i gets, "" for none.
func (l *LXC) IDMap(i int) string { return l.extra(i).IDMap }
