// SPDX-License-Identifier: Apache-2.0

package criu

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// The test binary is also the CRIU that it talks to: started as "criu swrk FD"
// it serves the protocol's other side, and does what the request's root names.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[0] == "criu" && os.Args[1] == "swrk" {
		fd, err := strconv.Atoi(os.Args[2])
		if err != nil {
			os.Exit(3)
		}
		os.Exit(serve(fd))
	}
	os.Exit(m.Run())
}

// serve is a CRIU.
func serve(fd int) int {
	for {
		req, err := request(fd)
		if err != nil {
			return 0 // hung up
		}
		kind, yes := req.GetType(), true
		resp := &rpc.CriuResp{Type: &kind, Success: &yes}
		switch kind {
		case rpc.CriuReqType_VERSION:
			resp.Version = &rpc.CriuVersion{MajorNumber: number(3), MinorNumber: number(17), Sublevel: number(1)}
			if len(os.Environ()) != 1 || os.Getenv("PATH") != searchPath {
				resp.Version.MajorNumber = number(0)
			}
		case rpc.CriuReqType_FEATURE_CHECK:
			no := !req.GetFeatures().GetLazyPages()
			resp.Features = &rpc.CriuFeatures{MemTrack: req.Features.MemTrack, LazyPages: &no}
		default:
			return scenario(fd, req, resp)
		}
		respond(fd, resp, -1)
		if !req.GetKeepOpen() {
			return 0
		}
	}
}

func scenario(fd int, req *rpc.CriuReq, resp *rpc.CriuResp) int {
	no := false
	log := func(text string) {
		dir := "/proc/" + strconv.Itoa(os.Getppid()) + "/fd/" + strconv.Itoa(int(req.Opts.GetWorkDirFd()))
		if err := os.WriteFile(filepath.Join(dir, req.Opts.GetLogFile()), []byte(text), 0o600); err != nil {
			panic(err)
		}
	}
	switch req.Opts.GetRoot() {
	case "fine":
		if !notify(fd, SetupNamespaces, 41, -1) || !notify(fd, "unheard-of", 0, -1) {
			return 1
		}
		// The answer to query-ext-files comes back as the name of the next stage.
		tty, _ := unix.MemfdCreate("tty", 0)
		if !notify(fd, OrphanTerminal, 0, tty) {
			return 1
		}
		resp.Restore = &rpc.CriuRestoreResp{Pid: number(42)}
	case "external":
		send(fd, QueryExternal, 0, -1)
		answer, err := request(fd)
		if err != nil || !answer.GetNotifySuccess() {
			return 1
		}
		if !notify(fd, strings.Join(answer.GetOpts().GetExternal(), ","), 0, -1) {
			return 1
		}
	case "refused":
		if !notify(fd, PostRestore, 43, -1) && !notify(fd, "cleanup", 0, -1) {
			resp.Success = &no
			resp.CrErrmsg = text("RPC client reported script error")
		}
	case "errno":
		resp.Success, resp.CrErrno = &no, number(int(unix.EEXIST))
		resp.CrErrmsg = text("Error (criu/a.c:1): Pid 7 is taken\n")
		log("(00.1) hello\n(00.2)  1: Error (criu/a.c:1): Pid 7 is taken\n(00.3) Error (criu/b.c:2): Restoring FAILED.\n")
	case "log":
		resp.Success = &no
		log("(00.2) Error (criu/a.c:1): Can't open \x1b]0;it\a\n")
	case "silent":
		resp.Success = &no
	case "killed":
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
	case "status":
		return 7
	case "inherit":
		// What came as 3 is a file with this content.
		data := make([]byte, 16)
		n, _ := unix.Pread(3, data, 0)
		resp.Success = &no
		resp.CrErrmsg = text(string(data[:max(n, 0)]))
	case "wrong":
		kind := rpc.CriuReqType_CHECK
		resp.Type = &kind
	case "garbage":
		_ = unix.Sendto(fd, []byte{0xff, 0xff, 0xff}, 0, nil)
		_, _ = request(fd)
		return 0
	}
	respond(fd, resp, -1)
	return 0
}

func request(fd int) (*rpc.CriuReq, error) {
	buf := make([]byte, maxResponse)
	n, err := unix.Read(fd, buf)
	if err != nil || n == 0 {
		return nil, errors.New("end")
	}
	req := &rpc.CriuReq{}
	return req, req.UnmarshalVT(buf[:n])
}

func respond(fd int, resp *rpc.CriuResp, pass int) {
	data, err := resp.MarshalVT()
	if err != nil {
		panic(err)
	}
	var oob []byte
	if pass >= 0 {
		oob = unix.UnixRights(pass)
	}
	_ = unix.Sendmsg(fd, data, oob, nil, unix.MSG_NOSIGNAL)
}

func send(fd int, stage string, pid, pass int) {
	kind, yes := rpc.CriuReqType_NOTIFY, true
	n := &rpc.CriuNotify{Script: &stage}
	if pid != 0 {
		n.Pid = number(pid)
	}
	respond(fd, &rpc.CriuResp{Type: &kind, Success: &yes, Notify: n}, pass)
}

