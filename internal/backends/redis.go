package backends

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RedisOptions say how a Redis is started. The zero RedisOptions keep nothing when
// the server ends.
type RedisOptions struct {
	// Keep has the server write down everything that it has confirmed before it
	// does so. It is there again after Start, also when the server was killed.
	Keep bool

	cluster bool
}

// A Redis is a Redis server of a test. Its methods are for one goroutine.
type Redis struct {
	Addr string // stays the same when it is started again

	t         testing.TB
	o         RedisOptions
	dir       string
	port, bus int
	p         *process
}

// StartRedis starts a Redis and waits until it answers. It ends with the test.
func StartRedis(t testing.TB, o RedisOptions) *Redis {
	t.Helper()
	r := &Redis{t: t, o: o, dir: t.TempDir()}
	t.Cleanup(func() { _ = r.end(os.Kill) }) // before the directory is removed
	const tries = 5
	for i := 1; ; i++ {
		ports := freePorts(t, 2)
		r.port, r.bus = ports[0], ports[1]
		r.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port))
		err := r.start()
		if err == nil {
			return r
		}
		if i == tries { // until then, somebody else may have got the port first
			t.Fatalf("redis-server: %v", err)
		}
	}
}

// Start starts a server again that was stopped or killed, and waits until it
// answers.
func (r *Redis) Start() {
	r.t.Helper()
	if r.p != nil {
		r.t.Fatal("redis-server: Start: it runs")
	}
	if err := r.start(); err != nil {
		r.t.Fatalf("redis-server: %v", err)
	}
}

// Stop has the server end in good order.
func (r *Redis) Stop() {
	r.t.Helper()
	if err := r.end(syscall.SIGTERM); err != nil {
		r.t.Fatal(err)
	}
}

// Kill ends the server as a crash does.
func (r *Redis) Kill() {
	r.t.Helper()
	if err := r.end(os.Kill); err != nil {
		r.t.Fatal(err)
	}
}

func (r *Redis) end(s os.Signal) error {
	if r.p == nil {
		return nil
	}
	p := r.p
	r.p = nil
	return p.end(s)
}

func (r *Redis) start() error {
	args := []string{
		"--port", strconv.Itoa(r.port), "--bind", "127.0.0.1", "--dir", r.dir,
		"--daemonize", "no", "--save", "", "--appendonly", yes(r.o.Keep), "--appendfsync", "always",
	}
	if r.o.cluster {
		args = append(args, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(r.bus))
	}
	log := filepath.Join(r.dir, "log")
	server := program(r.t, "redis-server", "apt-get install redis-server")
	p, err := launch(exec.CommandContext(context.Background(), server, args...), log)
	if err != nil {
		return err
	}
	r.p = p
	if err := r.answers(); err != nil {
		_ = r.end(os.Kill)
		return fmt.Errorf("%w\n%s", err, lastLines(log))
	}
	return nil
}

// answers waits until the server answers, and nobody else does in its place.
func (r *Redis) answers() error {
	pid := fmt.Sprintf("process_id:%d\r\n", r.p.cmd.Process.Pid)
	return eventually(func() error {
		if r.p.over() {
			return errEnded
		}
		if _, err := resp(r.Addr, "PING"); err != nil {
			return err // it may be loading what it has kept
		}
		info, err := resp(r.Addr, "INFO", "server")
		if err == nil && !strings.Contains(info, pid) {
			err = fmt.Errorf("%s is not the server that was started", r.Addr)
		}
		return err
	})
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// A RedisCluster is a Redis Cluster of a test.
type RedisCluster struct {
	Masters []*Redis // each has a third of the slots
}

// StartRedisCluster starts three masters, and waits until all of them answer for
// all slots, which takes some seconds. They end with the test. The options hold for
// each.
func StartRedisCluster(t testing.TB, o RedisOptions) *RedisCluster {
	t.Helper()
	const masters, slots = 3, 16384
	o.cluster = true
	c := &RedisCluster{}
	for range masters {
		c.Masters = append(c.Masters, StartRedis(t, o))
	}
	do := func(r *Redis, args ...string) {
		if _, err := resp(r.Addr, args...); err != nil {
			t.Fatalf("redis-server: %s: %v", strings.Join(args, " "), err)
		}
	}
	for i, r := range c.Masters {
		do(r, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		do(r, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/masters), strconv.Itoa((i+1)*slots/masters-1))
	}
	for _, r := range c.Masters[1:] {
		do(c.Masters[0], "CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(r.port), strconv.Itoa(r.bus))
	}
	c.Wait(t)
	return c
}

// Wait waits until all masters answer for all slots.
func (c *RedisCluster) Wait(t testing.TB) {
	t.Helper()
	for _, r := range c.Masters {
		err := eventually(func() error {
			info, err := resp(r.Addr, "CLUSTER", "INFO")
			if err != nil {
				return err
			}
			for _, want := range []string{"cluster_state:ok", "cluster_slots_ok:16384", "cluster_known_nodes:3"} {
				if !strings.Contains(info, want+"\r\n") {
					return fmt.Errorf("%s is not part of a whole cluster yet:\n%s", r.Addr, info)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Addrs returns the addresses of all masters.
func (c *RedisCluster) Addrs() []string {
	all := make([]string, 0, len(c.Masters))
	for _, r := range c.Masters {
		all = append(all, r.Addr)
	}
	return all
}

// eventually calls f again and again until it succeeds, the server that it asks has
// ended, or patience does.
func eventually(f func() error) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := f()
		if err == nil || err == errEnded || time.Now().After(end) {
			return err
		}
	}
}
