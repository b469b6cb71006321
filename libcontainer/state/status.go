// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Status is where a container stands in its life.
type Status string

// The statuses of the OCI runtime specification, and paused, which every runtime has.
const (
	StatusCreating Status = "creating"
	StatusCreated  Status = "created"
	StatusRunning  Status = "running"
	StatusPaused   Status = "paused"
	StatusStopped  Status = "stopped"
)

const (
	// StartSocket is the name, in the container's directory, of the socket that init waits on for start. Start
	// removes it.
	StartSocket = "start.sock"
	// InitName is the command name (comm) of nsexec until it executes the container's program.
	InitName = "kist:init"
)

// Status derives where the container stands. Frozen is asked, if not nil, only about a living container: it tells
// whether the cgroup is frozen.
//
// A container is created as long as its init has not executed the program, and has somebody to wait for; both are
// checked, since either may lag behind the other, and a program can give itself any name.
func (s *State) Status(frozen func() bool) (Status, error) {
	if s.Phase == Creating {
		alive, err := s.isAlive(s.CreatorPid, s.CreatorStartTime)
		if err != nil || alive {
			return StatusCreating, err
		}
		return StatusStopped, nil // create was killed; its init dies with it
	}
	p, err := readProcess(s.InitPid)
	if errors.Is(err, ErrNotRunning) || err == nil && (p.dead() || !p.startedAt(s.InitStartTime)) {
		return StatusStopped, nil
	}
	if err != nil {
		return "", about(s.ID, err)
	}
	if same, err := s.isThisBoot(); err != nil || !same {
		return StatusStopped, err
	}
	if frozen != nil && frozen() {
		return StatusPaused, nil
	}
	if p.comm == InitName {
		var st unix.Stat_t
		err := unix.Fstatat(s.root.fd, s.ID+"/"+StartSocket, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			return StatusCreated, nil
		}
		if !errors.Is(err, unix.ENOENT) {
			return "", fmt.Errorf("container %s: %s: %w", s.ID, StartSocket, err)
		}
	}
	return StatusRunning, nil
}

func (s *State) isThisBoot() (bool, error) {
	id, err := bootID()
	return id == s.BootID, err
}

// isAlive reports whether the process that had pid at start still runs.
func (s *State) isAlive(pid int, start uint64) (bool, error) {
	p, err := readProcess(pid)
	if errors.Is(err, ErrNotRunning) || err == nil && (p.dead() || !p.startedAt(start)) {
		return false, nil
	}
	if err != nil {
		return false, about(s.ID, err)
	}
	return s.isThisBoot()
}

// DiedWaiting reports whether init has ended without having executed the container's program. False if that cannot be
// seen any more, since its parent has waited for it.
func (s *State) DiedWaiting() bool {
	p, err := readProcess(s.InitPid)
	return err == nil && p.dead() && p.comm == InitName && p.startedAt(s.InitStartTime)
}

// RecordInit notes the identity of the init process, which pidfd refers to. The caller saves the record.
func (s *State) RecordInit(pid, pidfd int) error {
	p, err := readProcess(pid)
	if err != nil {
		return about(s.ID, fmt.Errorf("init, pid %d: %w", pid, err))
	}
	s.InitPid, s.InitStartTime, s.InitInode = pid, p.hostStart(), pidfdInode(pidfd)
	return nil
}

// Finish marks the end of create. The caller saves the record.
func (s *State) Finish() { s.Phase, s.CreatorPid, s.CreatorStartTime = Created, 0, 0 }

// OpenInit gives a pidfd of the init process after it has proven that it is the recorded one: first the descriptor,
// which from then on stands for one process; then the identity of the process that has the pid now. If the recorded
// process had died in between, its pid could only have got a new owner, with a new identity. ErrNotRunning if the
// process has ended. The caller closes the pidfd.
func (s *State) OpenInit() (int, error) {
	if s.InitPid == 0 {
		return -1, about(s.ID, ErrNotRunning)
	}
	pidfd, err := unix.PidfdOpen(s.InitPid, 0)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) { // EINVAL: a thread of another process has the number
		return -1, about(s.ID, ErrNotRunning)
	}
	if err != nil {
		return -1, fmt.Errorf("container %s: pidfd of init, pid %d: %w", s.ID, s.InitPid, err)
	}
	alive, err := s.isAlive(s.InitPid, s.InitStartTime)
	if err == nil && (!alive || s.InitInode != 0 && s.InitInode != pidfdInode(pidfd)) {
		err = about(s.ID, ErrNotRunning)
	}
	if err != nil {
		unix.Close(pidfd)
		return -1, err
	}
	return pidfd, nil
}

// Signal sends a signal to the init process and to nothing else.
func (s *State) Signal(sig unix.Signal) error {
	pidfd, err := s.OpenInit()
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	err = unix.PidfdSendSignal(pidfd, sig, nil, 0)
	if errors.Is(err, unix.ESRCH) {
		return about(s.ID, ErrNotRunning)
	}
	if err != nil {
		return fmt.Errorf("container %s: signal %d to init, pid %d: %w", s.ID, int(sig), s.InitPid, err)
	}
	return nil
}

// pidfsMagic is the file system type of pidfds since Linux 6.9, where each process has an inode of its own for as long
// as the machine is up. Before, all pidfds shared one inode.
const pidfsMagic = 0x50494446

func pidfdInode(pidfd int) uint64 {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Fstatfs(pidfd, &fs) != nil || fs.Type != pidfsMagic || unix.Fstat(pidfd, &st) != nil {
		return 0
	}
	return st.Ino
}
