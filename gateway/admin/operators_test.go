package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

func TestNewRefuses(t *testing.T) {
	d := newDesk(t)
	var operators admin.OperatorTable
	for name, c := range map[string]struct {
		gateway *gateway.Gateway
		cfg     admin.Config
		says    []string
	}{
		"no gateway":   {nil, admin.Config{Operators: &operators}, []string{"gateway"}},
		"no operators": {d.Gateway, admin.Config{}, []string{"Config.Operators"}},
		"neither":      {nil, admin.Config{}, []string{"gateway", "Config.Operators"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := admin.New(c.gateway, c.cfg)
			assert.Nil(t, h)
			for _, s := range c.says {
				assert.ErrorContains(t, err, s)
			}
		})
	}
}

// Why a token does not do is nobody's business who does not have one; and no
// agent's token ever does.
func TestTokenRefused(t *testing.T) {
	d := newDesk(t)
	g := d.Open(d.Run("nightly"), refund("a"))
	expired := admin.NewToken()
	var operators admin.OperatorTable
	agent := provider.Secret(d.Agent)
	require.NoError(t, operators.Replace(
		admin.Enrolment{Operator: admin.Operator{Name: "bob"}, Tokens: []run.Digest{run.DigestOf(provider.Secret(d.Bob))}},
		admin.Enrolment{Operator: admin.Operator{Name: "gone", Expires: time.Now()}, Tokens: []run.Digest{run.DigestOf(expired)}},
		admin.Enrolment{Operator: admin.Operator{Name: "mistaken"}, Tokens: []run.Digest{run.DigestOf(agent)}},
	))
	var err error
	d.API, err = admin.New(d.Gateway, admin.Config{Operators: &operators})
	require.NoError(t, err)
	require.Equal(t, 200, d.Do("GET", "/v1/gates", "").Code)
	require.Equal(t, 200, d.Do("GET", "/v1/gates", "", "Authorization: bearer "+d.Bob).Code)

	for _, request := range []string{"GET /v1/gates", "GET /v1/gates/" + g.ID, "POST /v1/gates/" + g.ID + "/approve",
		"POST /v1/gates/" + g.ID + "/reject", "GET /v1/runs/nightly?team=team:ops",
		"GET /v1/targets", "GET /v1/webhooks/dead-letters", "POST /v1/webhooks/dead-letters/evt_a/resend", "GET /nowhere"} {
		t.Run(request, func(t *testing.T) {
			method, path, _ := strings.Cut(request, " ")
			first := ""
			for name, headers := range map[string][]string{
				"missing":               {"Authorization: "},
				"empty":                 {"Authorization: Bearer"},
				"unknown":               {"Authorization: Bearer " + admin.NewToken().Reveal()},
				"expired":               {"Authorization: Bearer " + expired.Reveal()},
				"revoked":               {"Authorization: Bearer " + d.Bot},
				"a letter short":        {"Authorization: Bearer " + d.Bob[:len(d.Bob)-1]},
				"without its prefix":    {"Authorization: Bearer " + d.Bob[len(admin.TokenPrefix):]},
				"in another scheme":     {"Authorization: Basic " + d.Bob},
				"in x-api-key":          {"Authorization: ", "x-api-key: " + d.Bob},
				"in a cookie":           {"Authorization: ", "Cookie: token=" + d.Bob},
				"of an agent":           {"Authorization: Bearer " + d.Agent},
				"of an agent, dressed":  {"Authorization: Bearer " + admin.TokenPrefix + d.Agent[len(run.TokenPrefix):]},
				"of an agent, enrolled": {"Authorization: Bearer " + agent.Reveal()},
				"in the query":          {"Authorization: "},
			} {
				to := path
				if name == "in the query" {
					to = strings.Split(path, "?")[0] + "?token=" + d.Bob
				}
				r := d.Do(method, to, "", headers...)
				d.Refused(r, 401, "invalid_admin_token")
				if first == "" {
					first = r.Body
				}
				assert.Equal(t, first, r.Body, name)
			}
		})
	}
	now, err := d.Gateway.Gates().Find(context.Background(), g.ID)
	require.NoError(t, err)
	assert.Equal(t, run.GatePending, now.Status)
}

