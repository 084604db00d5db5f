package redisstore

import (
	"context"
	"strings"

	"github.com/rungate/rungate/run"
)

// Attach implements run.Journal.
func (j *journal) Attach(ctx context.Context, a *run.Attachment, out *run.Run) (got run.Attached, _ error) {
	if err := j.known(ctx, a.Team); err != nil {
		return got, err
	}
	args := start([]any{a.Call, stamp(a.Until), a.ID, a.Auto, a.AutoID, asks(a), a.Follows, a.Parent, a.Model}, a.Start)
	answer, err := j.verb(ctx, attachScript, a.Team, a.At, args...)
	if err != nil {
		return got, err
	}
	r := reply{list: answer}
	code := r.text()
	got = run.Attached{Started: r.yes(), Exceeded: r.text(), Deferred: r.yes()}
	if ended := r.text(); ended != "" {
		got.Ended = &run.Run{}
		r.run(a.Team, ended, got.Ended)
	}
	var seen run.Run
	if text := r.text(); text != "" {
		r.run(a.Team, text, &seen)
	}
	if r.err != nil {
		return run.Attached{}, r.err
	}
	switch code {
	case "missing":
		return got, run.ErrNotFound
	case "overtaken":
		return got, &run.OvertakenError{Run: seen}
	case "gated":
		return got, &run.GatedError{Run: seen}
	case "parent":
		return got, &run.ParentError{Parent: a.Parent}
	}
	*out = seen
	return got, nil
}

// asks are the flags of an attachment, as attach.lua reads them.
func asks(a *run.Attachment) string {
	var flags []string
	for _, f := range [...]struct {
		name string
		set  bool
	}{{"exact", a.Exact}, {"join", a.Join}, {"new", a.New}, {"past", a.PastGates}, {"orphan", a.Orphan}} {
		if f.set {
			flags = append(flags, f.name)
		}
	}
	return strings.Join(flags, " ")
}
