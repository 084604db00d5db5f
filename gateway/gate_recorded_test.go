package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// asking is a policy that asks about all tools.
const asking = `{"name":"prod","rules":[{"name":"ask","tool":"*","then":"approve"}],"approval":{"hold":%q}}`

// A gatedAnswer is a recorded answer that calls tools, of a request that declares
// them.
type gatedAnswer struct {
	recordings.Case
	hosted bool // the provider would run some of them
	calls  bool // it calls others
	from   int  // byte of the first event of such a call; of an answer that is no stream 0
}

// gatedAnswers are all that are complete.
func gatedAnswers(t *testing.T) (list []gatedAnswer) {
	t.Helper()
	all, err := recordings.All("openai.chat", "openai.responses", "anthropic.messages")
	require.NoError(t, err)
	for _, c := range all {
		if c.Request == nil || c.Status != 200 || broken.MatchString(c.Name) || c.Has("sse.error_event") || strings.HasSuffix(c.Name, "cut-mid-tool") {
			continue
		}
		a := gatedAnswer{Case: c}
		var d provider.Dialect = openai.Dialect{}
		if c.API == "anthropic.messages" {
			d = anthropic.Dialect{}
		}
		req := &provider.Request{Body: c.Request, Endpoint: provider.Endpoint(apiOf(c).name)}
		if d.Parse(req) != nil {
			continue // of a part of the request only
		}
		var calls []provider.ToolCall
		if c.Stream {
			calls, _ = heardCalls(t, apiOf(c), c.Response)
		} else {
			calls, err = d.Calls(req).Body(c.Response)
			require.NoError(t, err)
		}
		if len(calls) == 0 || len(req.Tools) == 0 {
			continue
		}
		a.hosted = slices.ContainsFunc(req.Tools, func(tool provider.Tool) bool { return tool.Hosted })
		calls = slices.DeleteFunc(calls, func(k provider.ToolCall) bool { return k.Hosted })
		a.calls = len(calls) > 0
		if c.Stream && a.calls {
			names, starts := callsBegun(c.Response)
			a.from = starts[slices.Index(names, calls[0].Name)]
		}
		list = append(list, a)
	}
	return list
}

// Of a recorded answer whose calls of tools a person is asked about, no byte
// reaches the agent before the approval, and all of them after it, however the
// network cuts it. With "hold": "tool", what comes before the first call does.
func TestRecordedAnswersGated(t *testing.T) {
	counted := map[string]int{}
	for _, a := range gatedAnswers(t) {
		counted[a.API+map[bool]string{true: " streamed"}[a.Stream]]++
		for _, hold := range []string{"answer", "tool"} {
			t.Run(a.Name+"/"+hold, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { a.replay(t, hold) })
			})
		}
	}
	for _, api := range []string{"openai.chat", "openai.responses", "anthropic.messages"} {
		assert.Greater(t, counted[api], 5, api)
		assert.Greater(t, counted[api+" streamed"], 5, api)
	}
}

func (a *gatedAnswer) replay(t *testing.T, hold string) {
	rt := &inPieces{Case: a.Case}
	var step run.Step
	engine, _ := policies(t, fmt.Sprintf(asking, hold))
	l := newLab(t, rt, engine, func(cfg *gateway.Config) {
		cfg.Observer = &last{step: &step}
		cfg.Metering.StreamUsage = gateway.EstimateUsage // so that all that comes is the agent's
	})
	usage := metered(t, a.Case)
	check := func(name string, ps pieces) {
		rt.pieces = ps
		if a.hosted { // those tools are asked about before
			require.Equal(t, 202, a.ask(t, l).status, name)
			a.approve(t, l, name)
		}
		if a.calls {
			a.checkWithheld(t, a.ask(t, l), hold, name)
			a.approve(t, l, name)
			rt.pieces = nil // the model is not asked again
		}
		w := a.ask(t, l)
		if fmt.Sprint(usage) != fmt.Sprint(step.Usage) {
			require.Equal(t, usage, step.Usage, name)
		}
		require.Equal(t, 200, w.status, name)
		if !bytes.Equal(a.Response, w.body.Bytes()) {
			require.Equal(t, string(a.Response), w.body.String(), name)
		}
		require.Equal(t, a.ResponseHeader.Get("Content-Type"), w.header.Get("Content-Type"), name)
	}
	check("whole", pieces{a.Response})
	if !a.Stream {
		return
	}
	for _, at := range a.cuts() {
		check(fmt.Sprintf("cut at %d", at), pieces{a.Response[:at], a.Response[at:]})
	}
}

// cuts are where the stream is cut: between all events, and around the first call.
func (a *gatedAnswer) cuts() (cuts []int) {
	var s sse.Splitter
	_ = s.Feed(a.Response)
	at := 0
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		at += len(e.Raw)
		cuts = append(cuts, at)
	}
	for at := max(0, a.from-20); at < min(a.from+150, len(a.Response)); at += 10 {
		cuts = append(cuts, at)
	}
	return cuts
}

func (a *gatedAnswer) ask(t *testing.T, l *lab) *sheet {
	ctx := run.NewContext(t.Context(), run.Ref{Agent: "alice", ID: "r"})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Path, bytes.NewReader(a.Request))
	require.NoError(t, err)
	w := newSheet(t)
	l.Gateway.ServeHTTP(w, r)
	return w
}

func (a *gatedAnswer) approve(t *testing.T, l *lab, name string) {
	t.Helper()
	open, err := l.Gateway.Gates().List(context.Background(), run.GateQuery{Status: run.GatePending, N: 2})
	require.NoError(t, err)
	require.Len(t, open, 1, name)
	_, err = l.Gateway.Gates().Decide(context.Background(), open[0].ID, run.Verdict{Approve: true, By: "carol"})
	require.NoError(t, err)
}

// checkWithheld checks what the agent gets before the approval.
func (a *gatedAnswer) checkWithheld(t *testing.T, w *sheet, hold, name string) {
	t.Helper()
	if w.status == 202 {
		require.Contains(t, w.body.String(), `"awaiting_approval"`, name)
		return
	}
	require.Equal(t, "tool", hold, "%s: %d %s", name, w.status, w.body.String())
	require.Equal(t, 200, w.status, "%s: %s", name, w.body.String())
	rest, ok := strings.CutPrefix(w.body.String(), string(a.Response[:a.from]))
	require.True(t, ok, "%s: what came before is not what the agent got: %q", name, w.body.String())
	assertStreamError(t, apiOf(a.Case), rest, "approval_pending")
}
