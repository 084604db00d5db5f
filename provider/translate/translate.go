package translate

import (
	"fmt"
	"net/http"
	"time"

	"github.com/rungate/rungate/provider"
)

// Options say how a request is translated.
type Options struct {
	// Model is the name of the model at the provider that is to serve the request.
	Model string

	// MaxOutput is how long one answer of the model can be, in tokens; 0 is not
	// known. What the request asks for beyond it is not asked for.
	MaxOutput int64

	// Lenient leaves out what Request would otherwise refuse for no other reason than
	// that it does not know it, or that the other API has nothing like it, and notes
	// that. What would come out wrong is refused all the same.
	Lenient bool
}

// A Translation is a request in another dialect, and the way back for what answers
// it. It does not change, and may be used by many goroutines at once.
type Translation struct {
	Endpoint provider.Endpoint // at the other API
	Header   http.Header       // that the other API needs beside its credential; not to be changed
	Body     []byte            // of the request
	Notes    Notes             // on the request

	back direction
}

// A direction brings back what answers a translated request.
type direction interface {
	answer(body []byte, at time.Time) ([]byte, Notes, error)
	stream(at time.Time) eventer
	fault(status int, body []byte) (int, []byte)
}

// An eventer translates the events of one stream, see [Stream].
type eventer interface {
	event(dst, name, data []byte) ([]byte, error)
	end(dst []byte) ([]byte, error)
	noted() Notes
}

// Request translates a request, which its own dialect has parsed, into another
// dialect. The error is a *[RefusedError].
func Request(r *provider.Request, to provider.Dialect, o Options) (*Translation, error) {
	switch {
	case r.Endpoint == provider.Chat && to.Path(provider.Messages) != "":
		t, err := chatToMessages(r, &o)
		if err != nil {
			return nil, err
		}
		t.Header = versioned
		return t, nil
	case r.Endpoint == provider.Messages && to.Path(provider.Chat) != "":
		return messagesToChat(r, &o)
	}
	return nil, &RefusedError{Reason: fmt.Sprintf("the endpoint %q has nothing like it in the %s API", r.Endpoint, to.Name())}
}

// versioned names the version of the Messages API in which requests are written. The
// next one differs from it in what it refuses only.
var versioned = http.Header{"Anthropic-Version": {"2023-06-01"}}

// Answer translates the body of a whole answer, which has come at that time. An
// error means that it is no answer, or one that the other API has no words for.
func (t *Translation) Answer(body []byte, at time.Time) ([]byte, Notes, error) {
	return t.back.answer(body, at)
}

// Error translates an answer that is an error: its status and its body.
func (t *Translation) Error(status int, body []byte) (int, []byte) { return t.back.fault(status, body) }

// Stream returns a translator of a streamed answer, which has begun at that time.
func (t *Translation) Stream(at time.Time) *Stream { return &Stream{t.back.stream(at)} }

// A Stream translates a streamed answer, event by event. It serves one answer and
// one goroutine.
type Stream struct{ events eventer }

// Event appends to dst what the event of that name (empty if it has none) and data
// becomes, which may be no event, one, or several, whole each. It keeps neither
// slice. What the other API has no event for is left out and noted; an error of the
// provider's becomes one. A Go error means that the stream cannot be translated any
// further; it is to be given up then.
func (s *Stream) Event(dst, name, data []byte) ([]byte, error) {
	return s.events.event(dst, name, data)
}

// End appends to dst what is still to be said when the stream's bytes have ended.
// An error means that the stream was not complete.
func (s *Stream) End(dst []byte) ([]byte, error) { return s.events.end(dst) }

// Notes are those on what has passed.
func (s *Stream) Notes() Notes { return s.events.noted() }
