package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/rungate/rungate/gateway/internal/object"
	"github.com/rungate/rungate/run"
)

// stepsShown is how many steps of a run are shown at once.
const stepsShown = 1000

// serveOwn answers at Rungate's own endpoints, by which an agent looks after the
// runs of its team.
func (c *call) serveOwn(ctx context.Context) error {
	if err := c.authenticate(ctx); err != nil {
		return err
	}
	id, err := url.PathUnescape(c.route.id[1:])
	if err != nil {
		id = "" // which there is none of
	}
	if c.route.own == showGate {
		return c.showGate(ctx, id)
	}
	k := run.Key{Team: c.agent.TeamKey(), ID: id}
	if c.route.own == completeRun {
		r, err := c.g.recorder.Complete(ctx, k, run.ReasonByAgent)
		if err != nil {
			return err
		}
		return c.showRun(ctx, &r, nil)
	}
	r, err := c.g.recorder.Find(ctx, k)
	if err != nil {
		return err
	}
	after, _ := strconv.ParseInt(c.r.URL.Query().Get("after"), 10, 64) // none is 0
	steps, err := c.g.recorder.Steps(ctx, r.Key, after, stepsShown)
	if err != nil {
		return err
	}
	return c.showRun(ctx, &r, steps)
}

// showRun answers with the run object.
func (c *call) showRun(ctx context.Context, r *run.Run, steps []run.Step) error {
	standings, err := c.g.Statement(ctx, r)
	if err != nil {
		return err
	}
	refusals, err := c.g.recorder.Refusals(ctx, r.Key)
	if err != nil {
		return err
	}
	c.run = *r
	return c.showOwn(object.RunOf(r, standings, refusals, steps))
}

// showGate answers with what an agent is told about a gate of its team.
func (c *call) showGate(ctx context.Context, id string) error {
	g, err := c.g.gates.Find(ctx, id)
	if err == nil && g.Run.Team != c.agent.TeamKey() {
		err = run.ErrNoGate
	}
	if err != nil {
		return err
	}
	gc := contextOf(&g)
	if g.Status == run.GatePending {
		gc = pendingContext(&g)
	}
	c.run.ID = g.Run.ID
	return c.showOwn(struct {
		Status run.GateStatus `json:"status"`
		Kind   run.GateKind   `json:"kind"`
		*gateContext
	}{g.Status, g.Kind, gc})
}

// showOwn answers with an object.
func (c *call) showOwn(o any) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	h := c.w.Header()
	c.echoRun(h)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(http.StatusOK)
	c.w.Write(body)
	return nil
}
