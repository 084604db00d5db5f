package fake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A call is one request on its way to an answer.
type call struct {
	p         *Provider
	w         http.ResponseWriter
	r         *http.Request
	path      string // without /v1
	body      []byte
	anthropic bool
	id        string // the request's
	delay     time.Duration
	minted    int // ids
}

// vendorHeader sets what the vendors put on every answer, and what a gateway has
// to take off again among it.
func (c *call) vendorHeader() {
	h := c.w.Header()
	if c.anthropic {
		h.Set("Request-Id", c.id)
		h.Set("Anthropic-Organization-Id", "5e3c1f0a-0000-4000-8000-fa4e00000000")
		h.Set("Anthropic-Ratelimit-Requests-Limit", "4000")
		h.Set("Anthropic-Ratelimit-Requests-Remaining", "3999")
	} else {
		h.Set("X-Request-Id", c.id)
		h.Set("Openai-Organization", "fake")
		h.Set("Openai-Version", "2020-10-01")
		h.Set("Openai-Processing-Ms", "12")
		h.Set("X-Ratelimit-Limit-Requests", "10000")
		h.Set("X-Ratelimit-Remaining-Requests", "9999")
	}
	h.Set("Set-Cookie", "__cf_bm=fake; path=/; HttpOnly; Secure")
}

// answer writes v as JSON: OpenAI sends it indented, Anthropic does not.
func (c *call) answer(status int, v any) {
	b := encode(v)
	if !c.anthropic {
		var indented bytes.Buffer
		_ = json.Indent(&indented, b, "", "  ")
		b = append(indented.Bytes(), '\n')
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	c.w.Write(b)
}

// encode is json.Marshal, but that it leaves <, > and & alone. What is encoded
// here always can be.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// mint makes an id. The same request gets the same ids in the same order.
func (c *call) mint(prefix string, length int) string {
	c.minted++
	return prefix + letters(fmt.Sprintf("%x %d", sha256.Sum256(c.body), c.minted), length)
}

// mintHex is mint with hexadecimal digits.
func (c *call) mintHex(prefix string, length int) string {
	c.minted++
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d", sha256.Sum256(c.body), c.minted))
	return prefix + hex.EncodeToString(sum[:])[:length]
}

// requestID names the nth request.
func requestID(anthropic bool, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "request %d", n))
	if anthropic {
		return "req_011C" + letters(string(sum[:]), 20)
	}
	return "req_" + hex.EncodeToString(sum[:16])
}

// letters makes up to 32 letters and digits out of a seed.
func letters(seed string, length int) string {
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz123456789"
	sum := sha256.Sum256([]byte(seed))
	out := make([]byte, length)
	for i := range out {
		out[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(out)
}

// pause waits, and reports whether the client is still there.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// parse reads the body into a request whose model is at that place, and reports
// whether it may be served; else it has answered.
func (c *call) parse(request any, model *string) bool {
	if err := json.Unmarshal(c.body, request); err != nil {
		c.fail(invalid("We could not parse the JSON body of your request: " + err.Error()))
		return false
	}
	if *model == "" {
		c.fail(missing("model"))
		return false
	}
	if !c.p.serves(*model) {
		c.fail(unknownModel(*model))
		return false
	}
	return true
}
