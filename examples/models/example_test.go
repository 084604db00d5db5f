// Package models shows that an agent may ask for the models of any vendor, with the
// SDK of either: each lists all that its policy lets it use.
package models

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"

	"github.com/anthropics/anthropic-sdk-go/v2"
	anthropicopt "github.com/anthropics/anthropic-sdk-go/v2/option"
	"github.com/openai/openai-go/v3"
	openaiopt "github.com/openai/openai-go/v3/option"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	claude "github.com/rungate/rungate/provider/anthropic"
	gpt "github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// Two vendors, and a server of one's own that has one model. The policy leaves some of
// them out.
func Example() {
	p, err := policy.Parse([]byte(`{"name": "research", "models": {"deny": ["gpt-5*", "*embedding*", "claude-opus*"]}}`))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(p)
	if err != nil {
		log.Fatal(err)
	}
	agents, token := &run.AgentTable{}, run.NewToken()
	if err := agents.Add(run.Enrolment{Agent: run.Agent{ID: "researcher"}, Tokens: []run.Digest{run.DigestOf(token)}}); err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{
			&gpt.Provider{APIKey: "sk-your-key"},
			&claude.Provider{APIKey: "sk-ant-your-key"},
			&gpt.Provider{ID: "local", URL: "http://127.0.0.1:11434/v1", Serves: []string{"llama-4"}},
		},
		Aliases:   map[string]string{"fast": "claude-haiku-4-5"},
		Agents:    agents,
		Policy:    policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())
	server := httptest.NewServer(gw)
	defer server.Close()
	ctx := context.Background()

	one := openai.NewClient(openaiopt.WithBaseURL(server.URL+"/v1"), openaiopt.WithAPIKey(token.Reveal()))
	models := one.Models.ListAutoPaging(ctx)
	for models.Next() {
		m := models.Current()
		fmt.Printf("OpenAI: %s, of %s\n", m.ID, m.OwnedBy)
	}
	if err := models.Err(); err != nil {
		log.Fatal(err)
	}

	other := anthropic.NewClient(anthropicopt.WithBaseURL(server.URL), anthropicopt.WithAPIKey(token.Reveal()))
	pages := other.Models.ListAutoPaging(ctx, anthropic.ModelListParams{Limit: anthropic.Int(2)})
	for pages.Next() {
		m := pages.Current()
		fmt.Printf("Anthropic: %s, %d tokens\n", m.ID, m.MaxTokens)
	}
	if err := pages.Err(); err != nil {
		log.Fatal(err)
	}

	// One of them may be asked about by the name of its provider, too.
	m, err := one.Models.Get(ctx, "anthropic/claude-sonnet-5")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("OpenAI: %s, of %s\n", m.ID, m.OwnedBy)
	_, err = other.Models.Get(ctx, "gpt-5", anthropic.ModelGetParams{})
	if refused, ok := errors.AsType[*anthropic.Error](err); ok {
		fmt.Printf("Anthropic: %d for gpt-5\n", refused.StatusCode)
	}

	// Output:
	// OpenAI: gpt-4o, of system
	// OpenAI: gpt-4o-mini, of system
	// OpenAI: claude-haiku-4-5, of anthropic
	// OpenAI: claude-sonnet-5, of anthropic
	// OpenAI: llama-4, of local
	// OpenAI: fast, of anthropic
	// Anthropic: gpt-4o, 16384 tokens
	// Anthropic: gpt-4o-mini, 16384 tokens
	// Anthropic: claude-haiku-4-5, 128000 tokens
	// Anthropic: claude-sonnet-5, 128000 tokens
	// Anthropic: llama-4, 0 tokens
	// Anthropic: fast, 128000 tokens
	// OpenAI: anthropic/claude-sonnet-5, of anthropic
	// Anthropic: 404 for gpt-5
}
