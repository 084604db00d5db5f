package gateway_test

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
)

// Every recorded exchange goes through as it was: no byte of the request is
// changed and none of the answer, in however many pieces it comes, and what is
// metered is what was recorded. Only a stream that would not report its usage is
// asked to.
func TestRecordings(t *testing.T) {
	cases, err := recordings.All()
	require.NoError(t, err)
	for name, usage := range map[string]gateway.StreamUsage{"as it is": gateway.EstimateUsage, "asked for usage": gateway.IncludeUsage} {
		t.Run(name, func(t *testing.T) {
			config := func(c *gateway.Config) {
				c.Metering.StreamUsage = usage
				c.Aliases = nil // which would change the request
			}
			b := newRig(t, "", config)
			lists := map[string]*rig{} // which are as they were where there is one of them
			for i, api := range []string{"openai.models", "anthropic.models"} {
				lists[api] = newRig(t, "", config, func(c *gateway.Config) { c.Providers = c.Providers[i : i+1] })
			}
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					b := b.of(t)
					if one := lists[c.API]; one != nil {
						b = one.of(t)
					}
					if c.Method == "POST" && !namesModel(c) {
						// It leaves its model to a prompt that is stored at the provider.
						b.Provider.Answer(nil)
						refusal(t, b.Post(c.Path, string(c.Request)), 400, "invalid_request")
						return
					}
					replay(t, b, c, usage)
				})
			}
		})
	}
}

// of returns the rig for a subtest.
func (b *rig) of(t *testing.T) *rig {
	c := *b
	c.t = t
	return &c
}

func namesModel(c recordings.Case) bool {
	var r struct{ Model any }
	return json.Unmarshal(c.Request, &r) == nil && r.Model != nil
}

const asksUsage = `"stream_options":{"include_usage":true},`

func replay(t *testing.T, b *rig, c recordings.Case, usage gateway.StreamUsage) {
	seed := fnv.New64a()
	seed.Write([]byte(c.Name))
	random := rand.New(rand.NewPCG(seed.Sum64(), uint64(usage)))
	b.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range c.ResponseHeader {
			w.Header()[k] = v
		}
		if c.ResponseHeader.Get("Content-Type") == "" && c.Stream {
			w.Header().Set("Content-Type", "text/event-stream")
		}
		w.WriteHeader(c.Status)
		for rest := c.Response; len(rest) > 0; {
			n := min(1+random.IntN(1+len(c.Response)/10), len(rest))
			w.Write(rest[:n])
			http.NewResponseController(w).Flush()
			rest = rest[n:]
		}
	})
	path := c.Path
	if c.Query != "" {
		path += "?" + c.Query
	}
	headers := []string{"x-rungate-run-id: " + strings.ReplaceAll(c.Name, ",", "_"), "x-rungate-new-run: true"}
	for k, v := range c.RequestHeader {
		headers = append(headers, k+": "+v[0])
	}
	if strings.HasPrefix(c.API, "anthropic") && c.RequestHeader.Get("Anthropic-Version") == "" {
		headers = append(headers, "Anthropic-Version: 2023-06-01")
	}
	before := len(b.Provider.Seen())
	r := b.Do(c.Method, path, string(c.Request), headers...)

	// The request.
	all := b.Provider.Seen()
	require.Len(t, all, before+1, r.Body)
	got := all[before]
	assert.Equal(t, c.Method, got.Method)
	assert.Equal(t, path, got.URI)
	if usage == gateway.IncludeUsage && wouldNotReport(c) {
		assert.Equal(t, 1, strings.Count(got.Body, asksUsage))
		assert.Equal(t, string(c.Request), strings.Replace(got.Body, asksUsage, "", 1))
	} else {
		assert.Equal(t, string(c.Request), got.Body)
	}
	for k, v := range c.RequestHeader {
		if k != "Accept-Encoding" {
			assert.Equal(t, v, got.Header[k], k)
		}
	}

	// The answer.
	assert.Equal(t, c.Status, r.StatusCode)
	for k, v := range c.ResponseHeader {
		assert.Equal(t, v, r.Header[k], k)
	}
	if broken.MatchString(c.Name) {
		// It must not be taken for complete: what has come is passed on, and what
		// is missing is said.
		rest, whole := strings.CutPrefix(r.Body, string(lastEvent.Find(c.Response)))
		require.True(t, whole, "%q is not the beginning of %q", lastEvent.Find(c.Response), r.Body)
		assert.Contains(t, rest, "upstream_protocol_error")
	} else {
		assert.Equal(t, string(c.Response), r.Body)
	}

	// What it has cost.
	steps := b.Steps(r.Header.Get("X-Rungate-Run-Id"))
	require.Len(t, steps, 1)
	s := steps[0]
	assert.Equal(t, c.Status, s.Status)
	assert.Equal(t, metered(t, c), s.Usage)
	if in, out, reported := plainTotals(c); reported && !broken.MatchString(c.Name) && !c.Has("sse.error_event") {
		assert.Equal(t, in, s.Usage.TotalInput(), "input")
		assert.Equal(t, out, s.Usage.TotalOutput(), "output")
		assert.False(t, s.Usage.Estimated)
	}
	if c.Status >= 300 || s.Endpoint.Free() {
		assert.Zero(t, s.Usage)
		assert.Zero(t, s.Cost)
	} else if s.PriceList != "" && s.Usage.Total() > 0 {
		assert.Positive(t, s.Cost)
	}
}

