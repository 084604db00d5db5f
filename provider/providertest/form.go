package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// A gist is what a gateway makes of an answer, in whichever form it comes.
type gist struct {
	Usage provider.Usage
	Calls []provider.ToolCall
}

// gistOfStream reads a streamed answer. It is an error if that fails or breaks off.
func gistOfStream(d provider.Dialect, r *provider.Request, stream []byte) (g gist, err error) {
	meter, reader := d.Meter(r), d.Calls(r)
	var split sse.Splitter
	_ = split.Feed(stream)
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		if meter.Event(e.Name, e.Data) == provider.EventError {
			return g, errors.New("the stream has failed")
		}
		calls, _, err := reader.Event(e.Name, e.Data)
		if err != nil {
			return g, err
		}
		g.add(calls)
	}
	if !meter.Ended() {
		return g, errors.New("the stream breaks off")
	}
	g.use(meter.Usage())
	return g, nil
}

// gistOfBody reads a whole answer.
func gistOfBody(d provider.Dialect, r *provider.Request, body []byte) (g gist, err error) {
	meter := d.Meter(r)
	meter.Body(body)
	calls, err := d.Calls(r).Body(body)
	g.add(calls)
	g.use(meter.Usage())
	return g, err
}

// add adds calls, whose arguments may be white space apart.
func (g *gist) add(calls []provider.ToolCall) {
	for _, c := range calls {
		var b bytes.Buffer
		if json.Compact(&b, c.Args) == nil {
			c.Args = b.Bytes()
		}
		g.Calls = append(g.Calls, c)
	}
}

// use sets the usage. How it is estimated depends on the form.
func (g *gist) use(u provider.Usage) {
	if u.Estimated {
		u.Tokens = provider.Tokens{}
	}
	g.Usage = u
}

// testWhole checks that a streamed answer is the same as a whole one, and that one
// which has failed or breaks off is none.
func testWhole(t *testing.T, d provider.Dialect, r *provider.Request, c Case) {
	stream := bytes.Clone(c.Response)
	body, err := d.Whole(c.Endpoint, stream)
	want, broken := gistOfStream(d, r, c.Response)
	if oneForm := c.OneForm || broken != nil; oneForm || err != nil {
		if oneForm != (err != nil) {
			t.Errorf("Whole returns %v, and reading the stream %v", err, broken)
		}
		return
	}
	if !bytes.Equal(stream, c.Response) {
		t.Error("Whole changes the stream")
	}
	spoil(stream)
	if got, err := gistOfBody(d, r, body); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("as a whole it is %+v, %v, want %+v: %s", got, err, want, body)
	}
	checkStreamed(t, d, r, c, body)
	for i := range c.Response {
		if _, err := d.Whole(c.Endpoint, c.Response[:len(c.Response)-i-1]); err != nil {
			return // where the answer is cut before its end
		}
	}
	t.Error("however the stream is cut, it is a whole answer")
}

// testStreamed checks that a whole answer is the same as a streamed one.
func testStreamed(t *testing.T, d provider.Dialect, r *provider.Request, c Case) {
	if _, err := d.Whole(c.Endpoint, c.Response); err == nil {
		t.Error("a body is a stream")
	}
	switch c.Endpoint {
	case provider.Chat, provider.Responses, provider.Messages:
		if !c.OneForm {
			checkStreamed(t, d, r, c, c.Response)
			return
		}
	}
	if stream, err := d.Streamed(c.Endpoint, c.Response, true); err == nil {
		t.Errorf("what is no answer of a model becomes a stream: %s", stream)
	}
}

// checkStreamed makes a stream of a whole answer and a whole answer of that.
func checkStreamed(t *testing.T, d provider.Dialect, r *provider.Request, c Case, body []byte) {
	t.Helper()
	given := bytes.Clone(body)
	stream, err := d.Streamed(c.Endpoint, given, true)
	if err != nil {
		t.Errorf("Streamed: %v", err)
		return
	}
	if !bytes.Equal(given, body) {
		t.Error("Streamed changes the body")
	}
	spoil(given)
	want, err := gistOfBody(d, r, body)
	if err != nil {
		t.Errorf("the body cannot be read: %v", err)
	}
	if got, err := gistOfStream(d, r, stream); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("as a stream it is %+v, %v, want %+v:\n%s", got, err, want, stream)
	}
	again, err := d.Whole(c.Endpoint, stream)
	if err != nil {
		t.Errorf("Whole of what Streamed returns: %v", err)
		return
	}
	if !reflect.DeepEqual(decoded(again), decoded(body)) {
		t.Errorf("there and back it is\n%s\nwant\n%s", again, body)
	}
}

func decoded(body []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	_ = d.Decode(&v)
	return v
}
