package main

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// A document is the configuration as an operator writes it. What it leaves out
// has the gateway's defaults.
type document struct {
	Listen       string             `json:"listen"`
	Admin        *adminDoc          `json:"admin"` // nil serves no operators
	Store        storeDoc           `json:"store"`
	Providers    []providerDoc      `json:"providers"`
	Aliases      map[string]string  `json:"aliases"`
	Failover     []policy.Failover  `json:"failover"` // where a run's policy says nothing
	Translation  policy.Translation `json:"translation"`
	Agents       []agentDoc         `json:"agents"`
	Policies     []string           `json:"policies"` // files, by name or glob; the first policy is the default
	Prices       pricesDoc          `json:"prices"`
	Webhooks     []webhookDoc       `json:"webhooks"`
	Slack        []slackDoc         `json:"slack"`
	Limits       limitsDoc          `json:"limits"`
	Metering     meteringDoc        `json:"metering"`
	RunIDHeaders []string           `json:"run_id_headers"`
	Retention    retentionDoc       `json:"retention"`
	Audit        *auditDoc          `json:"audit"` // nil keeps no trail
}

const defaultListen = "127.0.0.1:8080"

type providerDoc struct {
	Name    string              `json:"name"`
	Dialect string              `json:"dialect"`
	BaseURL string              `json:"base_url"`
	APIKey  provider.Secret     `json:"api_key"`
	Header  string              `json:"header"` // that carries the key; empty is what the dialect has
	Models  []string            `json:"models"`
	Prices  map[string]priceDoc `json:"prices"`
}

// A priceDoc is a price that says what both input and output cost.
type priceDoc struct {
	Input  *budget.Money `json:"input"`
	Output *budget.Money `json:"output"`
	budget.OverlayPrice
}

type agentDoc struct {
	ID        string           `json:"id"`
	Team      string           `json:"team"`
	Token     provider.Secret  `json:"token"`
	Policy    string           `json:"policy"`
	MayChoose []string         `json:"may_choose"`
	Approval  run.ApprovalMode `json:"approval"` // empty is what the policy says
}

type pricesDoc struct {
	Overlay string `json:"overlay"` // a file
}

type limitsDoc struct {
	BodyBytes         int64         `json:"body_bytes"`
	AnswerBytes       int64         `json:"answer_bytes"`
	FirstByteTimeout  time.Duration `json:"first_byte_timeout"`
	StreamIdleTimeout time.Duration `json:"stream_idle_timeout"`
	ApprovalWait      time.Duration `json:"approval_wait"`
	StoreTimeout      time.Duration `json:"store_timeout"`
	Lease             time.Duration `json:"lease"`
}

type meteringDoc struct {
	StreamUsage  string `json:"stream_usage"`
	OnDisconnect string `json:"on_disconnect"`
}