// broken are the recordings of streams that break off, and lastEvent what is
// whole of them.
var (
	broken    = regexp.MustCompile(`^synthetic/(anthropic-sse-cut-(mid-event|no-stop)|openai-sse-cut-no-finish)$`)
	lastEvent = regexp.MustCompile(`(?s)^.*\n\n`)
)

// wouldNotReport tells the requests for a stream that do not ask for its usage.
func wouldNotReport(c recordings.Case) bool {
	var r struct {
		Stream  bool
		Options *struct{} `json:"stream_options"`
	}
	return c.API == "openai.chat" && json.Unmarshal(c.Request, &r) == nil && r.Stream && r.Options == nil
}

// metered is what the dialect itself, whose own tests show that it reads
// recordings right, makes of an answer that comes in one piece.
func metered(t *testing.T, c recordings.Case) provider.Usage {
	if c.Status >= 300 || c.Method != "POST" {
		return provider.Usage{}
	}
	var d provider.Dialect = openai.Dialect{}
	if strings.HasPrefix(c.API, "anthropic") {
		d = anthropic.Dialect{}
	}
	r := &provider.Request{Body: c.Request, Endpoint: map[string]provider.Endpoint{
		"openai.chat": provider.Chat, "openai.responses": provider.Responses, "openai.embeddings": provider.Embeddings,
		"anthropic.messages": provider.Messages, "anthropic.count_tokens": provider.CountTokens,
	}[c.API]}
	require.NoError(t, d.Parse(r))
	if r.Endpoint.Free() {
		return provider.Usage{}
	}
	m := d.Meter(r)
	if !c.Stream {
		m.Body(c.Response)
		return m.Usage()
	}
	var events sse.Splitter
	events.Feed(c.Response)
	for e, ok := events.Next(); ok; e, ok = events.Next() {
		m.Event(e.Name, e.Data)
	}
	return m.Usage()
}

// plainTotals reads the tokens of an answer with encoding/json alone, unless the
// provider has divided the call.
func plainTotals(c recordings.Case) (in, out int64, reported bool) {
	if c.Status >= 300 || c.API == "anthropic.count_tokens" || c.Method != "POST" {
		return 0, 0, false
	}
	type usage struct {
		Prompt     *int64 `json:"prompt_tokens"`
		Completion *int64 `json:"completion_tokens"`
		Input      *int64 `json:"input_tokens"`
		Output     *int64 `json:"output_tokens"`
		CacheRead  *int64 `json:"cache_read_input_tokens"`
		CacheWrite *int64 `json:"cache_creation_input_tokens"`
		Iterations []any  `json:"iterations"`
	}
	var sum usage // of an object's fields, the last that came
	read := func(data []byte) {
		var o struct {
			Usage             *usage
			Message, Response struct{ Usage *usage }
		}
		if json.Unmarshal(data, &o) != nil {
			return
		}
		for _, u := range []*usage{o.Usage, o.Message.Usage, o.Response.Usage} {
			if u == nil {
				continue
			}
			for _, f := range []struct{ to, from **int64 }{
				{&sum.Prompt, &u.Prompt}, {&sum.Completion, &u.Completion}, {&sum.Input, &u.Input},
				{&sum.Output, &u.Output}, {&sum.CacheRead, &u.CacheRead}, {&sum.CacheWrite, &u.CacheWrite},
			} {
				if *f.from != nil {
					*f.to = *f.from
				}
			}
			sum.Iterations = append(sum.Iterations, u.Iterations...)
		}
	}
	if !c.Stream {
		read(c.Response)
	} else {
		for line := range strings.Lines(strings.ReplaceAll(string(c.Response), "\r", "")) {
			if data, ok := strings.CutPrefix(line, "data:"); ok {
				read([]byte(data))
			}
		}
	}
	add := func(parts ...*int64) (n int64) {
		for _, p := range parts {
			if p != nil {
				n += *p
				reported = true
			}
		}
		return n
	}
	in, out = add(sum.Prompt, sum.Input, sum.CacheRead, sum.CacheWrite), add(sum.Completion, sum.Output)
	return in, out, reported && len(sum.Iterations) < 2
}
