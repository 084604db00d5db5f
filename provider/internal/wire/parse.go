package wire

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
)

// Parse reads r.Body in one strict pass and sets every fact of r but Input and
// MaxInput, which are made of the Load that it returns. An error is a
// *[provider.SyntaxError].
//
// It knows the members of all endpoints and dialects at once. What one of them
// does not know its provider refuses or ignores; what a compatible server takes
// beyond its dialect is seen all the same. So it is no hole for a model or a
// limit to slip through.
//
// A conversation that the body only refers to (previous_response_id,
// conversation, thread) adds nothing to the Load, since its size is not known.
func Parse(r *provider.Request) (Load, error) {
	endpoint, body := r.Endpoint, r.Body
	*r = provider.Request{}
	r.Endpoint, r.Body, r.Choices = endpoint, body, 1
	if len(bytes.TrimSpace(r.Body)) == 0 {
		if r.Endpoint == provider.Models {
			return Load{}, nil
		}
		return Load{}, &provider.SyntaxError{Reason: "empty body"}
	}
	p := parser{req: r}
	p.scan.Reset(r.Body)
	p.scan.Object(p.member)
	p.scan.End()
	if err := p.scan.Err(); err != nil {
		return Load{}, syntax(err, p.path)
	}
	if r.Model == "" && r.Endpoint != provider.Models {
		return Load{}, &provider.SyntaxError{Path: "model", Reason: "is missing"}
	}
	if r.Endpoint == provider.Chat && r.Stream {
		r.AskUsage = p.askUsage()
	}
	p.undeclared()
	r.LongCache = p.longCache && !p.shortCache
	return p.load, nil
}

// syntax tells of a scanner's error in the value at path.
func syntax(err error, path string) error {
	e := &provider.SyntaxError{Path: path, Reason: err.Error()}
	var at *jsonscan.Error
	if errors.As(err, &at) {
		e.Offset, e.Reason = at.Offset, at.Reason
	}
	return e
}

// A parser is one reading of a body. It lives on the stack.
type parser struct {
	scan jsonscan.Scanner
	req  *provider.Request
	load Load
	path string // where the first error was met

	hasOptions bool          // there is a member stream_options
	ask        provider.Edit // makes it ask for usage

	longCache, shortCache bool // there are cache breakpoints for an hour, or for less

	labels strings.Builder // the names of tools, one after the other
	chosen []provider.Tool // that are to be called
	depth  int             // of the tool that is being read, in others
}

// member reads a member of the body. What it leaves is skipped.
func (p *parser) member(key []byte) {
	s := &p.scan
	switch string(key) {
	case "model":
		p.model()
	case "stream":
		p.req.Stream = !s.Null() && s.Bool()
	case "max_tokens", "max_completion_tokens", "max_output_tokens":
		if n := p.count(maxOutput); p.honours(key) {
			p.req.MaxOutput = max(p.req.MaxOutput, n)
		}
	case "n":
		p.req.Choices = max(1, p.count(maxChoices))
	case "rungate":
		p.directives()
	case "stream_options":
		p.streamOptions()
	case "messages":
		p.messages("messages")
	case "input":
		if p.req.Endpoint == provider.Embeddings {
			p.embed()
		} else {
			p.messages("input")
		}
	case "system":
		p.content("system")
	case "instructions":
		p.load.Text += p.size()
	case "prompt":
		if s.Kind() == jsonscan.Object { // it names one that the provider keeps
			p.kept("prompt")
		}
		p.load.Text += p.size()
	case "prediction":
		if !s.Null() {
			p.unbounded("prediction") // what of it is rejected is billed as output, beyond any limit
			p.load.Text += p.size()
		}
	case "tools":
		p.tools("tools")
	case "functions":
		p.functions()
	case "tool_choice", "function_call":
		p.choice()
	case "web_search_options":
		p.searches()
	case "thread":
		p.thread()
	case "previous_response_id", "conversation":
		if !s.Null() {
			p.kept(string(key))
		}
	case "container":
		if !s.Null() {
			p.unbounded("container")
			p.bound("container")
		}
	case "compaction":
		if !s.Null() {
			p.unbounded("compaction")
		}
	case "context_management":
		p.contextManagement()
	case "response_format", "text", "output_config", "output_format":
		p.load.Formats++
		p.load.Definitions += p.size()
	case "mcp_servers":
		p.servers()
	case "fallbacks":
		p.fallbacks()
	case "models":
		p.others()
	case "service_tier":
		p.word(&p.req.ServiceTier)
	case "inference_geo":
		p.word(&p.req.InferenceGeo)
	case "speed":
		p.word(&p.req.Speed)
	case "background":
		p.req.Background = !s.Null() && s.Bool()
	case "bill_to", "billing_policy", "workspace_id", "user_profile_id":
		p.req.Billing = append(p.req.Billing, string(key))
	case "cache_control":
		p.cacheControl()
	default:
		if !Disguised(key, known) {
			return // an error in it is found when this has returned
		}
		s.Fail("the name is another one's in another case")
	}
	if p.path == "" && s.Err() != nil {
		p.path = string(key)
	}
}

