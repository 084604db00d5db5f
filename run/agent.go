package run

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rungate/rungate/internal/glob"
	"github.com/rungate/rungate/provider"
)

// An Agent is who makes calls: a program, known by its token or, in process, by
// its id.
type Agent struct {
	ID   string
	Team string // whose runs it shares; empty makes it a team of its own

	// Policy names the policy of the runs that it starts. Empty is the policy
	// engine's default.
	Policy string

	// MayChoose are globs of the names of policies that it may choose for a run
	// instead. None means that it may choose no other.
	MayChoose []string

	// Approval is how its calls are answered while a person has yet to decide about
	// them, where they do not say. Empty is what their policy says.
	Approval ApprovalMode

	Expires time.Time // the token is not valid from then on; zero is never

	teamKey string // what TeamKey has returned before, so that it is not made anew
}

// TeamKey is the team that the agent's runs belong to. Teams and agents without
// one do not get in each other's way, whatever they are called.
func (a *Agent) TeamKey() string {
	prefix, name := "team:", a.Team
	if name == "" {
		prefix, name = "agent:", a.ID
	}
	// The one that was made before may be that of another agent, which this is
	// a copy of.
	if rest, ok := strings.CutPrefix(a.teamKey, prefix); ok && rest == name {
		return a.teamKey
	}
	return prefix + name
}

// MayUse reports whether the agent may use the policy of that name: its own, or
// one that it may choose.
func (a *Agent) MayUse(policy string) bool {
	if policy == a.Policy {
		return true
	}
	for _, g := range a.MayChoose {
		if glob.Match(g, policy) {
			return true
		}
	}
	return false
}

// ErrUnknownAgent says that no agent has that token or id.
var ErrUnknownAgent = errors.New("unknown agent")

// Agents looks up agents. Implementations are safe for concurrent use. An error
// other than ErrUnknownAgent means that it could not be found out. The agents
// returned are shared and not changed.
type Agents interface {
	// ByToken returns the agent whose token has the digest, or ErrUnknownAgent.
	ByToken(ctx context.Context, d Digest) (*Agent, error)

	// ByID returns the agent of that id, or ErrUnknownAgent. It is asked for
	// calls that come from within the process.
	ByID(ctx context.Context, id string) (*Agent, error)
}

// TokenPrefix begins every agent's token.
const TokenPrefix = "rg_agt_"

// A Digest is the SHA-256 of a whole token. It is all of a token that is ever
// kept.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a token.
func DigestOf(token provider.Secret) Digest {
	var small [128]byte // most tokens; keeps them off the heap
	return sha256.Sum256(append(small[:0], token...))
}

// NewToken returns a new token, TokenPrefix and 190 random bits in base32
// letters. Show it once and keep its digest.
func NewToken() provider.Secret {
	return provider.Secret(TokenPrefix + strings.ToLower(rand.Text()) + strings.ToLower(rand.Text())[:12])
}

// An AgentTable is Agents in memory. The zero table is empty and ready for use.
// Changes hold for every look-up that begins after them.
type AgentTable struct {
	agents atomic.Pointer[agentMaps]
}

type agentMaps struct {
	byToken map[Digest]*Agent
	byID    map[string]*Agent
}

// An Enrolment is an agent with its tokens. More than one token is for the time
// of a rotation.
type Enrolment struct {
	Agent
	Tokens []Digest
}

// Replace makes the table hold these agents and no others. It fails, and
// changes nothing, if an agent's ID is not as [ValidID] wants it, a token is
// empty, or two have the same ID or token.
func (t *AgentTable) Replace(agents ...Enrolment) error {
	m := &agentMaps{byToken: map[Digest]*Agent{}, byID: map[string]*Agent{}}
	for i := range agents {
		if err := m.add(agents[i]); err != nil {
			return fmt.Errorf("agents[%d]: %w", i, err)
		}
	}
	t.agents.Store(m)
	return nil
}

// Add adds one agent, under the conditions of Replace.
func (t *AgentTable) Add(e Enrolment) error {
	for {
		old := t.agents.Load()
		m := &agentMaps{byToken: map[Digest]*Agent{}, byID: map[string]*Agent{}}
		if old != nil {
			m.byToken, m.byID = maps.Clone(old.byToken), maps.Clone(old.byID)
		}
		if err := m.add(e); err != nil {
			return err
		}
		if t.agents.CompareAndSwap(old, m) {
			return nil
		}
	}
}

func (m *agentMaps) add(e Enrolment) error {
	a := e.Agent
	if why := badID(a.ID); why != "" {
		return fmt.Errorf("id: %s", why)
	}
	if m.byID[a.ID] != nil {
		return fmt.Errorf("id: %q is used twice", a.ID)
	}
	a.teamKey = a.TeamKey()
	if a.Approval != "" && !a.Approval.Valid() {
		return fmt.Errorf("approval: %s", wantApproval)
	}
	for _, d := range e.Tokens {
		if d == DigestOf("") {
			return errors.New("token: it is empty")
		}
		if b := m.byToken[d]; b != nil {
			return fmt.Errorf("token: agents %q and %q have the same one", b.ID, a.ID)
		}
		m.byToken[d] = &a
	}
	m.byID[a.ID] = &a
	return nil
}

// ByToken implements Agents.
func (t *AgentTable) ByToken(_ context.Context, d Digest) (*Agent, error) {
	if m := t.agents.Load(); m != nil && m.byToken[d] != nil {
		return m.byToken[d], nil
	}
	return nil, ErrUnknownAgent
}

// ByID implements Agents.
func (t *AgentTable) ByID(_ context.Context, id string) (*Agent, error) {
	if m := t.agents.Load(); m != nil && m.byID[id] != nil {
		return m.byID[id], nil
	}
	return nil, ErrUnknownAgent
}
