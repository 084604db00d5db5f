package sqlstore

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rungate/rungate/run"
)

// A head is a name that means the newest of several runs.
type head struct {
	team string
	auto bool
	name string // without generation; or of the automatic run
}

// record is a run with what belongs to it, as the database has it.
type record struct {
	run.Run
	rid        int64
	head       head
	generation int64
	parent     int64 // 0 of a root

	ended      time.Time // when it was closed, or is blocked and was last called
	look       int64     // before which no sweep has to look at it
	gone       time.Time // when the first of its ancestors was closed that are forgotten
	lapsed     time.Time // when the last lease of a call ended of those that are forgotten
	gatesEnded time.Time // likewise the last gate
	long       bool

	above []*record // its ancestors that are not forgotten, the parent first; not set of these themselves
	busy  *business // nil while it has not been asked for
}

// business is what is to be known of the calls and gates of a run and of those below it.
type business struct {
	until time.Time // which a call is leased at most
	gates time.Time // when the last gate ended, or will expire
}

// fixed is what does not change of a run.
type fixed struct {
	Agent       string
	Policy      run.PolicyRef
	IdleTimeout time.Duration
	Limits      run.Limits
	Ancestors   []run.Ancestor `json:",omitempty"`
	User        string         `json:",omitempty"`
	Tags        []string
}

// runStatuses are the states in the database, by their numbers.
var runStatuses = [...]run.Status{run.Open, run.Blocked, run.Completed}

// runColumns are those of a run in the order of scan.
const runColumns = `r.rid, r.team, r.id, r.auto, r.head, r.generation, r.parent, r.fixed, r.status, r.created, r.last_call, r.closed, r.ended,
	r.look, r.gone, r.lapsed, r.gates_ended, r.reason, r.block, r.raised, r.steps, r.children, r.spent,
	r.input, r.cache_read, r.cache_write, r.cache_write_1h, r.audio_input, r.output, r.audio_output, r.reasoning, r.long`

// scanner is a row.
type scanner interface{ Scan(dest ...any) error }

// scan reads runColumns, and what comes after them in the row.
func (r *record) scan(row scanner, more ...any) error {
	var fix string
	var block, raised sql.NullString
	var status int
	var created, last, closed, ended, gone, lapsed, gates int64
	t := &r.Tokens
	err := row.Scan(append([]any{
		&r.rid, &r.Team, &r.ID, &r.head.auto, &r.head.name, &r.generation, &r.parent, &fix, &status, &created, &last, &closed, &ended,
		&r.look, &gone, &lapsed, &gates, &r.Reason, &block, &raised, &r.Steps, &r.Children, &r.Spent,
		&t.Input, &t.CacheRead, &t.CacheWrite, &t.CacheWrite1h, &t.AudioInput, &t.Output, &t.AudioOutput, &t.Reasoning, &r.long,
	}, more...)...)
	if err != nil {
		return err
	}
	var f fixed
	if err := json.Unmarshal([]byte(fix), &f); err != nil {
		return fmt.Errorf("sqlstore: run %q: %w", r.ID, err)
	}
	if err := read(block, &r.Block); err != nil {
		return fmt.Errorf("sqlstore: block of run %q: %w", r.ID, err)
	}
	if err := read(raised, &r.Raised); err != nil {
		return fmt.Errorf("sqlstore: limits of run %q: %w", r.ID, err)
	}
	r.Agent, r.Policy, r.IdleTimeout, r.Limits, r.Ancestors, r.User, r.Tags = f.Agent, f.Policy, f.IdleTimeout, f.Limits, f.Ancestors, f.User, f.Tags
	r.head.team, r.Status = r.Team, runStatuses[status]
	r.Created, r.LastCall, r.Closed, r.ended = instant(created), instant(last), instant(closed), instant(ended)
	r.gone, r.lapsed, r.gatesEnded = instant(gone), instant(lapsed), instant(gates)
	return nil
}

// read reads JSON, unless there is none.
func read[T any](text sql.NullString, v *T) error {
	if !text.Valid {
		return nil
	}
	return json.Unmarshal([]byte(text.String), v)
}

