package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rungate/rungate/gateway/internal/object"
	"github.com/rungate/rungate/run"
)

// How many gates one page of a list has: where the request does not say, and at
// most.
const (
	gatesListed     = 50
	mostGatesListed = 500
)

// maxVerdictBytes bounds the body of a decision: a comment of which each byte is
// escaped, and a name.
const maxVerdictBytes = 6*run.MaxCommentBytes + 4<<10

type gateList struct {
	Gates []*object.Gate `json:"gates"`
	Next  *string        `json:"next"` // the cursor of the next page; null: this is the last
}

// listGates answers with gates, the one opened last first, and of each with 4 KiB
// of arguments at most.
func (a *api) listGates(_ *Operator, r *http.Request) (any, error) {
	q, err := gateQuery(r.URL.Query())
	if err != nil {
		return nil, err
	}
	most := q.N
	q.N++ // tells whether there are more
	found, err := a.gw.Gates().List(r.Context(), q)
	if errors.Is(err, run.ErrNoGate) {
		return nil, invalid("cursor", "there is no such gate any more; begin anew")
	}
	if err != nil {
		return nil, err
	}
	list := gateList{Gates: []*object.Gate{}}
	for i := range found[:min(len(found), most)] {
		list.Gates = append(list.Gates, object.ListedGateOf(&found[i]))
	}
	if len(found) > most {
		list.Next = &list.Gates[most-1].ID
	}
	return &list, nil
}

var gateStatuses = []string{
	string(run.GatePending), string(run.GateApproved), string(run.GateRejected),
	string(run.GateExpired), string(run.GateUsed), string(run.GateCancelled),
}

func gateQuery(v url.Values) (run.GateQuery, error) {
	q := run.GateQuery{
		Status: run.GateStatus(v.Get("status")), Run: run.Key{Team: v.Get("team"), ID: v.Get("run_id")}, Before: v.Get("cursor"), N: gatesListed,
	}
	if q.Status != "" && !slices.Contains(gateStatuses, string(q.Status)) {
		return q, invalid("status", "%q is not known; there are %s", q.Status, strings.Join(gateStatuses, ", "))
	}
	if q.Run.ID != "" && q.Run.Team == "" {
		return q, invalid("team", "is missing: a run is known by its team and its id")
	}
	if limit := v.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > mostGatesListed {
			return q, invalid("limit", "want a number from 1 to %d", mostGatesListed)
		}
		q.N = n
	}
	return q, nil
}

func (a *api) showGate(_ *Operator, r *http.Request) (any, error) {
	g, err := a.gw.Gates().Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return object.GateOf(&g), nil
}

// verdict is the body of a decision.
type verdict struct {
	Reason string `json:"reason"`
	By     string `json:"by"` // on whose behalf; empty is the operator's own
}

// decide approves or rejects a gate, and answers with it as it is after that.
func (a *api) decide(approve bool) endpoint {
	return func(o *Operator, r *http.Request) (any, error) {
		var v verdict
		if err := read(r, maxVerdictBytes, &v); err != nil {
			return nil, err
		}
		by := o.Name
		if v.By != "" && v.By != o.Name {
			by = fmt.Sprintf("%s (via %s)", v.By, o.Name)
		}
		g, err := a.gw.Gates().Decide(r.Context(), r.PathValue("id"), run.Verdict{Approve: approve, By: by, Comment: v.Reason})
		if e, ok := errors.AsType[*run.VerdictError](err); ok {
			return nil, invalid(e.Field, "%s", e.Reason)
		}
		if err != nil {
			return nil, err
		}
		return object.GateOf(&g), nil
	}
}
