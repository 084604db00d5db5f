package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/rungate/rungate/internal/sse"
)

// Chat checks a whole stream of Chat Completions with one choice. The error names
// the first violation:
//
//   - The first chunk has the role, and no other. All of them have the same id, time
//     and model, and the choice 0.
//   - Tool calls are numbered from 0. The first part of one has its id, its type, its
//     name and some arguments, maybe empty; the others have arguments only.
//   - After the finish_reason, which is told once, nothing comes but usage, and then
//     "[DONE]".
//   - Usage comes in a chunk without choices. If it does, or is null in any other
//     chunk, it is null in all others.
//   - Instead of going on, a stream may tell an error, at any place before "[DONE]".
func Chat(stream []byte) error {
	var (
		split sse.Splitter
		c     chat
	)
	if err := split.Feed(stream); err != nil {
		return err
	}
	n := 0
	for e, ok := split.Next(); ok; e, ok = split.Next() {
		if e.Name == nil && e.Data == nil {
			continue // a comment
		}
		n++
		if err := c.event(e); err != nil {
			return fmt.Errorf("event %d, %.300s: %w", n, bytes.TrimSpace(e.Raw), err)
		}
	}
	switch {
	case len(bytes.TrimSpace(split.Rest())) > 0:
		return errors.New("the stream breaks off in an event")
	case !c.done:
		return errors.New("the stream ends without [DONE] or an error")
	}
	return nil
}

// chat is what has come of a stream.
type chat struct {
	head   *chatHead // of the first chunk
	nulls  bool      // usage is null in it
	calls  int       // that have begun
	named  bool      // a function has been called
	finish string
	usage  bool // has been told
	done   bool
}

// A chatHead is the same in all chunks.
type chatHead struct {
	ID      string          `json:"id"`
	Object  string          `json:"object"`
	Created json.RawMessage `json:"created"`
	Model   string          `json:"model"`
}

// A chatChunk is a chunk, or an error.
type chatChunk struct {
	chatHead
	Choices []chatChoice    `json:"choices"`
	Usage   json.RawMessage `json:"usage"`
	Error   *struct {
		Message *string `json:"message"`
		Type    *string `json:"type"`
	} `json:"error"`
}

type chatChoice struct {
	Index  *int            `json:"index"`
	Delta  *chatDelta      `json:"delta"`
	Finish json.RawMessage `json:"finish_reason"`
}

type chatDelta struct {
	Role     *string      `json:"role"`
	Content  *string      `json:"content"`
	Refusal  *string      `json:"refusal"`
	Calls    []chatCall   `json:"tool_calls"`
	Function chatFunction `json:"function_call"`
}

