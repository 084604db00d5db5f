package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/rungate/rungate/gateway/audit"
)

// An auditDoc says where the audit trail is kept.
type auditDoc struct {
	File string `json:"file"` // of JSON lines, for this process alone
	Sync bool   `json:"sync"` // wait until the disk has each entry
}

func (a *auditDoc) Validate() error {
	var c complaint
	if a.File == "" {
		c.add("file", "is missing: name a file for the trail, or leave out audit")
	}
	return c.err()
}

// openTrail opens the audit trail that the settings ask for. Without one, close does
// nothing.
func (s *settings) openTrail(log *slog.Logger) (closeTrail func(), err error) {
	if s.Audit == nil {
		return func() {}, nil
	}
	l, err := audit.OpenLog(s.Audit.File, audit.LogOptions{Sync: s.Audit.Sync})
	if err != nil {
		return nil, fmt.Errorf("audit.file: %w", err)
	}
	if n := l.Torn(); n > 0 {
		log.Warn("the audit trail ended within a line, which nobody was told of; it was taken off", "file", s.Audit.File, "bytes", n)
	}
	s.trail = l
	return func() {
		if err := l.Close(); err != nil {
			log.Error("audit trail not closed", "error", err)
		}
	}, nil
}

// writes reports whether the server writes the file itself, so that it is no news that
// it changes.
func (s *settings) writes(path string) bool {
	return s.Audit != nil && filepath.Clean(path) == filepath.Clean(s.Audit.File)
}

// audit runs the commands that are about audit trails.
func (p *program) audit(ctx context.Context, args []string) error {
	switch {
	case len(args) > 0 && args[0] == "verify":
		return p.verifyTrail(ctx, args[1:])
	case len(args) > 0 && args[0] == "export":
		return p.exportTrail(ctx, args[1:])
	}
	return errors.New(usage)
}

// verifyTrail says whether the trails in a file are whole, or those that a
// configuration names, and prints their heads.
func (p *program) verifyTrail(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("audit verify", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the error says it, too
	var c audit.Check
	heads := f.String("heads", "", "")
	f.BoolVar(&c.Partial, "partial", false, "")
	if err := f.Parse(args); err != nil {
		return errors.Join(err, errors.New(usage))
	}
	if f.NArg() != 1 {
		return errors.New(usage)
	}
	if *heads != "" {
		var err error
		if c.Known, err = readHeads(*heads); err != nil {
			return unreadableError{refused(*heads, err)}
		}
	}
	path := f.Arg(0)
	from, err := p.readLines(ctx, path)
	if err != nil {
		return err
	}
	defer from.Close()
	v, err := c.VerifyLines(from)
	if _, ok := errors.AsType[*audit.BrokenError](err); ok {
		return fmt.Errorf("%s is broken: %w", path, err)
	}
	if err != nil {
		return unreadableError{refused(path, err)}
	}
	fmt.Fprintf(p.stderr, "%s is whole: %d entries of %s\n", path, v.Entries, count(len(v.Heads), "trail"))
	out := json.NewEncoder(p.stdout)
	for i := range v.Heads {
		out.Encode(&v.Heads[i])
	}
	return nil
}

// readHeads reads the heads that verify has printed.
func readHeads(path string) (heads []audit.Head, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	for {
		var h audit.Head
		if err := in.Decode(&h); err == io.EOF {
			return heads, nil
		} else if err != nil {
			return nil, err
		}
		if h.Number < 1 {
			return nil, fmt.Errorf("the head of team %q has no number", h.Team)
		}
		heads = append(heads, h)
	}
}

// exportTrail prints the trail that a configuration names, of one team or of all.
func (p *program) exportTrail(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("audit export", flag.ContinueOnError)
	f.SetOutput(io.Discard) // the error says it, too
	team := f.String("team", "", "")
	after := f.Int64("after", 0, "")
	if err := f.Parse(args); err != nil {
		return errors.Join(err, errors.New(usage))
	}
	if f.NArg() != 1 {
		return errors.New(usage)
	}
	trail, err := p.configuredTrail(ctx, f.Arg(0))
	if err != nil {
		return err
	}
	defer func() { _ = trail.close() }() // it was only read
	teams, err := trail.Teams(ctx)
	if err != nil {
		return err
	}
	f.Visit(func(f *flag.Flag) {
		if f.Name == "team" { // which may be that of those whom nobody knows, with an empty name
			teams = []string{*team}
		}
	})
	return export(ctx, p.stdout, trail, teams, *after)
}

// export writes the trails of teams as lines.
func export(ctx context.Context, w io.Writer, trail audit.Trail, teams []string, after int64) error {
	for _, team := range teams {
		if err := audit.Export(ctx, w, trail, team, after); err != nil {
			return err
		}
	}
	return nil
}
