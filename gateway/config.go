package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/audit"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// Config says what a Gateway is made of. Providers and Policy have to be given;
// the zero value of any other field is its default. New copies the Config, and
// what it points to must not be changed afterwards.
type Config struct {
	// Providers are what calls are forwarded to. A model that is named with its
	// provider goes there. Any other goes to one that lists it, else to one whose
	// vendor it is of, else to one that lists nothing and speaks the agent's dialect;
	// where two are alike, to the first.
	Providers []provider.Provider

	// Aliases are names for models: what a call asks for, and the model that is
	// meant, bare or as "provider/model". An alias is resolved before policy is
	// asked, and once.
	Aliases map[string]string

	// Failover says what serves calls if what they ask for does not, where the policy
	// of their run does not say so: the first that applies to the model. Nil is nothing.
	Failover []policy.Failover

	// Translation is what becomes of calls for a model whose provider speaks another
	// dialect than their agent, where no Failover says so. Empty is
	// policy.StrictTranslation.
	Translation policy.Translation

	// Agents looks up who calls. Nil admits calls from within the process only,
	// under whatever name they give and free to choose any policy.
	Agents run.Agents

	// Policy decides which calls may be made. policy.AllowAll is one that
	// restricts nothing.
	Policy policy.Engine

	// Prices price the calls. Nil is budget.DefaultPrices.
	Prices *budget.Prices

	// Store keeps runs, gates, accounts and rates. Nil keeps them in memory, see memstore.
	Store Store

	// Trail is where each decision is written down before it takes effect: see the
	// entry types in package audit. A call about which that fails is refused. Nil is the
	// Store itself, if that is an audit.Trail, which then has to add the records of
	// reservations, see budget.Demand; else there is none.
	Trail audit.Trail

	Capture Capture // of prompts and answers in the Trail; the zero Capture is off

	Observer run.Observer // told what happens in this gateway; nil is none

	// Notifiers are told of events as well, each at its own pace and until it has
	// got them, by a notify.Dispatcher that Close closes. Nil is none.
	Notifiers []notify.Notifier

	// Outbox keeps the events for Notifiers. Where gateways share it, one of them
	// tells each event, whichever it happened in. Nil is the Store if that is a
	// run.Outbox, else memory. Any other has to be one that the parts of the Store put
	// their events into, see run.Outboxes.
	Outbox run.Outbox

	Logger *slog.Logger // of what goes wrong beside the calls; nil discards

	Limits   Limits
	Metering Metering

	// RunIDHeaders are headers in which clients name a session of their own. The
	// first of them that a call has is the id of its run, if the call names none.
	// Nil is DefaultRunIDHeaders; empty is none.
	RunIDHeaders []string

	// ParentRunHeaders are headers in which such clients name the session that one
	// of theirs was started by. The first of them that has another id than the call
	// is the parent of a run that the call starts, if there is a run of that id.
	// They are read where the id comes from RunIDHeaders. Nil is
	// DefaultParentRunHeaders; empty is none.
	ParentRunHeaders []string

	// Transport carries the calls. Nil gives each provider one of its own: an
	// http.Transport, or, where there is no TLS, one that has no goroutines.
	Transport http.RoundTripper
}

// DefaultRunIDHeaders are the session headers of Claude Code and of Codex.
var DefaultRunIDHeaders = []string{"x-claude-code-session-id", "session-id", "thread-id"}

// DefaultParentRunHeaders are those of Claude Code and of OpenCode. Claude Code's
// sub-agents share the session that they work for, and with it the run, unless
// RunIDHeaders begin with "x-claude-code-agent-id".
var DefaultParentRunHeaders = []string{"x-claude-code-parent-agent-id", "x-claude-code-session-id", "x-parent-session-id"}

// A Store keeps runs, gates, accounts and rates. Runs and their gates are of one
// back end; the ledger may be of another one.
type Store interface {
	run.Journal
	run.GateJournal
	budget.Ledger
}

