package admin

import (
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
	q := r.URL.Query()
	k := run.Key{Team: q.Get("team"), ID: r.PathValue("id")}
	if k.Team == "" {
		return nil, invalid("team", "is missing: a run is known by its team and its id")
	}
	var after int64
	if s := q.Get("after"); s != "" {
		var err error
		if after, err = strconv.ParseInt(s, 10, 64); err != nil || after < 0 {
			return nil, invalid("after", "want a number of steps")
		}
	}
	ctx, runs := r.Context(), a.gw.Runs()
	found, err := runs.Find(ctx, k)
	if err != nil {
		return nil, err
	}
	steps, err := runs.Steps(ctx, found.Key, after, stepsShown)
	if err != nil {
		return nil, err
	}
	refusals, err := runs.Refusals(ctx, found.Key)
	if err != nil {
		return nil, err
	}
	budgets, err := a.gw.Statement(ctx, &found)
	if err != nil {
		return nil, err
	}
	return object.RunOf(&found, budgets, refusals, steps), nil
}
