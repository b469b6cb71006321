// SPDX-License-Identifier: Apache-2.0

package criu

import (
	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// Kind is what CRIU is asked to do.
type Kind int

// The requests.
const (
	Dump    Kind = iota // save the tree and end it, or let it run on (LeaveRunning)
	PreDump             // save the memory only, and let the tree run on
	Restore
)

func (k Kind) String() string {
	switch k {
	case Dump:
		return "dump"
	case PreDump:
		return "pre-dump"
	}
	return "restore"
}

func (k Kind) request() rpc.CriuReqType {
	switch k {
	case Dump:
		return rpc.CriuReqType_DUMP
	case PreDump:
		return rpc.CriuReqType_PRE_DUMP
	}
	return rpc.CriuReqType_RESTORE
}

// CgroupMode is what CRIU does about cgroups.
type CgroupMode int

// The modes, as criu(8) has them for --manage-cgroups.
const (
	CgroupDefault CgroupMode = iota // CRIU's choice, which is soft
	CgroupIgnore                    // not a matter of CRIU's
	CgroupSoft                      // restore what is missing, and the properties of what it has made
	CgroupFull                      // restore all cgroups and their properties
	CgroupStrict                    // make all anew; an existing one is an error
)

// ParseCgroupMode reads the name of a mode; "" is the default.
func ParseCgroupMode(name string) (CgroupMode, bool) {
	switch name {
	case "":
		return CgroupDefault, true
	case "ignore":
		return CgroupIgnore, true
	case "soft":
		return CgroupSoft, true
	case "full":
		return CgroupFull, true
	case "strict":
		return CgroupStrict, true
	}
	return 0, false
}

func (m CgroupMode) rpc() rpc.CriuCgMode {
	switch m {
	case CgroupIgnore:
		return rpc.CriuCgMode_IGNORE
	case CgroupSoft:
		return rpc.CriuCgMode_SOFT
	case CgroupFull:
		return rpc.CriuCgMode_FULL
	case CgroupStrict:
		return rpc.CriuCgMode_STRICT
	}
	return rpc.CriuCgMode_DEFAULT
}

// NetworkLock is how CRIU keeps packets away from a container while its TCP connections are saved.
type NetworkLock int

// The methods. The first is CRIU's own choice.
const (
	LockDefault NetworkLock = iota
	LockIptables
	LockNftables
	LockSkip
)

// ParseNetworkLock reads the name of a method; "" is the default.
func ParseNetworkLock(name string) (NetworkLock, bool) {
	switch name {
	case "":
		return LockDefault, true
	case "iptables":
		return LockIptables, true
	case "nftables":
		return LockNftables, true
	case "skip":
		return LockSkip, true
	}
	return 0, false
}

// MinVersion is the oldest CRIU that knows the method, as Session.Version counts: 0 for one that they all know. An older
// one takes no notice of a number that it does not know, and locks as it always does.
func (l NetworkLock) MinVersion() int {
	if l == LockSkip {
		return 3*10000 + 19*100
	}
	return 0
}

// Pair names an external resource of the container: a mount by what CRIU finds it by and what stands for it, a cgroup
// hierarchy and a path in it, a kind of namespace and the file to join.
type Pair struct{ Key, Value string }

// Inherited is a descriptor of CRIU's that takes the place of one that the tree had.
type Inherited struct {
	Key string // such as pipe:[1234]
	FD  int    // in CRIU
}

// Options of a request. Descriptors are kist's own, but for Inherit.
type Options struct {
	ImagesDir int    // descriptor of the directory
	WorkDir   int    // descriptor of the directory for logs and sockets, -1: ImagesDir
	LogFile   string // name in it
	Config    string // path of a configuration file that outranks all of this, "" for none

	Pid      int // of the tree's root; Dump and PreDump
	Root     string
	Parent   string // directory of an earlier dump, relative to ImagesDir
	TrackMem bool

	LeaveRunning    bool
	TCPEstablished  bool
	TCPSkipInFlight bool
	TCPClose        bool
	LinkRemap       bool
	ExtUnixSockets  bool
	ShellJob        bool
	FileLocks       bool
	AutoDedup       bool
	LazyPages       bool
	PageServer      *PageServer
	EmptyNetwork    bool // the network namespace comes without its content
	NetworkLock     NetworkLock

	CgroupMode   CgroupMode
	CgroupRoots  []Pair // hierarchy ("" for v2): path
	FreezeCgroup string

	Mounts     []Pair // Dump: mount point: name; Restore: name: source
	External   []string
	Join       []Pair // kind of namespace: path
	Inherit    []Inherited
	LSMProfile string // type:name
	LSMContext string // for mounts
}

// PageServer is where the pages of memory go.
type PageServer struct {
	Address string
	Port    int
}

// logLevel is CRIU's debug level. What it logs is needed only after it has failed.
const logLevel = 4

// rpc translates the options. A switch that is off stays unset, so that CRIU's own default and configuration hold.
func (o *Options) rpc(kind Kind) *rpc.CriuOpts {
	level, notify, on := int32(logLevel), true, true
	r := &rpc.CriuOpts{
		ImagesDirFd:     number(o.ImagesDir),
		LogLevel:        &level,
		LogFile:         text(o.LogFile),
		NotifyScripts:   &notify,
		OrphanPtsMaster: &on,
		Root:            text(o.Root),
		ParentImg:       text(o.Parent),
		ConfigFile:      text(o.Config),
		FreezeCgroup:    text(o.FreezeCgroup),
		LsmProfile:      text(o.LSMProfile),
		LsmMountContext: text(o.LSMContext),
		TrackMem:        set(o.TrackMem),
		LeaveRunning:    set(o.LeaveRunning),
		TcpEstablished:  set(o.TCPEstablished),
		TcpSkipInFlight: set(o.TCPSkipInFlight),
		TcpClose:        set(o.TCPClose),
		LinkRemap:       set(o.LinkRemap),
		ExtUnixSk:       set(o.ExtUnixSockets),
		ShellJob:        set(o.ShellJob),
		FileLocks:       set(o.FileLocks),
		AutoDedup:       set(o.AutoDedup),
		LazyPages:       set(o.LazyPages),
		External:        o.External,
		ManageCgroups:   &on,
	}
	if o.WorkDir >= 0 {
		r.WorkDirFd = number(o.WorkDir)
	}
	if kind == Restore {
		r.RstSibling = &on // so that the container is kist's child
	} else {
		r.Pid = number(o.Pid)
	}
	if o.PageServer != nil {
		r.Ps = &rpc.CriuPageServerInfo{Address: text(o.PageServer.Address), Port: number(o.PageServer.Port)}
	}
	if o.EmptyNetwork {
		const newnet = 0x40000000 // CLONE_NEWNET
		bits := uint32(newnet)
		r.EmptyNs = &bits
	}
	if o.CgroupMode != CgroupDefault {
		mode := o.CgroupMode.rpc()
		r.ManageCgroupsMode = &mode
	}
	if o.NetworkLock != LockDefault {
		method := rpc.CriuNetworkLockMethod(o.NetworkLock) // numbered alike: see rpc.proto
		r.NetworkLock = &method
	}
	for _, p := range o.CgroupRoots {
		r.CgRoot = append(r.CgRoot, &rpc.CgroupRoot{Ctrl: &p.Key, Path: &p.Value})
	}
	for _, p := range o.Mounts {
		r.ExtMnt = append(r.ExtMnt, &rpc.ExtMountMap{Key: &p.Key, Val: &p.Value})
	}
	for _, p := range o.Join {
		r.JoinNs = append(r.JoinNs, &rpc.JoinNamespace{Ns: &p.Key, NsFile: &p.Value})
	}
	for _, i := range o.Inherit {
		r.InheritFd = append(r.InheritFd, &rpc.InheritFd{Key: &i.Key, Fd: number(i.FD)})
	}
	return r
}

func number(n int) *int32 {
	v := int32(n)
	return &v
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func set(on bool) *bool {
	if !on {
		return nil
	}
	return &on
}
