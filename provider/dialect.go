package provider

// A Dialect is a wire format: how requests are read, answers metered, and
// refusals written so that the vendor's own SDKs understand them.
//
// A Dialect is a stateless value and safe for concurrent use.
type Dialect interface {
	// Name is "openai" or "anthropic".
	Name() string

	// Native reports whether a model is one of the vendor's own, by its name: that a
	// provider of this dialect which lists no models has it is more likely than that
	// one of another dialect has.
	Native(model string) bool

	// Path is where an endpoint is found below a provider's BaseURL, beginning
	// with a slash. It is empty where the dialect has no such endpoint.
	Path(e Endpoint) string

	// Parse reads the facts of a request out of its Body and into its other
	// fields; Endpoint and Body are given. It reads strictly: whatever two JSON
	// parsers might read differently is a *[SyntaxError].
	Parse(r *Request) error

	// Meter returns a reader of the answer to a parsed request.
	Meter(r *Request) Meter

	// Calls returns a reader of the tool calls in the answer to a parsed request.
	Calls(r *Request) CallReader

	// Whole makes the body of a whole answer out of the bytes of a streamed one.
	// What it holds is what the vendor's SDKs gather from the stream: the ids, the
	// content, the tool calls, the usage. Texts and numbers keep their spelling.
	// Keep-alives and padding are left out.
	//
	// An error means that nobody can be sure of the whole: the stream has failed or
	// breaks off, it holds what the dialect cannot place, two readers might gather
	// different tool calls from it, or the endpoint has no streams.
	Whole(e Endpoint, stream []byte) ([]byte, error)

	// Streamed makes the bytes of a streamed answer out of the body of a whole one,
	// in as few events as clients can do with. Whole is its reverse. Usage says
	// whether the stream is to report usage, where the API leaves that to the
	// request. An error means the same as one of Whole.
	Streamed(e Endpoint, body []byte, usage bool) ([]byte, error)

	// Fault says what an answer of that status means, which is an error: by its body,
	// or as much of that as is known, rather than by its status alone. Of an error in
	// a stream, the status is 200 and the body the data of its event.
	Fault(status int, body []byte) Fault

	// Refusal writes an error as the body of an answer.
	Refusal(e *Refusal) []byte

	// StreamError writes an error as the last events of a stream that has begun.
	StreamError(ep Endpoint, e *Refusal) []byte

	// RequestIDHeader names the response header that carries a request's id.
	RequestIDHeader() string
}

// A Refusal is an error of the gateway, told to an agent.
type Refusal struct {
	Code      string // such as "budget_exceeded"
	Message   string // stands alone, since clients put their own words around it
	RequestID string
	Context   []byte // a JSON object with what the code's readers need; nil is none
}

// A Meter reads what an answer consumed out of its bytes, as they pass. It keeps
// a bounded part of them and does not change them. A whole answer goes through
// Body, a streamed one through Event. A Meter serves one answer and one
// goroutine.
type Meter interface {
	// Body takes the next piece of a whole answer, cut anywhere.
	Body(p []byte)

	// Event takes the next event of a streamed answer, by its name (empty if it
	// has none) and data, and says what it is. It keeps neither slice.
	Event(name, data []byte) EventKind

	// Ended reports whether the answer has come to its end: the JSON object is
	// closed, or the stream has said that it is complete. An answer that stops
	// before is truncated.
	Ended() bool

	// Usage is what the answer has consumed as far as it is known. While the
	// provider has not reported it in full, the rest is estimated from the
	// request and from the output that passed, and Usage.Estimated is set. It is
	// zero for an answer that failed before it consumed anything.
	Usage() Usage
}

// A Recycler is a Meter of whose memory another one can be made.
type Recycler interface {
	Meter

	// Recycle ends its use: no method may be called after it.
	Recycle()
}

// An EventKind is what an event of a stream is to the gateway.
type EventKind uint8

// The kinds of events.
const (
	EventOther   EventKind = iota // keep-alives, and what is not known
	EventLead                     // comes before any content, and holds none
	EventContent                  // holds part of the answer
	EventUsage                    // reports usage and nothing else
	EventEnd                      // says that the stream is complete
	EventError                    // says that the stream has failed
)
