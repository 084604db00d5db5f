package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

func TestGateObject(t *testing.T) {
	d := newDesk(t)
	g := d.Open(d.Run("nightly"), refund("ord_2H4p"))
	r := d.Do("GET", "/v1/gates/"+g.ID, "")
	require.Equal(t, 200, r.Code, r.Body)
	assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	assert.Equal(t, "no-store", r.Header.Get("Cache-Control"))
	revision := g.Policy.Revision
	assert.Equal(t, map[string]any{
		"id": g.ID, "status": "pending", "kind": "action", "team": "team:ops", "run_id": "nightly", "agent_id": "alice", "user": "u-7",
		"policy": map[string]any{"id": "pol_prod", "name": "prod", "revision": revision},
		"rule":   "refund:over-$500", "rule_reason": "Refunds over $500 need a person.", "request": "POST /v1/chat/completions", "model": "gpt-4.1", "cost_usd": "0.03",
		"proposed_actions": []any{map[string]any{"tool": "issue_refund", "args": map[string]any{"order": "ord_2H4p", "amount_usd": 1240.}}},
		"approver_channel": "slack://#customer-ops", "pauses_run": true, "fingerprint": g.Fingerprint.String(),
		"opened_at": g.Opened.UTC().Format(time.RFC3339Nano), "expires_at": g.Expires.UTC().Format(time.RFC3339Nano),
		"decided_at": nil, "decided_by": nil, "reason": nil, "used_at": nil,
	}, r.JSON)
	assert.Contains(t, r.Body, `"amount_usd":1240.00`, "arguments are as they were written")
}

func TestArgumentsThatAreNotJSON(t *testing.T) {
	d := newDesk(t)
	broken := refund("a")
	broken.Proposed[0].Args = []byte(`{"order": <b>`)
	g := d.Open(d.Run("nightly"), broken)
	action := d.Do("GET", "/v1/gates/"+g.ID, "").JSON["proposed_actions"].([]any)[0].(map[string]any)
	assert.Equal(t, `{"order": <b>`, action["args"])
}

func TestDecide(t *testing.T) {
	for name, c := range map[string]struct {
		verb, body string
		bot        bool // decides, and not bob
		status     run.GateStatus
		by, reason string
	}{
		"approved":                   {verb: "approve", body: `{"reason":"Customer is right"}`, status: run.GateApproved, by: "bob", reason: "Customer is right"},
		"rejected":                   {verb: "reject", body: `{"reason":"No"}`, status: run.GateRejected, by: "bob", reason: "No"},
		"without a reason":           {verb: "reject", body: `{}`, status: run.GateRejected, by: "bob"},
		"without a body":             {verb: "approve", status: run.GateApproved, by: "bob"},
		"on another's behalf":        {verb: "approve", body: `{"by":"alice"}`, bot: true, status: run.GateApproved, by: "alice (via ops-bot)"},
		"by name":                    {verb: "approve", body: `{"by":"bob"}`, status: run.GateApproved, by: "bob"},
		"pretending to be via other": {verb: "approve", body: `{"by":"alice (via bob)"}`, bot: true, status: run.GateApproved, by: "alice (via bob) (via ops-bot)"},
		"with the longest reason": {verb: "reject", body: `{"reason":"` + strings.Repeat(`\u0041`, run.MaxCommentBytes) + `"}`,
			status: run.GateRejected, by: "bob", reason: strings.Repeat("A", run.MaxCommentBytes)},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			g := d.Open(d.Run("nightly"), refund("a"))
			token := d.Bob
			if c.bot {
				token = d.Bot
			}
			r := d.Do("POST", "/v1/gates/"+g.ID+"/"+c.verb, c.body, "Authorization: Bearer "+token)
			require.Equal(t, 200, r.Code, r.Body)
			assert.EqualValues(t, c.status, r.JSON["status"])
			assert.Equal(t, c.by, r.JSON["decided_by"])
			now, err := d.Gateway.Gates().Find(context.Background(), g.ID)
			require.NoError(t, err)
			assert.Equal(t, c.status, now.Status)
			assert.Equal(t, c.by, now.By)
			assert.Equal(t, c.reason, now.Comment)
		})
	}
}