// An agent has no way to decide: its own endpoints have none.
func TestAgentsDoNotDecide(t *testing.T) {
	d := newDesk(t)
	g := d.Open(d.Run("nightly"), refund("a"))
	for _, token := range []string{d.Agent, d.Bob} {
		for _, verb := range []string{"approve", "reject"} {
			r := httptest.NewRequest("POST", "/v1/gates/"+g.ID+"/"+verb, strings.NewReader(`{}`))
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			d.Gateway.ServeHTTP(w, r)
			assert.Equal(t, http.StatusNotFound, w.Code)
		}
	}
	now, err := d.Gateway.Gates().Find(context.Background(), g.ID)
	require.NoError(t, err)
	assert.Equal(t, run.GatePending, now.Status)
}

// Operators that cannot be asked are no reason to tell one that a token is not
// valid.
func TestOperatorsUnavailable(t *testing.T) {
	d := newDesk(t)
	var err error
	d.API, err = admin.New(d.Gateway, admin.Config{Operators: awayOperators{}})
	require.NoError(t, err)
	d.Refused(d.Do("GET", "/v1/gates", ""), 503, "store_unavailable")
	d.Refused(d.Do("GET", "/v1/gates", "", "Authorization: "), 401, "invalid_admin_token")
}

type awayOperators struct{}

func (awayOperators) ByToken(context.Context, run.Digest) (*admin.Operator, error) {
	return nil, errors.New("the directory is away")
}

func TestOperatorTable(t *testing.T) {
	bob, carol := run.DigestOf(admin.NewToken()), run.DigestOf(admin.NewToken())
	named := func(name string, tokens ...run.Digest) admin.Enrolment {
		return admin.Enrolment{Operator: admin.Operator{Name: name}, Tokens: tokens}
	}
	var table admin.OperatorTable
	_, err := table.ByToken(t.Context(), bob)
	assert.ErrorIs(t, err, admin.ErrUnknownOperator, "the zero table is empty")
	require.NoError(t, table.Replace(named("bob", bob, carol), named("without a token")))
	for name, c := range map[string]struct {
		operators []admin.Enrolment
		says      string
	}{
		"no name":           {[]admin.Enrolment{named("", carol)}, "operators[0]: the name"},
		"a break in a name": {[]admin.Enrolment{named("a\nb")}, "operators[0]: the name"},
		"a name like that of a decision on another's behalf": {[]admin.Enrolment{named("carol (via bob)")}, "operators[0]: the name"},
		"a name twice":   {[]admin.Enrolment{named("bob"), named("bob")}, `operators[1]: the name "bob" is used twice`},
		"a token twice":  {[]admin.Enrolment{named("bob", bob), named("carol", bob)}, `operators[1]: "bob" and "carol" have the same token`},
		"an empty token": {[]admin.Enrolment{named("bob", run.DigestOf(""))}, "operators[0]: the token is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorContains(t, table.Replace(c.operators...), c.says)
		})
	}
	for _, d := range []run.Digest{bob, carol} {
		o, err := table.ByToken(t.Context(), d)
		require.NoError(t, err, "what fails changes nothing")
		assert.Equal(t, "bob", o.Name)
	}
	require.NoError(t, table.Replace(named("carol", carol)))
	_, err = table.ByToken(t.Context(), bob)
	assert.ErrorIs(t, err, admin.ErrUnknownOperator)
}

func TestNewToken(t *testing.T) {
	a, b := admin.NewToken().Reveal(), admin.NewToken().Reveal()
	assert.Regexp(t, `^rg_adm_[a-z2-7]{38}$`, a)
	assert.NotEqual(t, a, b)
}
