//go:build unix

package backends

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// PostgresOptions say how a PostgreSQL is started. The zero PostgresOptions lose
// nothing when the server is stopped or killed, but do not wait for the disk.
type PostgresOptions struct {
	// Durable has the server wait for the disk, as one does that is not for tests.
	Durable bool
}

// A Postgres is a PostgreSQL server of tests. Its methods are for one goroutine, but
// for Database.
type Postgres struct {
	Addr string // stays the same when it is started again

	o    PostgresOptions
	dir  string
	log  string
	cred *syscall.Credential // nil is that of this process

	watch  *exec.Cmd
	starts io.WriteCloser // for each line, the server is started

	databases atomic.Int64
}

var shared struct {
	sync.Mutex
	p *Postgres
}

// SharedPostgres returns a PostgreSQL that all tests of this process share, each with
// [Postgres.Database]. It ends with the process. No test stops it.
func SharedPostgres(t testing.TB) *Postgres {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.p == nil {
		shared.p = newPostgres(t, PostgresOptions{})
	}
	return shared.p
}

// StartPostgres starts a PostgreSQL and waits until it answers. It ends with the test.
func StartPostgres(t testing.TB, o PostgresOptions) *Postgres {
	t.Helper()
	p := newPostgres(t, o)
	t.Cleanup(func() {
		p.starts.Close()
		_ = p.watch.Wait() // how the server has ended is in its log
	})
	return p
}

// newPostgres makes the files of a server, in a directory that ends with it, and
// starts it.
func newPostgres(t testing.TB, o PostgresOptions) *Postgres {
	t.Helper()
	p := &Postgres{o: o}
	var err error
	if p.dir, err = os.MkdirTemp("", "rungate-postgres-"); err != nil {
		t.Fatal(err)
	}
	p.log = filepath.Join(p.dir, "log")
	p.become(t)
	out, err := p.command(postgresProgram(t, "initdb"), "-D", p.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	p.Addr = "127.0.0.1:" + strconv.Itoa(freePorts(t, 1)[0])
	if err := p.run(postgresProgram(t, "postgres")); err != nil {
		t.Fatalf("postgres: %v", err)
	}
	p.Start(t)
	return p
}

// postgresProgram returns the path of a program of PostgreSQL: that in PATH, or else
// where Debian installs the newest.
func postgresProgram(t testing.TB, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is fine
	newest, best := "", 0
	for _, path := range all {
		if v, _ := strconv.Atoi(strings.Split(path, "/")[4]); v > best {
			newest, best = path, v
		}
	}
	if newest == "" {
		t.Fatalf("this test needs PostgreSQL: %s is neither in PATH nor in /usr/lib/postgresql/*/bin; install it, with apt-get install postgresql for instance", name)
	}
	return newest
}

// become finds the user that the server runs as: it refuses to be root.
func (p *Postgres) become(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL does not run as root, and there is no user for it: %v; run the test as another one, or add that user", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	p.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(p.dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *Postgres) command(path string, args ...string) *exec.Cmd {
	c := exec.Command(path, args...) //nolint:noctx // it ends with the test, see watcher
	c.Dir = p.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred}
	return c
}

// watcher runs a command for each line of its input, one after the other. Its input
// ends when this process does, in whatever way; then it ends the server and removes
// its files. A server that was killed may have left processes that are still ending:
// until they have, a new one does not start, and says so with 1.
const watcher = `dir=$1; shift
while read -r _; do
	wait
	(i=0; while [ $i -lt 100 ]; do "$@"; [ $? -eq 1 ] || break; i=$((i+1)); sleep 0.1; done) </dev/null >>"$dir/log" 2>&1 &
done
kill -QUIT $(head -n 1 "$dir/data/postmaster.pid") 2>/dev/null
wait
rm -rf "$dir"`

// run starts the watcher, which has the directory of the server from then on.
func (p *Postgres) run(path string) error {
	p.watch = p.command("/bin/sh", append([]string{"-c", watcher, "sh", p.dir}, p.server(path)...)...)
	in, err := p.watch.StdinPipe()
	if err != nil {
		return err
	}
	p.starts = in
	return p.watch.Start()
}