func TestDecideRefusesBodies(t *testing.T) {
	d := newDesk(t)
	g := d.Open(d.Run("nightly"), refund("a"))
	for name, c := range map[string]struct {
		body, code string
		status     int
		field      string
	}{
		"no JSON":             {`approve`, "invalid_request", 400, "body"},
		"no object":           {`"yes"`, "invalid_request", 400, "body"},
		"an unknown member":   {`{"reasons":"x"}`, "invalid_request", 400, "body"},
		"a member twice":      {`{"reason":"x","reason":"y"}`, "invalid_request", 400, "body"},
		"more after it":       {`{} {}`, "invalid_request", 400, "body"},
		"a number for a text": {`{"reason":1}`, "invalid_request", 400, "body"},
		"a reason too long":   {`{"reason":"` + strings.Repeat("x", run.MaxCommentBytes+1) + `"}`, "invalid_request", 400, "reason"},
		"a name with a break": {`{"by":"alice\nbob"}`, "invalid_request", 400, "by"},
		"a name too long":     {`{"by":"` + strings.Repeat("a", 256) + `"}`, "invalid_request", 400, "by"},
		"far too large":       {`{"reason":"` + strings.Repeat("x", 1<<20) + `"}`, "request_too_large", 413, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := d.Do("POST", "/v1/gates/"+g.ID+"/approve", c.body)
			d.Refused(r, c.status, c.code)
			if c.field != "" {
				assert.Equal(t, map[string]any{"field": c.field}, r.JSON["error"].(map[string]any)["context"])
			}
		})
	}
	now, err := d.Gateway.Gates().Find(context.Background(), g.ID)
	require.NoError(t, err)
	assert.Equal(t, run.GatePending, now.Status)
}

// A gate is decided once, however many decide at once; the others learn how.
func TestManyDecide(t *testing.T) {
	d := newDesk(t)
	g := d.Open(d.Run("nightly"), refund("a"))
	const deciders = 16
	replies := make([]*reply, deciders)
	var wg sync.WaitGroup
	for i := range deciders {
		wg.Go(func() {
			verb := []string{"approve", "reject"}[i%2]
			replies[i] = d.Do("POST", "/v1/gates/"+g.ID+"/"+verb, fmt.Sprintf(`{"by":"person-%d"}`, i), "Authorization: Bearer "+d.Bot)
		})
	}
	wg.Wait()
	now, err := d.Gateway.Gates().Find(context.Background(), g.ID)
	require.NoError(t, err)
	var decided int
	for i, r := range replies {
		if r.Code == 200 {
			decided++
			assert.Equal(t, fmt.Sprintf("person-%d (via ops-bot)", i), now.By)
			continue
		}
		d.Refused(r, 409, "gate_decided")
		first := r.JSON["error"].(map[string]any)["context"].(map[string]any)
		assert.EqualValues(t, now.Status, first["status"])
		assert.Equal(t, now.By, first["decided_by"])
	}
	assert.Equal(t, 1, decided)
}

