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
		demo = newDemonstration(p.env)
		s, transport = demo.settings, demo.transport
	} else if s, src, err = load(o.config, p.env); err != nil {
		return refused(o.config, err)
	}
	srv, err := newServer(s, transport, log)
	if err != nil {
		return err
	}
	l, err := listen(ctx, cmp.Or(o.listen, s.Listen, defaultListen))
	if err != nil {
		return err
	}
	log.Info("listening", "address", l.Addr().String())
	if demo != nil {
		demo.explain(p.stdout, l.Addr().(*net.TCPAddr))
	} else {
		stop := srv.follow(o.config, p.env, src)
		defer stop()
	}
	return srv.serve(ctx, l, o.grace)
}

// listen says what to do where an address is taken.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("%s is in use by another program; choose another address, such as -listen %s", address, net.JoinHostPort(host, "8090"))
	}
	return l, err
}

// serve serves on l until ctx is done. Then it takes no more calls, and gives
// those under way the grace to end and settle.
func (srv *server) serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	hs := &http.Server{
		Handler:           srv,
		ReadHeaderTimeout: 10 * time.Second, // no other timeout: an answer may stream for long
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(srv.log.Handler(), slog.LevelWarn),
		Protocols:         new(http.Protocols),
	}
	hs.Protocols.SetHTTP1(true)
	hs.Protocols.SetUnencryptedHTTP2(true)

	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(l) }()
	select {
	case err := <-failed:
		return errors.Join(err, srv.gw.Close(ctx))
	case <-ctx.Done():
	}

	srv.log.Info("stopping", "grace", grace.String())
	srv.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := hs.Shutdown(ctx); err != nil {
		srv.log.Warn("calls under way are cut off, since the grace is over")
		_ = hs.Close() // it has done what it could
		// They settle with what they have cost so far, which is soon done.
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
	}
	err := srv.gw.Close(ctx)
	srv.log.Info("stopped")
	return err
}
