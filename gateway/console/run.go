package console

import (
	"net/http"
	"slices"

	"github.com/rungate/rungate/run"
)

// The most that the page of a run shows, of the newest.
const (
	stepsShown = 200
	gatesShown = 50
)

// runBody is what the page of a run shows.
type runBody struct {
	Run      *run.Run
	Budgets  budgets
	Gates    []run.Gate
	Steps    []run.Step
	Skipped  int64 // steps before those
	Refusals []run.Refusal
}

// live implements part.
func (b *runBody) live() any {
	return []any{b.Run, b.Budgets, statesOf(b.Gates...), b.Steps, b.Skipped, b.Refusals}
}

// Calls are the steps, with the gates that have withheld their answers.
func (b *runBody) Calls() []forwarded { return forwardedOf(b.Steps, b.Gates) }

// OthersCalled reports whether not all calls are of the agent that the run is of.
func (b *runBody) OthersCalled() bool {
	return slices.ContainsFunc(b.Steps, func(s run.Step) bool { return s.Agent != b.Run.Agent })
}

// OthersRefused reports whether not all refused calls are of that agent.
func (b *runBody) OthersRefused() bool {
	return slices.ContainsFunc(b.Refusals, func(f run.Refusal) bool { return f.Agent != b.Run.Agent })
}

// showRun shows the run that the query names by its team and id. Ids may have any
// printable character, and so have no place in a path.
func (c *Console) showRun(q *request) error {
	ctx, runs := q.r.Context(), c.gw.Runs()
	v := q.r.URL.Query()
	r, err := runs.Find(ctx, run.Key{Team: v.Get("team"), ID: v.Get("id")})
	if err != nil {
		return err
	}
	b := runBody{Run: &r, Skipped: max(0, r.Steps-stepsShown)}
	if b.Budgets, err = c.budgets(ctx, &r); err != nil {
		return err
	}
	if b.Gates, err = c.gw.Gates().List(ctx, run.GateQuery{Run: r.Key, N: gatesShown}); err != nil {
		return err
	}
	if b.Steps, err = runs.Steps(ctx, r.Key, b.Skipped, stepsShown); err != nil {
		return err
	}
	if b.Refusals, err = runs.Refusals(ctx, r.Key); err != nil {
		return err
	}
	return q.show(http.StatusOK, "run", "Run "+r.ID, &b)
}
