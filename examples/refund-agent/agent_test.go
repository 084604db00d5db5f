package refundagent

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	governed "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// A person is told of each gate while the agent waits, and decides it.
type person struct {
	run.Unobserved
	decide func(*run.Gate)
}

func (p person) Event(_ context.Context, e *run.Event) {
	if e.Type == run.ApprovalPending {
		go p.decide(e.Gate)
	}
}

// An agent goes on, whatever a person decides and however long that takes.
func TestDecisions(t *testing.T) {
	const sleeps = 45 * time.Minute
	action := `{"tool":"issue_refund","args":{"order":"ord_2H4p","amount_usd":1240.00}}`
	for name, c := range map[string]struct {
		verdict  *run.Verdict // nil: the person never decides
		took     time.Duration
		refunded float64
		told     string // what the model is told in the end
	}{
		"approved": {&run.Verdict{Approve: true, By: "carol"}, sleeps, 1240, `{"order": "ord_2H4p", "refunded_usd": 1240.00}`},
		"rejected": {&run.Verdict{By: "carol", Comment: "No parcel came back."}, sleeps, 0,
			"carol has rejected " + action + `, and says: "No parcel came back.". Go on without it.`},
		"expired": {nil, time.Hour, 0, "Nobody has decided in time about " + action + ". Go on without it."},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shop := NewShop(map[string]float64{"ord_2H4p": 1240})
				var gw *gateway.Gateway
				carol := person{decide: func(g *run.Gate) {
					time.Sleep(sleeps)
					assert.Zero(t, shop.Refunded("ord_2H4p"), "before the decision")
					if c.verdict != nil {
						_, err := gw.Gates().Decide(context.Background(), g.ID, *c.verdict)
						assert.NoError(t, err)
					}
				}}
				upstream := &fake.Provider{Script: model}
				gw = newGateway(t, upstream, carol)
				agent := newAgent(gw, shop)
				began := time.Now()
				answer, err := agent.Work(t.Context(), "I want my money back.")
				require.NoError(t, err)
				assert.Equal(t, "Understood: "+c.told, answer)
				assert.Equal(t, c.took, time.Since(began))
				assert.InDelta(t, c.refunded, shop.Refunded("ord_2H4p"), 0)
				gates, err := gw.Gates().List(t.Context(), run.GateQuery{N: 10})
				require.NoError(t, err)
				assert.Len(t, gates, 1)
				assert.Len(t, upstream.Requests(), 3, "the model is asked to begin, after the order, and after the decision")
				require.NoError(t, gw.Close(context.Background()))
			})
		})
	}
}

// Other refusals are the caller's to know.
func TestOtherRefusals(t *testing.T) {
	gw := newGateway(t, &fake.Provider{Script: model}, run.Unobserved{})
	agent := newAgent(gw, NewShop(nil))
	agent.Model = "gpt-4o"
	_, err := agent.Work(t.Context(), "I want my money back.")
	var refused *openai.Error
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, "policy_violation", refused.Code)
	require.NoError(t, gw.Close(context.Background()))
}

// A model that calls tools for ever is left.
func TestEndless(t *testing.T) {
	upstream := &fake.Provider{Script: func(*http.Request, []byte) *fake.Reply { return calls("look_up_order", "{}") }}
	gw := newGateway(t, upstream, run.Unobserved{})
	_, err := newAgent(gw, NewShop(nil)).Work(t.Context(), "I want my money back.")
	require.EqualError(t, err, "not done after 20 steps")
	assert.Len(t, upstream.Requests(), maxSteps)
	require.NoError(t, gw.Close(context.Background()))
}

// newAgent is an agent in the shop, whose calls wait for approvals.
func newAgent(gw *gateway.Gateway, shop *Shop) *Agent {
	transport := roundtrip.New(gw)
	transport.WaitForApproval = true
	return &Agent{
		Client: openai.NewClient(option.WithHTTPClient(&http.Client{Transport: transport}), option.WithAPIKey("unused")),
		Model:  openai.ChatModelGPT5_4Mini,
		Tools:  shop.Tools(),
	}
}

func newGateway(t *testing.T, upstream http.Handler, o run.Observer) *gateway.Gateway {
	t.Helper()
	document, err := policy.Parse([]byte(approvals))
	require.NoError(t, err)
	document.Models.Allow = []string{openai.ChatModelGPT5_4Mini}
	policies, err := policy.New(document)
	require.NoError(t, err)
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&governed.Provider{APIKey: "sk-provider"}},
		Policy:    policies,
		Observer:  o,
		Transport: &inproc.Transport{Handler: upstream},
	})
	require.NoError(t, err)
	return gw
}
