package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// limits is a policy under which everything is on that can be.
const limits = `{"name":"bench","models":{"allow":["openai/*","anthropic/*"]},"endpoints":{"allow":["*"]},
	"budgets":[{"name":"usd","per":"run","limit_usd":"9000000"},{"name":"tokens","per":"run","limit_tokens":1000000000000}]}`

// rules is the same with rules on the calls of tools in answers.
var rules = strings.Replace(limits, `"budgets"`, `"tools":{"deny":["shell"]},"loops":{"identical_tool_calls":1000000000},"rules":[
	{"name":"refunds","tool":"issue_refund","when":[{"arg":"amount_usd","op":">","value":500}],"then":"deny"},
	{"name":"drops","tool":"sql_*","when":[{"arg":"query","op":"matches","value":"(?i)\\bdrop\\b"}],"then":"deny"}],"budgets"`, 1)

// agentRequest is a chat request of about size bytes, with tools if it is large.
func agentRequest(size int, stream bool) string {
	const prose = "The run was admitted under its budget and the tool call was recorded. "
	var b strings.Builder
	fmt.Fprintf(&b, `{"model":"gpt-4o-mini","stream":%t,"stream_options":{"include_usage":%[1]t},"max_tokens":500,`, stream)
	if size > 10<<10 {
		b.WriteString(`"tools":[`)
		for i := range 20 {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"type":"function","function":{"name":"tool_%d","description":%q,"parameters":{"type":"object","properties":{"path":{"type":"string","description":"where"},"limit":{"type":"integer"}},"required":["path"]}}}`, i, prose)
		}
		b.WriteString(`],`)
	}
	b.WriteString(`"messages":[{"role":"system","content":"You are a careful agent."}`)
	for b.Len() < size-100 {
		fmt.Fprintf(&b, `,{"role":"user","content":%q}`, strings.Repeat(prose, min(10, 1+(size-b.Len())/len(prose)/2)))
	}
	b.WriteString(`]}`)
	return b.String()
}

// canned is a transport whose provider answers at once, and takes no memory for
// it.
type canned struct {
	resp http.Response
	body string
	rewinder
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Body.Close()
	c.Reset(c.body)
	c.resp.Body, c.resp.ContentLength = &c.rewinder, int64(len(c.body))
	return &c.resp, nil
}

// rewinder is a body that can be used again.
type rewinder struct{ strings.Reader }

func (r *rewinder) Close() error { return nil }

// discard is a ResponseWriter that goes nowhere.
type discard struct {
	h      http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Flush()                      {}

func (d *discard) SetReadDeadline(time.Time) error { return nil }

func benchGateway(b *testing.B, rt http.RoundTripper, base string, change ...func(*gateway.Config)) (*gateway.Gateway, string) {
	p, err := policy.Parse([]byte(limits))
	require.NoError(b, err)
	policies, err := policy.New(p)
	require.NoError(b, err)
	token := run.NewToken()
	agents := &run.AgentTable{}
	require.NoError(b, agents.Add(run.Enrolment{Agent: run.Agent{ID: "a", Team: "t"}, Tokens: []run.Digest{run.DigestOf(token)}}))
	cfg := gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "k", URL: base}},
		Agents:    agents, Policy: policies, Transport: rt,
	}
	for _, f := range change {
		f(&cfg)
	}
	gw, err := gateway.New(cfg)
	require.NoError(b, err)
	b.Cleanup(func() { gw.Close(context.Background()) })
	return gw, token.Reveal()
}

// BenchmarkGovernance is all that the gateway adds to a call: token, strict
// reading, run, policy, budgets, metering and record, with a provider and an
// agent that cost nothing. "Everything" are rules, loops, rates and more budgets
// beside that.
func BenchmarkGovernance(b *testing.B) {
	for _, size := range []int{1 << 10, 100 << 10} {
		body := agentRequest(size, false)
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) { benchCall(b, 200, body, chatAnswer) })
		b.Run(fmt.Sprintf("%dKB/everything", size>>10), func(b *testing.B) { benchCall(b, 200, body, chatAnswer, everything(b)) })
	}
}

// BenchmarkJudgedAnswer is the same for an answer of 2 KB with and without a call
// of a tool, under rules on such calls and without any.
func BenchmarkJudgedAnswer(b *testing.B) {
	text := strings.Repeat("The order was found and will be paid. ", 40)
	for _, answer := range []struct{ name, body string }{
		{"text", strings.Replace(chatAnswer, "Hello.", text, 1)},
		{"call", strings.Replace(of("chat").calling(smallRefund), "Sure.", text, 1)},
	} {
		b.Run(answer.name+"/no rules", func(b *testing.B) { benchCall(b, 200, agentRequest(1<<10, false), answer.body) })
		b.Run(answer.name+"/rules", func(b *testing.B) { benchCall(b, 200, agentRequest(1<<10, false), answer.body, under(b, rules)) })
	}
}

// under has the gateway hold calls to a policy.
func under(b *testing.B, document string) func(*gateway.Config) {
	return func(cfg *gateway.Config) { cfg.Policy = mustSet(b, document) }
}

// benchCall makes a call over and over, which gets that status; the provider's
// answer is always the same.
func benchCall(b *testing.B, status int, body, answer string, change ...func(*gateway.Config)) {
	gw, token := benchGateway(b, &canned{resp: http.Response{StatusCode: 200, Header: http.Header{
		"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(answer))}}}, body: answer}, "http://provider.test/v1", change...)
	u, _ := url.Parse("/v1/chat/completions")
	sent, w := &rewinder{}, &discard{h: http.Header{}}
	r := &http.Request{Method: "POST", URL: u, Body: sent, ContentLength: int64(len(body)), Header: http.Header{
		"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "User-Agent": {"bench"},
		"X-Rungate-Run-Id": {"nightly"}}}
	call := func() {
		sent.Reset(body)
		clear(w.h)
		gw.ServeHTTP(w, r)
	}
	call() // what is used up by one call is used up now
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		call()
	}
	require.Equal(b, status, w.status)
}

// everything are rules on requests and on tools, loops, five budgets and five
// rates. None of them refuses a call.
func everything(b *testing.B) func(*gateway.Config) {
	rules := `{"name":"refund","tool":"issue_refund","then":"deny","when":[{"arg":"amount_usd","op":">","value":500}]},
		{"name":"dear","then":"deny","when":[{"call":"estimated_cost_usd","op":">","value":"1000"}]},
		{"name":"region","then":"block","when":[{"call":"tags","op":"contains","value":"eu"}]}`
	g := &governed{Binder: mustSet(b, `{"name":"bench","models":{"allow":["openai/*"]},"tools":{"allow":["tool_*"]},"rules":[`+rules+`],
		"loops":{"identical_calls":1000000000000,"identical_tool_calls":1000000000000}}`)}
	for i, scope := range []budget.Scope{budget.ScopeRun, budget.ScopeAgent, budget.ScopeTeam, budget.ScopePolicy, budget.ScopeGlobal} {
		g.budgets = append(g.budgets, budget.Budget{Name: fmt.Sprint("b", i), Per: scope, Limit: 1 << 60, Window: budget.Window(-i)})
		g.rates = append(g.rates, budget.Rate{Name: fmt.Sprint("r", i), Per: scope, Window: time.Minute})
	}
	for i := range g.rates {
		switch r := &g.rates[i]; i % 3 {
		case 0:
			r.Requests = 1 << 40
		case 1:
			r.Tokens = 1 << 50
		default:
			r.Concurrent, r.Window = 1<<20, 0
		}
	}
	return func(cfg *gateway.Config) { cfg.Policy = g }
}

// BenchmarkRefused is a call that is refused, beside one that passes: to refuse takes
// about as long.
func BenchmarkRefused(b *testing.B) {
	body := agentRequest(1<<10, false)
	held := func(g governed) func(*gateway.Config) {
		return func(cfg *gateway.Config) {
			g.Binder = cfg.Policy.(policy.Binder)
			cfg.Policy = &g
		}
	}
	b.Run("passed", func(b *testing.B) { benchCall(b, 200, body, chatAnswer) })
	b.Run("model", func(b *testing.B) {
		benchCall(b, 403, body, chatAnswer, func(cfg *gateway.Config) { cfg.Policy = mustSet(b, `{"name":"p","models":{"deny":["openai/*"]}}`) })
	})
	b.Run("rate", func(b *testing.B) {
		benchCall(b, 429, body, chatAnswer, held(governed{rates: []budget.Rate{{Name: "r", Per: budget.ScopeAgent, Requests: 1, Window: 1000 * time.Hour}}}))
	})
	b.Run("budget", func(b *testing.B) {
		benchCall(b, 402, body, chatAnswer, held(governed{budgets: []budget.Budget{{Name: "b", Per: budget.ScopeAgent, Limit: 1}}}))
	})
	b.Run("blocked run", func(b *testing.B) {
		benchCall(b, 402, body, chatAnswer, func(cfg *gateway.Config) {
			cfg.Policy = mustSet(b, `{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":"0.0001","expected_output_tokens":1}]}`)
		})
	})
}

