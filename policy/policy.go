package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/run"
)

// A Policy is a declarative policy, as operators write it in JSON. Whatever else
// it allows, it denies calls that would have somebody else pay for them.
type Policy struct {
	ID   string `json:"id"`   // empty is Name
	Name string `json:"name"` // by which agents and calls name it, such as "prod-agents/v4"

	Models    List `json:"models"`    // of models, see [List]
	Endpoints List `json:"endpoints"` // of endpoints: "chat", "messages", …

	Budgets []Budget `json:"budgets"`
	Run     Run      `json:"run"`
}

// A List restricts names by globs, in which "*" stands for any characters. What
// Deny matches is denied, even if Allow matches it too. What Allow does not
// match is denied. Without Allow everything is allowed. Deny does not mind upper
// and lower case, since there are servers that do not either; Allow does.
//
// A model is known by two names: a glob with a slash is matched against
// "provider/model", one without against the model alone.
type List struct {
	Allow []string `json:"allow"`
	Deny  []string `json:"deny"`
}

// A Budget limits what a run may spend, in dollars or in tokens: exactly one of
// the limits is given.
type Budget struct {
	Name        string        `json:"name"`
	Per         budget.Scope  `json:"per"`
	LimitUSD    *budget.Money `json:"limit_usd"`
	LimitTokens *int64        `json:"limit_tokens"`
	AlertAt     []float64     `json:"alert_at"` // shares of the limit; absent is 0.8

	// ExpectedOutputTokens are reserved for an answer at most; 0 is 1,000.
	ExpectedOutputTokens int64 `json:"expected_output_tokens"`
}

// Run holds the limits of a run's life.
type Run struct {
	// IdleTimeout is how long a run stays open without a call. 0 is 15 minutes.
	IdleTimeout time.Duration `json:"idle_timeout"`
}

// Parse reads one policy from JSON. The error, a list, names everything that is
// wrong with its path.
func Parse(document []byte) (Policy, error) {
	var p Policy
	err := strict.JSON(document, &p)
	return p, err
}

// Validate reports everything that is wrong with p, with paths; nil if nothing
// is.
func (p *Policy) Validate() error {
	var errs strict.Errors
	bad := func(path, format string, args ...any) {
		errs = append(errs, strict.Error{Path: path, Reason: fmt.Sprintf(format, args...)})
	}
	if p.Name == "" {
		bad("name", "a policy needs a name")
	} else if !run.ValidID(p.Name) {
		bad("name", "want up to %d bytes of printable characters", run.MaxIDBytes)
	}
	if p.ID != "" && !run.ValidID(p.ID) {
		bad("id", "want up to %d bytes of printable characters", run.MaxIDBytes)
	}
	for _, l := range []struct {
		path  string
		globs []string
	}{
		{"models.allow", p.Models.Allow}, {"models.deny", p.Models.Deny},
		{"endpoints.allow", p.Endpoints.Allow}, {"endpoints.deny", p.Endpoints.Deny},
	} {
		for i, g := range l.globs {
			if g == "" {
				bad(fmt.Sprintf("%s[%d]", l.path, i), "it is empty")
			}
		}
	}
	names := map[string]bool{}
	for i := range p.Budgets {
		b, path := &p.Budgets[i], fmt.Sprintf("budgets[%d]", i)
		b.validate(func(field, format string, args ...any) { bad(path+field, format, args...) })
		if b.Name != "" && names[b.Name] {
			bad(path+".name", "%q is used twice", b.Name)
		}
		names[b.Name] = true
	}
	if p.Run.IdleTimeout < 0 {
		bad("run.idle_timeout", "is negative")
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

// validate calls bad for each thing that is wrong with b.
func (b *Budget) validate(bad func(field, format string, args ...any)) {
	if b.Name == "" {
		bad(".name", "a budget needs a name")
	}
	if b.Per != budget.ScopeRun {
		bad(".per", "%q is not known; use %q", b.Per, budget.ScopeRun)
	}
	switch {
	case (b.LimitUSD == nil) == (b.LimitTokens == nil):
		bad("", "give one of limit_usd and limit_tokens")
	case b.LimitUSD != nil && *b.LimitUSD < 0:
		bad(".limit_usd", "is negative")
	case b.LimitTokens != nil && *b.LimitTokens < 0:
		bad(".limit_tokens", "is negative")
	}
	for i, at := range b.AlertAt {
		if !(at > 0 && at <= 1) {
			bad(fmt.Sprintf(".alert_at[%d]", i), "want a share above 0 and up to 1")
		}
	}
	if b.ExpectedOutputTokens < 0 {
		bad(".expected_output_tokens", "is negative")
	}
}

func (b *Budget) compile() budget.Budget {
	c := budget.Budget{Name: b.Name, Per: b.Per, AlertAt: b.AlertAt, ExpectedOutput: b.ExpectedOutputTokens}
	if b.LimitTokens != nil {
		c.Unit, c.Limit = budget.Tokens, *b.LimitTokens
	} else {
		c.Limit = int64(*b.LimitUSD)
	}
	return c
}

// ref names p at its revision, which is a digest of what it says: two replicas
// that read the same document agree on it.
func (p *Policy) ref() run.PolicyRef {
	doc, _ := json.Marshal(p) // of strings, numbers and lists: cannot fail
	sum := sha256.Sum256(doc)
	id := p.ID
	if id == "" {
		id = p.Name
	}
	return run.PolicyRef{ID: id, Name: p.Name, Revision: hex.EncodeToString(sum[:6])}
}
