// SPDX-License-Identifier: Apache-2.0

package libcontainer

import (
	"os"

	"golang.org/x/sys/unix"

	"kist/libcontainer/notify"
	"kist/libcontainer/state"
)

// notifyDir is the directory of the container's notify socket, in its state
// directory.
const notifyDir = "notify"

// serviceManager is the socket of whoever started kist and wants to know when
// the container is ready; "" for nobody. See sd_notify(3).
func serviceManager() string { return os.Getenv("NOTIFY_SOCKET") }

// prepareNotify makes the directory that is bound into the container.
func (c *creation) prepareNotify() error {
	if serviceManager() == "" {
		return nil
	}
	c.state.NotifySocket = true
	return notify.MakeDir(c.dir.FD(), notifyDir)
}

// notifyPath is that directory on the host.
func (c *creation) notifyPath() string {
	if !c.state.NotifySocket {
		return ""
	}
	return c.dir.Path() + "/" + notifyDir
}

func (c *creation) notifyEnv() []string {
	if !c.state.NotifySocket {
		return nil
	}
	return []string{notify.Environment}
}

// listenNotify connects to the service manager and begins to listen, before
// the process is released: it may be ready at once.
func listenNotify(s *state.State, dir *state.Dir) (*notify.Socket, error) {
	manager := serviceManager()
	if !s.NotifySocket || manager == "" {
		return nil, nil
	}
	return notify.Listen(dir.FD(), notifyDir, manager)
}

// relayNotify waits until the container is ready and passes that on.
func relayNotify(socket *notify.Socket, pidfd, pid int) error {
	if socket == nil {
		return nil
	}
	defer socket.Close()
	return socket.Relay(pidfd, pid)
}

// relayNotifyMeanwhile does so while the caller serves the process.
func (rt *Runtime) relayNotifyMeanwhile(socket *notify.Socket, pidfd, pid int) {
	if socket == nil {
		return
	}
	own, err := unix.FcntlInt(uintptr(pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		rt.Log.Warn("notify socket", "error", err.Error())
		return
	}
	go func() {
		defer unix.Close(own)
		if err := relayNotify(socket, own, pid); err != nil {
			rt.Log.Warn(err.Error())
		}
	}()
}
