// SPDX-License-Identifier: Apache-2.0

package network

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Everything here runs in network, mount and process namespaces of its own: the
// test binary starts itself again inside of them, and "the host" of the tests is
// that network namespace.
const inside = "KIST_NETWORK_TEST_INSIDE"

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "" && os.Geteuid() == 0 {
		cmd := exec.Command("unshare", append([]string{"-mpnf", "--kill-child", "--mount-proc", "--propagation", "private", os.Args[0]}, os.Args[1:]...)...)
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		err := cmd.Run()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			os.Exit(exit.ExitCode())
		}
		if err != nil {
			os.Stderr.WriteString("unshare: " + err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func needNamespaces(t *testing.T) {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("needs root, to make network namespaces")
	}
}

// box is a container: a process in a network namespace of its own.
type box struct {
	cmd *exec.Cmd
	Target
	h  *netlink.Handle
	fd int
}

func newBox(t *testing.T, dir string) *box {
	t.Helper()
	needNamespaces(t)
	b := &box{cmd: exec.Command("sleep", "1000")}
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.Target = Target{ID: t.Name(), Bundle: "/bundle", PID: b.cmd.Process.Pid, Dir: dir}
	var err error
	if b.fd, err = unix.Open("/proc/"+strconv.Itoa(b.PID)+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	if b.h, err = netlink.NewHandleAt(netns.NsHandle(b.fd), unix.NETLINK_ROUTE); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.kill()
		_ = unpin(b.Target)
	})
	return b
}

// kill ends the container as a crash would: nobody takes anything down, and only a
// pin keeps the namespace.
func (b *box) kill() {
	if b.h != nil {
		b.h.Close()
		_ = unix.Close(b.fd)
		b.h = nil
	}
	_ = b.cmd.Process.Kill()
	_, _ = b.cmd.Process.Wait()
}

// ip runs ip(8) on the host.
func ip(t *testing.T, args string) string {
	t.Helper()
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// ip runs ip(8) in the container's network.
func (b *box) ip(t *testing.T, args string) string {
	t.Helper()
	out, err := exec.Command("nsenter", append([]string{"--net=/proc/" + strconv.Itoa(b.PID) + "/ns/net", "ip"}, strings.Fields(args)...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

func has(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%s: no %q in\n%s", what, w, text)
		}
	}
}

func hasNot(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if strings.Contains(text, w) {
			t.Errorf("%s: %q in\n%s", what, w, text)
		}
	}
}

// gone checks that Down left neither record nor pin.
func gone(t *testing.T, dir string) {
	t.Helper()
	left, err := filepath.Glob(dir + "/*")
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v %v", left, err)
	}
}
