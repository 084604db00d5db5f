package run

import (
	"bytes"
	"slices"
)

// MaxArgs is how many bytes of arguments of tools an event has that waits for
// somebody. Where there are more, each call has the same share of it.
const MaxArgs = 64 << 10

// Keep returns a copy of the event that outlives the call that it is about, with
// the beginnings of the arguments of tools beyond MaxArgs.
func (e *Event) Keep() *Event {
	own := *e
	n := e.ArgsLen()
	if n > MaxArgs {
		own.ArgsBytes = n
	}
	if e.Finding != nil {
		f := *e.Finding
		f.Args = head(f.Args, MaxArgs)
		own.Finding = &f
	}
	if e.FailedOver != nil {
		f := *e.FailedOver
		own.FailedOver = &f
	}
	if e.Gate != nil && n > MaxArgs {
		g := *e.Gate
		g.Proposed = slices.Clone(g.Proposed)
		for i := range g.Proposed {
			g.Proposed[i].Args = head(g.Proposed[i].Args, MaxArgs/len(g.Proposed))
		}
		own.Gate = &g
	}
	return &own
}

// head returns a copy of the first n bytes.
func head(args []byte, n int) []byte { return bytes.Clone(args[:min(n, len(args))]) }

// ArgsLen is how many bytes of arguments of tools are in the event.
func (e *Event) ArgsLen() (n int) {
	if e.Finding != nil {
		n += len(e.Finding.Args)
	}
	if e.Gate != nil {
		for i := range e.Gate.Proposed {
			n += len(e.Gate.Proposed[i].Args)
		}
	}
	return n
}
