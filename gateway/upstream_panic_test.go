package gateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// armed panics where a test says, until it is disarmed.
type armed struct{ at string }

func (a *armed) reach(at string) {
	if a.at == at {
		panic("boom at " + at)
	}
}

// armedObserver is an Observer that panics.
type armedObserver struct{ *armed }

func (o armedObserver) Event(_ context.Context, e *run.Event) { o.reach(string(e.Type)) }
func (o armedObserver) Step(context.Context, *run.Run, *run.Step) {
	o.reach("step")
}

// armedEngine is a policy engine that panics.
type armedEngine struct {
	policy.Binder
	*armed
}

func (e armedEngine) Bind(ctx context.Context, name string) (policy.Binding, error) {
	e.reach("bind")
	return e.Binder.Bind(ctx, name)
}

func (e armedEngine) Decide(ctx context.Context, in *policy.Input) (policy.Decision, error) {
	e.reach("decide")
	d, err := e.Binder.Decide(ctx, in)
	if e.at == string(run.BudgetAlert) {
		d.Budgets = []budget.Budget{{Name: "usd", Per: budget.ScopeRun, Limit: int64(budget.Money(1e12)), AlertAt: []float64{1e-9}}}
	}
	return d, err
}

// armedTransport is a provider's transport that panics, or whose answers do.
type armedTransport struct {
	http.RoundTripper
	*armed
}

func (t armedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.reach("transport")
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil && t.at == "body" {
		resp.Body = armedBody{resp.Body, t.armed}
	}
	return resp, err
}

type armedBody struct {
	io.ReadCloser
	*armed
}

func (b armedBody) Read([]byte) (int, error) {
	b.reach("body")
	return 0, io.EOF
}

// Whatever panics around a call, what the call took is given back, and the next
// one is served.
func TestPanics(t *testing.T) {
	a := of("messages")
	for _, c := range []struct {
		at     string
		served bool // the call all the same
		spent  bool
	}{
		{"bind", false, false},
		{string(run.RunStarted), true, true},
		{"decide", false, false},
		{"key", false, false},
		{"transport", false, false},
		{"body", false, true},
		{"step", true, true},
		{string(run.BudgetAlert), true, true},
	} {
		t.Run(c.at, func(t *testing.T) {
			a, path := *a, "/v1/messages"
			if c.at == "key" {
				a, path = *of("chat"), "/v1/chat/completions"
			}
			arm := &armed{at: c.at}
			inBubble(t, a.answer(), func(t *testing.T, l *lab) {
				resp, err := l.Agent.RoundTrip(l.Request(t.Context(), path, a.call))
				var got []byte
				if err == nil {
					got, err = io.ReadAll(resp.Body)
				}
				if c.served {
					require.NoError(t, err)
					assert.Equal(t, a.text(), string(got))
					assert.Contains(t, l.Logged(), "boom at "+c.at)
				} else {
					require.Error(t, err)
					assert.True(t, errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), err)
				}
				synctest.Wait()
				if c.at != "bind" {
					assert.Zero(t, l.Run().InFlight)
				}
				assert.Zero(t, l.Dollars().Reserved)
				assert.Equal(t, c.spent, l.Dollars().Spent > 0)

				arm.at = ""
				assert.Equal(t, a.text(), l.Post(path, a.call).Body)
				synctest.Wait()
				assert.Zero(t, l.Run().InFlight)
				assert.Zero(t, l.Dollars().Reserved)
				assert.NoError(t, l.Gateway.Close(t.Context()), "no call is under way")
			}, func(cfg *gateway.Config) {
				cfg.Observer = armedObserver{arm}
				cfg.Policy = armedEngine{cfg.Policy.(policy.Binder), arm}
				cfg.Transport = armedTransport{cfg.Transport, arm}
				cfg.Providers[0] = &openai.Provider{URL: "http://openai.test/v1", Key: func(context.Context) (provider.Secret, error) {
					arm.reach("key")
					return openAIKey, nil
				}}
			})
		})
	}
}

// Without an observer, nobody is told, and nothing goes wrong.
func TestNoObserver(t *testing.T) {
	a := of("messages")
	inBubble(t, a.answer(), func(t *testing.T, l *lab) {
		assert.Equal(t, a.text(), l.Post(a.path, a.call).Body)
		assert.Empty(t, l.Logged())
	}, func(cfg *gateway.Config) { cfg.Observer = nil })
}
