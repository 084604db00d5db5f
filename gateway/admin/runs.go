package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/rungate/rungate/gateway/internal/object"
	"github.com/rungate/rungate/run"
)

// stepsShown is how many steps of a run are shown at once.
const stepsShown = 1000

// showRun answers with a run and its steps but for the first ones, which "after"
// says how many are.
func (a *api) showRun(_ *Operator, r *http.Request) (any, error) {
	var after int64
	if s := r.URL.Query().Get("after"); s != "" {
		var err error
		if after, err = strconv.ParseInt(s, 10, 64); err != nil || after < 0 {
			return nil, invalid("after", "want a number of steps")
		}
	}
	found, err := a.findRun(r)
	if err != nil {
		return nil, err
	}
	steps, err := a.gw.Runs().Steps(r.Context(), found.Key, after, stepsShown)
	if err != nil {
		return nil, err
	}
	return a.runObject(r.Context(), &found, steps)
}

// findRun returns the run that a request names.
func (a *api) findRun(r *http.Request) (run.Run, error) {
	k := run.Key{Team: r.URL.Query().Get("team"), ID: r.PathValue("id")}
	if k.Team == "" {
		return run.Run{}, invalid("team", "is missing: a run is known by its team and its id")
	}
	return a.gw.Runs().Find(r.Context(), k)
}

// runObject is a run as it is shown, with some of its steps.
func (a *api) runObject(ctx context.Context, r *run.Run, steps []run.Step) (any, error) {
	refusals, err := a.gw.Runs().Refusals(ctx, r.Key)
	if err != nil {
		return nil, err
	}
	budgets, err := a.gw.Statement(ctx, r)
	if err != nil {
		return nil, err
	}
	return object.RunOf(r, budgets, refusals, steps), nil
}
