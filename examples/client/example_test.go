// Package client shows how an http.Client is governed that a program has
// already, whatever it is used for.
package client

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// The program goes on to call api.openai.com. The transport governs these calls,
// and lets all others pass.
func Example() {
	p, err := policy.Parse([]byte(`{"name": "research", "models": {"allow": ["openai/gpt-4*"]}, "budgets": [{"name": "per-run", "per": "run", "limit_usd": "0.50"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(p)
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-your-key"}},
		Policy:    policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	client := &http.Client{Transport: roundtrip.New(gw)}
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "researcher", ID: "nightly"})
	for _, model := range []string{"gpt-4.1-mini", "o3"} {
		body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"Say hello."}]}`, model)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.openai.com/v1/chat/completions", strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		var answer struct {
			Error struct{ Message string }
		}
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s in run %s\n", model, resp.Status, resp.Header.Get(run.HeaderRunID))
		if answer.Error.Message != "" {
			fmt.Println(answer.Error.Message)
		}
	}

	// What the run did is known in Go, too. An agent without a team is a team of
	// its own.
	agent := run.Agent{ID: "researcher"}
	r, err := gw.Runs().Find(ctx, run.Key{Team: agent.TeamKey(), ID: "nightly"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, r.Steps, "step", r.Tokens.Total(), "tokens", "$"+r.Spent.String())

	// Output:
	// gpt-4.1-mini: 200 OK in run nightly
	// o3: 403 Forbidden in run nightly
	// Rungate: policy "research" (allowed_models) does not allow the model "openai/o3" in run "nightly". Allowed: openai/gpt-4*.
	// open 1 step 36 tokens $0.0000456
}