func TestListGates(t *testing.T) {
	d := newDesk(t)
	var opened []string // the newest first
	for _, id := range []string{"one", "two"} {
		r := d.Run(id)
		for i := range 3 {
			opened = append([]string{d.Open(r, refund(fmt.Sprint(id, i))).ID}, opened...)
		}
	}
	require.Equal(t, 200, d.Do("POST", "/v1/gates/"+opened[0]+"/approve", "").Code)
	require.Equal(t, 200, d.Do("POST", "/v1/gates/"+opened[5]+"/reject", "").Code)
	for query, want := range map[string][]string{
		"":                               opened,
		"?status=pending":                opened[1:5],
		"?status=approved":               opened[:1],
		"?status=rejected":               opened[5:],
		"?status=cancelled":              {},
		"?team=team:ops":                 opened,
		"?team=team:dev":                 {},
		"?team=team:ops&run_id=one":      opened[3:],
		"?team=team:dev&run_id=one":      {},
		"?limit=2":                       opened[:2],
		"?limit=2&cursor=" + opened[1]:   opened[2:4],
		"?limit=2&cursor=" + opened[3]:   opened[4:],
		"?status=pending&limit=4":        opened[1:5],
		"?limit=500&cursor=" + opened[5]: {},
	} {
		r := d.Do("GET", "/v1/gates"+query, "")
		require.Equal(t, 200, r.Code, r.Body)
		got := []string{}
		for _, g := range r.JSON["gates"].([]any) {
			got = append(got, g.(map[string]any)["id"].(string))
		}
		assert.Equal(t, want, got, query)
		if query == "?limit=2" {
			assert.Equal(t, opened[1], r.JSON["next"], "the cursor of the next page")
		} else if !strings.Contains(query, "limit=2&") {
			assert.Nil(t, r.JSON["next"], query)
		}
	}
	for query, field := range map[string]string{
		"?status=done": "status", "?limit=0": "limit", "?limit=501": "limit", "?limit=x": "limit", "?run_id=one": "team", "?cursor=gate_none": "cursor",
	} {
		r := d.Do("GET", "/v1/gates"+query, "")
		d.Refused(r, 400, "invalid_request")
		assert.Equal(t, map[string]any{"field": field}, r.JSON["error"].(map[string]any)["context"])
	}
	r := d.Do("GET", "/v1/gates?status=done", "")
	assert.Contains(t, r.JSON["error"].(map[string]any)["message"], "there are pending, approved, rejected, expired, used, cancelled.")
}

func TestNotFound(t *testing.T) {
	d := newDesk(t)
	g := d.Open(d.Run("nightly"), refund("a"))
	for request, code := range map[string]string{
		"GET /v1/gates/gate_none":              "gate_not_found",
		"POST /v1/gates/gate_none/approve":     "gate_not_found",
		"GET /v1/runs/none?team=team:ops":      "run_not_found",
		"GET /v1/runs/nightly?team=team:dev":   "run_not_found",
		"GET /v1/gates/" + g.ID + "/approve":   "unknown_endpoint",
		"PUT /v1/gates/" + g.ID + "/approve":   "unknown_endpoint",
		"DELETE /v1/gates/" + g.ID:             "unknown_endpoint",
		"POST /v1/gates":                       "unknown_endpoint",
		"GET /":                                "unknown_endpoint",
		"POST /v1/chat/completions":            "unknown_endpoint",
		"POST /v1/gates/" + g.ID + "/approve/": "unknown_endpoint",
	} {
		method, path, _ := strings.Cut(request, " ")
		d.Refused(d.Do(method, path, ""), 404, code)
	}
}

func TestShowRun(t *testing.T) {
	d := newDesk(t)
	d.Run("nightly")
	r := d.Do("GET", "/v1/runs/nightly?team=team:ops", "")
	require.Equal(t, 200, r.Code, r.Body)
	assert.Equal(t, "nightly", r.JSON["id"])
	assert.Equal(t, "open", r.JSON["status"])
	assert.Len(t, r.JSON["step_log"], 1)
	assert.Len(t, r.JSON["limits"], 1)
	d.Open(d.Run("nightly"), refund("a"))
	r = d.Do("GET", "/v1/runs/nightly?team=team:ops&after=1", "")
	assert.Equal(t, "paused", r.JSON["status"])
	assert.Len(t, r.JSON["step_log"], 1)
	d.Refused(d.Do("GET", "/v1/runs/nightly", ""), 400, "invalid_request")
	d.Refused(d.Do("GET", "/v1/runs/nightly?team=team:ops&after=-1", ""), 400, "invalid_request")
}

