package console_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// version is of the live part of a page.
func version(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`data-version="([0-9a-f]+)"`).FindStringSubmatch(page)
	require.NotNil(t, m, page)
	return m[1]
}

// A page that asks whether it is up to date is answered with nothing until
// something has happened, and then with the part that shows it.
func TestLive(t *testing.T) {
	for name, c := range map[string]struct {
		path    string // GATE stands for the gate
		happens func(t *testing.T, s *site, g run.Gate)
		shows   string
	}{
		"a gate opens": {"/", func(t *testing.T, s *site, _ run.Gate) { s.Open(s.Run("other"), `{"order":"ord_9"}`) }, "ord_9"},
		"a gate is decided, in the list": {"/", func(t *testing.T, s *site, g run.Gate) { approve(t, s, g) },
			"Nothing waits for a decision."},
		"a gate is decided":              {"/gates/GATE", func(t *testing.T, s *site, g run.Gate) { approve(t, s, g) }, "Approved by bob"},
		"a gate expires":                 {"/gates/GATE", func(*testing.T, *site, run.Gate) { time.Sleep(2 * run.DefaultWindow) }, "Expired without a decision"},
		"a gate expires, in the list":    {"/", func(*testing.T, *site, run.Gate) { time.Sleep(2 * run.DefaultWindow) }, "Nothing waits for a decision."},
		"an approval is claimed":         {"/gates/GATE", claim, "The answer is being sent to the agent."},
		"an approval is used":            {"/gates/GATE", used, "The answer was sent to the agent"},
		"a run ends":                     {"/gates/GATE", complete, "Cancelled"},
		"a run ends, on its page":        {"/run?team=team:ops&id=nightly", complete, "completed"},
		"a gate is decided, of its run":  {"/run?team=team:ops&id=nightly", func(t *testing.T, s *site, g run.Gate) { approve(t, s, g) }, "bob"},
		"a run makes a call":             {"/run?team=team:ops&id=cheap", func(_ *testing.T, s *site, _ run.Gate) { s.Run("cheap") }, "in 2 calls"},
		"a decision, in the list of all": {"/decided", func(t *testing.T, s *site, g run.Gate) { approve(t, s, g) }, "by bob"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, "/console")
				s.Run("cheap")
				g := s.Open(s.Run("nightly"), `{"order":"ord_2H4p"}`)
				cookie := s.SignIn("alice")
				path := strings.ReplaceAll(c.path, "GATE", g.ID)
				live := path + "?live="
				if strings.Contains(path, "?") {
					live = path + "&live="
				}
				page := s.Ask("GET", path, "", cookie)
				require.Equal(t, http.StatusOK, page.Code)
				v := version(t, page.Body.String())
				for range 3 { // time alone changes nothing
					same := s.Ask("GET", live+v, "", cookie)
					assert.Equal(t, http.StatusNoContent, same.Code)
					assert.Empty(t, same.Body.String())
					time.Sleep(time.Minute)
				}
				c.happens(t, s, g)
				part := s.Ask("GET", live+v, "", cookie)
				require.Equal(t, http.StatusOK, part.Code)
				assert.Contains(t, part.Body.String(), c.shows)
				assert.NotContains(t, part.Body.String(), "<html")
				assert.NotEqual(t, v, version(t, part.Body.String()))
				assert.Equal(t, http.StatusNoContent, s.Ask("GET", live+version(t, part.Body.String()), "", cookie).Code)
			})
		})
	}
}

func approve(t *testing.T, s *site, g run.Gate) {
	t.Helper()
	_, err := s.Gateway.Gates().Decide(context.Background(), g.ID, run.Verdict{Approve: true, By: "bob"})
	require.NoError(t, err)
}

