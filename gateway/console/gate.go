package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rungate/rungate/run"
)

// maxFormBytes bounds the form of a decision: a comment of which each byte is
// escaped.
const maxFormBytes = 3*run.MaxCommentBytes + 4<<10

// mostCounted is up to how many pending gates are counted on the page of another.
const mostCounted = 50

var errBadForm = errors.New("the form cannot be read")

// gateBody is what the page of one gate shows.
type gateBody struct {
	Gate     run.Gate
	Run      *run.Run // nil if it is forgotten
	Budgets  budgets
	Operator string
	Next     string // of the gates that are pending, once this one is not, the one that expires soonest; empty for none
	Waiting  string // how many those are

	Missed  *run.Verdict // what was to be decided, where somebody else was first
	Mistake string       // why the reason cannot be taken
	Comment string       // the reason as it was given then
}

// live implements part. What became of a form stays until that changes.
func (b *gateBody) live() any { return statesOf(b.Gate) }

// Calls are what would happen.
func (b *gateBody) Calls() []call { return calls(&b.Gate) }

// Unseen is what of that is not on the page; empty if all of it is.
func (b *gateBody) Unseen() string { return unseen(&b.Gate) }

// Claimed reports whether what was approved is under way.
func (b *gateBody) Claimed() bool { return claimed(&b.Gate) }

func (c *Console) showGate(q *request) error {
	g, err := c.gw.Gates().Find(q.r.Context(), q.r.PathValue("id"))
	if err != nil {
		return err
	}
	return q.showGate(http.StatusOK, &gateBody{Gate: g})
}

// showGate completes b and shows it.
func (q *request) showGate(status int, b *gateBody) error {
	ctx := q.r.Context()
	b.Operator = q.operator
	r, err := q.c.gw.Runs().Find(ctx, b.Gate.Run)
	switch {
	case err == nil:
		b.Run = &r
		if b.Budgets, err = q.c.budgets(ctx, &r); err != nil {
			return err
		}
	case !errors.Is(err, run.ErrNotFound):
		return err
	}
	if b.Gate.Status != run.GatePending {
		pending, err := q.c.gw.Gates().List(ctx, run.GateQuery{Status: run.GatePending, N: mostCounted + 1})
		if err != nil {
			return err
		}
		if len(pending) > 0 {
			b.Next = slices.MinFunc(pending, sooner).ID
		}
		if b.Waiting = strconv.Itoa(len(pending)); len(pending) > mostCounted {
			b.Waiting = fmt.Sprintf("over %d", mostCounted)
		}
	}
	return q.show(status, "gate", subject(&b.Gate), b)
}

// subject says in a few words what a gate is about, for a title, which has no room
// for marks.
func subject(g *run.Gate) string {
	var s string
	switch {
	case len(g.Proposed) > 1:
		s = "Several tools"
	case len(g.Proposed) == 1 && g.Proposed[0].Tool != "":
		s = g.Proposed[0].Tool
	case g.Model != "":
		s = "A request to " + g.Model
	default:
		s = cmp.Or(g.Request, "A request")
	}
	return strings.Map(func(r rune) rune {
		if hidden(r) {
			return utf8.RuneError
		}
		return r
	}, begin(s, named))
}

// decide takes a decision, and leads back to its gate.
func (c *Console) decide(q *request) error {
	q.r.Body = http.MaxBytesReader(q.w, q.r.Body, maxFormBytes)
	if err := q.r.ParseForm(); err != nil {
		return errBadForm
	}
	v := run.Verdict{Approve: q.r.PostForm.Get("verdict") == "approve", By: q.operator, Comment: strings.ReplaceAll(q.r.PostForm.Get("reason"), "\r\n", "\n")}
	if !v.Approve && q.r.PostForm.Get("verdict") != "reject" {
		return errBadForm
	}
	ctx, id := run.WithOperator(q.r.Context(), q.operator), q.r.PathValue("id")
	_, err := c.gw.Gates().Decide(ctx, id, v)
	if e, ok := errors.AsType[*run.DecidedError](err); ok {
		return q.showGate(http.StatusConflict, &gateBody{Gate: e.Gate, Missed: &v})
	}
	if e, ok := errors.AsType[*run.VerdictError](err); ok && e.Field == "reason" {
		g, err := c.gw.Gates().Find(ctx, id)
		if err != nil {
			return err
		}
		return q.showGate(http.StatusBadRequest, &gateBody{Gate: g, Mistake: "The reason is " + e.Reason + ".", Comment: v.Comment})
	}
	if err != nil {
		return err
	}
	reload(q.w, q.r)
	return nil
}
