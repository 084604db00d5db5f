package gateway_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
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
	"github.com/rungate/rungate/run"
)

// A proposal is a recorded stream that calls a tool.
type proposal struct {
	recordings.Case
	tool  string // that is called last
	args  []byte // of the call of it that comes first
	from  int    // byte of the first event that may hold a part of that call
	leads bool   // before it there is no content
}

// proposals are all recorded streams that call a tool and are complete.
func proposals(t *testing.T) (list []proposal) {
	t.Helper()
	all, err := recordings.All("openai.chat", "openai.responses", "anthropic.messages")
	require.NoError(t, err)
	for _, c := range all {
		if !c.Stream || c.Status != 200 || broken.MatchString(c.Name) || c.Has("sse.error_event") {
			continue
		}
		p := proposal{Case: c}
		names, starts := callsBegun(c.Response)
		if len(names) == 0 {
			continue
		}
		p.tool = names[len(names)-1]
		first := slices.Index(names, p.tool)
		if c.API == "openai.chat" {
			first = 0 // they are complete all at once
		}
		p.from = starts[first]
		a := apiOf(c)
		calls, _ := heardCalls(t, a, c.Response)
		p.args = calls[slices.IndexFunc(calls, func(k provider.ToolCall) bool { return k.Name == p.tool })].Args
		lead := api{name: a.name, events: []string{string(c.Response[:p.from])}}
		p.leads = lead.leads(t) == bytes.Count(bytes.ReplaceAll(c.Response[:p.from], []byte("\r\n"), []byte("\n")), []byte("\n\n"))
		list = append(list, p)
	}
	return list
}

// apiOf is the API that a recording is of.
func apiOf(c recordings.Case) *api { return of(c.API[strings.IndexByte(c.API, '.')+1:]) }

// callsBegun returns the names of the tools that a stream calls, and where each
// call begins, as whoever knows the documentation reads it.
func callsBegun(stream []byte) (names []string, starts []int) {
	type tool struct{ Type, Name string }
	var s sse.Splitter
	_ = s.Feed(stream)
	at := 0
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		var p struct {
			Type    string
			Item    tool
			Block   tool `json:"content_block"`
			Choices []struct {
				Delta struct {
					Calls []struct{ Function tool } `json:"tool_calls"`
				}
			}
		}
		_ = json.Unmarshal(e.Data, &p)
		add := func(name string) {
			if name != "" {
				names, starts = append(names, name), append(starts, at)
			}
		}
		if kind, ok := strings.CutSuffix(p.Item.Type, "_call"); ok && p.Type == "response.output_item.added" {
			add(cmp.Or(p.Item.Name, kind))
		}
		if strings.HasSuffix(p.Block.Type, "tool_use") {
			add(p.Block.Name)
		}
		for _, choice := range p.Choices {
			for _, call := range choice.Delta.Calls {
				add(call.Function.Name)
			}
		}
		at += len(e.Raw)
	}
	return names, starts
}

// when returns conditions on the arguments: one that holds, if they have one that
// can be compared, and one that does not.
func (p *proposal) when(t *testing.T) (holds, not string) {
	t.Helper()
	var args map[string]any
	_ = json.Unmarshal(p.args, &args)
	for _, name := range slices.Sorted(maps.Keys(args)) {
		switch v := args[name].(type) {
		case string:
			value, err := json.Marshal(v)
			require.NoError(t, err)
			return fmt.Sprintf(`{"arg":%q,"op":"==","value":%s}`, name, value), fmt.Sprintf(`{"arg":%q,"op":"==","value":"no such value"}`, name)
		case float64:
			return fmt.Sprintf(`{"arg":%q,"op":">=","value":%v}`, name, v), fmt.Sprintf(`{"arg":%q,"op":"==","value":987654321}`, name)
		}
	}
	return "", `{"arg":"no_such_argument","op":"exists"}`
}

