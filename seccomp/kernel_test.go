// SPDX-License-Identifier: Apache-2.0

package seccomp

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// kernelProfile forbids three calls, one of them newer than libseccomp and one by its arguments.
const kernelProfile = `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
	{"names":["rseq_slice_yield"],"action":"SCMP_ACT_ERRNO","errnoRet":101},
	{"names":["sethostname"],"action":"SCMP_ACT_ERRNO","errnoRet":102},
	{"names":["getpriority"],"action":"SCMP_ACT_ERRNO","errnoRet":103,"args":[
		{"index":0,"value":4294967297,"op":"SCMP_CMP_EQ"},{"index":1,"value":5,"op":"SCMP_CMP_GT"}]}]}`

// TestKernel lets the kernel judge: filters are installed in a child process, which then makes calls.
func TestKernel(t *testing.T) {
	requireSupport(t)
	for name, text := range map[string]string{"small": kernelProfile, "engine": string(engineProfile(t))} {
		command := exec.Command(os.Args[0], "-test.run=^TestKernelChild$")
		command.Env = append(os.Environ(), "SECCOMP_TEST_PROFILE="+text)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		if name == "engine" {
			continue // that the child could go on to its end is the test
		}
		for _, want := range []string{"sethostname 102", "newest 101", "getpriority 103", "getpriority-low 0", "getpriority-arg 0"} {
			if !strings.Contains(string(out), want+"\n") {
				t.Errorf("%s: no line %q in\n%s", name, want, out)
			}
		}
	}
}

func TestKernelChild(t *testing.T) {
	text := os.Getenv("SECCOMP_TEST_PROFILE")
	if text == "" {
		t.Skip("runs as a child of TestKernel")
	}
	f := mustCompile(t, fromJSON(t, text))
	runtime.LockOSThread() // the filter is the thread's, and the thread ends with the test
	if err := install(f); err != nil {
		t.Fatal(err)
	}
	call := func(name string, number, a, b uintptr) {
		_, _, errno := unix.RawSyscall(number, a, b, 0)
		fmt.Printf("%s %d\n", name, int(errno))
	}
	call("sethostname", unix.SYS_SETHOSTNAME, 0, 0)
	call("newest", firstCommon+uintptr(len(common))-1, 0, 0)
	if unsafe.Sizeof(uintptr(0)) == 8 {
		high := uint64(1) << 32
		call("getpriority", unix.SYS_GETPRIORITY, uintptr(high+1), 6)
		call("getpriority-low", unix.SYS_GETPRIORITY, 0, 0)
		call("getpriority-arg", unix.SYS_GETPRIORITY, uintptr(high), 0)
	}
}

// install loads the filter into the calling thread, which is what nsexec does.
func install(f *Filter) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := struct {
		length uint16
		filter *byte
	}{uint16(len(f.BPF) / instructionSize), &f.BPF[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(f.Flags), uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}

func TestSendListener(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, strings.Repeat("x", 120))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	// A long path cannot be bound either, so the socket is made beside it and moved.
	for _, path := range []string{filepath.Join(dir, "s"), filepath.Join(long, "agent")} {
		bound := filepath.Join(dir, "bound")
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: bound, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(bound, path); err != nil {
			t.Fatal(err)
		}
		payload := filepath.Join(dir, "payload")
		if err := os.WriteFile(payload, []byte("the descriptor"), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.Open(payload)
		if err != nil {
			t.Fatal(err)
		}
		// A state that is larger than a socket's buffer needs more than one write.
		state := specs.ContainerProcessState{
			Version: specs.Version, Pid: 42, Metadata: "meta",
			State: specs.State{ID: "c", Annotations: map[string]string{"a": strings.Repeat("y", 1<<20)}},
		}
		sent := make(chan error, 1)
		go func() { sent <- SendListener(path, state, int(file.Fd())) }()

		c, err := l.AcceptUnix()
		if err != nil {
			t.Fatal(err)
		}
		var message []byte
		var fds []int
		for {
			part, oob := make([]byte, 4096), make([]byte, 512)
			n, oobn, _, _, err := c.ReadMsgUnix(part, oob)
			if n == 0 || err != nil {
				break
			}
			message = append(message, part[:n]...)
			controls, err := unix.ParseSocketControlMessage(oob[:oobn])
			if err != nil {
				t.Fatal(err)
			}
			for i := range controls {
				list, err := unix.ParseUnixRights(&controls[i])
				if err != nil {
					t.Fatal(err)
				}
				fds = append(fds, list...)
			}
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if len(fds) != 1 {
			t.Fatalf("%d descriptors, want 1", len(fds))
		}
		received := os.NewFile(uintptr(fds[0]), "received")
		if b, err := io.ReadAll(received); err != nil || string(b) != "the descriptor" {
			t.Errorf("received descriptor: %q, %v", b, err)
		}
		var got specs.ContainerProcessState
		if err := json.Unmarshal(message, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Fds) != 1 || got.Fds[0] != "seccompFd" || got.Pid != 42 || got.Metadata != "meta" || len(got.State.Annotations["a"]) != 1<<20 {
			t.Errorf("state: fds %v, pid %d, metadata %q", got.Fds, got.Pid, got.Metadata)
		}
		received.Close()
		file.Close()
		c.Close()
		l.Close()
	}
	err := SendListener(filepath.Join(dir, "nobody"), specs.ContainerProcessState{}, 0)
	if err == nil || !strings.Contains(err.Error(), "is the agent running?") {
		t.Errorf("no agent: got %v", err)
	}
}
