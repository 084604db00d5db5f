package admin_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/audit"
)

// newAuditedDesk is a desk with a trail in a file.
func newAuditedDesk(t *testing.T) (d *desk, log *audit.Log, path string) {
	path = filepath.Join(t.TempDir(), "audit.jsonl")
	log, err := audit.OpenLog(path, audit.LogOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { log.Close() })
	return newDesk(t, func(c *gateway.Config) { c.Trail = log }), log, path
}

// Export asks for an export as bob.
func (d *desk) Export(query, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/v1/audit/export?"+query, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	d.API.ServeHTTP(w, r)
	return w
}

func TestExportTrail(t *testing.T) {
	d, log, path := newAuditedDesk(t)
	for range 400 {
		require.Equal(t, 200, d.Call("nightly"))
	}
	d.Gateway.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/nothing", nil))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	ops, nobody := strings.Join(lines[:801], ""), lines[801]

	w := d.Export("team=team:ops", d.Bob)
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "application/x-ndjson", w.Header().Get("Content-Type"))
	assert.Equal(t, ops, w.Body.String())
	assert.Equal(t, strings.Join(lines[700:801], ""), d.Export("team=team:ops&after=700", d.Bob).Body.String())
	assert.Equal(t, nobody, d.Export("team=", d.Bob).Body.String())
	w = d.Export("team=team:none", d.Bob)
	assert.Equal(t, []any{200, "application/x-ndjson", ""}, []any{w.Code, w.Header().Get("Content-Type"), w.Body.String()})

	d.Refused(d.Do("GET", "/v1/audit/export", ""), 400, "invalid_request")
	d.Refused(d.Do("GET", "/v1/audit/export?team=x&after=-1", ""), 400, "invalid_request")
	assert.Equal(t, 401, d.Export("team=team:ops", d.Agent).Code)
	require.NoError(t, log.Close())
	assert.Equal(t, 503, d.Export("team=team:ops", d.Bob).Code)
}

// An export that breaks off is not taken for all of it.
func TestExportBreaksOff(t *testing.T) {
	d, log, path := newAuditedDesk(t)
	for i := range 600 {
		r := budget.Record{Team: "t", ID: strings.Repeat("x", i), Text: []byte(`{}`)}
		require.NoError(t, log.Append(t.Context(), &r))
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	copy(text[len(text)-5:], "xx")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { d.Export("team=t", d.Bob) })
}

func TestVerifyTrail(t *testing.T) {
	d, _, path := newAuditedDesk(t)
	assert.JSONEq(t, `{"trails":[]}`, d.Do("GET", "/v1/audit", "").Body)
	require.Equal(t, 200, d.Call("nightly"))
	trails := d.Do("GET", "/v1/audit", "").JSON["trails"].([]any)
	require.Len(t, trails, 1)
	head := trails[0].(map[string]any)
	assert.Equal(t, map[string]any{"team": "team:ops", "number": 3., "hash": head["hash"]}, head)
	hash := head["hash"].(string)

	r := d.Do("GET", "/v1/audit/verify?team=team:ops&number=3&hash="+hash, "")
	assert.Equal(t, 200, r.Code)
	assert.Equal(t, map[string]any{"intact": true, "entries": 3., "head": head}, r.JSON)
	assert.JSONEq(t, `{"intact":true}`, d.Do("GET", "/v1/audit/verify?team=none", "").Body)
	r = d.Do("GET", "/v1/audit/verify?team=team:ops&number=4&hash="+hash, "")
	assert.Equal(t, map[string]any{"intact": false, "broken": map[string]any{"team": "team:ops", "number": 4., "fault": "missing",
		"message": `audit trail, entry 4 of team "team:ops": it is missing: the trail is known to have gone on`}}, r.JSON)
	for _, query := range []string{"", "team=t&number=3", "team=t&hash=" + hash, "team=t&number=0&hash=" + hash, "team=t&number=3&hash=00"} {
		d.Refused(d.Do("GET", "/v1/audit/verify?"+query, ""), 400, "invalid_request")
	}

	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), `"agent_id":"alice"`, `"agent_id":"malic"`, 1)), 0o600))
	r = d.Do("GET", "/v1/audit/verify?team=team:ops", "")
	assert.Equal(t, map[string]any{"team": "team:ops", "number": 1., "fault": "changed",
		"message": `audit trail, entry 1 of team "team:ops": it was changed`}, r.JSON["broken"])
}

func TestNoTrail(t *testing.T) {
	d := newDesk(t)
	for _, path := range []string{"/v1/audit", "/v1/audit/verify?team=t", "/v1/audit/export?team=t"} {
		d.Refused(d.Do("GET", path, ""), 404, "no_audit_trail")
	}
}

// Who has ordered something is in the trail.
func TestOperatorsAreRecorded(t *testing.T) {
	d, _, _ := newAuditedDesk(t)
	g := d.Open(d.Run("nightly"), refund("a"))
	require.Equal(t, 200, d.Do("POST", "/v1/gates/"+g.ID+"/approve", `{"by":"alice"}`, "Authorization: Bearer "+d.Bot).Code)
	require.Equal(t, 200, d.Do("POST", "/v1/runs/nightly/raise?team=team:ops", `{"rule":"usd","limit_usd":"2"}`).Code)
	require.Equal(t, 200, d.Do("POST", "/v1/runs/nightly/complete?team=team:ops", "").Code)
	text := d.Export("team=team:ops", d.Bob).Body.String()
	assert.Contains(t, text, `"operator":"ops-bot","gate_id":"`+g.ID+`"`)
	assert.Contains(t, text, `"decided_by":"alice (via ops-bot)"`)
	assert.Contains(t, text, `"operator":"bob","rule":"usd","limit":2000000000000`)
	assert.Contains(t, text, `"operator":"bob","reason":"completed_by_operator"`)
}
