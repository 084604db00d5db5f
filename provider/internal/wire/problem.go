package wire

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// A problem is what the body of an answer says of what has gone wrong. Empty is what
// it does not say.
type problem struct {
	kind, code string // the error's type, and what says it more closely
	message    string // in lower case, without back quotes
	status     int    // that the body names itself, as some servers do in the error's code
	page       bool   // it is a web page: the word of something in front of the API
}

// How much of a body is read, and of a message, which may hold what the agent has sent.
const (
	maxProblem = 1 << 20
	maxMessage = 1024
)

// readProblem reads the body of an answer, or the beginning of it, whatever type it
// was declared to have.
func readProblem(body []byte) problem {
	body = bytes.TrimSpace(bytes.TrimPrefix(body[:min(len(body), maxProblem)], []byte("\xEF\xBB\xBF")))
	if bytes.HasPrefix(body, []byte("event:")) || bytes.HasPrefix(body, []byte("data:")) {
		body = eventData(body)
	}
	switch {
	case len(body) == 0:
		return problem{}
	case body[0] == '<':
		return problem{page: true}
	case body[0] != '{' && body[0] != '[':
		return problem{message: plainText(string(body[:min(len(body), maxMessage)]))}
	}
	root := gjson.ParseBytes(body)
	if root.IsArray() {
		root = root.Get("0")
	}
	found := root
	for _, path := range []string{"error", "response.error"} {
		if e := root.Get(path); e.IsObject() || e.Type == gjson.String {
			found = e
			break
		}
	}
	if found.Type == gjson.String {
		return problem{message: plainText(found.String())}
	}
	p := problem{kind: found.Get("type").String(), code: found.Get("details.error_code").String()}
	if p.code == "" {
		code := found.Get("code")
		if p.code = code.String(); code.Type == gjson.Number {
			p.code, p.status = "", int(code.Int())
		}
	}
	for _, member := range []string{"message", "detail"} {
		if m := found.Get(member); m.Type == gjson.String {
			p.message = plainText(m.String())
			break
		}
	}
	return p
}

// eventData returns the data of the first event that has any.
func eventData(stream []byte) []byte {
	for line := range bytes.Lines(stream) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			return bytes.TrimSpace(data)
		}
	}
	return nil
}

// plainText returns the beginning of a message as messages are compared.
func plainText(s string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s[:min(len(s), maxMessage)]), "`", ""))
}
