package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tidwall/gjson"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// atMarket runs a test whose time is not the clock's.
func atMarket(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// hangs does not answer before the call is given up.
func hangs(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Providers are asked now and then, once for all agents, and at the same time.
func TestModelsAsked(t *testing.T) {
	gpts, claudes := []string{"gpt-4.1", "gpt-5"}, []string{"claude-opus-5", "claude-sonnet-4-5"}
	all := append(gpts[:2:2], claudes...)
	const once = 2 // providers
	atMarket(t, "not for some minutes", func(t *testing.T) {
		m, gw := newMarket(t, "")
		for range 3 {
			assert.Equal(t, all, names(t, models(t, gw, "/v1/models")))
			assert.Equal(t, all, names(t, models(t, gw, "/v1/models", inClaude)))
			assert.Equal(t, all, names(t, serve(t, gw, &run.Ref{Agent: "bob"}, "GET", "/v1/models", "")))
		}
		assert.Len(t, m.Asked(), once)
		m.Put("openai.test", says(200, gptList("gpt-6")))
		time.Sleep(5*time.Minute - time.Second)
		assert.Equal(t, all, names(t, models(t, gw, "/v1/models")))
		time.Sleep(2 * time.Second)
		assert.Equal(t, append([]string{"gpt-6"}, claudes...), names(t, models(t, gw, "/v1/models")))
		assert.Len(t, m.Asked(), once)
	})
	atMarket(t, "by one of those who want to know at the same time", func(t *testing.T) {
		m, gw := newMarket(t, "")
		m.Put("openai.test", func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return says(200, gptList(gpts...))(r)
		})
		var calls sync.WaitGroup
		for range 10 {
			calls.Go(func() { assert.Equal(t, all, names(t, models(t, gw, "/v1/models"))) })
		}
		calls.Wait()
		assert.Len(t, m.Asked(), once)
	})
	atMarket(t, "both at the same time", func(t *testing.T) {
		m, gw := newMarket(t, "")
		for _, host := range []string{"openai.test", "anthropic.test"} {
			list := m.shops[host]
			m.Put(host, func(r *http.Request) (*http.Response, error) {
				time.Sleep(3 * time.Second)
				return list(r)
			})
		}
		start := time.Now()
		assert.Equal(t, all, names(t, models(t, gw, "/v1/models")))
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
	atMarket(t, "by the next one, if who has asked leaves", func(t *testing.T) {
		m, gw := newMarket(t, "")
		m.Put("openai.test", func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(2 * time.Second):
				return says(200, gptList(gpts...))(r)
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
		ctx, leave := context.WithTimeout(run.NewContext(t.Context(), run.Ref{Agent: "alice"}), time.Second)
		defer leave()
		req, err := http.NewRequestWithContext(ctx, "GET", "/v1/models", nil)
		require.NoError(t, err)
		go func() {
			defer func() { assert.Equal(t, http.ErrAbortHandler, recover()) }()
			gw.ServeHTTP(nil, req)
		}()
		synctest.Wait()
		start := time.Now()
		assert.Equal(t, all, names(t, models(t, gw, "/v1/models")))
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Len(t, m.Asked(), once+1)
	})
	atMarket(t, "no longer than some seconds", func(t *testing.T) {
		m, gw := newMarket(t, "")
		m.Put("openai.test", hangs)
		start := time.Now()
		assert.Equal(t, claudes, names(t, models(t, gw, "/v1/models")))
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.Equal(t, claudes, names(t, models(t, gw, "/v1/models")))
		assert.Equal(t, 5*time.Second, time.Since(start), "it is not waited for again")
		assert.Len(t, m.Asked(), once)
	})
	atMarket(t, "soon again, if it has failed", func(t *testing.T) {
		m, gw := newMarket(t, "")
		list := m.shops["openai.test"]
		m.Put("openai.test", says(500, ""))
		assert.Equal(t, claudes, names(t, models(t, gw, "/v1/models")))
		m.Put("openai.test", list)
		time.Sleep(14 * time.Second)
		assert.Equal(t, claudes, names(t, models(t, gw, "/v1/models")))
		time.Sleep(2 * time.Second)
		assert.Equal(t, all, names(t, models(t, gw, "/v1/models")))
	})
	atMarket(t, "and taken at its last word, if it fails later", func(t *testing.T) {
		m, gw := newMarket(t, "")
		assert.Equal(t, all, names(t, models(t, gw, "/v1/models")))
		m.Put("openai.test", says(500, ""))
		for range 3 {
			time.Sleep(6 * time.Minute)
			assert.Equal(t, all, names(t, models(t, gw, "/v1/models")))
		}
		m.Asked()
		m.Put("openai.test", says(200, gptList("gpt-6")))
		time.Sleep(16 * time.Second)
		assert.Equal(t, append([]string{"gpt-6"}, claudes...), names(t, models(t, gw, "/v1/models")))
		assert.Equal(t, []string{"openai.test/v1/models"}, m.Asked())
	})
}

// One provider that cannot be asked does not hide what the others have.
func TestModelsUnlisted(t *testing.T) {
	for name, broken := range map[string]shop{
		"it refuses":           says(401, `{"error":{"message":"no"}}`),
		"it is overloaded":     says(529, ""),
		"it redirects":         says(302, "", "Location: http://elsewhere.test"),
		"it has no such thing": says(404, "<html>"),
		"it is not there":      func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
		"it says something":    says(200, "<html>"),
		"it says nothing":      says(200, ""),
		"it has an object":     says(200, `{"models":[]}`),
		"it has no list":       says(200, `{"data":{"id":"x"}}`),
		"it has one word":      says(200, `"data"`),
		"it says it twice":     says(200, `{"data":[],"data":[]}`),
		"it breaks off": func(r *http.Request) (*http.Response, error) {
			resp, err := says(200, "")(r)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"data":[`), cutOff{}))
			return resp, err
		},
		"it goes on and on": func(r *http.Request) (*http.Response, error) {
			resp, err := says(200, "")(r)
			resp.Body = io.NopCloser(endless{})
			return resp, err
		},
		"it unpacks to that": says(200, zipped(t, strings.Repeat(" ", 9<<20)), "Content-Encoding: gzip"),
		"it is not packed":   says(200, gptList("x"), "Content-Encoding: gzip"),
		"it panics":          func(*http.Request) (*http.Response, error) { panic("boom") },
	} {
		t.Run(name, func(t *testing.T) {
			m, gw := newMarket(t, "", sells(gptAt("openai", "gpt-*", "gpt-7"), claudeAt("anthropic")))
			m.Put("openai.test", broken)
			assert.Equal(t, []string{"gpt-7", "claude-opus-5", "claude-sonnet-4-5"}, names(t, models(t, gw, "/v1/models")))

			m, gw = newMarket(t, "")
			m.Put("openai.test", broken)
			m.Put("anthropic.test", says(500, "anthropic"))
			r := models(t, gw, "/v1/models", inClaude)
			assert.GreaterOrEqual(t, r.StatusCode, 502, r.Body)
			e, _ := r.JSON(t)["error"].(map[string]any)
			assert.Contains(t, e["message"], `"openai"`, "the first one's error")
		})
	}
	t.Run("the error of the first is passed on where it is in the agent's own dialect", func(t *testing.T) {
		m, gw := newMarket(t, "")
		m.Put("openai.test", says(403, `{"error":{"message":"no"}}`))
		m.Put("anthropic.test", says(401, `{"error":{"message":"never"}}`))
		r := models(t, gw, "/v1/models")
		assert.Equal(t, 403, r.StatusCode)
		assert.Equal(t, `{"error":{"message":"no"}}`, r.Body)
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
	})
	t.Run("a key that cannot be had", func(t *testing.T) {
		_, gw := newMarket(t, "", sells(claudeAt("anthropic"), &openai.Provider{URL: "http://openai.test/v1", Key: func(context.Context) (provider.Secret, error) {
			return "", errors.New("no key")
		}}))
		assert.Equal(t, []string{"claude-opus-5", "claude-sonnet-4-5"}, names(t, models(t, gw, "/v1/models")))
	})
	t.Run("none has any", func(t *testing.T) {
		m, gw := newMarket(t, "")
		m.Put("openai.test", says(200, `{"object":"list","data":null}`))
		m.Put("anthropic.test", says(200, `{"data":[],"has_more":false,"first_id":null,"last_id":null}`))
		assert.Equal(t, `{"object":"list","data":[]}`, models(t, gw, "/v1/models").Body)
		assert.Equal(t, `{"data":[],"has_more":false,"first_id":null,"last_id":null}`, models(t, gw, "/v1/models", inClaude).Body)
	})
}

// Whatever a list is like that can be read, the models in it are listed.
func TestModelsRead(t *testing.T) {
	for name, s := range map[string]shop{
		"a list":                     says(200, gptList("gpt-5")),
		"a bare one":                 says(200, "["+gptEntry("gpt-5")+"]"),
		"with entries that are none": says(200, `{"data":[1,null,"x",{},{"id":7},{"id":""},`+gptEntry("gpt-5")+`]}`),
		"with one twice":             says(200, gptList("gpt-5", "gpt-5")),
		"packed":                     says(200, zipped(t, gptList("gpt-5")), "Content-Encoding: gzip"),
		"of pages that do not end":   says(200, `{"data":[`+gptEntry("gpt-5")+`],"has_more":true,"last_id":"gpt-5"}`),
	} {
		t.Run(name, func(t *testing.T) {
			m, gw := newMarket(t, "")
			m.Put("openai.test", s)
			assert.Equal(t, []string{"gpt-5", "claude-opus-5", "claude-sonnet-4-5"}, names(t, models(t, gw, "/v1/models")))
			assert.LessOrEqual(t, len(m.Asked()), 21)
		})
	}
}

// The list has pages in Anthropic's API.
func TestModelPages(t *testing.T) {
	many := make([]string, 50)
	for i := range many {
		many[i] = "claude-" + strings.Repeat("x", i+1)
	}
	m, gw := newMarket(t, "", calledAlso("z", "gpt-5"))
	m.Put("openai.test", says(200, gptList("gpt-5")))
	m.Put("anthropic.test", says(200, claudeList(many...)))
	all := append(append([]string{"gpt-5"}, many...), "z")
	for _, c := range []struct {
		query    string
		from, to int
		more     bool
	}{
		{"", 0, 20, true},
		{"limit=1", 0, 1, true},
		{"limit=51", 0, 51, true},
		{"limit=52", 0, 52, false},
		{"limit=1000", 0, 52, false},
		{"limit=20&after_id=" + all[19], 20, 40, true},
		{"limit=20&after_id=" + all[39], 40, 52, false},
		{"limit=2&after_id=gpt-5", 1, 3, true},
		{"after_id=z", 52, 52, false},
		{"limit=5&before_id=z", 46, 51, true},
		{"limit=5&before_id=" + all[5], 0, 5, false},
		{"limit=5&before_id=" + all[2], 0, 2, false},
		{"before_id=gpt-5", 0, 0, false},
		{"limit=3&lifecycle=active", 0, 3, true},
	} {
		t.Run(c.query, func(t *testing.T) {
			r := models(t, gw, "/v1/models?"+c.query, inClaude)
			assert.Equal(t, append([]string{}, all[c.from:c.to]...), names(t, r))
			assert.Equal(t, c.more, gjson.Get(r.Body, "has_more").Bool())
			if c.from < c.to {
				assert.Equal(t, all[c.from], gjson.Get(r.Body, "first_id").String())
				assert.Equal(t, all[c.to-1], gjson.Get(r.Body, "last_id").String())
			}
		})
	}
	for _, query := range []string{"limit=0", "limit=-1", "limit=1001", "limit=x", "after_id=elsewhere", "before_id=elsewhere", "after_id=z&before_id=gpt-5"} {
		t.Run(query, func(t *testing.T) {
			refusal(t, models(t, gw, "/v1/models?"+query, inClaude), 400, "invalid_request")
		})
	}
	t.Run("not in OpenAI's", func(t *testing.T) {
		assert.Equal(t, all, names(t, models(t, gw, "/v1/models?limit=3&after=x")))
	})
}

// Calls that have ended have let go of what they asked for.
func TestModelsClose(t *testing.T) {
	atMarket(t, "one that waits for a list is waited for", func(t *testing.T) {
		m, gw := newMarket(t, "", func(*gateway.Config) {})
		m.Put("openai.test", hangs)
		done := make(chan struct{})
		go func() {
			defer close(done)
			assert.Len(t, names(t, models(t, gw, "/v1/models")), 2)
		}()
		synctest.Wait()
		require.NoError(t, gw.Close(t.Context()))
		<-done
	})
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

// cutOff is a body that breaks.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// zipped is a text as gzip.
func zipped(t *testing.T, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}
