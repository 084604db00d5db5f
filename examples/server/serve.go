package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// serve serves until ctx is done.
func (p *program) serve(ctx context.Context, args []string) error {
	o, err := p.options(args)
	if err != nil {
		return err
	}
	log, err := newLogger(p.stderr, o.log, o.level)
	if err != nil {
		return err
	}
	var (
		s         *settings
		src       sources
		transport http.RoundTripper
		demo      *demonstration
	)
	if o.config == "" {
		if demo, err = newDemonstration(p.env, o.down); err != nil {
			return err
		}
		s, transport = demo.settings, demo.transport
	} else if len(o.down) > 0 {
		return errors.New("-down: is for the demonstration, and there is a configuration")
	} else if s, src, err = load(o.config, p.env); err != nil {
		return refused(o.config, err)
	}
	closeTrail, err := s.openTrail(log)
	if err != nil {
		return err
	}
	defer closeTrail()
	srv, err := newServer(s, transport, log)
	if err != nil {
		return err
	}
	defer func() {
		if err := srv.backend.Close(); err != nil {
			log.Error("store not closed", "error", err)
		}
	}()
	at, err := o.listeners(ctx, s)
	if err != nil {
		return err
	}
	log.Info("listening", "address", at.agents.Addr().String())
	operators := ""
	if at.operators != nil {
		operators = at.operators.Addr().String()
		log.Info("listening for operators", "address", operators)
	}
	for _, w := range s.warnings(operators) {
		log.Warn(w)
	}
	if demo != nil {
		demo.explain(p.stdout, at)
	} else {
		stop := srv.follow(o.config, p.env, src)
		defer stop()
	}
	return srv.serve(ctx, at, o.grace)
}

// listeners are where a server is reached.
type listeners struct {
	agents    net.Listener
	operators net.Listener // nil if they are not served
}

// listeners listens where the options say, and else the settings.
func (o *options) listeners(ctx context.Context, s *settings) (at listeners, err error) {
	if s.Admin == nil && o.admin != "" {
		return at, errors.New("-admin: the configuration has no admin, and so there are no operators")
	}
	if at.agents, err = listen(ctx, cmp.Or(o.listen, s.Listen, defaultListen), "-listen", "8090"); err != nil || s.Admin == nil {
		return at, err
	}
	if at.operators, err = listen(ctx, cmp.Or(o.admin, s.adminListen()), "-admin", "8091"); err != nil {
		_ = at.agents.Close() // nobody is served
	}
	return at, err
}

// listen says what to do where an address is taken: a flag takes another, such as
// one with that port.
func listen(ctx context.Context, address, flag, port string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("%s is in use by another program; choose another address, such as %s %s", address, flag, net.JoinHostPort(host, port))
	}
	return l, err
}

// serve serves until ctx is done, or it cannot any more. Then it takes no more
// calls, has those that wait for an approval told to come again, and gives the
// others under way the grace to end and settle.
func (srv *server) serve(ctx context.Context, at listeners, grace time.Duration) error {
	failed := make(chan error, 2)
	agents := srv.httpServer(srv)
	go func() { failed <- agents.Serve(at.agents) }()
	servers := []*http.Server{agents}
	if at.operators != nil {
		operators := srv.httpServer(srv.admin)
		operators.ReadTimeout, operators.WriteTimeout = time.Minute, time.Minute
		go func() { failed <- operators.Serve(at.operators) }()
		servers = append(servers, operators)
	}
	var broken error
	select {
	case broken = <-failed:
	case <-ctx.Done():
	}

	srv.log.Info("stopping", "grace", grace.String())
	srv.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	closed := make(chan error, 1)
	go func() { closed <- srv.gw.Close(ctx) }()
	cut := shutdown(ctx, servers)
	err := <-closed
	if cut {
		srv.log.Warn("calls under way are cut off, since the grace is over")
		for _, hs := range servers {
			_ = hs.Close() // it has done what it could
		}
		// They settle with what they have cost so far, which is soon done.
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = srv.gw.Close(ctx)
	}
	srv.log.Info("stopped")
	return errors.Join(broken, err)
}

func (srv *server) httpServer(h http.Handler) *http.Server {
	hs := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second, // no other timeout: an answer may stream for long
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(srv.log.Handler(), slog.LevelWarn),
		Protocols:         new(http.Protocols),
	}
	hs.Protocols.SetHTTP1(true)
	hs.Protocols.SetUnencryptedHTTP2(true)
	return hs
}

// shutdown has servers end what is under way, and reports whether something is
// left of it when ctx is done.
func shutdown(ctx context.Context, servers []*http.Server) (left bool) {
	errs := make(chan error)
	for _, hs := range servers {
		go func() { errs <- hs.Shutdown(ctx) }()
	}
	for range servers {
		left = <-errs != nil || left
	}
	return left
}
