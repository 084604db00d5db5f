package console

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/tidwall/gjson"

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

// A call of a dear model waits until an operator approves it: in the browser, at
// /console/, or as here by a program. Agents reach the gateway on one listener,
// operators their pages and their API on another.
func Example() {
	agentToken, operatorToken := run.NewToken(), admin.NewToken() // show them once; only their digests are kept
	var agents run.AgentTable
	err := agents.Replace(run.Enrolment{Agent: run.Agent{ID: "researcher"}, Tokens: []run.Digest{run.DigestOf(agentToken)}})
	if err != nil {
		log.Fatal(err)
	}
	prod, err := policy.Parse([]byte(`{"name":"prod","rules":[
		{"name":"dear-model","when":[{"call":"model","op":"==","value":"gpt-4.1"}],"then":"approve"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	policies, err := policy.New(prod)
	if err != nil {
		log.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-your-key"}},
		Agents:    &agents,
		Policy:    policies,
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	defer gw.Close(context.Background())

	var operators admin.OperatorTable
	err = operators.Replace(admin.Enrolment{Operator: admin.Operator{Name: "ops-bot"}, Tokens: []run.Digest{run.DigestOf(operatorToken)}})
	if err != nil {
		log.Fatal(err)
	}
	api, err := admin.New(gw, admin.Config{Operators: &operators})
	if err != nil {
		log.Fatal(err)
	}
	login, err := console.NewTokenLogin(&operators)
	if err != nil {
		log.Fatal(err)
	}
	pages, err := console.New(gw, console.Config{Authenticate: login.Authenticate, Login: login})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1/", api)
	mux.Handle("/console/", http.StripPrefix("/console", pages))

	forAgents, forOperators := httptest.NewServer(gw), httptest.NewServer(mux)
	defer forAgents.Close()
	defer forOperators.Close()

	ask := func() { // the agent asks, and later asks the same again
		status, body := send("POST", forAgents.URL+"/v1/chat/completions", agentToken, `{"model":"gpt-4.1","messages":[{"role":"user","content":"Say hello."}]}`)
		fmt.Println(status, gjson.Get(body, "status").String()+gjson.Get(body, "choices.0.message.content").String())
	}
	ask()
	_, pending := send("GET", forOperators.URL+"/v1/gates?status=pending", operatorToken, "")
	gate := gjson.Get(pending, "gates.0")
	fmt.Println(gate.Get("agent_id"), "waits for", gate.Get("rule"))
	_, decided := send("POST", forOperators.URL+"/v1/gates/"+gate.Get("id").String()+"/approve", operatorToken, `{"by":"alice","reason":"For the report."}`)
	fmt.Println(gjson.Get(decided, "status"), "by", gjson.Get(decided, "decided_by"))
	ask()
	// Output:
	// 202 awaiting_approval
	// researcher waits for dear-model
	// approved by alice (via ops-bot)
	// 200 Noted: "Say hello.". My answers are made up, but they are counted, priced and governed like any other.
}

func send(method, url string, token provider.Secret, body string) (status int, answer string) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
