package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/rungate/rungate/internal/strict"
	"github.com/rungate/rungate/run"
)

// A Policy is a declarative policy, as operators write it in JSON; see [Schema].
type Policy struct {
	ID   string `json:"id"`   // empty is Name
	Name string `json:"name"` // by which agents and calls name it, such as "prod-agents/v4"

	Models    List `json:"models"`    // of models, see [List]
	Endpoints List `json:"endpoints"` // of endpoints: "chat", "messages", …

	// Tools is of tools, those that a request declares and those that an answer
	// calls. Deny is matched against all that a tool goes by: its name, its type,
	// with and without the date at its end, and the address of a server of tools.
	// Allow is matched against the name of a tool that the agent runs; of one that
	// the provider runs, against its type or address, since its name may be the
	// agent's choice. A type is "web_search_20250305", "mcp", and so on;
	// "function" and "custom" do not count.
	Tools List `json:"tools"`

	// Rules are what depends on more than a name.
	Rules []Rule `json:"rules"`

	Budgets    []Budget    `json:"budgets"`
	RateLimits []RateLimit `json:"rate_limits"`

	// Billing is of the members by which a call has somebody else pay for it, such
	// as "workspace_id". Other than with other lists, without Allow there are none.
	Billing List `json:"billing"`

	// Failover is what serves calls when the model that they ask for does not; the
	// first that applies holds. Where none does, the gateway's own configuration holds.
	Failover []Failover `json:"failover,omitempty"`

	Loops    Loops     `json:"loops"`
	Run      Run       `json:"run"`
	Approval Approvals `json:"approval"`
	Mode     Mode      `json:"mode"`

	// OnStoreError is what becomes of calls while the store cannot be asked in which
	// runs, budgets and rates are kept. Left out of JSON where it is empty, so that a
	// policy without it has the revision that it always had.
	OnStoreError StoreErrors `json:"on_store_error,omitempty"`
}

// StoreErrors say what becomes of calls that cannot be governed, since the store
// cannot be asked.
type StoreErrors string

// What may become of them. Empty is DenyUngoverned.
const (
	DenyUngoverned StoreErrors = "deny" // they are refused for now

	// AllowUngoverned lets them pass without their run, budgets, rates and loops, and
	// has them recorded as ungoverned. The lists hold, and the rules; of the facts,
	// what is known of the run only is not known then. What needs an approval is
	// refused.
	AllowUngoverned StoreErrors = "allow"
)

// A Mode is what becomes of a policy's decisions.
type Mode string

// The modes. Empty is Enforced.
const (
	Enforced Mode = "enforce"
	Shadowed Mode = "shadow" // recorded and announced, but nothing is refused
)

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

// Run holds the limits of a run's life. Of those that are numbers, nil is none.
type Run struct {
	// IdleTimeout is how long a run stays open without a call. 0 is 15 minutes.
	IdleTimeout time.Duration `json:"idle_timeout"`

	MaxDuration time.Duration `json:"max_duration"` // 0 is none
	MaxSteps    *int64        `json:"max_steps"`    // calls that are forwarded; each attempt of one counts
	MaxDepth    *int64        `json:"max_depth"`    // of runs that are started from runs
	MaxChildren *int64        `json:"max_children"` // that one run may start
}

// Parse reads one policy from JSON. The error, a list, names everything that is
// wrong with its path.
func Parse(document []byte) (Policy, error) {
	var p Policy
	err := strict.JSON(document, &p)
	return p, err
}

// ref names p at its revision, which is a digest of what it says: two replicas
// that read the same document agree on it.
func (p *Policy) ref() run.PolicyRef {
	doc, _ := json.Marshal(p) // of what compile has accepted: cannot fail
	sum := sha256.Sum256(doc)
	id := p.ID
	if id == "" {
		id = p.Name
	}
	return run.PolicyRef{ID: id, Name: p.Name, Revision: hex.EncodeToString(sum[:6])}
}
