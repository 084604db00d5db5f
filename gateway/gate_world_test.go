package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

const modelled = `{"name":"prod","rules":[
	{"name":"refund","tool":"issue_refund","when":[{"arg":"amount_usd","op":">","value":500}],"then":"approve","expires":"5m"},
	{"name":"dear","when":[{"call":"model","op":"in","value":["gpt-4o","claude-opus-4-1"]}],"then":"approve","expires":"5m"}],
	"budgets":[{"name":"usd","per":"run","limit_usd":"100"}],"run":{"idle_timeout":"240h"}}`

// A gateWorld is the real gateway, to which the same happens as in the model.
type gateWorld struct {
	*lab
	api          *api
	body, answer string
	streamed     bool

	policies *policy.Set
	yes      int // approvals

	mu        sync.Mutex
	failing   string // how the provider's next answer does
	forwarded int64
	answers   []string
	given     int // answers with what was asked for
}

func newGateWorld(t *testing.T, a *api, action, streamed bool) *gateWorld {
	w := &gateWorld{api: a, body: a.declares(streamed), answer: a.refunding(streamed, largeRefund), streamed: streamed, policies: mustSet(t, modelled)}
	if !action {
		w.body, w.answer = a.asksDear(w.body), a.refunding(streamed, smallRefund)
	}
	w.lab = &lab{t: t, Store: memstore.New(memstore.Options{}), Events: &events{}, log: &transcript{}}
	w.start()
	return w
}

func (w *gateWorld) start() {
	var err error
	w.Gateway, err = gateway.New(gateway.Config{
		Providers: []provider.Provider{
			&openai.Provider{APIKey: openAIKey, URL: "http://openai.test/v1"},
			&anthropic.Provider{APIKey: claudeKey, URL: "http://anthropic.test"},
		},
		Policy:    w.policies,
		Store:     w.Store,
		Transport: &inproc.Transport{Handler: http.HandlerFunc(w.provide)},
	})
	require.NoError(w.t, err)
	w.Agent = &inproc.Transport{Handler: w.Gateway, Inline: true}
}

func (w *gateWorld) provide(rw http.ResponseWriter, _ *http.Request) {
	w.mu.Lock()
	how := w.failing
	w.failing = ""
	w.forwarded++
	w.mu.Unlock()
	rw.Header().Set("Content-Type", "application/json")
	if w.streamed {
		rw.Header().Set("Content-Type", "text/event-stream")
	}
	switch how {
	case fails:
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusInternalServerError)
		io.WriteString(rw, `{"error":{"message":"the server had an error","type":"server_error"}}`)
	case breaks:
		io.WriteString(rw, w.answer[:len(w.answer)*2/3])
		http.NewResponseController(rw).Flush()
		panic(http.ErrAbortHandler)
	default:
		io.WriteString(rw, w.answer)
	}
}

// send has the agent send the request, and notes how it is answered.
func (w *gateWorld) send(mode string) {
	req := w.Request(context.Background(), w.api.path, w.body)
	req.Header.Set("X-Rungate-Approval", mode)
	r := w.roundTrip(req)
	text := strings.ReplaceAll(r.Body, ": keep-alive\n\n", "")
	w.mu.Lock()
	defer w.mu.Unlock()
	answer := "neither: " + text
	for _, code := range []string{"approval_rejected", "approval_expired", "run_closed", "stopped", "shutting_down"} {
		if strings.Contains(text, `"code":"`+code+`"`) {
			answer = code
		}
	}
	switch {
	case text == w.answer && r.Err == nil:
		answer = "answer"
		w.given++
	case strings.Contains(text, `_1"`), strings.Contains(text, `l-1"`), strings.Contains(text, `_0"`): // its id, or one in it
		answer = "a part of the answer: " + text
	case r.StatusCode == 202:
		answer = "pending"
	case r.StatusCode >= 500 && answer[0] == 'n', strings.Contains(text, `"code":"upstream_protocol_error"`):
		answer = "failed"
	}
	w.answers = append(w.answers, answer)
}

