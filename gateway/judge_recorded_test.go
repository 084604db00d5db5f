package gateway_test

import (
	"bytes"
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
	"github.com/rungate/rungate/run"
)

// A proposal is a recorded stream that calls a tool, as it is read with nothing
// but encoding/json.
type proposal struct {
	recordings.Case
	tool  string // that is called last
	args  string // of the call of it that comes first
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
		p := proposal{Case: c, from: -1}
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
		p.args = argsOf(c.Response, p.tool)
		a := apiOf(c)
		lead := api{name: a.name, events: []string{string(c.Response[:p.from])}}
		p.leads = lead.leads(t) == bytes.Count(bytes.ReplaceAll(c.Response[:p.from], []byte("\r\n"), []byte("\n")), []byte("\n\n"))
		list = append(list, p)
	}
	return list
}

// apiOf is the API that a recording is of.
func apiOf(c recordings.Case) *api { return of(c.API[strings.IndexByte(c.API, '.')+1:]) }

// A plainEvent is what an event says of calls to whoever knows the documentation.
type plainEvent struct {
	Type string
	Item struct {
		Type, Name, Arguments string
		Action                json.RawMessage
	}
	Block struct {
		Type, Name string
		Input      json.RawMessage
	} `json:"content_block"`
	Delta   json.RawMessage
	Choices []struct {
		Delta struct {
			Calls []struct {
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
	}
}

// eachEvent visits the events of a stream, with the byte that each begins with.
func eachEvent(stream []byte, visit func(at int, e *plainEvent)) {
	var s sse.Splitter
	_ = s.Feed(stream)
	at := 0
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		var p plainEvent
		_ = json.Unmarshal(e.Data, &p)
		visit(at, &p)
		at += len(e.Raw)
	}
}

// callsBegun returns the names of the tools that a stream calls, and where each
// call begins.
func callsBegun(stream []byte) (names []string, starts []int) {
	eachEvent(stream, func(at int, e *plainEvent) {
		add := func(name string) {
			if name != "" {
				names, starts = append(names, name), append(starts, at)
			}
		}
		if kind, ok := strings.CutSuffix(e.Item.Type, "_call"); ok && e.Type == "response.output_item.added" {
			if e.Item.Name != "" {
				kind = e.Item.Name
			}
			add(kind)
		}
		if strings.HasSuffix(e.Block.Type, "tool_use") {
			add(e.Block.Name)
		}
		for _, choice := range e.Choices {
			for _, call := range choice.Delta.Calls {
				add(call.Function.Name)
			}
		}
	})
	return names, starts
}

// argsOf returns the arguments of the first call of a tool in a stream in which
// they are not mixed with another's.
func argsOf(stream []byte, tool string) string {
	var args string
	var in, done bool
	eachEvent(stream, func(_ int, e *plainEvent) {
		var delta struct {
			Partial string `json:"partial_json"`
		}
		_ = json.Unmarshal(e.Delta, &delta)
		switch {
		case done:
		case e.Block.Name == tool:
			in = true
		case e.Type == "content_block_stop" && in:
			done = true
		case e.Type == "response.output_item.done" && e.Item.Name == tool:
			args, done = e.Item.Arguments, true
		case in:
			args += delta.Partial
		}
		for _, choice := range e.Choices {
			for _, call := range choice.Delta.Calls {
				if name := call.Function.Name; name != "" {
					done, in = done || in, name == tool
				}
				if in && !done {
					args += call.Function.Arguments
				}
			}
		}
	})
	return args
}

// when returns conditions on the arguments: one that holds, if they have one that
// can be compared, and one that does not.
func (p *proposal) when(t *testing.T) (holds, not string) {
	t.Helper()
	var args map[string]any
	_ = json.Unmarshal([]byte(p.args), &args)
	for _, name := range slices.Sorted(maps.Keys(args)) {
		switch v := args[name].(type) {
		case string:
			value, err := json.Marshal(v)
			require.NoError(t, err)
			return fmt.Sprintf(`{"arg":%q,"op":"==","value":%s}`, name, value), fmt.Sprintf(`{"arg":%q,"op":"!=","value":%s}`, name, value)
		case float64:
			return fmt.Sprintf(`{"arg":%q,"op":">=","value":%v}`, name, v), fmt.Sprintf(`{"arg":%q,"op":"<","value":%v}`, name, v)
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
		}{
			{"its name", fmt.Sprintf(`{"name":"stop","tool":%q,"then":"deny"}`, p.tool), true},
			{"an argument that it has", fmt.Sprintf(`{"name":"stop","tool":%q,"when":[%s],"then":"deny"}`, p.tool, holds), true},
			{"an argument that it has not", fmt.Sprintf(`{"name":"stop","tool":%q,"when":[%s],"then":"deny"}`, p.tool, not), unsure},
			{"the name of another", `{"name":"stop","tool":"no_such_tool","then":"deny"}`, false},
		} {
			if strings.Contains(c.rule, "[]") {
				counted["no comparable arguments"]++
				continue
			}
			t.Run(p.Name+"/"+c.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					replayJudged(t, &p, c.rule, c.refused)
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

func replayJudged(t *testing.T, p *proposal, rule string, refused bool) {
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
	for at := range len(p.Response) {
		near := at > p.from-20 && at < p.from+150
		if len(p.Response) < 1500 || near {
			check(fmt.Sprintf("cut at %d", at), pieces{p.Response[:at], p.Response[at:]})
		}
	}
	random := rand.New(rand.NewPCG(uint64(len(p.Response)), uint64(p.from)))
	for range 10 {
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
