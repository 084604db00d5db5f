package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rungate/rungate/budget"
	"github.com/rungate/rungate/gateway/internal/guard"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// The codes of refusals.
const (
	codeInvalidDirective    = "invalid_directive"
	codeInvalidRequest      = "invalid_request"
	codeUnsupportedThread   = "thread_unsupported_request" // Anthropic's own
	codeUnpricedModel       = "unpriced_model"
	codeInvalidToken        = "invalid_agent_token"
	codeBudgetExceeded      = "budget_exceeded"
	codePolicyViolation     = "policy_violation"
	codePolicyConflict      = "policy_conflict"
	codeUnknownEndpoint     = "unknown_endpoint"
	codeUnknownModel        = "unknown_model"
	codeRunNotFound         = "run_not_found"
	codeRunClosed           = run.RefusedClosed
	codeLoopDetected        = run.RefusedLoop
	codeApprovalPending     = "approval_pending"
	codeApprovalRejected    = "approval_rejected"
	codeApprovalExpired     = "approval_expired"
	codeGateNotFound        = "gate_not_found"
	codeRateLimited         = "rate_limited"
	codeTooLarge            = "request_too_large"
	codeUnsupportedEncoding = "unsupported_encoding"
	codeUpgradeRequired     = "upgrade_required"
	codeUnreachable         = "upstream_unreachable"
	codeProtocolError       = "upstream_protocol_error"
	codeTimeout             = "upstream_timeout"
	codeStoreUnavailable    = "store_unavailable"
	codeOverloaded          = "overloaded"
	codeShuttingDown        = "shutting_down"
)

// answers says how each code is answered: with what status, and whether a client
// that retries by itself should.
var answers = map[string]struct {
	status int
	retry  bool
}{
	codeInvalidDirective:    {http.StatusBadRequest, false},
	codeInvalidRequest:      {http.StatusBadRequest, false},
	codeUnsupportedThread:   {http.StatusBadRequest, false},
	codeUnpricedModel:       {http.StatusBadRequest, false},
	codeInvalidToken:        {http.StatusUnauthorized, false},
	codeBudgetExceeded:      {http.StatusPaymentRequired, false},
	codePolicyViolation:     {http.StatusForbidden, false},
	codePolicyConflict:      {http.StatusForbidden, false},
	codeLoopDetected:        {http.StatusForbidden, false},
	codeApprovalPending:     {http.StatusForbidden, true},
	codeApprovalRejected:    {http.StatusForbidden, false},
	codeApprovalExpired:     {http.StatusForbidden, false},
	codeGateNotFound:        {http.StatusNotFound, false},
	codeRateLimited:         {http.StatusTooManyRequests, true},
	codeUnknownEndpoint:     {http.StatusNotFound, false},
	codeUnknownModel:        {http.StatusNotFound, false},
	codeRunNotFound:         {http.StatusNotFound, false},
	codeRunClosed:           {http.StatusConflict, false},
	codeTooLarge:            {http.StatusRequestEntityTooLarge, false},
	codeUnsupportedEncoding: {http.StatusUnsupportedMediaType, false},
	codeUpgradeRequired:     {http.StatusUpgradeRequired, false},
	codeUnreachable:         {http.StatusBadGateway, true},
	codeProtocolError:       {http.StatusBadGateway, true},
	codeTimeout:             {http.StatusGatewayTimeout, true},
	codeStoreUnavailable:    {http.StatusServiceUnavailable, true},
	codeOverloaded:          {http.StatusServiceUnavailable, true},
	codeShuttingDown:        {http.StatusServiceUnavailable, true},
}

// A refusal is an error that knows how it is answered.
type refusal struct {
	code    string
	message string
	context any // made into the JSON object of the answer; nil is none
	rule    string
	wait    time.Duration // after which to try again; 0 is not known
	final   bool          // clients shall not try again by themselves, whatever the code says
	cause   error         // for the log; never told to the agent
}

func (f *refusal) Error() string {
	if f.cause != nil {
		return f.message + " (" + f.cause.Error() + ")"
	}
	return f.message
}

