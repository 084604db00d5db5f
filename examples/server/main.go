// Command server is Rungate as a server: it governs the calls that agents make
// to the OpenAI and Anthropic APIs.
//
//	server [serve] [-config FILE] [-listen ADDRESS] [-admin ADDRESS] [-log text|json] [-level info|debug] [-grace 30s] [-down VENDOR]
//	server check FILE
//	server policy test FILE CASES
//	server policy schema
//	server audit verify [-heads FILE] [-partial] FILE|-
//	server audit export [-team TEAM] [-after NUMBER] FILE
//	server token [admin]
//
// serve reads its configuration from FILE, in YAML or JSON, or from the file that
// RUNGATE_CONFIG names. Without any it starts a demonstration that needs neither
// a key nor a network, and with -down openai, or anthropic, one of a vendor that is
// down. Agents and operators are served at addresses of their own, which the flags
// -listen and -admin change. check says what is wrong with a configuration, or with a
// file of policies. policy test says of which cases the policies in FILE, which is
// either of these, decide otherwise than the file CASES wants; the status is 1 if
// there are some, and 2 if a file cannot be used. policy schema prints the JSON
// Schema of policies. audit verify says whether the audit trail in FILE, or that comes
// in, is whole, and prints its heads: these, kept where nobody comes who could write the
// trail anew, are what -heads checks the next time; -partial takes one that does not
// begin at its beginning. Where FILE ends in .yaml, .yml or .json, it is a configuration,
// and the trail is the one that this names. The status is 1 if it is not whole, and 2 if
// it cannot be read. audit export prints the audit trail that the configuration in FILE
// names, in a file or in the database that is its store, also while it is written to. token makes a new token for an agent, token admin one for an
// operator.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

func main() {
	// A gateway makes much garbage, bodies and streams, and keeps little alive. What
	// is never touched takes no memory, but to the collector it is alive: a small
	// heap is collected less often for it, and a large one, that of a thousand open
	// streams, hardly later.
	ballast := make([]byte, 8<<20)

	// A second signal ends the program at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)

	p := program{env: os.LookupEnv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	err := p.run(ctx, os.Args[1:])
	runtime.KeepAlive(ballast)
	code := status(err)
	if code != 0 {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// status is that of a program which err ends.
func status(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, new(unreadableError)):
		return 2
	}
	return 1
}

const usage = `usage: server [serve] [-config FILE] [-listen ADDRESS] [-admin ADDRESS] [-log text|json] [-level info|debug] [-grace DURATION] [-down VENDOR]
       server check FILE
       server policy test FILE CASES
       server policy schema
       server audit verify [-heads FILE] [-partial] FILE|-
       server audit export [-team TEAM] [-after NUMBER] FILE
       server token [admin]`

// A program is the command with its surroundings.
type program struct {
	env            func(name string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
}

func (p *program) run(ctx context.Context, args []string) error {
	command := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		command, args = args[0], args[1:]
	}
	switch {
	case command == "serve":
		return p.serve(ctx, args)
	case command == "check" && len(args) == 1:
		return p.check(args[0])
	case command == "policy" && len(args) == 3 && args[0] == "test":
		return p.testPolicies(ctx, args[1], args[2])
	case command == "policy" && len(args) == 1 && args[0] == "schema":
		_, err := p.stdout.Write(policy.Schema())
		return err
	case command == "audit":
		return p.audit(ctx, args)
	case command == "token" && len(args) == 0:
		_, err := fmt.Fprintln(p.stdout, run.NewToken().Reveal())
		return err
	case command == "token" && len(args) == 1 && args[0] == "admin":
		_, err := fmt.Fprintln(p.stdout, admin.NewToken().Reveal())
		return err
	}
	return errors.New(usage)
}

// check says whether the configuration, or the file of policies, at path can be
// used, and what about it is hardly meant.
func (p *program) check(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return refused(path, err)
	}
	if !isConfiguration(path, data) {
		return p.checkPolicies(path, data)
	}
	s, _, err := load(path, p.env)
	if err != nil {
		return refused(path, err)
	}
	s.Store = storeDoc{} // which need not be there
	if _, err := newServer(s, nil, slog.New(slog.DiscardHandler)); err != nil {
		return refused(path, err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s is fine: %s, %s, %s, %s\n", path, count(len(s.Providers), "provider"), count(len(s.agents), "agent"),
		count(len(s.operators), "operator"), count(len(s.policies), "policy"))
	for _, w := range s.warnings(s.adminListen()) {
		fmt.Fprintln(p.stdout, "  warning:", w)
	}
	return err
}

func refused(path string, err error) error {
	return fmt.Errorf("%s cannot be used:\n  %s", path, strings.ReplaceAll(err.Error(), "\n", "\n  "))
}

// options are the flags of serve.
type options struct {
	config, listen, admin, log string
	down                       []string // vendors
	level                      slog.Level
	grace                      time.Duration
}

func (p *program) options(args []string) (o options, err error) {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the error says it, too
	config, _ := p.env("RUNGATE_CONFIG")
	f.StringVar(&o.config, "config", config, "`file` of the configuration")
	f.StringVar(&o.listen, "listen", "", "`address` to listen on, instead of the configuration's")
	f.StringVar(&o.admin, "admin", "", "`address` to listen on for operators, instead of the configuration's")
	f.StringVar(&o.log, "log", "text", "`format` of the log: text or json")
	f.TextVar(&o.level, "level", slog.LevelInfo, "from what `level` on is logged; debug logs each step, too")
	f.DurationVar(&o.grace, "grace", 30*time.Second, "how long calls under way have to end, and events to be delivered, when the server stops")
	f.Func("down", "`vendor` that cannot be reached in the demonstration: openai or anthropic; may be given twice", func(vendor string) error {
		o.down = append(o.down, vendor)
		return nil
	})
	err = f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(p.stdout, usage)
		f.SetOutput(p.stdout)
		f.PrintDefaults()
	}
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, err
}