func used(t *testing.T, s *site, g run.Gate) {
	t.Helper()
	approve(t, s, g)
	claim, ok, err := s.Gateway.Gates().Claim(context.Background(), &g, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	_, ok, err = claim.End(context.Background(), true)
	require.NoError(t, err)
	require.True(t, ok)
}

func claim(t *testing.T, s *site, g run.Gate) {
	t.Helper()
	approve(t, s, g)
	_, ok, err := s.Gateway.Gates().Claim(context.Background(), &g, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
}

func complete(t *testing.T, s *site, g run.Gate) {
	t.Helper()
	_, err := s.Gateway.Runs().Complete(context.Background(), g.Run, run.ReasonByAgent)
	require.NoError(t, err)
}

// What is left of an approval is told, whatever became of it.
func TestResults(t *testing.T) {
	for name, c := range map[string]struct {
		kind    run.GateKind
		happens func(t *testing.T, s *site, g run.Gate)
		shows   []string
	}{
		"approved":              {run.ActionGate, approve, []string{"Approved by bob", "The agent has not got the answer yet."}},
		"an answer under way":   {run.ActionGate, claim, []string{"Approved by bob", "The answer is being sent to the agent."}},
		"a request under way":   {run.CallGate, claim, []string{"Approved by bob", "The request is being sent."}},
		"a claim that lapsed":   {run.CallGate, func(t *testing.T, s *site, g run.Gate) { claim(t, s, g); time.Sleep(2 * time.Minute) }, []string{"Approved by bob", "The request has not been sent yet."}},
		"an answer got":         {run.ActionGate, used, []string{"Approved by bob", "The answer was sent to the agent"}},
		"a request sent":        {run.CallGate, used, []string{"Approved by bob", "The request was sent and answered"}},
		"not used in time":      {run.ActionGate, func(t *testing.T, s *site, g run.Gate) { approve(t, s, g); time.Sleep(2 * run.DefaultWindow) }, []string{"Approved by bob", "The approval was not used in time."}},
		"not used by its run":   {run.ActionGate, func(t *testing.T, s *site, g run.Gate) { approve(t, s, g); complete(t, s, g) }, []string{"Approved by bob", "The run ended before the approval was used."}},
		"of a run that ended":   {run.ActionGate, complete, []string{"Cancelled", "The run ended before anybody had decided."}},
		"not decided":           {run.ActionGate, func(*testing.T, *site, run.Gate) { time.Sleep(2 * run.DefaultWindow) }, []string{"Expired without a decision", "a new gate opens"}},
		"of a run, long closed": {run.CallGate, func(t *testing.T, s *site, g run.Gate) { used(t, s, g); complete(t, s, g) }, []string{"Approved by bob", "The request was sent"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, "")
				g := s.Open(s.Run("nightly"), `{}`, func(g *run.Gate) { g.Kind = c.kind })
				c.happens(t, s, g)
				p := &person{t: t, Page: s.Ask("GET", "/gates/"+g.ID, "", s.SignIn("alice")).Body.String()}
				p.Sees(c.shows...)
				assert.NotContains(t, p.Page, "<textarea")
				late := s.Ask("POST", "/gates/"+g.ID, "verdict=reject", s.SignIn("alice"))
				assert.Equal(t, http.StatusConflict, late.Code)
				p.Page = late.Body.String()
				p.Sees(append([]string{"Your rejection was not recorded"}, c.shows...)...)
			})
		})
	}
}

// Lists tell what has been decided from what became of that.
func TestOutcomes(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(t *testing.T, s *site, g run.Gate)
		shows   string
	}{
		"approved":     {approve, `approved</span> by bob`},
		"used":         {used, `used</span>, approved by bob`},
		"not used":     {func(t *testing.T, s *site, g run.Gate) { approve(t, s, g); complete(t, s, g) }, `cancelled</span>, approved by bob`},
		"of an ended":  {complete, `cancelled</span></span>`},
		"of a refusal": {reject, `rejected</span> by bob`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "")
			c.happens(t, s, s.Open(s.Run("nightly"), `{}`))
			assert.Contains(t, s.Ask("GET", "/decided", "", s.SignIn("alice")).Body.String(), c.shows)
		})
	}
}

func reject(t *testing.T, s *site, g run.Gate) {
	t.Helper()
	_, err := s.Gateway.Gates().Decide(context.Background(), g.ID, run.Verdict{By: "bob"})
	require.NoError(t, err)
}

func TestStoreUnavailable(t *testing.T) {
	s := newSite(t, "", func(c *gateway.Config) { c.Store = awayStore{memstore.New(memstore.Options{})} })
	cookie := s.SignIn("alice")
	for _, path := range []string{"/", "/decided", "/gates/gate_a", "/?live=x"} {
		w := s.Ask("GET", path, "", cookie)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code, path)
		assert.Contains(t, w.Body.String(), "Try again in a moment.")
		assert.NotContains(t, w.Body.String(), errAway.Error())
	}
	assert.Equal(t, http.StatusServiceUnavailable, s.Ask("POST", "/gates/gate_a", "verdict=approve", cookie).Code)
	assert.Contains(t, s.Log.String(), errAway.Error())
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
