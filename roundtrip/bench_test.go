package roundtrip_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// conversation is a chat request of about size bytes.
func conversation(size int) []byte {
	const prose = "The run was admitted under its budget and the tool call was recorded. "
	var b bytes.Buffer
	b.WriteString(`{"model":"gpt-4.1","max_tokens":500,"messages":[{"role":"system","content":"You are a careful agent."}`)
	for b.Len() < size-100 {
		fmt.Fprintf(&b, `,{"role":"user","content":%q}`, strings.Repeat(prose, min(10, 1+(size-b.Len())/len(prose)/2)))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// everything is a gateway in which everything is on, over a transport; nil is its own.
func everything(b *testing.B, base string, rt http.RoundTripper) *gateway.Gateway {
	p, err := policy.Parse([]byte(`{"name":"bench","models":{"allow":["openai/*"]},"endpoints":{"allow":["*"]},
		"budgets":[{"name":"usd","per":"run","limit_usd":"9000000"},{"name":"tokens","per":"run","limit_tokens":1000000000000}]}`))
	require.NoError(b, err)
	policies, err := policy.New(p)
	require.NoError(b, err)
	agents := &run.AgentTable{}
	require.NoError(b, agents.Add(run.Enrolment{Agent: run.Agent{ID: "alice", Team: "ops"}}))
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-1", URL: base + "/v1"}},
		Agents:    agents, Policy: policies, Transport: rt,
	})
	require.NoError(b, err)
	b.Cleanup(func() { gw.Close(context.Background()) })
	return gw
}

// canned is a transport whose provider answers at once.
type canned struct{}

func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	io.Copy(io.Discard, r.Body)
	r.Body.Close()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(chatAnswer)), Body: io.NopCloser(strings.NewReader(chatAnswer))}, nil
}

// busy is a transport that works for as long beside each call, half of it before and
// half after, and does nothing else.
type busy struct {
	http.RoundTripper
	work time.Duration
}

func (t busy) RoundTrip(r *http.Request) (*http.Response, error) {
	work := func() {
		for start := time.Now(); time.Since(start) < t.work/2; {
		}
	}
	work()
	defer work()
	return t.RoundTripper.RoundTrip(r)
}

// BenchmarkRoundTripper is a call to a provider over loopback, through a bare
// http.Transport and governed. "pair" takes turns between the two, so that
// whatever else the machine does hits both: its ratio is the one to look at. "floor"
// takes turns between the first and itself with as much work beside it as governing
// takes without a network: no way to do that work between would have less of a ratio.
func BenchmarkRoundTripper(b *testing.B) {
	provider := httptest.NewServer(whole(chatAnswer))
	defer provider.Close()
	bare := &http.Transport{DisableCompression: true}
	defer bare.CloseIdleConnections()
	governed := roundtrip.New(everything(b, provider.URL, nil))
	alone := roundtrip.New(everything(b, provider.URL, canned{}))
	ctx, cancel := context.WithCancel(context.Background()) // as an SDK's call has one
	defer cancel()
	ctx = run.NewContext(ctx, run.Ref{Agent: "alice", ID: "nightly"})

	for _, size := range []int{1 << 10, 100 << 10} {
		body := conversation(size)
		call := func(rt http.RoundTripper) {
			req, err := http.NewRequestWithContext(ctx, "POST", provider.URL+"/v1/chat/completions", bytes.NewReader(body))
			if err != nil {
				b.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer sk-1")
			req.Header.Set("Content-Type", "application/json")
			resp, err := rt.RoundTrip(req)
			if err != nil || resp.StatusCode != 200 {
				b.Fatal(resp, err)
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		for _, via := range []struct {
			name string
			rt   http.RoundTripper
		}{{"bare", bare}, {"governed", governed}} {
			b.Run(fmt.Sprintf("%dKB/%s", size>>10, via.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					call(via.rt)
				}
			})
		}
		taking := func(b *testing.B, first, second http.RoundTripper) (ratio float64) {
			var without, with time.Duration
			for b.Loop() {
				start := time.Now()
				call(first)
				middle := time.Now()
				call(second)
				without, with = without+middle.Sub(start), with+time.Since(middle)
			}
			return float64(with) / float64(without)
		}
		b.Run(fmt.Sprintf("%dKB/pair", size>>10), func(b *testing.B) {
			b.ReportMetric(taking(b, bare, governed), "governed/bare")
		})
		b.Run(fmt.Sprintf("%dKB/floor", size>>10), func(b *testing.B) {
			const calls = 2000
			start := time.Now()
			for range calls {
				call(alone)
			}
			middle := time.Now()
			for range calls {
				call(canned{})
			}
			work := (middle.Sub(start) - time.Since(middle)) / calls
			b.ReportMetric(taking(b, bare, busy{bare, work}), "worked/bare")
			b.ReportMetric(float64(work), "work-ns")
		})
	}
}
