package translate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"github.com/rungate/rungate/provider/internal/wire"
)

// user translates who the call is for. Who that is, in clear, is nobody's business:
// anything that might be a name, an address or a telephone number is hashed.
func (t *messagesWriter) user(o entries) {
	field := "safety_identifier"
	value, old := word(o.take(field)), word(o.take("user"))
	switch {
	case value == nil:
		field, value = "user", old
	case old != nil && !bytes.Equal(old, value):
		t.note("user", "dropped") // there is room for one
	}
	if len(value) == 0 {
		return
	}
	id := string(value)
	if !opaque(id) {
		sum := sha256.Sum256(value)
		id = hex.EncodeToString(sum[:])
		t.note(field, "hashed")
	}
	t.key("metadata")
	t.out = append(t.out, `{"user_id":`...)
	t.out = wire.AppendString(t.out, id)
	t.out = append(t.out, '}')
}

// opaque reports whether an id is one that a machine has made, of hexadecimal digits as
// a UUID is. A telephone number has fewer.
func opaque(id string) bool {
	const least, most = 16, 256
	digits := 0
	for i := range len(id) {
		switch c := id[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
			digits++
		case c != '-':
			return false
		}
	}
	return digits >= least && len(id) <= most
}

// tier translates how urgent the call is.
func (t *messagesWriter) tier(o entries) {
	tier := string(word(o.take("service_tier")))
	switch tier {
	case "":
	case "auto", "default":
		if tier == "default" {
			tier = "standard_only"
		}
		t.key("service_tier")
		t.out = wire.AppendString(t.out, tier)
	default:
		t.note("service_tier", "dropped")
	}
}

// caching reports whether the provider is to cache the prompt as it sees fit.
func (t *messagesWriter) caching(o entries) bool {
	o.take("prompt_cache_key")
	o.take("prompt_cache_retention")
	options := o.take("prompt_cache_options")
	if options == nil {
		return true
	}
	before := len(t.arena)
	inner := t.open("prompt_cache_options", options)
	mode := word(inner.take("mode"))
	inner.take("ttl")
	t.restIn("prompt_cache_options", inner)
	t.arena = t.arena[:before]
	return string(mode) != "explicit"
}
