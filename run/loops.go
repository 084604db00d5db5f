package run

import (
	"context"
	"fmt"
	"time"
)

// Loops say when a run is taken to go round in circles. The zero Loops never do.
type Loops struct {
	// IdenticalCalls is how often the same request may be made within Within, and
	// IdenticalToolCalls how often the same tool be called with the same
	// arguments. 0 is any number of times.
	IdenticalCalls     int64
	IdenticalToolCalls int64

	// Within is counted from the first of them; after it, counting begins again.
	// 0 is DefaultWithin.
	Within time.Duration

	// Block makes a loop stop the run, not only the call.
	Block bool
}

// DefaultWithin is the time within which repeats make a loop.
const DefaultWithin = 10 * time.Minute

// The rules that stand for Loops, in answers and to raise them.
const (
	RuleIdenticalCalls     = "identical_calls"
	RuleIdenticalToolCalls = "identical_tool_calls"
)

// RefusedLoop is the code of calls that are refused as one turn too many.
const RefusedLoop = "loop_detected"

// A Turn is something that a run does, which may be a turn of a loop.
type Turn struct {
	Agent string
	Call  string // that takes it
	At    time.Time
	Rule  string // RuleIdenticalCalls or RuleIdenticalToolCalls
	Tool  string // that is called; empty for a call of the model
	Hash  uint64 // see HashCall and HashToolCall
}

// A LoopError says that a run does the same thing over and over.
type LoopError struct {
	Run     Run
	Rule    string // RuleIdenticalCalls or RuleIdenticalToolCalls
	Tool    string // empty for a call of the model
	Repeats int64  // how often it was done within Within, without this time
	Within  time.Duration
}

func (e *LoopError) Error() string {
	return fmt.Sprintf("run %q repeats itself: %s, %d times within %s", e.Run.ID, e.Rule, e.Repeats, e.Within)
}

// Block is what the call is answered with.
func (e *LoopError) Block() *Block {
	what := "made the same call"
	if e.Rule == RuleIdenticalToolCalls {
		what = fmt.Sprintf("called the tool %q with the same arguments", e.Tool)
	}
	return block(&e.Run, RefusedLoop, e.Rule, fmt.Sprintf("run %q has %s %d times within %s", e.Run.ID, what, e.Repeats, e.Within),
		"Do something else, or ask an operator to raise the limit.", map[string]any{"repeats": e.Repeats, "window": e.Within.String()})
}

// Repeat notes a turn of the run, and returns a *[LoopError] if l allows no more
// of its kind. Such a turn is not counted, so that a client that repeats what
// was refused does not go on with the loop; it is told of once, and stops the run
// if l says so, which *r then shows. A call that is counted and then comes to
// nothing may be taken off again by End, see [Detachment].
func (rc *Recorder) Repeat(ctx context.Context, r *Run, l *Loops, t *Turn) error {
	limit := l.IdenticalCalls
	if t.Rule == RuleIdenticalToolCalls {
		limit = l.IdenticalToolCalls
	}
	if raised, ok := r.RaisedLimit(t.Rule); ok {
		limit = raised
	}
	if limit <= 0 {
		return nil
	}
	within := l.Within
	if within <= 0 {
		within = DefaultWithin
	}
	n, err := rc.Journal.Repeat(ctx, r.Key, Repetition{Hash: t.Hash, Call: t.Call, Limit: limit, Within: within, At: t.At})
	if err != nil || n <= limit {
		return err
	}
	loop := &LoopError{Run: *r, Rule: t.Rule, Tool: t.Tool, Repeats: limit, Within: within}
	if err := rc.Announce(ctx, LoopDetected, r, t.Agent, &Finding{Rule: t.Rule, Tool: t.Tool, Repeated: t.Hash}); err != nil {
		return err
	}
	if l.Block {
		if *r, err = rc.Block(ctx, r.Key, loop.Block(), nil); err != nil {
			return err
		}
	}
	return loop
}
