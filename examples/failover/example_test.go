// Package failover shows an agent whose provider is down: another vendor's model
// serves it, and it knows nothing of that but what a header says.
package failover

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	claude "github.com/rungate/rungate/provider/anthropic"
	gpt "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// OpenAI is overloaded today. The agent goes on speaking its format, and Claude answers.
func Example() {
	p, err := policy.Parse([]byte(`{
		"name": "support",
		"budgets": [{"name": "run-cap", "per": "run", "limit_usd": "0.50"}],
		"failover": [{"models": ["openai/*"], "to": ["anthropic/claude-haiku-4-5"]}]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(p)
	if err != nil {
		log.Fatal(err)
	}
	overloaded := func(r *http.Request, _ []byte) *fake.Reply {
		if r.URL.Path == "/v1/chat/completions" {
			return fake.Overloaded()
		}
		return nil // the embedded model answers
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&gpt.Provider{APIKey: "sk-your-key"}, &claude.Provider{APIKey: "sk-ant-your-key"}},
		Policy:    policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{Script: overloaded}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	client := openai.NewClient(option.WithHTTPClient(&http.Client{Transport: roundtrip.New(gw)}), option.WithAPIKey("unused"))
	agent := run.Agent{ID: "support"}
	ctx := run.NewContext(context.Background(), run.Ref{Agent: agent.ID, ID: "ticket-17"})
	var answer *http.Response
	reply, err := client.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{
		Model:               openai.ChatModelGPT5_4Mini,
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Where is my parcel?")},
		MaxCompletionTokens: openai.Int(100),
		Seed:                openai.Int(7), // Claude has nothing like it
	}, option.WithResponseInto(&answer))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reply.Choices[0].Message.Content)
	fmt.Println("served by:", answer.Header.Get("X-Rungate-Served-By"))
	fmt.Println("notes:    ", answer.Header.Get("X-Rungate-Translation-Notes"))

	// The run has a step for each attempt, with what that has cost.
	steps, err := gw.Runs().Steps(ctx, run.Key{Team: agent.TeamKey(), ID: "ticket-17"}, 0, 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range steps {
		fmt.Printf("step:      %s/%s, %d %s, $%s\n", s.Provider, s.Model, s.Status, cmp.Or(s.Fault, "served"), s.Cost)
	}

	// Output:
	// Noted: "Where is my parcel?". My answers are made up, but they are counted, priced and governed like any other.
	// served by: anthropic/claude-haiku-4-5
	// notes:     seed=dropped
	// step:      openai/gpt-5.4-mini, 503 overloaded, $0.00
	// step:      anthropic/claude-haiku-4-5, 200 served, $0.000152
}
