package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// A tongue is how an agent of one dialect asks, and reads what it is told.
type tongue struct {
	dialect  provider.Dialect
	endpoint provider.Endpoint
	path     string
	ask      func(model string, stream bool, a *aim) string
	reply    func(a *aim, answer gjson.Result) // the aim goes on from the answer, with results of tools
	read     func(answer gjson.Result) meaning
}

// An aim is what an agent wants, and what has come of it so far.
type aim struct {
	said, format string
	image        bool
	tools        []string
	only         string   // the tool to be called; empty is as the model likes
	turns        []string // after what was said, in the agent's dialect
}

// A meaning is what an answer says in any dialect.
type meaning struct {
	text  string
	calls []string // "name {arguments}"
	end   string   // "stop", "tools" or "length"
}

// A picture of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

const order = `{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city","days"],"additionalProperties":false}`

var ends = map[string]string{"stop": "stop", "end_turn": "stop", "tool_calls": "tools", "tool_use": "tools", "length": "length", "max_tokens": "length"}

var tongues = []tongue{{
	dialect: openai.Dialect{}, endpoint: provider.Chat, path: "/v1/chat/completions",
	ask: func(model string, stream bool, a *aim) string {
		var tools []string
		for _, name := range a.tools {
			tools = append(tools, fmt.Sprintf(`{"type":"function","function":{"name":%q,"description":"It does.","parameters":%s}}`, name, order))
		}
		content := fmt.Sprintf(`[{"type":"text","text":%q}]`, a.said)
		if a.image {
			content = fmt.Sprintf(`[{"type":"text","text":%q},{"type":"image_url","image_url":{"url":"data:image/png;base64,%s"}}]`, a.said, pixel)
		}
		turns := append([]string{`{"role":"system","content":"Be brief."}`, `{"role":"user","content":` + content + `}`}, a.turns...)
		body := fmt.Sprintf(`{"model":%q,"stream":%t,"max_completion_tokens":1000,"messages":[%s]`, model, stream, strings.Join(turns, ","))
		if tools != nil {
			body += `,"tools":[` + strings.Join(tools, ",") + `]`
		}
		if a.only != "" {
			body += fmt.Sprintf(`,"tool_choice":{"type":"function","function":{"name":%q}}`, a.only)
		}
		if a.format != "" {
			body += `,"response_format":{"type":"json_schema","json_schema":{"name":"f","strict":true,"schema":` + a.format + `}}`
		}
		return body + "}"
	},
	reply: func(a *aim, answer gjson.Result) {
		m := answer.Get("choices.0.message")
		a.turns = append(a.turns, m.Raw)
		for _, c := range m.Get("tool_calls").Array() {
			a.turns = append(a.turns, fmt.Sprintf(`{"role":"tool","tool_call_id":%q,"content":"done: %s"}`, c.Get("id").String(), c.Get("function.name").String()))
		}
	},
	read: func(answer gjson.Result) meaning {
		m := meaning{text: answer.Get("choices.0.message.content").String(), end: ends[answer.Get("choices.0.finish_reason").String()]}
		for _, c := range answer.Get("choices.0.message.tool_calls").Array() {
			m.calls = append(m.calls, c.Get("function.name").String()+" "+compactJSON(c.Get("function.arguments").String()))
			m.end = "tools" // for a tool that was named, the API itself says "stop"
		}
		return m
	},
}, {
	dialect: anthropic.Dialect{}, endpoint: provider.Messages, path: "/v1/messages",
	ask: func(model string, stream bool, a *aim) string {
		var tools []string
		for _, name := range a.tools {
			tools = append(tools, fmt.Sprintf(`{"name":%q,"description":"It does.","input_schema":%s}`, name, order))
		}
		content := fmt.Sprintf(`[{"type":"text","text":%q}]`, a.said)
		if a.image {
			content = fmt.Sprintf(`[{"type":"text","text":%q},{"type":"image","source":{"type":"base64","media_type":"image/png","data":%q}}]`, a.said, pixel)
		}
		turns := append([]string{`{"role":"user","content":` + content + `}`}, a.turns...)
		body := fmt.Sprintf(`{"model":%q,"stream":%t,"max_tokens":1000,"system":"Be brief.","messages":[%s]`, model, stream, strings.Join(turns, ","))
		if tools != nil {
			body += `,"tools":[` + strings.Join(tools, ",") + `]`
		}
		if a.only != "" {
			body += fmt.Sprintf(`,"tool_choice":{"type":"tool","name":%q}`, a.only)
		}
		if a.format != "" {
			body += `,"output_config":{"format":{"type":"json_schema","schema":` + a.format + `}}`
		}
		return body + "}"
	},
	reply: func(a *aim, answer gjson.Result) {
		a.turns = append(a.turns, `{"role":"assistant","content":`+answer.Get("content").Raw+`}`)
		var results []string
		for _, b := range answer.Get(`content.#(type=="tool_use")#`).Array() {
			results = append(results, fmt.Sprintf(`{"type":"tool_result","tool_use_id":%q,"content":"done: %s"}`, b.Get("id").String(), b.Get("name").String()))
		}
		a.turns = append(a.turns, `{"role":"user","content":[`+strings.Join(results, ",")+`]}`)
	},
	read: func(answer gjson.Result) meaning {
		m := meaning{end: ends[answer.Get("stop_reason").String()]}
		for _, b := range answer.Get("content").Array() {
			switch b.Get("type").String() {
			case "text":
				m.text += b.Get("text").String()
			case "tool_use":
				m.calls = append(m.calls, b.Get("name").String()+" "+compactJSON(b.Get("input").Raw))
			}
		}
		return m
	},
}}