// Start starts a server again that was stopped or killed, and waits until it answers.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	if _, err := fmt.Fprintln(p.starts); err != nil {
		t.Fatalf("postgres: %v", err)
	}
	_, port, _ := strings.Cut(p.Addr, ":")
	ready := postgresProgram(t, "pg_isready")
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		out, err := p.command(ready, "-h", "127.0.0.1", "-p", port).CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("postgres: no answer within %v: %s%s", patience, out, lastLines(p.log))
		}
	}
}

// Stop has the server end in good order. Connections are closed.
func (p *Postgres) Stop(t testing.TB) {
	t.Helper()
	p.end(t, syscall.SIGINT)
}

// Kill ends the server as a crash does.
func (p *Postgres) Kill(t testing.TB) {
	t.Helper()
	p.end(t, syscall.SIGKILL)
}

// end sends a signal to the server and waits until nothing listens any more. One that
// is killed would leave its processes, and one of those waits for ever for a lock that
// another has died with, so all are killed: the server first stands still, since one
// that starts just then would be missed.
func (p *Postgres) end(t testing.TB, s syscall.Signal) {
	t.Helper()
	pid, err := p.pid()
	if err != nil {
		t.Fatalf("postgres: it does not run: %v", err)
	}
	pids := []int{pid}
	if s == syscall.SIGKILL {
		children, err := halt(pid)
		if err != nil {
			t.Fatalf("postgres: %v", err)
		}
		pids = append(pids, children...)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
			t.Fatalf("postgres: %v", err)
		}
	}
	for end := time.Now().Add(patience); p.answers(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("postgres: it did not end within %v of %v", patience, s)
		}
	}
}

// pid is that of the server.
func (p *Postgres) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(p.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// answers reports whether anything listens.
func (p *Postgres) answers() bool {
	c, err := net.Dial("tcp", p.Addr) //nolint:noctx // on loopback it is refused at once
	if err != nil {
		return false
	}
	c.Close() //nolint:errcheck // it was not used
	return true
}

// halt has a process stand still and returns the processes that it has started.
func halt(pid int) (children []int, err error) {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return nil, err
	}
	for halted := false; ; {
		out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,state=").Output() //nolint:noctx // it ends at once
		if err != nil {
			return nil, fmt.Errorf("ps: %w", err)
		}
		before := halted // a list may have been begun while it still started some
		children = children[:0]
		for line := range strings.Lines(string(out)) {
			var id, parent int
			var state string
			if _, err := fmt.Sscan(line, &id, &parent, &state); err != nil {
				return nil, fmt.Errorf("ps: %q: %w", line, err)
			}
			if parent == pid {
				children = append(children, id)
			}
			halted = halted || id == pid && strings.HasPrefix(state, "T")
		}
		if before {
			return children, nil
		}
	}
}

// server is the command line of the server.
func (p *Postgres) server(path string) []string {
	port := p.Addr[strings.LastIndex(p.Addr, ":")+1:]
	fsync := "off"
	if p.o.Durable {
		fsync = "on"
	}
	return []string{
		path, "-D", p.data(), "-p", port, "-h", "127.0.0.1", "-k", p.dir,
		"-c", "fsync=" + fsync, "-c", "max_connections=300", "-c", "log_statement=none",
	}
}

// Database makes a database with nothing in it and returns its address. It is
// dropped when the test ends.
func (p *Postgres) Database(t testing.TB) string {
	t.Helper()
	return p.Copy(t, "template0")
}

// Copy makes a database like another one, to which nobody is connected. It is dropped
// when the test ends.
func (p *Postgres) Copy(t testing.TB, of string) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", p.databases.Add(1))
	p.do(t, "CREATE DATABASE "+name+" TEMPLATE "+of)
	t.Cleanup(func() { p.do(t, "DROP DATABASE "+name+" WITH (FORCE)") })
	return p.URL(name)
}

// URL is the address of a database.
func (p *Postgres) URL(name string) string {
	return "postgres://postgres@" + p.Addr + "/" + name + "?sslmode=disable"
}

// Log is what the server has logged.
func (p *Postgres) Log(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	return string(text)
}

// do has psql run a statement.
func (p *Postgres) do(t testing.TB, statement string) {
	t.Helper()
	out, err := p.command(postgresProgram(t, "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", p.URL("postgres"), "-c", statement).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", statement, err, out)
	}
}