// The run object is the one that agents are shown.
func TestRunObjectIsTheAgents(t *testing.T) {
	d := newDesk(t)
	d.Run("a/b 100%")
	r := d.Do("GET", "/v1/runs/a%2Fb%20100%25?team=team:ops", "")
	require.Equal(t, 200, r.Code, r.Body)
	agents := d.AskAsAgent("/v1/runs/a%2Fb%20100%25")
	assert.Equal(t, agents, r.Body)
}

func TestStoreUnavailable(t *testing.T) {
	store := memstore.New(memstore.Options{})
	d := newDesk(t, func(c *gateway.Config) { c.Store = awayStore{store} })
	for _, request := range []string{"GET /v1/gates", "GET /v1/gates/gate_a", "POST /v1/gates/gate_a/approve"} {
		method, path, _ := strings.Cut(request, " ")
		r := d.Do(method, path, "")
		d.Refused(r, 503, "store_unavailable")
		assert.NotContains(t, r.Body, errAway.Error())
	}
	assert.Contains(t, d.Log.String(), errAway.Error())
}

var errAway = errors.New("the journal is away")

// awayStore is a store whose gates cannot be asked about.
type awayStore struct{ *memstore.Store }

func (awayStore) DecideGate(context.Context, string, *run.Verdict, time.Time) (run.Gate, bool, error) {
	return run.Gate{}, false, errAway
}

func (awayStore) FindGates(context.Context, []string, time.Time) ([]run.Gate, error) {
	return nil, errAway
}

func (awayStore) ListGates(context.Context, *run.GateQuery, time.Time) ([]run.Gate, error) {
	return nil, errAway
}

// A list has some of long arguments, and says so; the gate by itself has all.
func TestListedArguments(t *testing.T) {
	const most = 4 << 10
	long, object := strings.Repeat("x", 10_000), func(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }
	excerpt := func(begin string, n int) map[string]any {
		a := map[string]any{"tool": "t", "args_bytes": float64(n)}
		if begin != "" {
			a["args_excerpt"] = begin
		}
		return a
	}
	whole := func(n int) map[string]any {
		return map[string]any{"tool": "t", "args": map[string]any{"a": strings.Repeat("x", n-8)}}
	}
	for name, c := range map[string]struct {
		args []string
		want []any
	}{
		"as long as can be":   {[]string{object(most)}, []any{whole(most)}},
		"too long":            {[]string{object(most + 1)}, []any{excerpt(object(most + 1)[:most], most+1)}},
		"too long, together":  {[]string{object(most - 10), object(20), object(20)}, []any{whole(most - 10), excerpt(object(20)[:10], 20), excerpt("", 20)}},
		"none after many":     {[]string{object(most), ""}, []any{whole(most), map[string]any{"tool": "t"}}},
		"not within a letter": {[]string{long[:most-1] + "ä"}, []any{excerpt(long[:most-1], most+1)}},
		"no JSON":             {[]string{long}, []any{excerpt(long[:most], len(long))}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			g := refund("a")
			g.Proposed = nil
			for _, args := range c.args {
				p := run.Proposal{Tool: "t"}
				if args != "" {
					p.Args = []byte(args)
				}
				g.Proposed = append(g.Proposed, p)
			}
			g = d.Open(d.Run("nightly"), g)
			listed := d.Do("GET", "/v1/gates", "").JSON["gates"].([]any)[0].(map[string]any)
			assert.Equal(t, c.want, listed["proposed_actions"])
			alone := d.Do("GET", "/v1/gates/"+g.ID, "")
			assert.NotContains(t, alone.Body, "args_bytes")
			for _, args := range c.args {
				assert.Contains(t, alone.Body, args)
			}
		})
	}
}
