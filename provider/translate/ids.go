package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// What both APIs take for the name of a tool and for the id of a call: letters,
// digits, "_" and "-", and so many bytes. OpenAI limits both, Anthropic the names.
const maxName = 64

// fitting returns a name or an id as both APIs take it: itself, if they do, or else
// what of it they take, with a digest of all of it at the end. It is the same for the
// same text each time.
func fitting(s string) string {
	if fits(s) {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	const digest = len("_") + 8
	b := make([]byte, 0, maxName)
	for i := 0; i < len(s) && len(b) < maxName-digest; i++ {
		if plain(s[i]) {
			b = append(b, s[i])
		}
	}
	b = append(b, '_')
	return string(hex.AppendEncode(b, sum[:4]))
}

// fits reports whether both APIs take a name or an id.
func fits[T string | []byte](s T) bool {
	for i := range len(s) {
		if !plain(s[i]) {
			return false
		}
	}
	return 0 < len(s) && len(s) <= maxName
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// names are those of the tools that a request declares under others than its own,
// by what they are called there; nil if there are none.
type names map[string]string

// fit returns the name that a tool has in the translated request.
func (n *names) fit(own string) string {
	name := fitting(own)
	if name != own {
		if *n == nil {
			*n = names{}
		}
		(*n)[name] = own
	}
	return name
}

// back returns the name that the agent knows a tool by.
func (n names) back(name string) string {
	if own, ok := n[name]; ok {
		return own
	}
	return name
}

// chatID is the id of a chat completion that is made of a message.
func chatID(id string) string { return "chatcmpl-" + strings.TrimPrefix(id, "msg_") }

// messageID returns the id of a message that was another answer, with an id or
// without one.
func messageID(id string, at time.Time) string {
	if id == "" {
		id = mint(strconv.FormatInt(at.UnixNano(), 10))
	}
	return "msg_" + strings.TrimPrefix(id, "chatcmpl-")
}

// mint returns an id that is always the same for the same text.
func mint(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}