func notify(fd int, stage string, pid, pass int) bool {
	send(fd, stage, pid, pass)
	answer, err := request(fd)
	return err == nil && answer.GetType() == rpc.CriuReqType_NOTIFY && answer.GetNotifySuccess()
}

func start(t *testing.T, inherit ...int) *Session {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(&Config{Path: exe, Stdio: [3]int{0, 1, 2}, Inherit: inherit})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openDir(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestQuestions(t *testing.T) {
	s := start(t)
	if v, err := s.Version(); v != 31701 || err != nil {
		t.Errorf("version %d, %v", v, err)
	}
	if f, err := s.Features(); err != nil || !f.MemTrack || f.LazyPages {
		t.Errorf("features %+v, %v", f, err)
	}
	if how := s.Close(); how != "" {
		t.Errorf("criu %s", how)
	}
}

func TestDo(t *testing.T) {
	s := start(t)
	var stages []string
	pid, err := s.Do(Restore, &Options{Root: "fine", WorkDir: -1}, func(n Notice) ([]string, error) {
		stages = append(stages, n.Stage)
		if n.Stage == SetupNamespaces && n.Pid != 41 || n.Stage != SetupNamespaces && n.Pid != 0 {
			t.Errorf("%s: pid %d", n.Stage, n.Pid)
		}
		if (n.FD >= 0) != (n.Stage == OrphanTerminal) {
			t.Errorf("%s: descriptor %d", n.Stage, n.FD)
		}
		if n.FD >= 0 {
			name, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(n.FD))
			if !strings.HasPrefix(name, "/memfd:tty") {
				t.Errorf("the terminal is %s", name)
			}
			unix.Close(n.FD)
		}
		return nil, nil
	})
	if pid != 42 || err != nil {
		t.Errorf("pid %d, %v", pid, err)
	}
	if diff := cmp.Diff([]string{SetupNamespaces, "unheard-of", OrphanTerminal}, stages); diff != "" {
		t.Error(diff)
	}
}

func TestExternalFiles(t *testing.T) {
	s := start(t)
	last := ""
	_, err := s.Do(Dump, &Options{Root: "external", WorkDir: -1}, func(n Notice) ([]string, error) {
		last = n.Stage
		if n.Stage == QueryExternal {
			return []string{"file[1:2]", "unix[3]"}, nil
		}
		return nil, nil
	})
	if err != nil || last != "file[1:2],unix[3]" {
		t.Errorf("criu was told %q, %v", last, err)
	}
}

// A handler's error stops CRIU and is the error of it all, and no other stage
// is served.
func TestHandlerError(t *testing.T) {
	s := start(t)
	mine := errors.New("mine")
	calls := 0
	_, err := s.Do(Restore, &Options{Root: "refused", WorkDir: -1}, func(n Notice) ([]string, error) {
		calls++
		if n.Pid != 43 {
			t.Errorf("pid %d", n.Pid)
		}
		return nil, mine
	})
	if err != mine || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ root, want string }{
		{"errno", "criu dump: Error (criu/a.c:1): Pid 7 is taken; Restoring FAILED.: file exists (log: " + dir + "/dump.log)"},
		{"log", "criu dump: Can't open  ]0;it (log: " + dir + "/dump.log)"},
		{"silent", "criu dump: failed without a reason"},
		{"killed", "criu dump: criu was killed by SIGKILL"},
		{"status", "criu dump: criu ended with status 7"},
		{"wrong", "criu dump: failed without a reason"},
	} {
		t.Run(c.root, func(t *testing.T) {
			_ = os.Remove(filepath.Join(dir, "dump.log"))
			s := start(t)
			work := openDir(t, dir)
			_, err := s.Do(Dump, &Options{Root: c.root, ImagesDir: -1, WorkDir: work, LogFile: "dump.log"}, func(Notice) ([]string, error) { return nil, nil })
			var e *Error
			if !errors.As(err, &e) || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if c.root == "errno" && !errors.Is(err, unix.EEXIST) {
				t.Error("is not EEXIST")
			}
		})
	}
	t.Run("garbage", func(t *testing.T) {
		s := start(t)
		_, err := s.Do(Dump, &Options{Root: "garbage", WorkDir: -1}, nil)
		if err == nil || !strings.Contains(err.Error(), "receive") {
			t.Error(err)
		}
	})
}

func TestInheritedDescriptor(t *testing.T) {
	fd, err := unix.MemfdCreate("inherit", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte("handed over")); err != nil {
		t.Fatal(err)
	}
	s := start(t, fd)
	_, err = s.Do(Restore, &Options{Root: "inherit", WorkDir: -1}, nil)
	if err == nil || !strings.Contains(err.Error(), "handed over") {
		t.Error(err)
	}
}

