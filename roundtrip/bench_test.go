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

// everything is a gateway in which everything is on.
func everything(b *testing.B, base string) *gateway.Gateway {
	p, err := policy.Parse([]byte(`{"name":"bench","models":{"allow":["openai/*"]},"endpoints":{"allow":["*"]},
		"budgets":[{"name":"usd","per":"run","limit_usd":"9000000"},{"name":"tokens","per":"run","limit_tokens":1000000000000}]}`))
	require.NoError(b, err)
	policies, err := policy.New(p)
	require.NoError(b, err)
	agents := &run.AgentTable{}
	require.NoError(b, agents.Add(run.Enrolment{Agent: run.Agent{ID: "alice", Team: "ops"}}))
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-1", URL: base + "/v1"}},
		Agents:    agents, Policy: policies,
	})
	require.NoError(b, err)
	b.Cleanup(func() { gw.Close(context.Background()) })
	return gw
}

// BenchmarkRoundTripper is a call to a provider over loopback, through a bare
// http.Transport and governed. "pair" takes turns between the two, so that
// whatever else the machine does hits both: its ratio is the one to look at.
func BenchmarkRoundTripper(b *testing.B) {
	provider := httptest.NewServer(whole(chatAnswer))
	defer provider.Close()
	bare := &http.Transport{DisableCompression: true}
	defer bare.CloseIdleConnections()
	governed := roundtrip.New(everything(b, provider.URL))
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
		b.Run(fmt.Sprintf("%dKB/pair", size>>10), func(b *testing.B) {
			var without, with time.Duration
			for b.Loop() {
				start := time.Now()
				call(bare)
				middle := time.Now()
				call(governed)
				without, with = without+middle.Sub(start), with+time.Since(middle)
			}
			b.ReportMetric(float64(with)/float64(without), "governed/bare")
		})
	}
}
