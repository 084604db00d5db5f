package admin_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/run"
)

// limited is a desk of a gateway whose runs make one call.
func limited(t *testing.T) *desk {
	p, err := policy.Parse([]byte(`{"name":"prod","run":{"max_steps":1},"budgets":[
		{"name":"usd","per":"run","limit_usd":"1.00"}, {"name":"tokens","per":"run","limit_tokens":5000}, {"name":"daily","per":"agent","limit_usd":"9.00","window":"day"}]}`))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)
	return newDesk(t, func(c *gateway.Config) { c.Policy = policies })
}

// What a refusal tells an agent to ask an operator for, the operator can do.
func TestRaiseLetsARunGoOn(t *testing.T) {
	d := limited(t)
	d.Run("nightly")
	require.Equal(t, 403, d.Call("nightly"))
	r := d.Do("POST", "/v1/runs/nightly/unblock?team=team:ops", "")
	require.Equal(t, 200, r.Code, r.Body)
	assert.Equal(t, "open", r.JSON["status"])
	require.Equal(t, 403, d.Call("nightly"), "to unblock it is not to raise the limit")
	r = d.Do("POST", "/v1/runs/nightly/raise?team=team:ops", `{"rule":"max_steps","limit":2}`)
	require.Equal(t, 200, r.Code, r.Body)
	assert.Equal(t, "open", r.JSON["status"])
	assert.Equal(t, 200, d.Call("nightly"))
	assert.Equal(t, 403, d.Call("nightly"))
}

func TestRaise(t *testing.T) {
	d := limited(t)
	nightly := d.Run("nightly")
	for body, want := range map[string]run.Raised{
		`{"rule":"usd","limit_usd":"5.00"}`:                        {Rule: "usd", Limit: int64(5 * budget.Dollar)},
		`{"rule":"tokens","limit_tokens":7000}`:                    {Rule: "tokens", Limit: 7000},
		`{"rule":"max_duration","limit_duration":"4h"}`:            {Rule: run.RuleMaxDuration, Limit: int64(4 * time.Hour)},
		`{"rule":"max_steps","limit":10}`:                          {Rule: run.RuleMaxSteps, Limit: 10},
		`{"rule":"max_depth","limit":4}`:                           {Rule: run.RuleMaxDepth, Limit: 4},
		`{"rule":"max_children","limit":5}`:                        {Rule: run.RuleMaxChildren, Limit: 5},
		`{"rule":"identical_calls","limit":6}`:                     {Rule: run.RuleIdenticalCalls, Limit: 6},
		`{"rule":"identical_tool_calls","limit":7}`:                {Rule: run.RuleIdenticalToolCalls, Limit: 7},
		`{"rule":"identical_tool_calls","limit_usd":0, "limit":8}`: {Rule: run.RuleIdenticalToolCalls, Limit: 8},
	} {
		r := d.Do("POST", "/v1/runs/nightly/raise?team=team:ops", body)
		require.Equal(t, 200, r.Code, r.Body)
		found, err := d.Gateway.Runs().Find(t.Context(), nightly.Key)
		require.NoError(t, err)
		assert.Contains(t, found.Raised, want)
	}
	limits := d.Do("GET", "/v1/runs/nightly?team=team:ops", "").JSON["limits"].([]any)
	assert.Equal(t, "5.00", limits[0].(map[string]any)["limit_usd"])
	assert.Equal(t, 7000., limits[1].(map[string]any)["limit_tokens"])
}

func TestRaiseRefuses(t *testing.T) {
	d := limited(t)
	d.Run("nightly")
	for name, c := range map[string]struct{ body, field string }{
		"nothing":                      {``, "rule"},
		"no JSON":                      {`usd`, "body"},
		"an unknown member":            {`{"rule":"usd","limit_eur":5}`, "body"},
		"no rule":                      {`{"limit_usd":"5.00"}`, "rule"},
		"a rule that is not there":     {`{"rule":"eur","limit_usd":"5.00"}`, "rule"},
		"a budget that others share":   {`{"rule":"daily","limit_usd":"50.00"}`, "rule"},
		"no limit":                     {`{"rule":"usd"}`, "limit_usd"},
		"a limit of 0":                 {`{"rule":"tokens","limit_tokens":0}`, "limit_tokens"},
		"a negative limit":             {`{"rule":"max_steps","limit":-1}`, "limit"},
		"tokens for dollars":           {`{"rule":"usd","limit_usd":"5.00","limit_tokens":5}`, "limit_tokens"},
		"dollars for tokens":           {`{"rule":"tokens","limit_tokens":5,"limit_usd":"5.00"}`, "limit_usd"},
		"a number for a duration":      {`{"rule":"max_duration","limit_duration":"1h","limit":5}`, "limit"},
		"a duration that is a number":  {`{"rule":"max_duration","limit_duration":5}`, "body"},
		"a negative amount of dollars": {`{"rule":"usd","limit_usd":"-5.00"}`, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			r := d.Do("POST", "/v1/runs/nightly/raise?team=team:ops", c.body)
			d.Refused(r, 400, "invalid_request")
			assert.Equal(t, map[string]any{"field": c.field}, r.JSON["error"].(map[string]any)["context"])
		})
	}
	found, err := d.Gateway.Runs().Find(t.Context(), run.Key{Team: "team:ops", ID: "nightly"})
	require.NoError(t, err)
	assert.Empty(t, found.Raised)
}

func TestCompleteRun(t *testing.T) {
	d := limited(t)
	d.Run("nightly")
	for range 2 { // the second time it stays as it is
		r := d.Do("POST", "/v1/runs/nightly/complete?team=team:ops", "")
		require.Equal(t, 200, r.Code, r.Body)
		assert.Equal(t, "completed", r.JSON["status"])
		assert.Equal(t, "completed_by_operator", r.JSON["reason"])
	}
	d.Refused(d.Do("POST", "/v1/runs/nightly/raise?team=team:ops", `{"rule":"usd","limit_usd":"5.00"}`), 409, "run_closed")
	r := d.Do("POST", "/v1/runs/nightly/unblock?team=team:ops", "")
	require.Equal(t, 200, r.Code, r.Body)
	assert.Equal(t, "completed", r.JSON["status"], "it was not blocked")
}

// A run is named by its team and its id, and changed by operators alone.
func TestRunsOfOthersStayAsTheyAre(t *testing.T) {
	d := limited(t)
	d.Run("nightly")
	for _, action := range []string{"raise", "unblock", "complete"} {
		path, body := "/v1/runs/nightly/"+action, ""
		if action == "raise" {
			body = `{"rule":"usd","limit_usd":"5.00"}`
		}
		d.Refused(d.Do("POST", path, body), 400, "invalid_request")
		d.Refused(d.Do("POST", path+"?team=team:dev", body), 404, "run_not_found")
		d.Refused(d.Do("GET", path+"?team=team:ops", body), 404, "unknown_endpoint")
		d.Refused(d.Do("POST", path+"?team=team:ops", body, "Authorization: Bearer "+d.Agent), 401, "invalid_admin_token")
	}
	assert.Equal(t, "open", d.Do("GET", "/v1/runs/nightly?team=team:ops", "").JSON["status"])
}
