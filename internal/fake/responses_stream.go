package fake

import "net/http"

// streamResponse sends an answer as events, from what it is when it begins to
// what it is when it is done.
func (c *call) streamResponse(begun, done response) {
	s := c.stream(http.StatusOK)
	n := -1
	next := func() int { n++; return n }

	for _, name := range []string{"response.created", "response.in_progress"} {
		s.event(name, responseEvent{name, begun, next()})
	}
	for i, item := range done.Output {
		started := item
		started.Status = "in_progress"
		if item.Type == "message" {
			started.Content = []outputText{}
		} else {
			started.Arguments = new(string)
		}
		s.event("response.output_item.added", itemEvent{"response.output_item.added", i, started, next()})
		if item.Type == "message" {
			s.streamText(i, item, next)
		} else {
			s.streamArguments(i, item, next)
		}
		s.event("response.output_item.done", itemEvent{"response.output_item.done", i, item, next()})
	}
	name := "response." + done.Status // completed or incomplete
	s.event(name, responseEvent{name, done, next()})
}

func (s *stream) streamText(output int, item outputItem, next func() int) {
	part := item.Content[0]
	empty := part
	empty.Text = ""
	s.event("response.content_part.added", partEvent{"response.content_part.added", item.ID, output, 0, empty, next()})
	event := textEvent{ItemID: item.ID, Output: output, Logprobs: []struct{}{}}
	for _, word := range pieces(part.Text) {
		event.Type, event.Delta, event.Sequence = "response.output_text.delta", &word, next()
		s.event(event.Type, event)
	}
	event.Type, event.Delta, event.Text, event.Sequence = "response.output_text.done", nil, &part.Text, next()
	s.event(event.Type, event)
	s.event("response.content_part.done", partEvent{"response.content_part.done", item.ID, output, 0, part, next()})
}

func (s *stream) streamArguments(output int, item outputItem, next func() int) {
	event := argumentsEvent{ItemID: item.ID, Output: output}
	for _, part := range pieces(*item.Arguments) {
		event.Type, event.Delta, event.Sequence = "response.function_call_arguments.delta", &part, next()
		s.event(event.Type, event)
	}
	event.Type, event.Delta, event.Arguments, event.Sequence = "response.function_call_arguments.done", nil, item.Arguments, next()
	s.event(event.Type, event)
}
