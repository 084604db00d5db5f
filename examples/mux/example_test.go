// Package mux shows a gateway as a part of a web service that is there already.
package mux

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// The gateway lives below /llm: agents are given https://example.com/llm/v1 as
// their base URL. Over the network an agent needs a token.
func Example() {
	token := run.NewToken() // show it to the agent once; only its digest is kept
	var agents run.AgentTable
	err := agents.Replace(run.Enrolment{Agent: run.Agent{ID: "helpdesk", Team: "support"}, Tokens: []run.Digest{run.DigestOf(token)}})
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-your-key"}, &anthropic.Provider{APIKey: "sk-ant-your-key"}},
		Aliases:   map[string]string{"claude-sonnet-4": "anthropic/claude-sonnet-4-5"},
		Agents:    &agents,
		Policy:    policy.AllowAll,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "the service itself") })
	mux.Handle("/llm/", http.StripPrefix("/llm", gw))
	server := httptest.NewServer(mux)
	defer server.Close()

	for _, c := range []struct{ method, path, token, body string }{
		{"GET", "/", "", ""},
		{"POST", "/llm/v1/messages", token.Reveal(), `{"model":"claude-sonnet-4","max_tokens":50,"messages":[{"role":"user","content":"Say hello."}]}`},
		{"POST", "/llm/v1/messages", "rg_agt_guessed", `{}`},
		{"POST", "/llm/v1/files", token.Reveal(), `{}`},
	} {
		req, err := http.NewRequest(c.method, server.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("Anthropic-Version", "2023-06-01")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Println(c.method, c.path, resp.Status)
	}

	// Output:
	// GET / 200 OK
	// POST /llm/v1/messages 200 OK
	// POST /llm/v1/messages 401 Unauthorized
	// POST /llm/v1/files 404 Not Found
}
