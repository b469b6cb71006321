// SPDX-License-Identifier: Apache-2.0

// Package state keeps the record of each container: what it is called, which process is its init, and which objects on
// the host belong to it.
//
// It runs in the kist process, on the host. A Root is the state directory (/run/kist); each container is one directory
// ROOT/ID, mode 0700, with state.json (this package's record) and config.json (the snapshot taken at create). Other
// packages may keep sockets in it.
//
// Three rules hold for every reader at every instant, also when kist is killed between any two system calls:
//
//   - ROOT/ID is complete from its birth. It is built as ROOT/.creating-ID and renamed into place, so no reader meets
//     a directory without a record, and no delete can mistake a container that is being created for an empty leftover.
//   - state.json is only ever replaced by rename. Readers take no lock.
//   - Writers hold the lock, an flock on the directory ROOT/ID itself. There is no lock file that could be unlinked
//     under a waiter: whoever gets the lock checks that ROOT/ID still is the directory that he locked.
//
// The status is derived from the process (see Status), never stored: a stored status is wrong after every crash.
//
// The package must not signal a process whose identity it has not proven (see OpenInit), must not trust a record more
// than the file's owner could be trusted, and must not import other packages of kist. Reading a record costs
// a few system calls and no reflection, because state, kill and delete do little else.
package state

import (
	"errors"
	"fmt"
	"strconv"
)

// Version is the version of the record's schema. It grows with every change, also with an added field; a kist that
// meets a newer version than its own refuses the record.
const Version = 1

// Phase says how far create has come. It is the only part of the life cycle that is stored: whether a finished
// container waits, runs or has ended is seen from its process.
type Phase string

const (
	// Creating is the write-ahead record: everything that may exist is named in it, nothing is promised.
	Creating Phase = "creating"
	// Created means that create has finished; the init process has been handed over to start.
	Created Phase = "created"
)

// State is the record of one container. The zero value of an optional field means absent.
type State struct {
	Version    int
	OCIVersion string // ociVersion of config.json
	ID         string // the directory's name
	Bundle     string // absolute path
	Rootfs     string // absolute path of the root filesystem on the host
	Created    string // time of create, RFC 3339 with nanoseconds, UTC
	Owner      int    // effective uid of the creator, as seen in its user namespace
	Phase      Phase

	// BootID is /proc/sys/kernel/random/boot_id at create. Pids of another boot mean nothing.
	BootID string

	// The init process: pid in the creator's pid namespace, start time in clock ticks since boot, and the inode of
	// its pidfd where the kernel gives each process its own (pidfs, Linux 6.9; 0 otherwise). Filled by RecordInit.
	InitPid       int
	InitStartTime uint64
	InitInode     uint64

	// The process that runs create; only in phase Creating. Filled by Root.Create.
	CreatorPid       int
	CreatorStartTime uint64

	// Annotations of config.json; they are part of the OCI state document.
	Annotations map[string]string

	// CgroupPaths maps a v1 controller (or name=…) to the absolute directory; the v2 directory has the key "". Empty:
	// the container has no cgroup of its own.
	CgroupPaths map[string]string
	CgroupFresh bool   // none of these directories was there when the record was written
	Systemd     bool   // the cgroup belongs to a systemd unit
	SystemdUnit string // its name, for example kist-ID.scope
	Rootless    bool   // created without the right to manage cgroups: missing ones are tolerated

	// Namespaces lists the types, as in config.json, in which the container lives apart from its creator.
	Namespaces []string
	// PrivatePID is true if init is pid 1 of a pid namespace made for it: its death ends every other process.
	PrivatePID bool

	// NetDevices maps the name that a moved network device had on the host to its name in the container.
	NetDevices map[string]string

	IntelRdt        bool   // the container is in a resctrl group
	ResctrlGroup    string // absolute path of the group if create made it, so that delete removes it
	ResctrlMonGroup string // same for the monitoring group

	// The AppArmor profile and policy namespace that create made for an imported container, so that delete removes
	// them and exec is confined by them.
	AppArmorProfile   string
	AppArmorNamespace string

	// Hooks lists the kinds of hooks in config.json (for example "poststop"), so that start and delete decode
	// that file only if there is something to run.
	Hooks []string

	SeccompNotify bool // the filter has a listener, which start hands to its agent
	NotifySocket  bool // start has to relay readiness (see package notify)
	NoNewKeyring  bool // init kept the caller's session keyring, and so does exec
	NoPivot       bool // the root was changed with MS_MOVE and chroot
	Terminal      bool // init has a terminal
	NoProcess     bool // config.json has no process: it cannot be started

	// What init's last program was compiled with, beyond config.json: should one of its instructions fail at start, the
	// program is compiled again to say which.
	PreservedFDs int    // how many descriptors were passed on
	Withheld     uint64 // capabilities that kist could not grant, a bit for each

	// Descriptors are the link texts of init's descriptors 0, 1 and 2; checkpoint needs them to tell the pipes that
	// the engine will provide again at restore.
	Descriptors []string

	root *Root // where the record lives; set by Create and Load
}

// HasHook reports whether config.json has hooks of this kind.
func (s *State) HasHook(kind string) bool {
	for _, k := range s.Hooks {
		if k == kind {
			return true
		}
	}
	return false
}

// HasNamespace reports whether the container lives in a namespace of this type apart from its creator.
func (s *State) HasNamespace(kind string) bool {
	for _, k := range s.Namespaces {
		if k == kind {
			return true
		}
	}
	return false
}

// Errors that callers tell apart. Engines match on these texts.
var (
	// ErrNotExist: there is no container (or no state directory) of this name.
	ErrNotExist = errors.New("container does not exist")
	// ErrExist: the id is taken.
	ErrExist = errors.New("container with given ID already exists")
	// ErrNotRunning: the init process has ended, or the pid belongs to another process by now.
	ErrNotRunning = errors.New("container not running")
	// ErrIncomplete: the directory has no record. Only delete --force can use it.
	ErrIncomplete = errors.New("state.json is missing (remove the container with delete --force)")
	// ErrCorrupt: the record is not one that kist could have written.
	ErrCorrupt = errors.New("state.json is damaged (remove the container with delete --force)")
)

// BusyError says that another process has held the container's lock for the whole waiting time.
type BusyError struct {
	ID  string
	Pid int // the holder, 0 if it cannot be seen
}

func (e *BusyError) Error() string {
	if e.Pid == 0 {
		return "container " + e.ID + ": busy: locked by another process"
	}
	return "container " + e.ID + ": busy: pid " + strconv.Itoa(e.Pid)
}

// about prefixes an error with the container that it is about.
func about(id string, err error) error { return fmt.Errorf("container %s: %w", id, err) }