func (f *refusal) Unwrap() error { return f.cause }

// givesUp reports whether a provider that was at work is not waited for any more.
func (f *refusal) givesUp() bool {
	return f.code == codeClientGone || f.code == codeTimeout || errors.Is(f, errClaimLost)
}

func (f *refusal) contextJSON() []byte {
	if f.context == nil {
		return nil
	}
	if b, ok := f.context.([]byte); ok {
		return b
	}
	b, _ := json.Marshal(f.context) // of our own structs of strings and numbers
	return b
}

// refusalOf makes a refusal of whatever error a step returned.
func (c *call) refusalOf(err error) *refusal {
	if f, ok := errors.AsType[*refusal](err); ok {
		return f
	}
	if e, ok := errors.AsType[*budget.ExhaustedError](err); ok {
		return c.budgetRefusal(e)
	}
	if e, ok := errors.AsType[*budget.UnboundedError](err); ok {
		return c.endlessRefusal(e)
	}
	if e, ok := errors.AsType[*budget.RateLimitedError](err); ok {
		return c.rateRefusal(e)
	}
	if e, ok := errors.AsType[*run.StateError](err); ok {
		return stateRefusal(&e.Run)
	}
	if e, ok := errors.AsType[*run.LimitError](err); ok {
		return blockRefusal(e.Block())
	}
	if e, ok := errors.AsType[*run.LoopError](err); ok {
		return blockRefusal(e.Block())
	}
	if e, ok := errors.AsType[*run.ConflictError](err); ok {
		return conflictRefusal(e)
	}
	if e, ok := errors.AsType[*run.DirectiveError](err); ok {
		return &refusal{code: codeInvalidDirective, message: "Rungate: the directive " + err.Error() + ".", context: fieldContext{e.Field}}
	}
	if e, ok := errors.AsType[*provider.SyntaxError](err); ok {
		return &refusal{code: codeInvalidRequest, message: "Rungate: the body cannot be read for sure: " + e.Error() + "."}
	}
	if e, ok := errors.AsType[*run.ParentError](err); ok {
		return &refusal{code: codeRunNotFound, message: fmt.Sprintf(
			"Rungate: there is no run %q of this agent's team that a run could be started below.", e.Parent)}
	}
	if errors.Is(err, run.ErrNoGate) {
		return &refusal{code: codeGateNotFound, message: "Rungate: there is no such gate of this agent's team."}
	}
	if errors.Is(err, run.ErrGatesFull) {
		return &refusal{code: codeOverloaded, cause: err, message: "Rungate: too many calls wait for an approval; try again later, or ask an operator to decide about some."}
	}
	if errors.Is(err, run.ErrNotFound) {
		return &refusal{code: codeRunNotFound, message: "Rungate: there is no such run of this agent's team."}
	}
	f := &refusal{code: codeStoreUnavailable, cause: err, wait: time.Second,
		message: "Rungate: the gateway cannot find out whether this call may be made, and so refuses it; try again."}
	if e, ok := errors.AsType[*guard.Error](err); ok {
		f.wait = max(f.wait, e.After)
	}
	return f
}

type fieldContext struct {
	Field string `json:"field"`
}

type stateContext struct {
	RunID    string     `json:"run_id"`
	Status   run.Status `json:"status"`
	ClosedAt *time.Time `json:"closed_at"`
	Reason   string     `json:"reason"`
}

func stateRefusal(r *run.Run) *refusal {
	if r.Block != nil {
		return blockRefusal(r.Block)
	}
	sc := stateContext{RunID: r.ID, Status: r.Status, Reason: r.Reason}
	if !r.Closed.IsZero() {
		at := r.Closed.UTC()
		sc.ClosedAt = &at
	}
	return &refusal{code: codeRunClosed, context: sc, message: fmt.Sprintf(
		"Rungate: run %q is closed (%s). Start a new run: use another x-rungate-run-id, or send x-rungate-new-run: true.", r.ID, r.Reason)}
}

func blockRefusal(b *run.Block) *refusal {
	return &refusal{code: b.Code, rule: b.Rule, message: b.Message, context: b.Context}
}