// However the network cuts a recorded stream that calls a tool, the policy's
// verdict on the call is the same. Of what is refused no event reaches the agent;
// of what came before it, every byte; and what the stream has cost is what the
// provider says after it. What is allowed passes as it is.
func TestRecordedCallsJudged(t *testing.T) {
	counted := map[string]int{}
	for _, p := range proposals(t) {
		counted[p.API]++
		holds, not := p.when(t)
		unsure := strings.HasSuffix(p.Name, "cut-mid-tool") // its arguments are half, and so not safe
		for _, c := range []struct {
			name, rule string
			refused    bool
			stride     int // of the cuts
		}{
			{"its name", fmt.Sprintf(`{"name":"stop","tool":%q,"then":"deny"}`, p.tool), true, 1},
			{"an argument that it has", fmt.Sprintf(`{"name":"stop","tool":%q,"when":[%s],"then":"deny"}`, p.tool, holds), true, 10},
			{"an argument that it has not", fmt.Sprintf(`{"name":"stop","tool":%q,"when":[%s],"then":"deny"}`, p.tool, not), unsure, 10},
			{"the name of another", `{"name":"stop","tool":"no_such_tool","then":"deny"}`, false, 10},
		} {
			if strings.Contains(c.rule, "[]") {
				counted["no comparable arguments"]++
				continue
			}
			t.Run(p.Name+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					replayJudged(t, &p, c.rule, c.refused, c.stride)
				})
			})
		}
	}
	assert.Greater(t, counted["openai.chat"], 5)
	assert.Greater(t, counted["openai.responses"], 5)
	assert.Greater(t, counted["anthropic.messages"], 8)
	assert.Less(t, counted["no comparable arguments"], 12)
}

// inPieces is a transport whose provider answers with a recorded stream in pieces.
type inPieces struct {
	recordings.Case
	pieces pieces
}

func (p *inPieces) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	rest := slices.Clone(p.pieces)
	return &http.Response{StatusCode: 200, Header: p.ResponseHeader, ContentLength: -1, Body: io.NopCloser(&rest)}, nil
}

func replayJudged(t *testing.T, p *proposal, rule string, refused bool, stride int) {
	rt := &inPieces{Case: p.Case}
	var step run.Step
	engine, _ := policies(t, `{"name":"prod","rules":[`+rule+`]}`)
	l := newLab(t, rt, engine, func(cfg *gateway.Config) {
		cfg.Observer = &last{step: &step}
		cfg.Metering.StreamUsage = gateway.EstimateUsage // so that all that comes is the agent's
	})
	ctx := run.NewContext(t.Context(), run.Ref{Agent: "alice", ID: "r"})
	usage := metered(t, p.Case)
	check := func(name string, ps pieces) {
		rt.pieces = ps
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Path, bytes.NewReader(p.Request))
		require.NoError(t, err)
		w := newSheet(t)
		l.Gateway.ServeHTTP(w, r)
		if fmt.Sprint(usage) != fmt.Sprint(step.Usage) {
			require.Equal(t, usage, step.Usage, name)
		}
		if !refused {
			if !bytes.Equal(p.Response, w.body.Bytes()) || step.Error != "" {
				require.Equal(t, string(p.Response), w.body.String(), name)
				require.Empty(t, step.Error, name)
			}
			return
		}
		require.Equal(t, "policy_violation", step.Error, name)
		p.checkRefused(t, w, name)
	}
	check("whole", pieces{p.Response})
	for at := max(0, p.from-20); at < min(p.from+150, len(p.Response)); at += stride {
		check(fmt.Sprintf("cut at %d", at), pieces{p.Response[:at], p.Response[at:]})
	}
	random := rand.New(rand.NewPCG(uint64(len(p.Response)), uint64(p.from)))
	for range 5 {
		var ps pieces
		for rest := p.Response; len(rest) > 0; {
			n := 1 + random.IntN(min(len(rest), 1+random.IntN(1000)))
			ps, rest = append(ps, rest[:n]), rest[n:]
		}
		check(fmt.Sprintf("cut into %d", len(ps)), ps)
	}
}

// checkRefused checks what the agent got of a stream whose call is refused.
func (p *proposal) checkRefused(t *testing.T, w *sheet, name string) {
	t.Helper()
	if p.leads {
		require.Equal(t, 403, w.status, name)
		require.Contains(t, w.body.String(), `"code":"policy_violation"`, name)
		require.NotContains(t, w.body.String(), "data:", name)
		return
	}
	require.Equal(t, 200, w.status, name)
	rest, ok := strings.CutPrefix(w.body.String(), string(p.Response[:p.from]))
	require.True(t, ok, "%s: what came before is not what the agent got: %q", name, w.body.String())
	assertStreamError(t, apiOf(p.Case), rest, "policy_violation")
}