// The members that are read.
var known = []string{
	"model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "rungate", "stream_options",
	"messages", "input", "system", "instructions", "prompt", "prediction", "tools", "functions",
	"response_format", "text", "output_config", "output_format", "mcp_servers", "fallbacks", "models", "cache_control",
	"service_tier", "inference_geo", "speed", "background",
	"bill_to", "billing_policy", "workspace_id", "user_profile_id",
	"tool_choice", "function_call", "web_search_options",
	"previous_response_id", "conversation", "thread", "container", "compaction", "context_management",
}

// at notes an error in element i of the list called name.
func (p *parser) at(name string, i int) {
	if p.scan.Err() != nil && p.path == "" {
		p.path = name + "." + strconv.Itoa(i)
	}
}

// word reads a word that is not the ordinary one; anything else it leaves.
func (p *parser) word(to *string) {
	if w := Unusual(string(p.name())); len(w) <= maxName {
		*to = w
	}
}

// Beyond these no count means anything. They keep sums within an int64.
const (
	maxOutput  = 1 << 31
	maxChoices = 1 << 16
)

// count reads a count that is not below 0; null is 0, and most the most it is.
func (p *parser) count(most int64) int64 {
	if p.scan.Null() {
		return 0
	}
	n := p.scan.Int()
	if n < 0 {
		p.scan.Fail("want no less than 0")
	}
	return min(n, most)
}

// honours reports whether the endpoint is bound by the limit of that name. A
// server that does not know a limit may ignore it.
func (p *parser) honours(limit []byte) bool {
	switch string(limit) {
	case "max_tokens":
		return p.req.Endpoint == provider.Chat || p.req.Endpoint == provider.Messages
	case "max_completion_tokens":
		return p.req.Endpoint == provider.Chat
	case "max_output_tokens":
		return p.req.Endpoint == provider.Responses
	}
	return false
}

// size skips a value and returns the bytes of it that a model would read: the
// contents of a string, anything else as it stands.
func (p *parser) size() int64 {
	text := p.scan.Kind() == jsonscan.String
	from, to := p.scan.Skip()
	if text && from < to {
		return int64(to - from - 2)
	}
	return int64(to - from)
}

// embed reads what Embeddings take: a text, many, or the tokens of either.
func (p *parser) embed() {
	switch p.scan.Kind() {
	case jsonscan.Array:
		p.scan.Array(func(int) { p.embed() })
	case jsonscan.Number:
		p.scan.Skip()
		p.load.Counted++
	default:
		p.load.Text += p.size()
	}
}

// ignore leaves a member to be skipped. The names of an object that is visited
// are known not to repeat.
func ignore([]byte) {}