type policyContext struct {
	RunID      string   `json:"run_id,omitempty"`
	PolicyID   string   `json:"policy_id"`
	PolicyName string   `json:"policy_name"`
	Rule       string   `json:"rule,omitempty"`
	Field      string   `json:"field,omitempty"`
	Requested  string   `json:"requested,omitempty"`
	Allowed    []string `json:"allowed,omitempty"`

	Tool string          `json:"tool,omitempty"`
	Args json.RawMessage `json:"args,omitempty"`
}

func conflictRefusal(e *run.ConflictError) *refusal {
	p := e.Run.Policy
	f := &refusal{code: codePolicyConflict, rule: "bound_policy", context: policyContext{RunID: e.Run.ID, PolicyID: p.ID,
		PolicyName: p.Name, Rule: "bound_policy", Field: "policy", Requested: e.Wanted}}
	if e.Wanted == "" {
		f.message = fmt.Sprintf("Rungate: run %q is held to policy %q, which this agent may not use. Use a run of its own.", e.Run.ID, p.Name)
	} else {
		f.message = fmt.Sprintf("Rungate: run %q is held to policy %q since it started, and cannot change to %q. Start a new run for that.", e.Run.ID, p.Name, e.Wanted)
	}
	return f
}

type budgetContext struct {
	RunID           string        `json:"run_id"`
	Scope           budget.Scope  `json:"scope"`
	SpentUSD        *budget.Money `json:"cumulative_spend_usd,omitempty"`
	ReservedUSD     *budget.Money `json:"reserved_usd,omitempty"`
	LimitUSD        *budget.Money `json:"limit_usd,omitempty"`
	NeededUSD       *budget.Money `json:"needed_usd,omitempty"`
	SpentTokens     *int64        `json:"cumulative_tokens,omitempty"`
	ReservedTokens  *int64        `json:"reserved_tokens,omitempty"`
	LimitTokens     *int64        `json:"limit_tokens,omitempty"`
	NeededTokens    *int64        `json:"needed_tokens,omitempty"`
	Rule            string        `json:"rule"`
	PolicyID        string        `json:"policy_id"`
	PolicyName      string        `json:"policy_name"`
	StepThatTripped string        `json:"step_that_tripped"`

	Window           string     `json:"window,omitempty"`
	ResetsAt         *time.Time `json:"resets_at,omitempty"`
	AffordableOutput *int64     `json:"affordable_output_tokens,omitempty"`
	Reason           string     `json:"reason,omitempty"`
}

func (c *call) budgetRefusal(e *budget.ExhaustedError) *refusal {
	b, bal, p := &e.Budget, &e.Balance, &c.run.Policy
	bc := budgetContext{RunID: c.run.ID, Scope: b.Per, Rule: b.Name, PolicyID: p.ID, PolicyName: p.Name,
		StepThatTripped: "llm." + c.req.Model, Window: b.Window.String()}
	whose := fmt.Sprintf("run %q", c.run.ID)
	switch {
	case b.Per != budget.ScopeRun && e.Owner.ID != "":
		whose += fmt.Sprintf(", counted for %s %q", b.Per, e.Owner.ID)
	case b.Per != budget.ScopeRun:
		whose += fmt.Sprintf(", counted per %s", b.Per)
	case e.Owner.ID != c.run.ID:
		whose += fmt.Sprintf(", counted for run %q above it", e.Owner.ID)
	}
	sign, unit := "$", ""
	if b.Unit == budget.USD {
		usd := func(n *int64) *budget.Money { return (*budget.Money)(n) }
		bc.SpentUSD, bc.ReservedUSD, bc.LimitUSD, bc.NeededUSD = usd(&bal.Spent), usd(&bal.Reserved), usd(&b.Limit), usd(&e.Need)
	} else {
		sign, unit = "", " tokens"
		bc.SpentTokens, bc.ReservedTokens, bc.LimitTokens, bc.NeededTokens = &bal.Spent, &bal.Reserved, &b.Limit, &e.Need
	}
	amount := func(n int64) string { return sign + b.Unit.Format(n) + unit }
	advice := "Other calls of the run hold what is missing: try again when they have ended."
	switch {
	case e.AffordableOutput > 0:
		advice = fmt.Sprintf("With no more than %d output tokens (max_tokens) it would fit.", e.AffordableOutput)
	case e.TooLarge():
		advice = "No run under this policy has room for it: make the call smaller, or ask an operator to raise the limit."
	case !e.ResetsAt.IsZero():
		advice = fmt.Sprintf("There is room again at %s.", e.ResetsAt.UTC().Format(time.RFC3339))
	case e.Final() && b.Per != budget.ScopeRun:
		advice = "Ask an operator to raise the limit."
	case e.Final():
		advice = "Start a new run, or ask an operator to raise the limit."
	}
	if !e.ResetsAt.IsZero() {
		at := e.ResetsAt.UTC()
		bc.ResetsAt = &at
	}
	if e.AffordableOutput >= 0 {
		bc.AffordableOutput = &e.AffordableOutput
	}
	return &refusal{code: codeBudgetExceeded, rule: b.Name, context: bc, message: fmt.Sprintf(
		"Rungate: budget %q of policy %q has no room for this call in %s: %s of %s are spent and %s reserved, and it needs about %s. %s",
		b.Name, p.Name, whose, amount(bal.Spent), amount(b.Limit), amount(bal.Reserved), amount(e.Need), advice)}
}