// written is a value as JSON, or nil for none.
func written(v any, none bool) any {
	if none {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of plain structs: cannot fail
	}
	return string(text)
}

// fixed returns what does not change of the run, as JSON.
func (r *record) fixed() any {
	return written(fixed{r.Agent, r.Policy, r.IdleTimeout, r.Limits, r.Ancestors, r.User, r.Tags}, false)
}

// idleNanos is the idle timeout as the database has it, where it is added to times.
func (r *record) idleNanos() int64 { return int64(min(r.IdleTimeout, 100*365*24*time.Hour)) }

// lookEvery is how often a sweep looks at an open run at least: calls may have died in
// it, however long it may be idle.
const lookEvery = time.Hour

// lookFrom is when a sweep has to look at the run first after that time, where nothing
// else happens.
func (r *record) lookFrom(at time.Time) int64 {
	from := nanos(at.Add(lookEvery))
	if r.IdleTimeout < 0 {
		return from
	}
	return min(from, nanos(r.LastCall)+r.idleNanos())
}

// save writes what may have changed of a run that is locked.
func (t *tx) save(r *record) error {
	x := &r.Tokens
	_, err := t.exec(`UPDATE rungate_runs SET status = $2, max_age = $3, max_steps = $4, last_call = $5, closed = $6, ended = $7,
		look = $8, gone = $9, lapsed = $10, gates_ended = $11, reason = $12, block = $13, raised = $14, steps = $15, children = $16, spent = $17,
		input = $18, cache_read = $19, cache_write = $20, cache_write_1h = $21, audio_input = $22, output = $23, audio_output = $24, reasoning = $25,
		long = $26 WHERE rid = $1`,
		r.rid, slices.Index(runStatuses[:], r.Status), r.Limit(run.RuleMaxDuration), r.Limit(run.RuleMaxSteps), nanos(r.LastCall), nanos(r.Closed),
		nanos(r.ended), r.look, nanos(r.gone), nanos(r.lapsed), nanos(r.gatesEnded), r.Reason, written(r.Block, r.Block == nil),
		written(r.Raised, len(r.Raised) == 0), r.Steps, r.Children, int64(r.Spent),
		x.Input, x.CacheRead, x.CacheWrite, x.CacheWrite1h, x.AudioInput, x.Output, x.AudioOutput, x.Reasoning, r.long)
	return err
}

// lock reads runs with their ancestors and keeps everybody else from changing them,
// or anything below them, until the transaction ends: whoever locks a run locks all
// its ancestors before, the root first. What is not there, or is 0, is not in the
// result.
func (t *tx) lock(rids ...int64) (map[int64]*record, error) {
	if t.x.d == Postgres {
		return t.load(" FOR UPDATE OF r", rids...)
	}
	return t.load("", rids...)
}

// load is lock without keeping anybody from anything, but for the clause that is
// added to the query.
func (t *tx) load(clause string, rids ...int64) (map[int64]*record, error) {
	rids = slices.DeleteFunc(rids, func(rid int64) bool { return rid == 0 })
	if len(rids) == 0 {
		return nil, nil
	}
	rows, err := t.query(`SELECT `+runColumns+`, t.run FROM rungate_tree t JOIN rungate_runs r ON r.rid = t.ancestor
		WHERE t.run IN (`+placeholders(1, len(rids))+`) ORDER BY r.rid`+clause, anys(rids)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has said it
	all, chains := map[int64]*record{}, map[int64][]*record{}
	for rows.Next() {
		r := &record{}
		var of int64
		if err := r.scan(rows, &of); err != nil {
			return nil, err
		}
		if known := all[r.rid]; known != nil {
			r = known
		}
		all[r.rid] = r
		chains[of] = append(chains[of], r)
	}
	found := map[int64]*record{}
	for of, chain := range chains {
		if r := all[of]; r != nil {
			slices.SortFunc(chain, func(a, b *record) int { return cmp.Compare(b.rid, a.rid) })
			r.above, found[of] = chain[1:], r
		}
	}
	return found, rows.Err()
}

// placeholders returns $1, $2, … for n values, the first with that number.
func placeholders(first, n int) string {
	var s strings.Builder
	for i := range n {
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "$%d", first+i)
	}
	return s.String()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