// Limits bound what a call may take. Of each, zero is the default, and a
// negative duration is no limit.
type Limits struct {
	BodyBytes  int64 // of a request, unpacked; default 32 MiB
	EventBytes int   // of one event of a stream; default 32 MiB

	// AnswerBytes is how much of an answer is kept from the agent at most until the
	// calls of tools in it are judged; default 32 MiB. An answer of which more
	// would have to be is refused, or in shadow mode passed on.
	AnswerBytes int64

	// BodyTimeout is how long an agent may take to send its request's body; default
	// 2 minutes. It holds where the server can set deadlines, as net/http's can,
	// and takes the place of that server's ReadTimeout there.
	BodyTimeout time.Duration

	// FirstByteTimeout is how long a streamed answer may take to begin; default
	// 2 minutes. AnswerTimeout is the same for a whole one, which begins when the
	// model has ended; default 10 minutes.
	FirstByteTimeout time.Duration
	AnswerTimeout    time.Duration

	// StreamIdleTimeout is how long an answer that has begun may pause; default
	// 5 minutes. In a stream it is the time between two events; comment lines
	// are none.
	StreamIdleTimeout time.Duration

	// KeepAlive is after what silence the agent is sent a comment line on a
	// stream; default 15 seconds.
	KeepAlive time.Duration

	// ApprovalWait is how long a call may wait for a person's decision at most,
	// whatever it asks for; default 10 minutes. It does not hold for calls from
	// within the process that wait as long as their context lasts.
	ApprovalWait time.Duration

	// Waiting is how many calls may wait for a decision at the same time; default
	// 10,000. Their bodies are kept meanwhile, and may have 1 GiB together. What there
	// is no room for is answered as if it did not wait.
	Waiting int

	// StoreTimeout is how long the store may take for anything that a call waits for;
	// default 50 milliseconds. It is asked once more then, and where it goes on like
	// that left alone for a while. What no call waits for may take twenty times as
	// long. It does not hold for a store in memory.
	StoreTimeout time.Duration

	// Lease is for how long a call in flight, what it has reserved and taken from
	// rates, or its use of an approval outlives a process that dies; default 1 minute.
	// It is renewed when a third of it is over. Gateways that share a store have to have
	// clocks that agree to within a third of it, and to within 20 seconds for notifiers:
	// one whose clock is ahead by more than two thirds takes over what another is still at,
	// so that an approved request can be sent twice, though answered once.
	Lease time.Duration
}

// Metering says how what a call consumed is found out.
type Metering struct {
	StreamUsage  StreamUsage
	OnDisconnect OnDisconnect
}

// StreamUsage says what is done about OpenAI streams, which report their usage
// only if they are asked to.
type StreamUsage uint8

const (
	// IncludeUsage asks for it, and takes the extra event out again if the agent
	// did not ask.
	IncludeUsage StreamUsage = iota

	// EstimateUsage leaves the body as it is and estimates.
	EstimateUsage
)

// OnDisconnect says what is done when an agent leaves before its answer has
// come to an end.
type OnDisconnect uint8

const (
	// CancelUpstream cancels the call, and estimates what it has cost if the
	// provider has not said so yet.
	CancelUpstream OnDisconnect = iota

	// DrainUpstream reads the answer to its end, to know what it has cost.
	DrainUpstream
)

// canonical returns the names of headers as http.Header has them.
func canonical(names []string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = http.CanonicalHeaderKey(name)
	}
	return keys
}

