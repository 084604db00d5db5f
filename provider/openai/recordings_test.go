package openai_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/provider/providertest"
)

var endpoints = map[string]provider.Endpoint{
	"openai.chat":       provider.Chat,
	"openai.responses":  provider.Responses,
	"openai.embeddings": provider.Embeddings,
	"openai.models":     provider.Models,
}

func recorded(t testing.TB) []recordings.Case {
	t.Helper()
	cases, err := recordings.All("openai.chat", "openai.responses", "openai.embeddings", "openai.models")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	return slices.DeleteFunc(cases, storedPrompt)
}

// storedPrompt tells the requests that leave their model to a prompt which is
// stored at the provider. They are refused, since nobody could say what they
// may cost.
func storedPrompt(c recordings.Case) bool {
	var r map[string]any
	return json.Unmarshal(c.Request, &r) == nil && r["prompt"] != nil && r["model"] == nil
}

func TestStoredPromptIsRefused(t *testing.T) {
	err := openai.Dialect{}.Parse(&provider.Request{Endpoint: provider.Responses, Body: []byte(`{"prompt":{"id":"pmpt_1"}}`)})
	assert.ErrorContains(t, err, "model")
}

func TestConformance(t *testing.T) {
	var cases []providertest.Case
	for _, c := range recorded(t) {
		cases = append(cases, providertest.Case{
			Name: c.Name, Endpoint: endpoints[c.API], Request: c.Request, Response: c.Response, Stream: c.Stream, Status: c.Status,
			OneForm: c.Status != http.StatusOK,
		})
	}
	providertest.Run(t, openai.Dialect{}, cases)
}

// What is metered is what the recorded answers say, read in the plainest way.
func TestRecordedUsage(t *testing.T) {
	metered := 0
	for _, c := range recorded(t) {
		want, ok := plainUsage(t, c)
		if !ok {
			continue
		}
		metered++
		t.Run(c.Name, func(t *testing.T) {
			r := &provider.Request{Endpoint: endpoints[c.API], Body: c.Request}
			require.NoError(t, openai.Dialect{}.Parse(r))
			m := answer(r, c)
			assert.True(t, m.Ended(), "Ended")
			assert.Equal(t, want, m.Usage())
		})
	}
	assert.Greater(t, metered, 140)
}

func answer(r *provider.Request, c recordings.Case) provider.Meter {
	m := openai.Dialect{}.Meter(r)
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
	objects := []map[string]any{}
	if c.Stream {
		for line := range strings.Lines(strings.ReplaceAll(string(c.Response), "\r\n", "\n")) {
			text, found := strings.CutPrefix(line, "data:")
			if !found || strings.TrimSpace(text) == "[DONE]" {
				continue
			}
			var o map[string]any
			if json.Unmarshal([]byte(text), &o) == nil {
				objects = append(objects, o)
			}
		}
	} else if !bytes.HasPrefix(bytes.TrimSpace(c.Response), []byte("{")) {
		return u, false
	} else {
		var o map[string]any
		require.NoError(t, json.Unmarshal(c.Response, &o), c.Name)
		objects = append(objects, o)
	}

	searches := 0
	for _, o := range objects {
		if item, is := o["item"].(map[string]any); is && o["type"] == "response.output_item.done" {
			searches += search(item)
		}
		if inner, is := o["response"].(map[string]any); is {
			o = inner
		}
		if model, is := o["model"].(string); is && model != "" {
			u.Model = model
		}
		if tier, is := o["service_tier"].(string); is {
			u.ServiceTier = map[string]string{"flex": "flex", "priority": "priority", "scale": "scale"}[tier]
		}
		usage, is := o["usage"].(map[string]any)
		if !is {
			continue
		}
		ok = true
		if !c.Stream {
			if output, is := o["output"].([]any); is {
				for _, item := range output {
					searches += search(item.(map[string]any))
				}
			}
		}
		if told, is := at(o, "tool_usage", "web_search", "num_requests").(float64); is {
			searches = int(told)
		}
		in := number(usage, "prompt_tokens") + number(usage, "input_tokens")
		inDetails, _ := first(usage, "prompt_tokens_details", "input_tokens_details").(map[string]any)
		out := number(usage, "completion_tokens") + number(usage, "output_tokens")
		outDetails, _ := first(usage, "completion_tokens_details", "output_tokens_details").(map[string]any)
		u.CacheRead = number(inDetails, "cached_tokens")
		u.CacheWrite = number(inDetails, "cache_write_tokens")
		u.AudioInput = number(inDetails, "audio_tokens")
		u.Input = in - u.CacheRead - u.CacheWrite - u.AudioInput
		u.AudioOutput = number(outDetails, "audio_tokens")
		u.Output = out - u.AudioOutput
		u.Reasoning = number(outDetails, "reasoning_tokens")
	}
	if c.API == "openai.chat" && ok {
		searches = untold(t, c)
	}
	u.WebSearches = int64(searches)
	if bytes.Contains(c.Request, []byte(`"web_search_preview`)) {
		u.PreviewSearches = u.WebSearches
	}
	return u, ok
}

// untold counts the searches of the web of which an answer of Chat says nothing.
func untold(t *testing.T, c recordings.Case) int {
	var r struct {
		Model   string
		N       int
		Options any `json:"web_search_options"`
	}
	require.NoError(t, json.Unmarshal(c.Request, &r), c.Name)
	if r.Options == nil && !regexp.MustCompile(`-search-(preview|api)`).MatchString(r.Model) {
		return 0
	}
	return max(1, r.N)
}

func search(item map[string]any) int {
	if item["type"] == "web_search_call" && at(item, "action", "type") == "search" {
		return 1
	}
	return 0
}

func at(o map[string]any, path ...string) any {
	for i, key := range path {
		if i == len(path)-1 {
			return o[key]
		}
		o, _ = o[key].(map[string]any)
	}
	return nil
}

func first(o map[string]any, keys ...string) any {
	for _, key := range keys {
		if v, is := o[key]; is {
			return v
		}
	}
	return nil
}

func number(o map[string]any, key string) int64 {
	n, _ := o[key].(float64)
	return int64(n)
}

// The estimate of the input is rather too high than too low. What a search that
// the provider makes will find, nobody can know before.
func TestRecordedInput(t *testing.T) {
	for _, c := range recorded(t) {
		want, ok := plainUsage(t, c)
		if !ok || c.Synthetic || want.TotalInput() == 0 || bytes.Contains(c.Request, []byte(`_search`)) {
			continue
		}
		r := &provider.Request{Endpoint: endpoints[c.API], Body: c.Request}
		require.NoError(t, openai.Dialect{}.Parse(r), c.Name)
		assert.GreaterOrEqual(t, r.Input, want.TotalInput(), c.Name)
		if media := regexp.MustCompile("image|file|audio|encrypted"); !media.Match(c.Request) {
			assert.LessOrEqual(t, r.Input, 3*want.TotalInput()+20, c.Name)
		}
	}
}
