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
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/gateway/console"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// whoIs is how the service knows its people already. The name that it returns is
// that by which decisions are recorded.
func whoIs(r *http.Request) (string, error) {
	user, password, _ := r.BasicAuth()
	if user != "carol" || password != "correct horse" {
		return "", console.ErrSignedOut
	}
	return user, nil
}

// A service serves agents, programs of operators, and operators. Agents and the
// API have each a path /v1/ of their own, so each is below a prefix.
func Example_operators() {
	token := admin.NewToken() // of a program that decides; only its digest is kept
	var operators admin.OperatorTable
	err := operators.Replace(admin.Enrolment{Operator: admin.Operator{Name: "ops-bot"}, Tokens: []run.Digest{run.DigestOf(token)}})
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-your-key"}},
		Agents:    &run.AgentTable{}, // of nobody yet
		Policy:    policy.AllowAll,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())
	api, err := admin.New(gw, admin.Config{Operators: &operators})
	if err != nil {
		log.Fatal(err)
	}
	pages, err := console.New(gw, console.Config{Authenticate: whoIs})
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.Handle("/llm/", http.StripPrefix("/llm", gw))
	mux.Handle("/operators/", http.StripPrefix("/operators", api))
	mux.Handle("/console/", http.StripPrefix("/console", pages))
	server := httptest.NewServer(mux)
	defer server.Close()

	bearer := "Bearer " + token.Reveal()
	for _, c := range []struct{ path, authorization, shows string }{
		{"/llm/v1/models", bearer, "invalid_agent_token"},
		{"/operators/v1/gates", bearer, `"gates":[]`},
		{"/operators/v1/gates", "", "invalid_admin_token"},
		{"/console/", "Basic Y2Fyb2w6Y29ycmVjdCBob3JzZQ==", "carol"}, // as browsers send it
		{"/console/", "", "not signed in"},
	} {
		req, err := http.NewRequest(http.MethodGet, server.URL+c.path, http.NoBody)
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set("Authorization", c.authorization)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(c.path, resp.StatusCode, c.shows, strings.Contains(string(page), c.shows))
	}

	// Output:
	// /llm/v1/models 401 invalid_agent_token true
	// /operators/v1/gates 200 "gates":[] true
	// /operators/v1/gates 401 invalid_admin_token true
	// /console/ 200 carol true
	// /console/ 401 not signed in true
}