func TestErrorLines(t *testing.T) {
	for _, c := range []struct {
		log  string
		want []string
	}{
		{"", nil},
		{"(00.0) Warn  (criu/x.c:1): no\n(00.0) all well\n", nil},
		{"(00.0) Error (x.c:1): a\n(00.0) Error (x.c:2): b\n(00.0) Error (x.c:3): c\n(00.0) Error (x.c:4): d\n", []string{"a", "b", "c"}},
		{"pie: 1: Error (pie/x.c:1): in the task\n", []string{"in the task"}},
		{"Error (x.c:1): \nError (no end", []string{"no end"}},
	} {
		if diff := cmp.Diff(c.want, errorLines([]byte(c.log))); diff != "" {
			t.Errorf("%q: %s", c.log, diff)
		}
	}
}

func FuzzErrorLines(f *testing.F) {
	f.Add([]byte("(00.0) Error (x.c:1): a\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		lines := errorLines(log)
		if len(lines) > maxLines {
			t.Fatal(lines)
		}
		for _, l := range lines {
			if l == "" || strings.ContainsFunc(l, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
				t.Fatalf("%q", l)
			}
		}
	})
}

// A response comes from a program that runs with the container's data in its
// hands.
func FuzzResponse(f *testing.F) {
	kind, yes := rpc.CriuReqType_RESTORE, true
	seed, err := (&rpc.CriuResp{Type: &kind, Success: &yes, Restore: &rpc.CriuRestoreResp{Pid: number(2)}}).MarshalVT()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[1])
		s := &Session{sock: pair[0], Pid: -1, Pidfd: -1}
		defer s.Close()
		if unix.Sendto(pair[1], data, unix.MSG_DONTWAIT, nil) != nil {
			return
		}
		if resp, fd, err := s.receive(); err == nil {
			_ = responseError(resp)
		} else if fd >= 0 {
			t.Fatal("a descriptor with an error")
		}
	})
}

// What is asked for goes over, and what is not stays CRIU's own choice.
func TestOptions(t *testing.T) {
	o := &Options{
		ImagesDir: 5, WorkDir: 6, LogFile: "l", Pid: 7, Root: "/r", Parent: "../p", LeaveRunning: true, TCPClose: true,
		PageServer: &PageServer{Address: "::1", Port: 99}, EmptyNetwork: true, NetworkLock: LockSkip, CgroupMode: CgroupStrict,
		CgroupRoots: []Pair{{"", "/a"}, {"cpu", "/b"}}, Mounts: []Pair{{"/m", "n"}}, External: []string{"net[1]:x"},
		Join: []Pair{{"ipc", "/i"}}, Inherit: []Inherited{{"pipe:[1]", 0}},
	}
	r := o.rpc(Dump)
	got := []any{r.GetImagesDirFd(), r.GetWorkDirFd(), r.GetLogFile(), r.GetPid(), r.GetRoot(), r.GetParentImg(), r.GetLeaveRunning(),
		r.GetTcpClose(), r.Ps.GetAddress(), r.Ps.GetPort(), r.GetEmptyNs(), r.GetNetworkLock(), r.GetManageCgroupsMode(),
		r.CgRoot[0].GetCtrl(), r.CgRoot[0].GetPath(), r.CgRoot[1].GetCtrl(), r.CgRoot[1].GetPath(),
		r.ExtMnt[0].GetKey(), r.ExtMnt[0].GetVal(), r.External[0], r.JoinNs[0].GetNs(), r.JoinNs[0].GetNsFile(),
		r.InheritFd[0].GetKey(), r.InheritFd[0].GetFd(), r.GetRstSibling(), r.GetOrphanPtsMaster(), r.GetNotifyScripts()}
	want := []any{int32(5), int32(6), "l", int32(7), "/r", "../p", true, true, "::1", int32(99), uint32(unix.CLONE_NEWNET),
		rpc.CriuNetworkLockMethod_SKIP, rpc.CriuCgMode_STRICT, "", "/a", "cpu", "/b", "/m", "n", "net[1]:x", "ipc", "/i", "pipe:[1]",
		int32(0), false, true, true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r = (&Options{WorkDir: -1}).rpc(Restore)
	if !r.GetRstSibling() || r.Pid != nil || r.WorkDirFd != nil || r.LeaveRunning != nil || r.TcpEstablished != nil ||
		r.ManageCgroupsMode != nil || r.NetworkLock != nil || r.ConfigFile != nil || r.EmptyNs != nil {
		t.Errorf("%+v", r)
	}
}

func TestParse(t *testing.T) {
	for _, name := range []string{"", "ignore", "soft", "full", "strict"} {
		if _, ok := ParseCgroupMode(name); !ok {
			t.Errorf("cgroup mode %q is refused", name)
		}
	}
	for _, name := range []string{"", "iptables", "nftables", "skip"} {
		if _, ok := ParseNetworkLock(name); !ok {
			t.Errorf("network lock %q is refused", name)
		}
	}
	if _, ok := ParseCgroupMode("hard"); ok {
		t.Error("cgroup mode hard is accepted")
	}
	if _, ok := ParseNetworkLock("ipchains"); ok {
		t.Error("network lock ipchains is accepted")
	}
}