type chatCall struct {
	Index    *int         `json:"index"`
	ID       *string      `json:"id"`
	Type     *string      `json:"type"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name      *string `json:"name"`
	Arguments *string `json:"arguments"`
}

func (c *chat) event(e sse.Event) error {
	switch {
	case c.done:
		return errors.New("it comes after the end")
	case e.Name != nil:
		return errors.New("it has a name")
	case string(e.Data) == "[DONE]":
		if c.finish == "" {
			return errors.New("no finish_reason has come")
		}
		c.done = true
		return nil
	}
	if !utf8.Valid(e.Data) {
		return errors.New("invalid UTF-8")
	}
	var chunk chatChunk
	if err := json.Unmarshal(e.Data, &chunk); err != nil {
		return err
	}
	if chunk.Error != nil {
		if chunk.Error.Message == nil || chunk.Error.Type == nil {
			return errors.New("an error without a message or a type")
		}
		c.done = true
		return nil
	}
	return c.chunk(&chunk)
}

func (c *chat) chunk(chunk *chatChunk) error {
	first := c.head == nil
	if first {
		c.head, c.nulls = &chunk.chatHead, chunk.Usage != nil
		if c.head.ID == "" || c.head.Model == "" || json.Unmarshal(c.head.Created, new(int64)) != nil {
			return errors.New("no id, time or model")
		}
	}
	switch h := &chunk.chatHead; {
	case h.Object != "chat.completion.chunk":
		return errors.New("it is no chunk")
	case h.ID != c.head.ID || h.Model != c.head.Model || !bytes.Equal(h.Created, c.head.Created):
		return errors.New("another id, time or model")
	case len(chunk.Choices) == 0:
		return c.last(chunk)
	case len(chunk.Choices) > 1:
		return errors.New("several choices")
	case c.nulls && string(chunk.Usage) != "null", !c.nulls && chunk.Usage != nil:
		return errors.New("usage beside a choice, or not null in all chunks")
	}
	return c.choice(&chunk.Choices[0], first)
}

// last takes the chunk of the usage.
func (c *chat) last(chunk *chatChunk) error {
	switch {
	case chunk.Choices == nil:
		return errors.New("no list of choices")
	case c.finish == "":
		return errors.New("no choice before the finish_reason")
	case c.usage || !c.nulls:
		return errors.New("usage for a second time, or unannounced")
	}
	c.usage = true
	var counts struct {
		Prompt     *int64 `json:"prompt_tokens"`
		Completion *int64 `json:"completion_tokens"`
		Total      *int64 `json:"total_tokens"`
	}
	if json.Unmarshal(chunk.Usage, &counts) != nil || counts.Prompt == nil || counts.Completion == nil || counts.Total == nil {
		return errors.New("no usage")
	}
	if *counts.Total != *counts.Prompt+*counts.Completion {
		return errors.New("the total is not the sum")
	}
	return nil
}

func (c *chat) choice(choice *chatChoice, first bool) error {
	d := choice.Delta
	switch {
	case c.finish != "":
		return errors.New("a choice after the finish_reason")
	case choice.Index == nil || *choice.Index != 0:
		return errors.New("not the choice 0")
	case d == nil:
		return errors.New("no delta")
	case first && (d.Role == nil || *d.Role != "assistant"):
		return errors.New("the first chunk has no role")
	case !first && d.Role != nil:
		return errors.New("a second role")
	}
	for i := range d.Calls {
		if err := c.call(&d.Calls[i]); err != nil {
			return err
		}
	}
	if f := &d.Function; f.Name != nil || f.Arguments != nil {
		if err := c.function(f); err != nil {
			return err
		}
	}
	return c.end(choice.Finish)
}

func (c *chat) call(k *chatCall) error {
	f := &k.Function
	switch {
	case k.Index == nil || *k.Index < 0 || *k.Index > c.calls:
		return errors.New("a tool call out of its place")
	case f.Arguments == nil:
		return errors.New("a tool call without arguments")
	case *k.Index < c.calls:
		if k.ID != nil || k.Type != nil || f.Name != nil {
			return errors.New("an id, a type or a name in a further part of a tool call")
		}
		return nil
	case k.ID == nil || *k.ID == "" || k.Type == nil || *k.Type != "function" || f.Name == nil || *f.Name == "":
		return errors.New("no id, type or name in the first part of a tool call")
	}
	c.calls++
	return nil
}

func (c *chat) function(f *chatFunction) error {
	switch {
	case f.Arguments == nil:
		return errors.New("a function call without arguments")
	case !c.named && (f.Name == nil || *f.Name == ""):
		return errors.New("no name in the first part of a function call")
	case c.named && f.Name != nil:
		return errors.New("a name in a further part of a function call")
	}
	c.named = true
	return nil
}

// end takes the finish_reason, which is null until the end.
func (c *chat) end(reason json.RawMessage) error {
	if string(reason) == "null" {
		return nil
	}
	if err := json.Unmarshal(reason, &c.finish); err != nil {
		return fmt.Errorf("finish_reason: %w", err)
	}
	switch c.finish {
	case "stop", "length", "content_filter":
		return nil
	case "tool_calls":
		if c.calls > 0 {
			return nil
		}
		return errors.New("it finishes for tool calls, of which there are none")
	case "function_call":
		if c.named {
			return nil
		}
		return errors.New("it finishes for a function call, of which there is none")
	}
	return fmt.Errorf("a finish_reason of %.40q", c.finish)
}
