package notify

import (
	"context"
	"log/slog"
	"strings"

	"github.com/rungate/rungate/run"
)

// Log returns a Notifier that logs a line for each event: what asks for
// attention as a warning, the rest as information. Prompts, answers and the
// arguments of tools are not in it.
func Log(log *slog.Logger) Notifier { return logger{log} }

type logger struct{ log *slog.Logger }

// Notify implements Notifier.
func (l logger) Notify(ctx context.Context, e *run.Event) error {
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("run", e.Run.ID), slog.String("agent", e.Agent)}
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	switch {
	case e.Gate != nil:
		g := e.Gate
		tools := make([]string, 0, len(g.Proposed))
		add("gate", g.ID)
		add("rule", g.Rule)
		add("by", g.By)
		for i := range g.Proposed {
			tools = append(tools, g.Proposed[i].Tool)
		}
		add("tools", strings.Join(tools, ","))
		if e.Type == run.ApprovalPending {
			level = slog.LevelWarn
			add("channel", g.Channel)
			attrs = append(attrs, slog.Time("expires", g.Expires))
		}
	case e.Alert != nil:
		level = slog.LevelWarn
		b := &e.Alert.Budget
		add("budget", b.Name)
		attrs = append(attrs, slog.Float64("at", e.Alert.At))
		add("spent", b.Unit.Format(e.Alert.Spent))
		add("limit", b.Unit.Format(b.Limit))
	case e.Exhausted != nil:
		level = slog.LevelWarn
		b := &e.Exhausted.Budget
		add("budget", b.Name)
		add("spent", b.Unit.Format(e.Exhausted.Balance.Spent))
		add("needed", b.Unit.Format(e.Exhausted.Need))
		add("limit", b.Unit.Format(b.Limit))
	case e.Finding != nil:
		level = slog.LevelWarn
		add("rule", e.Finding.Rule)
		add("tool", e.Finding.Tool)
	case e.FailedOver != nil:
		level = slog.LevelWarn
		f := e.FailedOver
		add("step", f.Step)
		add("from", f.From)
		add("to", f.To)
		add("fault", f.Fault)
		if f.Status != 0 {
			attrs = append(attrs, slog.Int("status", f.Status))
		}
	case e.Raised != nil:
		add("rule", e.Raised.Rule)
	case e.Type == run.RunBlocked:
		level = slog.LevelWarn
		add("reason", e.Run.Reason)
	default:
		add("reason", e.Run.Reason)
	}
	l.log.LogAttrs(ctx, level, string(e.Type), attrs...)
	return nil
}

func (l logger) String() string { return "log" }
