package roundtrip_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
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

// elsewhere starts a provider in a process of its own, as it is in life, and returns its
// URL: in one process, the two ends of a connection that wait for each other would share a
// scheduler, and its moods would be what is measured.
func elsewhere(b *testing.B) string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asProvider+"=1")
	end, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		end.Close()
		cmd.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return "http://" + strings.TrimSpace(address)
}

// asProvider is set in the environment of a process that is a provider, as long as its
// input is open.
const asProvider = "ROUNDTRIP_TEST_PROVIDER"

func TestMain(m *testing.M) {
	if os.Getenv(asProvider) == "" {
		os.Exit(m.Run())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, whole(chatAnswer))
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// BenchmarkRoundTripper is a call to a provider over loopback, through a bare
// http.Transport and governed. "pair" takes turns between the two, so that
// whatever else the machine does hits both: its ratio is the one to look at.
func BenchmarkRoundTripper(b *testing.B) {
	provider := elsewhere(b)
	bare := &http.Transport{DisableCompression: true}
	defer bare.CloseIdleConnections()
	governed := roundtrip.New(everything(b, provider))
	ctx, cancel := context.WithCancel(context.Background()) // as an SDK's call has one
	defer cancel()
	ctx = run.NewContext(ctx, run.Ref{Agent: "alice", ID: "nightly"})

	for _, size := range []int{1 << 10, 100 << 10} {
		body := conversation(size)
		call := func(rt http.RoundTripper) {
			req, err := http.NewRequestWithContext(ctx, "POST", provider+"/v1/chat/completions", bytes.NewReader(body))
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
