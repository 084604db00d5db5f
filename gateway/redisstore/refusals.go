package redisstore

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// Refusals implements run.Journal.
func (j *journal) Refusals(ctx context.Context, k run.Key) ([]run.Refusal, error) {
	answer, err := j.verb(ctx, refusalsScript, k.Team, time.Time{}, k.ID)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, run.ErrNotFound
	}
	type numbered struct {
		run.Refusal
		n int64
	}
	var all []numbered
	list := texts(answer)
	for i := 0; i+1 < len(list); i += 2 {
		kind, x := read(list[i]), read(list[i+1])
		f := numbered{n: x.int()}
		f.Code, f.Rule, f.Model, f.Agent = kind.text(), kind.text(), kind.text(), kind.text()
		f.Count, f.First, f.Last = x.int(), x.time(), x.time()
		if kind.err != nil || x.err != nil {
			return nil, errGarbled
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b numbered) int { return cmp.Compare(a.n, b.n) })
	refusals := make([]run.Refusal, 0, len(all))
	for _, f := range all {
		refusals = append(refusals, f.Refusal)
	}
	return refusals, nil
}
