package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/admin"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A demonstration is what is served without a configuration.
type demonstration struct {
	settings  *settings
	transport http.RoundTripper // nil is the network
	down      []string          // vendors
	token     provider.Secret   // the agent's
	operator  provider.Secret
}

// demoPolicy leaves an agent room for a few small calls, and lets it refund small
// sums; large ones if a person approves it.
//
//go:embed demo-policy.json
var demoPolicy []byte

// demoDelay lies between two events of the embedded provider's streams, so that
// one can see them come.
const demoDelay = 30 * time.Millisecond

// newDemonstration has the providers whose keys are in the environment, or else
// an embedded one in place of both, but for those vendors that are down.
func newDemonstration(env func(string) (string, bool), down []string) (*demonstration, error) {
	d := &demonstration{token: run.NewToken(), operator: admin.NewToken(), down: down}
	p, err := policy.Parse(demoPolicy)
	if err != nil {
		panic("the embedded policy: " + err.Error()) // a test reads it
	}
	d.settings = &settings{
		document: document{
			Listen:  defaultListen,
			Admin:   &adminDoc{Listen: defaultAdminListen},
			Aliases: map[string]string{"gpt-4": "openai/gpt-4.1", "claude-sonnet-4": "anthropic/claude-sonnet-4-5"},
		},
		policies:  []policy.Policy{p},
		agents:    []run.Enrolment{{Agent: run.Agent{ID: "demo-agent", Policy: p.Name}, Tokens: []run.Digest{run.DigestOf(d.token)}}},
		operators: []admin.Enrolment{{Operator: admin.Operator{Name: "demo-operator"}, Tokens: []run.Digest{run.DigestOf(d.operator)}}},
		prices:    budget.DefaultPrices(),
		keys:      map[string]provider.Secret{},
	}
	vendors := []providerDoc{
		{Name: "openai", Dialect: "openai", BaseURL: "https://api.openai.com/v1"},
		{Name: "anthropic", Dialect: "anthropic", BaseURL: "https://api.anthropic.com"},
	}
	for _, name := range down {
		if !slices.ContainsFunc(vendors, func(v providerDoc) bool { return v.Name == name }) {
			return nil, fmt.Errorf("-down: %q is not known; use openai or anthropic", name)
		}
	}
	for _, v := range vendors {
		if key, _ := env(strings.ToUpper(v.Name) + "_API_KEY"); key != "" {
			v.APIKey = provider.Secret(key)
			d.settings.keys[v.Name] = v.APIKey
			d.settings.Providers = append(d.settings.Providers, v)
		}
	}
	if len(d.settings.Providers) == 0 {
		d.settings.Providers = vendors
		d.transport = &inproc.Transport{Handler: &fake.Provider{Delay: demoDelay, Keep: -1}}
		if len(down) > 0 {
			d.transport = outage{d.transport, down}
		}
	} else if len(down) > 0 {
		return nil, errors.New("-down: is for the embedded provider, and there are keys of real ones")
	}
	own := &d.settings.policies[0]
	own.Failover = slices.DeleteFunc(own.Failover, func(f policy.Failover) bool { return len(d.settings.nowhere([]policy.Failover{f})) > 0 })
	return d, nil
}

// An outage is a network in which the servers of some vendors do not take connections.
type outage struct {
	http.RoundTripper
	vendors []string
}

// RoundTrip implements http.RoundTripper.
func (o outage) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, vendor := range o.vendors {
		if strings.HasSuffix(r.URL.Hostname(), "."+vendor+".com") {
			if r.Body != nil {
				r.Body.Close()
			}
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		}
	}
	return o.RoundTripper.RoundTrip(r)
}

