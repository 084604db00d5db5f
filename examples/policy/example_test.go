// Package policy shows a policy engine of one's own.
package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// smallOnly is an engine: a function that is asked about every call. It knows
// who calls, what for, and how large the call is. Long inputs may go to the small
// models only, and a run may cost ten cents.
func smallOnly(_ context.Context, in *policy.Input) (policy.Decision, error) {
	if in.InputTokens > 1000 && !strings.HasSuffix(in.Target.Model, "-mini") {
		return policy.Decision{Finding: policy.Finding{
			Rule:      "long-inputs",
			Field:     "model",
			Requested: in.Target.String(),
			Reason:    "an input of more than 1,000 tokens is for a small model",
		}}, nil
	}
	return policy.Decision{
		Verdict: policy.Allow, // the zero Decision denies
		Budgets: []budget.Budget{{Name: "ten-cents", Per: budget.ScopeRun, Limit: int64(budget.Dollar / 10)}},
	}, nil
}

func Example() {
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-your-key"}},
		Policy:    policy.EngineFunc(smallOnly),
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	client := &http.Client{Transport: roundtrip.New(gw)}
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "reader", ID: "reading"})
	for _, c := range []struct {
		model string
		words int
	}{{"gpt-4.1", 10}, {"gpt-4.1", 1000}, {"gpt-4.1-mini", 1000}} {
		body := fmt.Sprintf(`{"model":%q,"max_tokens":20,"messages":[{"role":"user","content":%q}]}`, c.model, strings.Repeat("word ", c.words))
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
		fmt.Printf("%d words to %s: %s\n", c.words, c.model, resp.Status)
		if answer.Error.Message != "" {
			fmt.Println(answer.Error.Message)
		}
	}

	// Output:
	// 10 words to gpt-4.1: 200 OK
	// 1000 words to gpt-4.1: 403 Forbidden
	// Rungate: the policy (long-inputs) refuses this call of run "reading": an input of more than 1,000 tokens is for a small model
	// 1000 words to gpt-4.1-mini: 200 OK
}
