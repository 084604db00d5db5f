package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

// newLogger returns a logger that writes lines of at least a level in a format,
// "text" or "json".
func newLogger(w io.Writer, format string, level slog.Level) (*slog.Logger, error) {
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("log format %q is not known; use text or json", format)
}

// An observer logs each event of this process, and each step at the level of
// debugging: to write a line is a tenth of what a small call costs, and the steps are
// with their runs anyway. Of what agents and models say, nothing is in it.
type observer struct{ log *slog.Logger }

// Event implements run.Observer.
func (o observer) Event(ctx context.Context, e *run.Event) { _ = notify.Log(o.log).Notify(ctx, e) } // which does not fail

// Step implements run.Observer.
func (o observer) Step(ctx context.Context, r *run.Run, s *run.Step) {
	if !o.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("run", r.ID),
		slog.String("agent", s.Agent),
		slog.String("endpoint", string(s.Endpoint)),
		slog.String("model", s.Provider+"/"+s.Model),
		slog.Int("status", s.Status),
		slog.Int64("input_tokens", s.Usage.TotalInput()),
		slog.Int64("output_tokens", s.Usage.TotalOutput()),
		slog.String("cost_usd", s.Cost.String()),
		slog.String("run_usd", r.Spent.String()),
		slog.Int64("ms", s.Duration.Milliseconds()),
	}
	if s.Usage.Estimated {
		attrs = append(attrs, slog.Bool("estimated", true))
	}
	if s.Error != "" {
		attrs = append(attrs, slog.String("error", s.Error))
	}
	o.log.LogAttrs(ctx, slog.LevelDebug, "step", attrs...)
}
