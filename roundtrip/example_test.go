package roundtrip_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// standIn is what stands in for a provider here.
func standIn(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"model":"gpt-4.1","choices":[{"message":{"content":"Hello."}}],"usage":{"prompt_tokens":100,"completion_tokens":50}}`)
}

// A client whose calls are governed within the process. Any SDK that takes an
// http.Client can have it.
func ExampleNew() {
	model := httptest.NewServer(http.HandlerFunc(standIn))
	defer model.Close()
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-of-the-provider", URL: model.URL + "/v1"}},
		Policy:    policy.AllowAll,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close(context.Background())
	client := &http.Client{Transport: roundtrip.New(gw)}

	ctx := run.NewContext(context.Background(), run.Ref{Agent: "researcher", ID: "nightly"})
	req, _ := http.NewRequestWithContext(ctx, "POST", model.URL+"/v1/chat/completions",
		strings.NewReader(`{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`))
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status, "in run", resp.Header.Get("X-Rungate-Run-Id"), "for $"+resp.Header.Get("X-Rungate-Cost-Usd"))

	r, _ := gw.Runs().Find(ctx, run.Key{Team: "agent:researcher", ID: "nightly"})
	fmt.Printf("%d step, $%s\n", r.Steps, r.Spent)
	// Output:
	// 200 OK in run nightly for $0.0006
	// 1 step, $0.0006
}

// The same client, governed by a Rungate server.
func ExampleRemote() {
	model := httptest.NewServer(http.HandlerFunc(standIn))
	defer model.Close()
	token := run.NewToken()
	agents := &run.AgentTable{}
	agents.Add(run.Enrolment{Agent: run.Agent{ID: "researcher"}, Tokens: []run.Digest{run.DigestOf(token)}})
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-of-the-provider", URL: model.URL + "/v1"}},
		Agents:    agents,
		Policy:    policy.AllowAll,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gw.Close(context.Background())
	server := httptest.NewServer(gw)
	defer server.Close()

	// In the agent's program, where RemoteFromEnv would do as well:
	client := &http.Client{Transport: &roundtrip.Remote{BaseURL: server.URL, Key: token}}
	ctx := run.NewContext(context.Background(), run.Ref{ID: "nightly"})
	req, _ := http.NewRequestWithContext(ctx, "POST", "https://api.openai.com/v1/chat/completions",
		strings.NewReader(`{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello"}]}`))
	req.Header.Set("Authorization", "Bearer whatever the SDK has")
	resp, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	resp.Body.Close()
	fmt.Println(resp.Status, "in run", resp.Header.Get("X-Rungate-Run-Id"), "for $"+resp.Header.Get("X-Rungate-Cost-Usd"))
	// Output:
	// 200 OK in run nightly for $0.0006
}
