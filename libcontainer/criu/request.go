// SPDX-License-Identifier: Apache-2.0

package criu

import (
	"errors"
	"fmt"
	"io"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
)

// Stages at which CRIU notifies, as far as kist has anything to do at them. All others are only answered.
const (
	SetupNamespaces = "setup-namespaces"  // Restore: the namespaces of the root exist, nothing is in them
	PostRestore     = "post-restore"      // Restore: the tree is complete, and does not run yet
	OrphanTerminal  = "orphan-pts-master" // Restore: the master of a terminal that nobody in the tree has
	QueryExternal   = "query-ext-files"   // Dump: the tree stands still; which files are external?
	StatusReady     = "status-ready"      // the page server listens
)

// Notice is a notification.
type Notice struct {
	Stage string
	Pid   int // of the tree's root, 0 where CRIU does not tell
	FD    int // that came with it, or -1; Handler's
}

// Handler does what a stage needs; an error makes CRIU give up and take back what it has done. External is the answer to
// QueryExternal.
type Handler func(Notice) (external []string, err error)

// Features are what the running kernel has for CRIU.
type Features struct{ MemTrack, LazyPages bool }

// Version asks for CRIU's version: 3.17.1 is 31701.
func (s *Session) Version() (int, error) {
	kind, keep := rpc.CriuReqType_VERSION, true
	resp, err := s.ask(&rpc.CriuReq{Type: &kind, KeepOpen: &keep})
	if err != nil {
		return 0, fmt.Errorf("criu: version: %w", err)
	}
	v := resp.GetVersion()
	n := int(v.GetMajorNumber())*10000 + int(v.GetMinorNumber())*100 + int(v.GetSublevel())
	if v.GetGitid() != "" {
		// Between two releases: it has what the next one will have.
		n += 100 - n%100
	}
	return n, nil
}

// Features asks what the kernel has.
func (s *Session) Features() (Features, error) {
	kind, on := rpc.CriuReqType_FEATURE_CHECK, true
	resp, err := s.ask(&rpc.CriuReq{Type: &kind, KeepOpen: &on, Features: &rpc.CriuFeatures{MemTrack: &on, LazyPages: &on}})
	if err != nil {
		return Features{}, fmt.Errorf("criu: feature check: %w", err)
	}
	f := resp.GetFeatures()
	return Features{MemTrack: f.GetMemTrack(), LazyPages: f.GetLazyPages()}, nil
}

// ask makes a request that is answered at once.
func (s *Session) ask(req *rpc.CriuReq) (*rpc.CriuResp, error) {
	if err := s.send(req); err != nil {
		return nil, s.ended(err)
	}
	resp, fd, err := s.receive()
	if fd >= 0 {
		unix.Close(fd)
	}
	if err != nil {
		return nil, s.ended(err)
	}
	if resp.GetType() != req.GetType() || !resp.GetSuccess() {
		return nil, responseError(resp)
	}
	return resp, nil
}

// Do has CRIU dump or restore, and gives the pid of the restored root. It is the last request of a session. Errors are
// of type *Error; where a handler has failed, they are its.
func (s *Session) Do(kind Kind, o *Options, h Handler) (pid int, err error) {
	s.log = logFile{dir: o.WorkDir, name: o.LogFile}
	if o.WorkDir < 0 {
		s.log.dir = o.ImagesDir
	}
	t := kind.request()
	if err := s.send(&rpc.CriuReq{Type: &t, Opts: o.rpc(kind)}); err != nil {
		return 0, s.failed(kind, nil, err)
	}
	var refused error // by the handler
	for {
		resp, fd, err := s.receive()
		if err != nil {
			if refused != nil {
				return 0, refused
			}
			return 0, s.failed(kind, nil, err)
		}
		if resp.GetType() == rpc.CriuReqType_NOTIFY {
			refused, err = s.notified(resp, fd, h, refused)
			if err != nil {
				return 0, s.failed(kind, nil, err)
			}
			continue
		}
		if fd >= 0 {
			unix.Close(fd)
		}
		switch {
		case resp.GetType() == t && resp.GetSuccess():
			return int(resp.GetRestore().GetPid()), nil
		case refused != nil:
			return 0, refused
		}
		return 0, s.failed(kind, resp, nil)
	}
}

// notified serves one notification. After a handler has failed the remaining ones are CRIU's clean-up, and are refused
// like the first without asking.
func (s *Session) notified(resp *rpc.CriuResp, fd int, h Handler, refused error) (error, error) {
	n := Notice{Stage: resp.GetNotify().GetScript(), Pid: int(resp.GetNotify().GetPid()), FD: fd}
	var external []string
	if refused == nil {
		external, refused = h(n)
	} else if fd >= 0 {
		unix.Close(fd)
	}
	kind, success := rpc.CriuReqType_NOTIFY, refused == nil
	answer := &rpc.CriuReq{Type: &kind, NotifySuccess: &success}
	if len(external) > 0 {
		answer.Opts = &rpc.CriuOpts{ImagesDirFd: number(-1), External: external}
	}
	return refused, s.send(answer)
}

func (s *Session) send(req *rpc.CriuReq) error {
	data, err := req.MarshalVT()
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	for {
		err = unix.Sendto(s.sock, data, unix.MSG_NOSIGNAL, nil)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// maxResponse bounds a message of CRIU's: an error text is the longest thing in it.
const maxResponse = 64 << 10

// receive reads one message and the descriptor that may come with it.
func (s *Session) receive() (*rpc.CriuResp, int, error) {
	buf := make([]byte, maxResponse)
	var oob [64]byte
	for {
		n, oobn, flags, _, err := unix.Recvmsg(s.sock, buf, oob[:], unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err == unix.ECONNRESET || err == nil && n == 0 {
			return nil, -1, io.EOF
		}
		if err != nil {
			return nil, -1, fmt.Errorf("receive: %w", err)
		}
		fd := rights(oob[:oobn])
		resp := &rpc.CriuResp{}
		if flags&unix.MSG_TRUNC != 0 {
			err = errors.New("a message is too long")
		} else {
			err = resp.UnmarshalVT(buf[:n])
		}
		if err != nil {
			if fd >= 0 {
				unix.Close(fd)
			}
			return nil, -1, fmt.Errorf("receive: %w", err)
		}
		return resp, fd, nil
	}
}

// rights takes the one descriptor out of control data; more are closed.
func rights(oob []byte) int {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	fd := -1
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue
		}
		for _, f := range fds {
			if fd < 0 {
				fd = f
			} else {
				unix.Close(f)
			}
		}
	}
	return fd
}
