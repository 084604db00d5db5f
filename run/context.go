package run

import "context"

// A Ref says whose run a call from within the process belongs to. It does what
// a token and the x-rungate headers do for a call over the network; a header
// wins over the body, and the body over the Ref.
type Ref struct {
	Agent  string // id of the agent; empty is DefaultAgent
	ID     string // of the run; empty is the agent's automatic run
	Parent string // id of the run that a new one is started below; empty is none
	NewRun bool
	Policy string
	User   string
	Tags   []string

	// WaitForApproval lets a call wait for as long as its context lasts where a
	// person has to decide about it. An approval mode in the header or the body
	// takes its place.
	WaitForApproval bool
}

// DefaultAgent is the agent of calls from within the process that name none.
const DefaultAgent = "default"

type refKey struct{}

// NewContext returns a context whose calls belong where r says. Whoever can put
// a Ref into the context of a request to a gateway speaks for that agent: it
// takes the place of the token.
func NewContext(ctx context.Context, r Ref) context.Context {
	return context.WithValue(ctx, refKey{}, &r)
}

// FromContext returns the Ref that is in ctx, and whether there is one.
func FromContext(ctx context.Context) (Ref, bool) {
	if r, ok := ctx.Value(refKey{}).(*Ref); ok {
		return *r, true
	}
	return Ref{}, false
}
