package anthropic_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/providertest"
)

var endpoints = map[string]provider.Endpoint{
	"anthropic.messages":     provider.Messages,
	"anthropic.count_tokens": provider.CountTokens,
	"anthropic.models":       provider.Models,
}

func recorded(t testing.TB) []recordings.Case {
	t.Helper()
	cases, err := recordings.All("anthropic.messages", "anthropic.count_tokens", "anthropic.models")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	return cases
}

// Whole answers cannot hold what these streams do.
var oneForm = map[string]bool{
	"synthetic/anthropic-sse-unknown-event": true, // nobody knows what it adds to the answer
	"synthetic/anthropic-sse-cut-mid-tool":  true, // the arguments of a call are no JSON
}

func TestConformance(t *testing.T) {
	var cases []providertest.Case
	for _, c := range recorded(t) {
		cases = append(cases, providertest.Case{
			Name: c.Name, Endpoint: endpoints[c.API], Request: c.Request, Response: c.Response, Stream: c.Stream, Status: c.Status,
			OneForm: c.Status != http.StatusOK || oneForm[c.Name],
		})
	}
	providertest.Run(t, anthropic.Dialect{}, cases)
}

// What is metered is what the recorded answers say, read in the plainest way.
func TestRecordedUsage(t *testing.T) {
	metered := 0
	for _, c := range recorded(t) {
		want, ok := plainUsage(t, c)
		if !ok || c.API != "anthropic.messages" {
			continue
		}
		metered++
		t.Run(c.Name, func(t *testing.T) {
			r := &provider.Request{Endpoint: endpoints[c.API], Body: c.Request}
			require.NoError(t, anthropic.Dialect{}.Parse(r))
			m := answer(r, c)
			assert.True(t, m.Ended(), "Ended")
			assert.Equal(t, want, m.Usage())
		})
	}
	assert.Greater(t, metered, 100)
}

func answer(r *provider.Request, c recordings.Case) provider.Meter {
	m := anthropic.Dialect{}.Meter(r)
	if !c.Stream {
		m.Body(c.Response)
		return m
	}
	var split sse.Splitter
	split.Feed(c.Response)
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		m.Event(e.Name, e.Data)
	}
	return m
}

// plainUsage reads an answer with nothing but encoding/json and what the
// documentation says. It is not ok if the answer does not report its usage.
func plainUsage(t *testing.T, c recordings.Case) (u provider.Usage, ok bool) {
	usage, model := map[string]any{}, ""
	if c.Stream {
		for line := range strings.Lines(strings.ReplaceAll(string(c.Response), "\r\n", "\n")) {
			text, found := strings.CutPrefix(line, "data:")
			var o map[string]any
			if !found || json.Unmarshal([]byte(text), &o) != nil {
				continue
			}
			if message, is := o["message"].(map[string]any); is {
				model, _ = message["model"].(string)
				maps.Copy(usage, message["usage"].(map[string]any))
			}
			if delta, is := o["usage"].(map[string]any); is {
				maps.Copy(usage, delta) // later fields win
			}
			ok = ok || o["type"] == "message_stop"
		}
	} else if bytes.HasPrefix(c.Response, []byte("{")) {
		var o map[string]any
		require.NoError(t, json.Unmarshal(c.Response, &o), c.Name)
		model, _ = o["model"].(string)
		usage, ok = o["usage"].(map[string]any)
	}
	if !ok {
		return u, false
	}
	u.Model = model
	u.Tokens = plainTokens(usage)
	if tools, is := usage["server_tool_use"].(map[string]any); is {
		u.WebSearches = number(tools, "web_search_requests")
	}
	if tier := usage["service_tier"]; tier != nil && tier != "standard" {
		u.ServiceTier = tier.(string)
	}
	if geo := usage["inference_geo"]; geo != nil && geo != "global" && geo != "not_available" {
		u.InferenceGeo = geo.(string)
	}
	iterations, _ := usage["iterations"].([]any)
	if len(iterations) < 2 {
		return u, true
	}
	thinking := u.Reasoning
	u.Tokens = provider.Tokens{}
	for _, i := range iterations {
		i := i.(map[string]any)
		p := provider.Pass{Tokens: plainTokens(i)}
		p.Model, _ = i["model"].(string)
		if i["type"] == "message" && thinking > 0 {
			p.Reasoning = min(thinking, p.Output)
			thinking -= p.Reasoning
		}
		u.Passes = append(u.Passes, p)
		u.Tokens = u.Tokens.Plus(p.Tokens)
	}
	return u, true
}

func plainTokens(usage map[string]any) provider.Tokens {
	split, _ := usage["cache_creation"].(map[string]any)
	details, _ := usage["output_tokens_details"].(map[string]any)
	hour := number(split, "ephemeral_1h_input_tokens")
	return provider.Tokens{
		Input:        number(usage, "input_tokens"),
		CacheRead:    number(usage, "cache_read_input_tokens"),
		CacheWrite:   number(usage, "cache_creation_input_tokens") - hour,
		CacheWrite1h: hour,
		Output:       number(usage, "output_tokens"),
		Reasoning:    number(details, "thinking_tokens"),
	}
}

func number(o map[string]any, key string) int64 {
	n, _ := o[key].(float64)
	return int64(n)
}

// The estimate of the input is rather too high than too low. What tools that the
// provider runs will find, nobody can know before.
func TestRecordedInput(t *testing.T) {
	hosted := regexp.MustCompile(`_20\d{6}`)
	media := regexp.MustCompile(`image|document|signature|mcp`)
	for _, c := range recorded(t) {
		want, ok := plainUsage(t, c)
		if c.API == "anthropic.count_tokens" {
			var o map[string]any
			require.NoError(t, json.Unmarshal(c.Response, &o))
			want.Input, ok = number(o, "input_tokens"), true
		}
		if !ok || c.Synthetic || hosted.Match(c.Request) {
			continue
		}
		r := &provider.Request{Endpoint: endpoints[c.API], Body: c.Request}
		require.NoError(t, anthropic.Dialect{}.Parse(r), c.Name)
		assert.GreaterOrEqual(t, r.Input, want.TotalInput(), c.Name)
		if !media.Match(c.Request) {
			assert.LessOrEqual(t, r.Input, 3*want.TotalInput()+650, c.Name)
		}
	}
}
