package wire

import (
	"bytes"
	"errors"

	"github.com/rungate/rungate/internal/jsonscan"
	"github.com/rungate/rungate/provider"
)

// Calls are the tool calls of one answer, in the order in which they began. The
// zero Calls has none.
type Calls struct {
	list []*Call
	held int // bytes of arguments, and CallSize for each call
}

// A Call is a tool call that is being put together. Where in the answer it is,
// its dialect says by two numbers.
type Call struct {
	provider.ToolCall
	group, index int64
	given        []byte // the arguments if no others come
	done         bool
}

// What an answer may hold in calls, in bytes, and what one counts for besides its
// arguments. So there are not too many either.
const (
	maxHeld  = 32 << 20
	CallSize = 16 << 10
)

// Nameless is why nobody can say what a call calls.
const Nameless = "a tool call without a name"

// Open reports whether there is a call that is not complete.
func (c *Calls) Open() bool {
	for _, k := range c.list {
		if !k.done {
			return true
		}
	}
	return false
}

// Find returns the call that began last at a place, or nil.
func (c *Calls) Find(group, index int64) *Call {
	for i := len(c.list) - 1; i >= 0; i-- {
		if k := c.list[i]; k.group == group && k.index == index {
			return k
		}
	}
	return nil
}

// Begin adds a call at a place. Append or Give, which follow, check whether there
// is room for it.
func (c *Calls) Begin(group, index int64, call provider.ToolCall) *Call {
	k := &Call{ToolCall: call, group: group, index: index}
	c.list = append(c.list, k)
	c.held += CallSize
	return k
}

// Append adds a copy of p to the arguments of k, which are then not complete. S
// fails if that is too much.
func (c *Calls) Append(k *Call, p []byte, s *jsonscan.Scanner) {
	if c.Hold(len(p), s) {
		k.Args = append(k.Args, p...)
		k.done = false
	}
}

// Give keeps a copy of p as the arguments of k for the case that Append brings
// none. S fails if that is too much.
func (c *Calls) Give(k *Call, p []byte, s *jsonscan.Scanner) {
	if c.Hold(len(p), s) {
		k.given = bytes.Clone(p)
	}
}

// Done reports whether k is complete.
func (k *Call) Done() bool { return k.done }

// Hold counts n bytes of arguments and reports whether there is room for them. S
// fails if there is none.
func (c *Calls) Hold(n int, s *jsonscan.Scanner) bool {
	if c.held += n; c.held > maxHeld {
		s.Fail("the calls are longer than 32 MiB")
		return false
	}
	return true
}

// Finish completes what is open, of all of the answer or where yes says so, and
// returns it.
func (c *Calls) Finish(yes func(group, index int64) bool) (calls []provider.ToolCall, err error) {
	for _, k := range c.list {
		if k.done || yes != nil && !yes(k.group, k.index) {
			continue
		}
		if k.Name == "" {
			return nil, errors.New(Nameless)
		}
		k.done = true
		call := k.ToolCall
		if len(call.Args) == 0 {
			call.Args = k.given
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// Text reads a string; null is none, and anything else an error.
func Text(s *jsonscan.Scanner) []byte {
	if s.Null() {
		return nil
	}
	return s.Str()
}

// Value reads what a string means, or any other value of data as it stands; null
// is nil.
func Value(s *jsonscan.Scanner, data []byte) []byte {
	switch s.Kind() {
	case jsonscan.String:
		return s.Str()
	case jsonscan.Null:
		s.Skip()
		return nil
	}
	from, to := s.Skip()
	return data[from:to]
}

// List visits the elements of an array; null has none.
func List(s *jsonscan.Scanner, visit func(i int)) {
	if !s.Null() {
		s.Array(visit)
	}
}

// Fields visits the members of an object; null has none.
func Fields(s *jsonscan.Scanner, visit func(key []byte)) {
	if !s.Null() {
		s.Object(visit)
	}
}

// Plain makes s fail for a name that is one of names but for its case, and else
// leaves the member.
func Plain(s *jsonscan.Scanner, key []byte, names []string) {
	if Disguised(key, names) {
		s.Fail("the name is another one's in another case")
	}
}

// Blank reports whether an answer or an event holds nothing.
func Blank(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }

// NoCalls reads answers that are no model's.
type NoCalls struct{}

// Body implements [provider.CallReader].
func (NoCalls) Body([]byte) ([]provider.ToolCall, error) { return nil, nil }

// Event implements [provider.CallReader].
func (NoCalls) Event(_, _ []byte) (calls []provider.ToolCall, open bool, err error) {
	return nil, false, nil
}
