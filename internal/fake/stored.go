package fake

import (
	"maps"
	"net/http"
	"slices"
)

// store keeps a response, in place of one with the same id.
func (p *Provider) store(s stored) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.discard(s.id)
	if len(p.stored) >= maxStored {
		p.stored = slices.Delete(p.stored, 0, 1)
	}
	p.stored = append(p.stored, s)
}

// load returns the response of an id, with a map of its own.
func (p *Provider) load(id string) (stored, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.stored {
		if s.id == id {
			s.called = maps.Clone(s.called)
			return s, true
		}
	}
	return stored{}, false
}

// discard forgets the response of an id, and reports whether there was one. The
// caller holds mu.
func (p *Provider) discard(id string) bool {
	n := len(p.stored)
	p.stored = slices.DeleteFunc(p.stored, func(s stored) bool { return s.id == id })
	return len(p.stored) < n
}

func (c *call) readResponse(id string) {
	s, ok := c.p.load(id)
	if !ok {
		c.fail(unknownResponse(id))
		return
	}
	c.answer(http.StatusOK, s.answer)
}

func (c *call) deleteResponse(id string) {
	c.p.mu.Lock()
	found := c.p.discard(id)
	c.p.mu.Unlock()
	if !found {
		c.fail(unknownResponse(id))
		return
	}
	c.answer(http.StatusOK, struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Deleted bool   `json:"deleted"`
	}{id, "response", true})
}

func unknownResponse(id string) failure {
	f := invalid("Response with id '" + id + "' not found.")
	f.openai.status = http.StatusNotFound
	return f
}
