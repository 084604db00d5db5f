//go:build clients

package integrations

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/run"
)

// A desk is where a person decides, over the operator's API of a gateway.
type desk struct{ url string }

const (
	operatorToken = "rg_adm_integrations"
	reason        = "the order was never paid" // of what is decided
)

// verbs decide a gate.
var verbs = map[ending]string{approved: "approve", rejected: "reject"}

func newDesk(t *testing.T, gw *gateway.Gateway) *desk {
	t.Helper()
	operators := &admin.OperatorTable{}
	require.NoError(t, operators.Replace(admin.Enrolment{
		Operator: admin.Operator{Name: "carol"},
		Tokens:   []run.Digest{run.DigestOf(operatorToken)},
	}))
	api, err := admin.New(gw, admin.Config{Operators: operators})
	require.NoError(t, err)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return &desk{server.URL}
}

// A gate is what an operator sees of one.
type gate struct {
	ID, Status, Kind string
	Opened           time.Time `json:"opened_at"`
}

// gates returns all of them.
func (d *desk) gates(t *testing.T) []gate {
	var list struct{ Gates []gate }
	assert.NoError(t, json.Unmarshal(d.ask(t, http.MethodGet, "/v1/gates", ""), &list))
	return list.Gates
}

// decide decides the first gate as soon as it is ready for that, unless ctx is done
// before.
func (d *desk) decide(ctx context.Context, t *testing.T, verb string, ready func(*gate) bool) {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		if gates := d.gates(t); len(gates) > 0 && ready(&gates[0]) {
			d.ask(t, http.MethodPost, "/v1/gates/"+gates[0].ID+"/"+verb, `{"reason":"`+reason+`"}`)
			return
		}
	}
}

// ask makes a call of the API, which must be answered with 200.
func (d *desk) ask(t *testing.T, method, path, body string) []byte {
	r, err := http.NewRequestWithContext(context.Background(), method, d.url+path, strings.NewReader(body))
	if !assert.NoError(t, err) {
		return nil
	}
	r.Header.Set("Authorization", "Bearer "+operatorToken)
	resp, err := http.DefaultClient.Do(r)
	if !assert.NoError(t, err) {
		return nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	assert.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode, "%s %s: %s", method, path, answer)
	return answer
}