// endlessRefusal is of a call that no room is enough for.
func (c *call) endlessRefusal(e *budget.UnboundedError) *refusal {
	b, p := e.Budget, c.run.Policy
	return &refusal{code: codeBudgetExceeded, rule: b.Name, message: fmt.Sprintf(
		"Rungate: budget %q of policy %q is strict, and what this call of run %q can cost has no bound: %s.", b.Name, p.Name, c.run.ID, e.Reason),
		context: budgetContext{RunID: c.run.ID, Scope: b.Per, Rule: b.Name, PolicyID: p.ID, PolicyName: p.Name,
			StepThatTripped: "llm." + c.req.Model, Window: b.Window.String(), Reason: e.Reason}}
}

// refuse answers with err, in the agent's dialect.
func (c *call) refuse(err error) {
	f := c.refusalOf(err)
	a, known := answers[f.code]
	if !known { // of a Block that the host program has made
		a.status = http.StatusForbidden
	}
	if a.status >= http.StatusInternalServerError && f.code != codeShuttingDown { // that is no news to who closes it
		c.g.cfg.Logger.Error("call refused", "code", f.code, "run", c.run.ID, "error", f.cause)
	}
	h := c.w.Header()
	dialect := c.route.dialect
	if dialect == nil {
		dialect = openAI // as far as it matters to Rungate's own endpoints
	}
	e := provider.Refusal{Code: f.code, Message: f.message, RequestID: c.requestID(), Context: f.contextJSON()}
	body := dialect.Refusal(&e)
	if c.route.own != 0 {
		body = ownRefusal(&e)
	}
	c.echoRun(h)
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h.Set(dialect.RequestIDHeader(), e.RequestID)
	if f.wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(wholeSeconds(f.wait), 10))
		if f.wait > maxRetry { // some clients would sleep for hours, others ask at once
			a.retry = false
			h.Set("X-Rungate-Reset-At", time.Now().Add(f.wait).UTC().Format(time.RFC3339))
		}
	}
	h["X-Should-Retry"] = shouldNotRetry
	if a.retry && !f.final {
		h["X-Should-Retry"] = shouldRetry
	}
	c.w.WriteHeader(a.status)
	c.w.Write(body)
}

var jsonType, shouldRetry, shouldNotRetry = []string{"application/json"}, []string{"true"}, []string{"false"}

// ownRefusal is the body of a refusal at one of Rungate's own endpoints.
func ownRefusal(e *provider.Refusal) []byte {
	b, _ := json.Marshal(map[string]any{"error": struct {
		Code    string          `json:"code"`
		Message string          `json:"message"`
		Context json.RawMessage `json:"context,omitempty"`
	}{e.Code, e.Message, e.Context}})
	return b
}
