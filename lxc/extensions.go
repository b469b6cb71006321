// SPDX-License-Identifier: Apache-2.0

package lxc

import (
	"encoding/json"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The annotations that say what OCI cannot. kist honours every one of them;
// other runtimes ignore them, which is safe: none of them loosens a restriction
// that config.json expresses. Values are plain text unless a type is named, in
// which case they are that type as JSON. Booleans are the text "true".
const (
	// AnnotationVersion is the LXC release the configuration was read as. Its
	// presence marks a bundle as imported.
	AnnotationVersion = "io.kist.lxc.version"
	// AnnotationConfig is the path of the configuration that was imported.
	AnnotationConfig = "io.kist.lxc.config"

	// AnnotationExecute asks for LXC's execute mode: a small reaper is pid 1,
	// process.args is pid 2. The reaper forwards signals, turns SIGPWR and
	// SIGTERM into TERM for everybody and KILL a second later, waits for all
	// orphans and exits with the status of pid 2.
	AnnotationExecute = "io.kist.lxc.execute"

	// AnnotationSignalHalt is the signal of `kist kill` without a signal: a name
	// with SIG, SIGRTMIN+n, or a number. "auto" stands for LXC's own default:
	// SIGRTMIN+3 if the container's init blocks that signal (SigBlk in
	// /proc/PID/status; systemd does), else SIGPWR.
	AnnotationSignalHalt = "io.kist.lxc.signal.halt"
	// AnnotationSignalReboot is the signal that makes init reboot.
	AnnotationSignalReboot = "io.kist.lxc.signal.reboot"
	// AnnotationSignalStop is the signal of `kist delete --force`.
	AnnotationSignalStop = "io.kist.lxc.signal.stop"

	// AnnotationDev is "none" when lxc.autodev is 0: the runtime makes no device
	// nodes, symlinks or devpts-related links in /dev beyond what mounts bring.
	AnnotationDev = "io.kist.lxc.dev"
	// AnnotationTTYMax is the number of terminals to make and bind on /dev/tty1
	// and so on, from the container's own devpts: mode 0620, group 5. (LXC 5
	// does not show the variable container_ttys to the first process.)
	AnnotationTTYMax = "io.kist.lxc.tty.max"
	// AnnotationTTYDir is the directory below /dev that holds console and ttys;
	// /dev/console and /dev/ttyN are symlinks into it.
	AnnotationTTYDir = "io.kist.lxc.tty.dir"
	// AnnotationKmsg makes /dev/kmsg a symlink to the console (0.9 and 1.0).
	AnnotationKmsg = "io.kist.lxc.kmsg"
	// AnnotationConsolePath is a terminal device or file of the host that is the
	// container's console.
	AnnotationConsolePath = "io.kist.lxc.console.path"
	// AnnotationConsoleLog is a file of the host that gets a copy of all the
	// console prints. Size (bytes) and Rotate ("true") bound it.
	AnnotationConsoleLog       = "io.kist.lxc.console.logfile"
	AnnotationConsoleLogSize   = "io.kist.lxc.console.size"
	AnnotationConsoleLogRotate = "io.kist.lxc.console.rotate"

	// AnnotationRootfs (RootfsMount) says what to mount on root.path, in the
	// container's own mount namespace and before everything else.
	AnnotationRootfs = "io.kist.lxc.rootfs"
	// AnnotationMounts ([]MountExtra) says about single entries of mounts what
	// OCI has no option for.
	AnnotationMounts = "io.kist.lxc.mounts"
	// AnnotationSysMixed leaves /sys/devices/virtual/net writable below a
	// read-only /sys, as lxc.mount.auto = sys:mixed does.
	AnnotationSysMixed = "io.kist.lxc.sys.mixed"
	// AnnotationBootID gives the container a random
	// /proc/sys/kernel/random/boot_id of its own.
	AnnotationBootID = "io.kist.lxc.boot-id"

	// AnnotationHooks (EarlyHooks) are hooks for phases OCI does not have.
	AnnotationHooks = "io.kist.lxc.hooks"

	// AnnotationApparmor is "generated": kist makes a profile for the container,
	// with AnnotationApparmorNesting ("true") allowing nested containers and
	// AnnotationApparmorRaw ([]string) appended as rule lines.
	AnnotationApparmor        = "io.kist.lxc.apparmor"
	AnnotationApparmorNesting = "io.kist.lxc.apparmor.nesting"
	AnnotationApparmorRaw     = "io.kist.lxc.apparmor.raw"
	// AnnotationKeyring is "inherit" for lxc.keyring.session = 1: no new session
	// keyring, as with the flag --no-new-keyring.
	AnnotationKeyring = "io.kist.lxc.keyring"
	// AnnotationKeyringContext is the SELinux context of the session keyring.
	AnnotationKeyringContext = "io.kist.lxc.selinux.keyring"
	// AnnotationSchedCore gives the container a core scheduling cookie.
	AnnotationSchedCore = "io.kist.lxc.sched.core"
	// AnnotationProcPrefix + NAME is text for /proc/PID/NAME (dots are slashes),
	// written by the host right after the process exists.
	AnnotationProcPrefix = "io.kist.lxc.proc."

	// AnnotationCgroupFiles ([]CgroupFile) are files of the container's cgroup to
	// write, in order, after linux.resources.
	AnnotationCgroupFiles = "io.kist.lxc.cgroup.files"
	// AnnotationCgroupInner is the name of a cgroup below the container's that
	// holds its processes; limits stay on the outer one.
	AnnotationCgroupInner = "io.kist.lxc.cgroup.inner"

	// AnnotationSharePrefix + KIND (pid, net, …) is the ID of the kist container
	// whose namespace is joined. The path in linux.namespaces is a placeholder
	// that does not exist, so that other runtimes fail instead of sharing
	// nothing; kist puts the namespace of that container's init in its place.
	AnnotationSharePrefix = "io.kist.lxc.share."

	// AnnotationStopSignal is the image specification's key for the halt signal;
	// container engines read it.
	AnnotationStopSignal = "org.opencontainers.image.stopSignal"
)

// RootfsMount is the value of AnnotationRootfs.
type RootfsMount struct {
	// Type is a filesystem type, "bind" for a directory, or "auto" for a block
	// device or image whose type is to be probed.
	Type string `json:"type"`
	// Source is the device, image, dataset or directory.
	Source string `json:"source"`
	// Options are flags and data as in a mount.
	Options []string `json:"options,omitempty"`
	// Loop attaches Source to a loop device first.
	Loop bool `json:"loop,omitempty"`
	// Lower is what has to be mounted for an overlay's lowest directory when
	// that is no directory itself.
	Lower *RootfsMount `json:"lower,omitempty"`
	// Tmpfs are directories on which a tmpfs is mounted before the rest.
	Tmpfs []string `json:"tmpfs,omitempty"`
	// Mkdir are directories to make when missing, with their parents.
	Mkdir []string `json:"mkdir,omitempty"`
	// IDMap is "container" for an idmapped root with the container's own maps,
	// or the path of a user namespace.
	IDMap string `json:"idmap,omitempty"`
}

// MountExtra is one element of AnnotationMounts.
type MountExtra struct {
	// Index is the position in mounts.
	Index int `json:"index"`
	// Optional: the container starts without the mount if it fails.
	Optional bool `json:"optional,omitempty"`
	// NoCreate: a target that does not exist is not made, as LXC makes none
	// without the option create=; with Optional the mount is then left out.
	NoCreate bool `json:"noCreate,omitempty"`
	// Relative: the source is a path in the container, looked up at this point
	// of the order. The source in mounts is its place on the host.
	Relative string `json:"relative,omitempty"`
	// IDMap is the path of a user namespace whose maps the mount gets.
	IDMap string `json:"idmap,omitempty"`
}

// EarlyHooks is the value of AnnotationHooks. The commands have the form of OCI
// hooks and are run with the state on stdin like them.
type EarlyHooks struct {
	// PreStart run on the host before create has any effect.
	PreStart []specs.Hook `json:"preStart,omitempty"`
	// PreMount run in the container's namespaces before the root filesystem is
	// mounted.
	PreMount []specs.Hook `json:"preMount,omitempty"`
}

// CgroupFile is one element of AnnotationCgroupFiles.
type CgroupFile struct {
	// Controller is the v1 hierarchy; empty on the unified one.
	Controller string `json:"controller,omitempty"`
	File       string `json:"file"`
	Value      string `json:"value"`
}

// annotate sets a text annotation.
func (t *translation) annotate(key, value string) {
	t.spec.Annotations[key] = value
}

// annotateJSON sets an annotation that is one of the types above, all of which
// can be encoded.
func (t *translation) annotateJSON(key string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic("lxc: annotation " + key + ": " + err.Error())
	}
	t.annotate(key, string(data))
}