type retentionDoc struct {
	ClosedRuns time.Duration `json:"closed_runs"`
	Runs       int           `json:"runs"`
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// A complaint collects what is wrong with a part of the document.
type complaint strict.Errors

func (c *complaint) add(path, format string, args ...any) {
	*c = append(*c, strict.Error{Path: path, Reason: fmt.Sprintf(format, args...)})
}

// address complains of an address that is none. Empty is the standard one.
func (c *complaint) address(path, address, standard string) {
	if _, _, err := net.SplitHostPort(cmp.Or(address, standard)); err != nil {
		c.add(path, "want an address such as %s", standard)
	}
}

// sameAddress reports whether two listeners cannot have these addresses. Port 0 is
// any that is free.
func sameAddress(a, b string) bool { return a == b && !strings.HasSuffix(a, ":0") }

func (c complaint) err() error {
	if len(c) == 0 {
		return nil
	}
	return strict.Errors(c)
}

// Validate reports what is wrong with the document as a whole.
func (d *document) Validate() error {
	var c complaint
	c.address("listen", d.Listen, defaultListen)
	if d.Admin != nil && sameAddress(cmp.Or(d.Listen, defaultListen), cmp.Or(d.Admin.Listen, defaultAdminListen)) {
		c.add("admin.listen", "is where agents are served; want another address")
	}
	if len(d.Providers) == 0 {
		c.add("providers", "give at least one")
	}
	if len(d.Policies) == 0 {
		c.add("policies", "give at least one file")
	}
	if len(d.Agents) == 0 {
		c.add("agents", "give at least one, or nobody can make a call")
	}
	for i, p := range d.Providers {
		if slices.ContainsFunc(d.Providers[:i], func(o providerDoc) bool { return o.Name == p.Name }) {
			c.add(fmt.Sprintf("providers[%d].name", i), "%q is used twice", p.Name)
		}
	}
	for i, a := range d.Agents {
		if slices.ContainsFunc(d.Agents[:i], func(o agentDoc) bool { return o.ID == a.ID }) {
			c.add(fmt.Sprintf("agents[%d].id", i), "%q is used twice", a.ID)
		}
	}
	for i, w := range d.Webhooks {
		if slices.ContainsFunc(d.Webhooks[:i], func(o webhookDoc) bool { return o.URL == w.URL }) {
			c.add(fmt.Sprintf("webhooks[%d].url", i), "is used twice")
		}
	}
	for _, alias := range slices.Sorted(maps.Keys(d.Aliases)) {
		if alias == "" || d.Aliases[alias] == "" {
			c.add("aliases", "%q means %q: neither may be empty", alias, d.Aliases[alias])
		}
	}
	if err := d.Translation.Check(); err != nil {
		c.add("translation", "%v", err)
	}
	for _, e := range d.nowhere(d.Failover) {
		c.add("failover"+e.Path, "%s", e.Reason)
	}
	for i, h := range d.RunIDHeaders {
		if !headerName.MatchString(h) {
			c.add(fmt.Sprintf("run_id_headers[%d]", i), "is not the name of a header")
		}
	}
	return c.err()
}

// nowhere finds targets of which there is no provider, with their paths.
func (d *document) nowhere(some []policy.Failover) (errs strict.Errors) {
	for i := range some {
		for k, r := range some[i].To {
			for _, w := range r.Any {
				if !slices.ContainsFunc(d.Providers, func(p providerDoc) bool { return p.Name == w.Target.Provider }) {
					errs = append(errs, strict.Error{Path: fmt.Sprintf("[%d].to[%d]", i, k), Reason: fmt.Sprintf("there is no provider %q", w.Target.Provider)})
				}
			}
		}
	}
	return errs
}

// Validate implements the interface of package strict, as those below do.
func (p *providerDoc) Validate() error {
	var c complaint
	if p.Name == "" || strings.ContainsAny(p.Name, "/ ") || !run.ValidID(p.Name) {
		c.add("name", "want printable characters without blanks and slashes")
	}
	if p.Dialect != "openai" && p.Dialect != "anthropic" {
		c.add("dialect", `want "openai" or "anthropic"`)
	}
	if u, err := url.Parse(p.BaseURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		c.add("base_url", "want http or https, a host and no password")
	}
	if strings.ContainsFunc(p.Header, func(r rune) bool {
		return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) || r > unicode.MaxASCII
	}) {
		c.add("header", "want the name of a header, such as api-key")
	}
	for i, m := range p.Models {
		if m == "" {
			c.add(fmt.Sprintf("models[%d]", i), "is empty")
		}
	}
	return c.err()
}

func (p *priceDoc) Validate() error {
	var c complaint
	if p.Input == nil {
		c.add("input", "is missing; write 0 if it is free")
	}
	if p.Output == nil {
		c.add("output", "is missing; write 0 if it is free")
	}
	return c.err()
}

func (a *agentDoc) Validate() error {
	var c complaint
	if !run.ValidID(a.ID) {
		c.add("id", "want 1 to %d printable characters", run.MaxIDBytes)
	}
	if a.Approval != "" && !a.Approval.Valid() {
		c.add("approval", "want accepted, error, wait, or wait=60 for some seconds, up to a day")
	}
	return c.err()
}

func (l *limitsDoc) Validate() error {
	var c complaint
	for _, f := range []struct {
		path string
		n    int64
	}{
		{"body_bytes", l.BodyBytes},
		{"answer_bytes", l.AnswerBytes},
		{"first_byte_timeout", int64(l.FirstByteTimeout)},
		{"stream_idle_timeout", int64(l.StreamIdleTimeout)},
		{"approval_wait", int64(l.ApprovalWait)},
		{"store_timeout", int64(l.StoreTimeout)},
		{"lease", int64(l.Lease)},
	} {
		if f.n < 0 {
			c.add(f.path, "is negative")
		}
	}
	return c.err()
}

func (m *meteringDoc) Validate() error {
	var c complaint
	if m.StreamUsage != "" && m.StreamUsage != "include" && m.StreamUsage != "estimate" {
		c.add("stream_usage", `want "include" or "estimate"`)
	}
	if m.OnDisconnect != "" && m.OnDisconnect != "cancel" && m.OnDisconnect != "drain" {
		c.add("on_disconnect", `want "cancel" or "drain"`)
	}
	return c.err()
}

func (r *retentionDoc) Validate() error {
	var c complaint
	if r.ClosedRuns < 0 {
		c.add("closed_runs", "is negative")
	}
	if r.Runs < 0 {
		c.add("runs", "is negative")
	}
	return c.err()
}