// explain prints how to try it.
func (d *demonstration) explain(w io.Writer, at listeners) {
	base, operators := urlOf(at.agents)+"/v1", urlOf(at.operators)
	names := make([]string, len(d.settings.Providers))
	for i, p := range d.settings.Providers {
		names[i] = p.Name
	}
	what := "An embedded provider answers; it needs no key and no network."
	if d.transport == nil {
		what = "Calls go to " + strings.Join(names, " and ") + " and cost real money."
	}
	b := d.settings.policies[0].Budgets[0]
	fmt.Fprintf(w, `Rungate demonstration. %s
Point an OpenAI or Anthropic SDK at the base URL, with the agent token as its key. A run may spend $%s.
A refund of more than $500 needs the approval of an operator: in the console, signed in with the operator token, or by a command.
%s
Paste the commands below into another shell. With -config FILE it serves providers and agents of your own.

base URL:       %s
agent token:    %s
operator API:   %s/v1
operator token: %s
console:        %s/
`, what, b.LimitUSD, d.outages(), base, d.token.Reveal(), operators, d.operator.Reveal(), operators)

	say := func(title, command string) { fmt.Fprintf(w, "\n# %s\n%s\n", title, command) }
	for i, name := range names {
		c := demoCalls[name]
		call := func(options, run, body string) string {
			return fmt.Sprintf(`curl -sS %s %s%s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json'%s -H 'x-rungate-run-id: %s' -d '%s'`,
				options, base, c.path, d.token.Reveal(), c.header, run, body)
		}
		say("A call of the "+c.api+" API; the answer names its run", call("-i", "demo", c.body(false)))
		say("The same as a stream", call("-N", "demo", c.body(true)))
		if len(names) == 2 {
			say("A model of the other vendor, by the same API", call("-i", "demo", demoCall{model: demoCalls[names[1-i]].model}.body(false)))
		}
		refund := call("-i", "demo-refund-"+name, c.refund("$1240"))
		say("A tool call that a person has to approve: the answer is withheld, and the agent told to come again", refund)
		say("An operator approves it, in the console at "+operators+"/ or with this command", d.approve(operators+"/v1"))
		say("The agent comes again, and gets the answer that was withheld", refund)
		say("A tool call that a rule refuses: the agent does not get the answer", call("-i", "demo-refund-"+name, c.refund("$25000")))
		say("An agent that goes on and on: its run ends with a 402", fmt.Sprintf(
			`for i in $(seq 30); do answer=$(%s) && echo "call $i: fine" || { echo "call $i: $answer"; break; }; done`, call("--fail-with-body", "demo-loop-"+name, c.body(false))))
		say("What that run did, and what it cost", fmt.Sprintf(
			"curl -sS %s/runs/demo-loop-%s -H 'Authorization: Bearer %s'", base, name, d.token.Reveal()))
	}
}

// outages says what becomes of calls of a vendor that is down.
func (d *demonstration) outages() string {
	switch {
	case len(d.settings.Providers) == 1:
		return "With the keys of both vendors, one of them serves the calls of the other when that is down."
	case len(d.down) == len(d.settings.Providers):
		return "Neither vendor can be reached."
	case len(d.down) > 0:
		return "The servers of " + d.down[0] + " cannot be reached: the other vendor serves its calls, and the header X-Rungate-Served-By says so."
	case d.transport != nil:
		return "With -down openai, or -down anthropic, that vendor cannot be reached, and the other one serves its calls."
	}
	return "When one of them is down, the other one serves its calls."
}

// urlOf is where a listener is reached from this machine.
func urlOf(l net.Listener) string {
	at := l.Addr().(*net.TCPAddr)
	host := at.IP
	if host.IsUnspecified() {
		host = net.IPv4(127, 0, 0, 1)
	}
	return "http://" + net.JoinHostPort(host.String(), strconv.Itoa(at.Port))
}

// approve is the command that approves the latest gate, by the API of that URL.
func (d *demonstration) approve(api string) string {
	return fmt.Sprintf(`gate=$(curl -sS '%[1]s/gates?status=pending' -H 'Authorization: Bearer %[2]s' | grep -o 'gate_[a-z0-9]*' | head -n 1) && `+
		`curl -sS %[1]s/gates/$gate/approve -H 'Authorization: Bearer %[2]s' -d '{"reason":"The order came back."}'`, api, d.operator.Reveal())
}

// demoCalls are small calls, by the provider that they are for.
var demoCalls = map[string]demoCall{
	"openai": {api: "OpenAI", path: "/chat/completions", model: "gpt-4",
		tool: `{"type":"function","function":{"name":"issue_refund","parameters":%s}}`},
	"anthropic": {api: "Anthropic", path: "/messages", model: "claude-sonnet-4", header: ` -H 'anthropic-version: 2023-06-01'`,
		tool: `{"name":"issue_refund","input_schema":%s}`},
}

// A demoCall says how an API is called. Its tool lacks the schema.
type demoCall struct{ api, path, model, header, tool string }

func (c demoCall) body(stream bool) string {
	return fmt.Sprintf(`{"model":%q,"max_tokens":200,"stream":%t,"messages":[{"role":"user","content":"Hello, Rungate. Who are you?"}]}`, c.model, stream)
}

// refund asks for a refund, by a tool.
func (c demoCall) refund(amount string) string {
	tool := fmt.Sprintf(c.tool, `{"type":"object","properties":{"order":{"type":"string"},"amount_usd":{"type":"number"}},"required":["order","amount_usd"]}`)
	return fmt.Sprintf(`{"model":%q,"max_tokens":200,"messages":[{"role":"user","content":"Refund %s for order ord_2H4p."}],"tools":[%s]}`, c.model, amount, tool)
}
