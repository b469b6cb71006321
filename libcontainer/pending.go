package libcontainer

import (
	"errors"
	"github.com/opencontainers/runtime-spec/specs-go"
	"kist/libcontainer/launch"
)

type notifyRelay struct{}

func (n *notifyRelay) dir() string                     { return "" }
func (n *notifyRelay) env() []string                   { return nil }
func (n *notifyRelay) close()                          {}
func (n *notifyRelay) startRelay(pidfd, pid int) error { return nil }
func (c *creation) prepareNotify() error               { return nil }
func (c *Container) notifyReady(pidfd int) error       { return nil }
func (c *creation) writeMaps() error                   { return errors.New("maps") }
func (c *creation) deniesSetgroups() bool              { return false }
func deniesSetgroups(pid int) bool                     { return false }

type idmapCache struct{ c *creation }

func (i *idmapCache) close()                       {}
func (i *idmapCache) userns(n int) (int, error)    { return -1, errors.New("idmap") }
func (c *creation) moveNetDevices() error          { return nil }
func (c *creation) undoHost()                      {}
func (c *creation) joinIntelRdt() error            { return nil }
func (c *Container) leaveIntelRdt() error          { return nil }
func (c *creation) copyUp(fd int) error            { return errors.New("copyup") }
func (c *creation) createHooks() error             { return errors.New("hooks") }
func (st *startup) startContainer(pidfd int) error { return nil }
func (st *startup) poststart(pidfd int) error      { return nil }
func (c *creation) poststop()                      {}
func (c *Container) poststop(h *specs.Hooks)       {}

var _ launch.Config