func (c Config) withDefaults() Config {
	if c.Prices == nil {
		c.Prices = budget.DefaultPrices()
	}
	if c.Store == nil {
		c.Store = memstore.New(memstore.Options{})
	}
	if c.Outbox == nil {
		c.Outbox, _ = c.Store.(run.Outbox)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.RunIDHeaders == nil {
		c.RunIDHeaders = DefaultRunIDHeaders
	}
	if c.ParentRunHeaders == nil {
		c.ParentRunHeaders = DefaultParentRunHeaders
	}
	c.RunIDHeaders, c.ParentRunHeaders = canonical(c.RunIDHeaders), canonical(c.ParentRunHeaders)
	l := &c.Limits
	if l.BodyBytes == 0 {
		l.BodyBytes = 32 << 20
	}
	if l.EventBytes == 0 {
		l.EventBytes = 32 << 20
	}
	if l.AnswerBytes == 0 {
		l.AnswerBytes = 32 << 20
	}
	if l.Waiting == 0 {
		l.Waiting = 10_000
	}
	for _, d := range []struct {
		at       *time.Duration
		standard time.Duration
	}{
		{&l.BodyTimeout, 2 * time.Minute},
		{&l.FirstByteTimeout, 2 * time.Minute},
		{&l.AnswerTimeout, 10 * time.Minute},
		{&l.StreamIdleTimeout, 5 * time.Minute},
		{&l.KeepAlive, 15 * time.Second},
		{&l.ApprovalWait, 10 * time.Minute},
		{&l.StoreTimeout, 50 * time.Millisecond},
		{&l.Lease, budget.DefaultLease},
	} {
		if *d.at == 0 {
			*d.at = d.standard
		}
	}
	return c
}

// validate reports every mistake in c, each with the field that it is in.
func (c *Config) validate() error {
	var errs []error
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("gateway: Config.%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if len(c.Providers) == 0 {
		bad("Providers", "give at least one")
	}
	names := map[string]bool{}
	for i, p := range c.Providers {
		field := fmt.Sprintf("Providers[%d]", i)
		if p == nil {
			bad(field, "is nil")
			continue
		}
		if n := p.Name(); n == "" || strings.Contains(n, "/") || !run.ValidID(n) {
			bad(field, "the name %q: want printable characters without a slash", n)
		} else if names[n] {
			bad(field, "the name %q is used twice", n)
		} else {
			names[n] = true
		}
		if ch, ok := p.(interface{ Check() error }); ok {
			if err := ch.Check(); err != nil {
				bad(field, "%v", err)
				continue
			}
		}
		if u := p.BaseURL(); u == nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			bad(field, "the base URL %v: want http or https and a host", u)
		}
	}
	for i, n := range c.Notifiers {
		if err := notify.Check(n); err != nil {
			bad(fmt.Sprintf("Notifiers[%d]", i), "%v", err)
		}
	}
	for alias, model := range c.Aliases {
		if alias == "" || model == "" {
			bad("Aliases", "%q for %q: neither may be empty", alias, model)
		}
	}
	for i := range c.Failover {
		field := fmt.Sprintf("Failover[%d]", i)
		if err := c.Failover[i].Validate(); err != nil {
			bad(field, "%v", err)
		}
		for _, r := range c.Failover[i].To {
			for _, w := range r.Any {
				if !names[w.Target.Provider] {
					bad(field, "the target %q: there is no such provider", w.Target)
				}
			}
		}
	}
	if err := c.Translation.Check(); err != nil {
		bad("Translation", "%v", err)
	}
	if c.Policy == nil {
		bad("Policy", "is nil; policy.AllowAll restricts nothing")
	}
	if c.Limits.BodyBytes < 0 {
		bad("Limits.BodyBytes", "is negative")
	}
	if c.Limits.EventBytes < 0 {
		bad("Limits.EventBytes", "is negative")
	}
	if c.Limits.AnswerBytes < 0 {
		bad("Limits.AnswerBytes", "is negative")
	}
	if c.Limits.Waiting < 0 {
		bad("Limits.Waiting", "is negative")
	}
	if c.Limits.Lease < 0 {
		bad("Limits.Lease", "is negative; a reservation needs a lease")
	}
	if c.Capture.Bytes < 0 {
		bad("Capture.Bytes", "is negative")
	}
	if c.Capture.Bytes > audit.MaxLine/8 { // a byte may take six there
		bad("Capture.Bytes", "is more than %d", audit.MaxLine/8)
	}
	if c.Capture.Bytes > 0 && c.Capture.Redact == nil {
		bad("Capture.Redact", "is nil; one that returns what it is given keeps everything")
	}
	if _, ok := c.Store.(audit.Trail); c.Capture.Bytes > 0 && c.Trail == nil && !ok {
		bad("Capture", "there is no Trail to keep anything in")
	}
	if c.Metering.StreamUsage > EstimateUsage {
		bad("Metering.StreamUsage", "%d is not known", c.Metering.StreamUsage)
	}
	if c.Metering.OnDisconnect > DrainUpstream {
		bad("Metering.OnDisconnect", "%d is not known", c.Metering.OnDisconnect)
	}
	return errors.Join(errs...)
}