// happen has something happen, and returns how calls were answered by that.
func (w *gateWorld) happen(event string) []string {
	ctx := context.Background()
	w.mu.Lock()
	w.answers = nil
	w.mu.Unlock()
	switch event {
	case sent:
		w.send("accepted")
	case awaits:
		go w.send("wait=600")
	case approved, rejected:
		w.decide(event == approved)
	case lapses:
		pass(5 * time.Minute)
	case fails, breaks:
		w.mu.Lock()
		w.failing = event
		w.mu.Unlock()
	case completed:
		_, err := w.Gateway.Runs().Complete(ctx, labRun, run.ReasonByAgent)
		require.NoError(w.t, err)
		pass(time.Second)
	case blocked:
		_, err := w.Gateway.Runs().Block(ctx, labRun, &run.Block{Code: "stopped", Message: "Stopped."}, nil)
		if !errors.Is(err, run.ErrNotFound) {
			require.NoError(w.t, err)
		}
	case lifted:
		_, err := w.Gateway.Runs().Lift(ctx, labRun)
		require.NoError(w.t, err)
	case edited:
		p, err := policy.Parse([]byte(strings.ReplaceAll(modelled, `"then":"approve","expires":"5m"`, `"then":"deny"`)))
		require.NoError(w.t, err)
		require.NoError(w.t, w.policies.Replace(p))
	case restarted:
		require.NoError(w.t, w.Gateway.Close(ctx))
		w.start()
	}
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answers
}

// decide decides the gate that is pending, and then once more.
func (w *gateWorld) decide(yes bool) {
	ctx := context.Background()
	open, err := w.Gateway.Gates().List(ctx, run.GateQuery{Status: run.GatePending, N: 10})
	require.NoError(w.t, err)
	require.Len(w.t, open, 1)
	if yes {
		w.yes++
	}
	_, err = w.Gateway.Gates().Decide(ctx, open[0].ID, run.Verdict{Approve: yes, By: "carol"})
	require.NoError(w.t, err)
	_, err = w.Gateway.Gates().Decide(ctx, open[0].ID, run.Verdict{Approve: !yes, By: "dave"})
	decided, ok := errors.AsType[*run.DecidedError](err)
	require.True(w.t, ok, "the second decision: %v", err)
	require.Equal(w.t, "carol", decided.Gate.By)
}

// differs says in what the world differs from the model; empty if in nothing.
func (w *gateWorld) differs(m *gateModel) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, err := w.Gateway.Runs().Find(context.Background(), labRun)
	if err != nil {
		return err.Error()
	}
	steps, err := w.Gateway.Runs().Steps(context.Background(), labRun, 0, 100)
	require.NoError(w.t, err)
	var spent budget.Money
	for i := range steps {
		spent = spent.Plus(steps[i].Cost)
	}
	status := m.run
	if m.run == run.Open && m.gate == run.GatePending {
		status = run.Paused
	}
	account := w.Dollars()
	switch {
	case w.forwarded != m.forwarded:
		return fmt.Sprintf("the provider was called %d times, not %d", w.forwarded, m.forwarded)
	case w.given > w.yes:
		return fmt.Sprintf("%d answers for %d approvals", w.given, w.yes)
	case r.Status != status:
		return fmt.Sprintf("the run is %s, not %s", r.Status, status)
	case r.InFlight != 0:
		return fmt.Sprintf("%d calls are in flight", r.InFlight)
	case int64(len(steps)) != m.forwarded || r.Steps != m.forwarded:
		return fmt.Sprintf("%d steps of %d calls", len(steps), m.forwarded)
	case account.Reserved != 0 || account.Spent != int64(spent) || r.Spent != spent:
		return fmt.Sprintf("the steps cost %s; %s are reserved, %s spent", spent, budget.Money(account.Reserved), r.Spent)
	}
	return ""
}

// Whatever happens to a request that a person is asked about, and in whatever
// order: it is answered as a simple model says, one answer is given for an
// approval and not a byte of it without one, and all money is accounted for.
func TestLivesOfGates(t *testing.T) {
	for _, a := range apis {
		steps := 2
		if a.name == "chat" && !testing.Short() {
			steps = 4
		}
		for _, action := range []bool{false, true} {
			for _, streamed := range []bool{false, true} {
				name := a.name + map[bool]string{false: "/request", true: "/answer"}[action] + map[bool]string{false: "/whole", true: "/stream"}[streamed]
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) { live(t, &a, action, streamed, steps) })
				})
			}
		}
	}
}

// live goes through all that can happen in so many steps after a request.
func live(t *testing.T, a *api, action, streamed bool, steps int) {
	start := gateModel{action: action, run: run.Open}
	begun := start
	begun.after(sent)
	for _, life := range lives(begun, steps) {
		m, w := start, newGateWorld(t, a, action, streamed)
		life = append([]string{sent}, life...)
		for i, event := range life {
			want, got := m.after(event), w.happen(event)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(want, got) || w.differs(&m) != "" {
				require.Equal(t, want, got, "%v", life[:i+1])
				require.Empty(t, w.differs(&m), "%v", life[:i+1])
			}
		}
		require.NoError(t, w.Gateway.Close(t.Context()))
		synctest.Wait()
		require.Zero(t, w.Run().InFlight, "%v", life)
	}
}