// BenchmarkStreamEvent is what the gateway adds to one event of a stream, under
// rules on the calls of tools and without any.
func BenchmarkStreamEvent(b *testing.B) {
	const event = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1764000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null}` + "\n\n"
	for _, c := range []struct{ name, policy string }{{"no rules", limits}, {"rules", rules}} {
		b.Run(c.name, func(b *testing.B) {
			rt := &events1{header: http.Header{"Content-Type": {"text/event-stream"}}, event: event}
			gw, token := benchGateway(b, rt, "http://provider.test/v1", under(b, c.policy))
			body := agentRequest(1<<10, true)
			u, _ := url.Parse("/v1/chat/completions")
			b.ReportAllocs()
			rt.n = b.N
			r := &http.Request{Method: "POST", URL: u, Header: http.Header{"Authorization": {"Bearer " + token}},
				Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
			b.ResetTimer()
			gw.ServeHTTP(&discard{h: http.Header{}}, r)
		})
	}
}

// events1 is a transport whose provider streams n times the same event, one a
// read.
type events1 struct {
	header http.Header
	event  string
	n      int
}

func (e *events1) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Body.Close()
	return &http.Response{StatusCode: 200, Header: e.header, ContentLength: -1, Body: e}, nil
}

func (e *events1) Read(p []byte) (int, error) {
	if e.n < 0 {
		return 0, io.EOF
	}
	if e.n--; e.n < 0 {
		return copy(p, "data: [DONE]\n\n"), nil
	}
	return copy(p, e.event), nil
}

func (e *events1) Close() error { return nil }

// BenchmarkOverHTTP is a whole call over loopback: straight to the provider,
// through the gateway, and through a bare httputil.ReverseProxy.
func BenchmarkOverHTTP(b *testing.B) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, chatAnswer)
	}))
	defer upstream.Close()
	to, _ := url.Parse(upstream.URL)
	gw, token := benchGateway(b, nil, upstream.URL+"/v1")
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true},
	}
	for _, size := range []int{1 << 10, 100 << 10} {
		body := []byte(agentRequest(size, false))
		for _, via := range []struct {
			name    string
			handler http.Handler
		}{{"gateway", gw}, {"reverseproxy", proxy}, {"direct", nil}} {
			b.Run(fmt.Sprintf("%dKB/%s", size>>10, via.name), func(b *testing.B) {
				base := upstream.URL
				if via.handler != nil {
					server := httptest.NewServer(via.handler)
					defer server.Close()
					base = server.URL
				}
				client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
				b.ReportAllocs()
				for b.Loop() {
					call(b, client, base+"/v1/chat/completions", token, body)
				}
			})
		}
	}
}

func call(b *testing.B, client *http.Client, to, token string, body []byte) {
	req, _ := http.NewRequest("POST", to, bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil || resp.StatusCode != 200 {
		b.Fatal(resp, err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}

// BenchmarkAudited is the same call with an audit trail in a file: two entries.
func BenchmarkAudited(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprint("sync=", sync), func(b *testing.B) {
			log, err := audit.OpenLog(filepath.Join(b.TempDir(), "audit.jsonl"), audit.LogOptions{Sync: sync})
			require.NoError(b, err)
			defer log.Close()
			benchCall(b, 200, agentRequest(1<<10, false), chatAnswer, func(cfg *gateway.Config) { cfg.Trail = log })
		})
	}
}

// BenchmarkFailover is a call whose first target serves it, with another one behind that
// and without. What an attempt costs is the difference to one that fails first.
func BenchmarkFailover(b *testing.B) {
	for _, c := range []struct{ name, policy string }{
		{"none", `{"name":"p"}`},
		{"first serves", `{"name":"p","failover":[{"models":["*"],"to":["spare/gpt-4.1"]}]}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchCall(b, 200, agentRequest(1<<10, false), chatAnswer, under(b, c.policy), func(cfg *gateway.Config) {
				cfg.Providers = append(cfg.Providers, &openai.Provider{ID: "spare", URL: "http://spare.test/v1", Serves: []string{"gpt-4.1"}})
			})
		})
	}
}
