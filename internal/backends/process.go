package backends

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start, to answer or to end. It is
// long: only a server that does not work takes that long.
const patience = time.Minute

// A process is a server that was started.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

// launch starts a command, whose output is appended to a file. It ends with the
// process that has started it, also if that is killed.
func launch(cmd *exec.Cmd, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	endWithParent(cmd.SysProcAttr)
	p := &process{cmd, make(chan struct{})}
	started := make(chan error)
	go func() {
		// For the kernel, the parent is a thread: it has to live as long as the
		// process does.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = out.Close() }()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(p.ended)
		}
	}()
	return p, <-started
}

func (p *process) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// end sends a signal and waits until the process has ended.
func (p *process) end(s os.Signal) error {
	_ = p.cmd.Process.Signal(s) // fails if it has ended already
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s: did not end within %v of %v", p.cmd.Path, patience, s)
	}
}

// program returns where a server is installed. It fails the test if it is not.
func program(t testing.TB, name, install string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs %s: %v; install it, with %s for instance", name, err, install)
	}
	return path
}

// freePorts returns different ports of loopback that nothing listens on.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("a free port: %v", err)
		}
		defer func() { _ = l.Close() }() // when all are known, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// lastLines is the end of a log, to say why a server has not started.
func lastLines(log string) string {
	text, err := os.ReadFile(log)
	if err != nil {
		return err.Error()
	}
	const most = 4000
	return string(text[max(0, len(text)-most):])
}
