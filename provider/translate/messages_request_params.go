package translate

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/rungate/rungate/provider/internal/wire"
)

// maxTokens writes the limit of the answer.
func (c *chatWriter) maxTokens() {
	const path = "max_tokens"
	n := c.of.MaxOutput
	switch {
	case c.top[memberMaxTokens].none():
		c.refuse(path, "it is missing")
	case n == 0:
		c.refuse(path, "0 only warms the cache, which Chat Completions does by itself; ask for 1 or more")
	case 0 < c.limit && c.limit < n:
		n = c.limit
		c.notes.Add(path, "clamped to "+strconv.FormatInt(n, 10))
	}
	if c.can.vendors {
		c.put(`,"max_completion_tokens":`) // max_tokens is refused by its newer models
	} else {
		c.put(`,"max_tokens":`)
	}
	c.b = strconv.AppendInt(c.b, n, 10)
}

// sampling writes how the answer is sampled.
func (c *chatWriter) sampling() {
	for _, p := range []struct {
		of   topMember
		name string
	}{{memberTemperature, "temperature"}, {memberTopP, "top_p"}} {
		s := c.top[p.of]
		f, ok := number(c.raw(s))
		switch {
		case s.none():
		case !ok:
			c.refuse(p.name, "a number is wanted")
		case c.can.sampling:
			c.put(`,"` + p.name + `":`)
			c.b = append(c.b, c.raw(s)...)
		case f != 1: // which is the default
			c.notes.Add(p.name, "dropped")
		}
	}
	if !c.top[memberTopK].none() {
		c.notes.Add("top_k", "dropped")
	}
}

// maxStops is how many sequences Chat Completions stops at.
const maxStops = 4

// stop writes the sequences at which the answer stops.
func (c *chatWriter) stop() {
	const path = "stop_sequences"
	s := c.top[memberStop]
	if s.none() {
		return
	}
	n, texts := 0, true
	c.list(c.raw(s), path, func(_ int, value []byte) {
		n++
		texts = texts && begins(value, '"')
	})
	switch {
	case !texts:
		c.refuse(path, "a list of texts is wanted")
	case n == 0:
	case !c.can.stop:
		c.refuse(path, "the model %q does not stop at sequences; leave them out, and cut the answer yourself", c.model)
	case n > maxStops:
		c.refuse(path, "there are %d, and Chat Completions stops at no more than %d", n, maxStops)
	default:
		c.put(`,"stop":`)
		c.b = append(c.b, c.raw(s)...)
	}
}

// maxUser is how many bytes an identifier of a user may have.
const maxUser = 64

// identify writes on whose behalf the request is made.
func (c *chatWriter) identify() {
	s := c.top[memberMetadata]
	if s.none() {
		return
	}
	var id []byte
	c.object(c.raw(s), "metadata", func(name, value []byte) {
		switch {
		case string(name) != "user_id":
			c.unknown("metadata", "metadata", name)
		case !begins(value, '"'):
			c.refuse("metadata.user_id", "a text is wanted")
		default:
			id = word(value)
		}
	})
	if len(id) == 0 {
		return
	}
	if c.can.vendors {
		c.put(`,"safety_identifier":`)
	} else {
		c.put(`,"user":`) // which compatible servers know
	}
	if len(id) > maxUser {
		sum := sha256.Sum256(id)
		id = hex.AppendEncode(nil, sum[:])
		c.notes.Add("metadata.user_id", "hashed")
	}
	c.b = wire.AppendString(c.b, string(id))
}

// tier writes at what service the request is served.
func (c *chatWriter) tier() {
	s := c.top[memberServiceTier]
	if s.none() {
		return
	}
	var tier string
	switch word := string(c.text(s)); word {
	case "auto":
		tier = "auto"
	case "standard_only":
		tier = "default"
	default:
		c.lacks("service_tier", "service_tier", "there is no tier like %.80q there; leave it out", word)
		return
	}
	if c.can.vendors { // others have no tiers
		c.put(`,"service_tier":"` + tier + `"`)
	}
}

// A config is what a request says about the output.
type config struct {
	format []byte // a JSON text, nil if there is none
	effort string
}

// outputConfig reads what the request says about the output, in the newer place and in
// the older.
func (c *chatWriter) outputConfig() (o config) {
	const path = "output_config"
	if s := c.top[memberOutputFormat]; !s.none() {
		o.format = c.raw(s)
	}
	s := c.top[memberOutputConfig]
	if s.none() {
		return o
	}
	c.object(c.raw(s), path, func(name, value []byte) {
		switch {
		case string(name) == "effort":
			if o.effort = string(word(value)); o.effort == "" {
				c.refuse(path+".effort", "a text is wanted")
			}
		case string(name) == "format":
			if o.format != nil {
				c.refuse(path+".format", "it is there together with output_format; leave that out")
			}
			o.format = value
		case string(name) == "task_budget":
			c.lacks(path+".task_budget", path+".task_budget", "Chat Completions has no budget for a task; leave it out")
		default:
			c.unknown(path, path, name)
		}
	})
	return o
}