func compactJSON(s string) string {
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return "no JSON: " + s
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// anyModel is a gateway before the same fake model at both vendors.
func anyModel(t *testing.T, document string) (*fake.Provider, *gateway.Gateway) {
	model := &fake.Provider{}
	gw := newLocal(t, document, &inproc.Transport{Handler: model}, sells(&openai.Provider{}, &anthropic.Provider{}))
	return model, gw
}

// A pairing is an agent with a model, and how it wants its answers.
type pairing struct {
	tongue
	model, vendor string // that has the model
	stream        bool
}

// pairings are all that there are.
func pairings() (all []pairing) {
	for _, agent := range tongues {
		for model, vendor := range map[string]string{"gpt-4o": "openai", "claude-sonnet-4-5": "anthropic"} {
			all = append(all, pairing{agent, model, vendor, false}, pairing{agent, model, vendor, true})
		}
	}
	return all
}

func (p *pairing) String() string {
	form := "whole"
	if p.stream {
		form = "stream"
	}
	return fmt.Sprintf("%s agent, %s, %s", p.dialect.Name(), p.model, form)
}

// Post asks, in a run of that id.
func (p *pairing) Post(t *testing.T, gw *gateway.Gateway, id string, a *aim) *reply {
	t.Helper()
	return serve(t, gw, &run.Ref{Agent: "alice", ID: id}, http.MethodPost, p.path, p.ask(p.model, p.stream, a), "Anthropic-Version: 2023-06-01")
}

// An agent of either dialect gets the same from the models of either, as a whole or
// as a stream: a translation takes nothing away and adds nothing.
func TestAnyModel(t *testing.T) {
	trips := []string{"book_trip", "cancel_trip"}
	for _, c := range []struct {
		name string
		aim  aim
		ends []string // of the turns
	}{
		{"words", aim{said: "Say hello."}, []string{"stop"}},
		{"an image", aim{said: "What is it?", image: true}, []string{"stop"}},
		{"JSON of a schema", aim{said: "Where to?", format: order}, []string{"stop"}},
		{"a tool", aim{said: "Please book trip.", tools: trips}, []string{"tools", "stop"}},
		{"a tool that has to be called", aim{said: "Please.", tools: trips, only: "cancel_trip"}, []string{"tools"}},
		{"two tools at once", aim{said: "Please book trip and cancel trip.", tools: trips}, []string{"tools", "stop"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			model, gw := anyModel(t, `{"name":"p","budgets":[{"name":"usd","per":"run","limit_usd":"10"}]}`)
			said := map[string][]meaning{}
			for _, p := range pairings() {
				t.Run(p.String(), func(t *testing.T) {
					a, id := c.aim, strings.ReplaceAll(p.String(), ", ", ".")
					for _, end := range c.ends {
						r := p.Post(t, gw, id, &a)
						require.Equal(t, 200, r.StatusCode, r.Body)
						body := []byte(r.Body)
						if p.stream {
							assert.Contains(t, r.Header.Get("Content-Type"), "text/event-stream")
							var err error
							body, err = p.dialect.Whole(p.endpoint, body)
							require.NoError(t, err, r.Body)
						}
						answer := gjson.ParseBytes(body)
						m := p.read(answer)
						assert.Equal(t, end, m.end, r.Body)
						said[p.String()] = append(said[p.String()], m)
						p.reply(&a, answer)
					}
					steps, err := gw.Runs().Steps(t.Context(), run.Key{Team: "agent:alice", ID: id}, 0, 10)
					require.NoError(t, err)
					require.Len(t, steps, len(c.ends))
					for _, s := range steps {
						assert.Equal(t, p.vendor+"/"+p.model, s.Provider+"/"+s.Model)
						assert.False(t, s.Usage.Estimated)
						assert.Positive(t, s.Cost)
					}
					asked := model.Requests()
					assert.Equal(t, p.vendor == "anthropic", strings.HasSuffix(asked[len(asked)-1].Path, "/messages"), "the vendor is asked in its own dialect")
				})
			}
			first := said["openai agent, gpt-4o, whole"]
			require.Len(t, said, 8)
			for name, other := range said {
				assert.Equal(t, first, other, name)
			}
			assert.Equal(t, c.aim.tools != nil, len(first[0].calls) > 0)
			assert.Equal(t, c.aim.tools == nil, first[0].text != "")
		})
	}
}

// Whoever calls it in whatever words, a call of a tool is held to the policy.
func TestAnyModelJudged(t *testing.T) {
	_, gw := anyModel(t, `{"name":"p","rules":[{"name":"stay","tool":"cancel_trip","when":[{"arg":"days","op":">=","value":1}],"then":"deny"}]}`)
	for _, p := range pairings() {
		t.Run(p.String(), func(t *testing.T) {
			r := p.Post(t, gw, "r", &aim{said: "Please cancel trip.", tools: []string{"book_trip", "cancel_trip"}})
			assert.Contains(t, r.Body, "policy_violation")
			assert.Contains(t, r.Body, "stay")
			assert.NotContains(t, r.Body, `"tool_use"`)
			assert.NotContains(t, r.Body, `"tool_calls"`)
			if !p.stream {
				refusal(t, r, 403, "policy_violation")
			}
			assert.Equal(t, 200, p.Post(t, gw, "r", &aim{said: "Please book trip.", tools: []string{"book_trip", "cancel_trip"}}).StatusCode)
		})
	}
}
