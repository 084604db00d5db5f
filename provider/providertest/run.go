package providertest

import (
	"testing"

	"github.com/rungate/rungate/provider"
)

// A Case is one exchange in the wire format of the dialect under test.
type Case struct {
	Name     string
	Endpoint provider.Endpoint

	// Request is the body that was sent. Nil is none, or not known: then only
	// the answer is checked.
	Request []byte

	// Response is the body of the answer, a stream of events if Stream is set.
	// Nil is not known: then only the request is checked.
	Response []byte
	Stream   bool

	// Status is that of the answer. 0 is not known, and taken for 200.
	Status int

	// OneForm says that Response cannot be made whole, or a stream: it tells of an
	// error, or nobody can be sure what is in it.
	OneForm bool
}

// Run checks d on the cases, and by itself where no case is needed. Each check
// is a subtest of t.
func Run(t *testing.T, d provider.Dialect, cases []Case) {
	t.Run("names", func(t *testing.T) { testNames(t, d) })
	t.Run("bad bodies", func(t *testing.T) { testBadBodies(t, d) })
	t.Run("refusals", func(t *testing.T) { testRefusals(t, d) })
	t.Run("faults", func(t *testing.T) { testFaults(t, d) })
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			r := parse(t, d, c)
			if c.Request != nil {
				testEdits(t, d, c)
			}
			testFault(t, d, c)
			switch {
			case c.Response == nil:
			case c.Stream:
				testStream(t, d, r, c)
				testStreamCalls(t, d, r, c)
				testWhole(t, d, r, c)
			default:
				testBody(t, d, r, c)
				testBodyCalls(t, d, r, c)
				testStreamed(t, d, r, c)
			}
		})
	}
}

// parse reads the request of a case. One that is not known is made up.
func parse(t *testing.T, d provider.Dialect, c Case) *provider.Request {
	t.Helper()
	r := &provider.Request{Endpoint: c.Endpoint, Body: c.Request}
	if c.Request == nil {
		r.Stream, r.Choices = c.Stream, 1
		if c.Endpoint != provider.Models {
			r.Model, r.Input = "made-up", 100
		}
		return r
	}
	if err := d.Parse(r); err != nil {
		t.Fatalf("Parse: %v", err)
	}
	if r.Choices < 1 {
		t.Errorf("Choices is %d", r.Choices)
	}
	if r.Model == "" && c.Endpoint != provider.Models {
		t.Error("no Model")
	}
	if r.Input < 1 && c.Endpoint != provider.Models {
		t.Errorf("Input is %d", r.Input)
	}
	checkTools(t, r)
	return r
}

// endpoints are those that d has.
func endpoints(d provider.Dialect) []provider.Endpoint {
	var list []provider.Endpoint
	for _, e := range []provider.Endpoint{
		provider.Chat, provider.Responses, provider.Embeddings,
		provider.Messages, provider.CountTokens, provider.Models,
	} {
		if d.Path(e) != "" {
			list = append(list, e)
		}
	}
	return list
}
