package libcontainer

import "errors"

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

func (i *idmapCache) close()                    {}
func (i *idmapCache) userns(n int) (int, error) { return -1, errors.New("idmap") }
