package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

// gates is what a case works with: its methods are those of the store, and stop
// the test if one fails.
type gates struct {
	*journal
	store GateStore
}

// window is how long the gates can be decided.
const window = 10 * time.Minute

// request returns the fingerprint of a request.
func request(body string) run.Fingerprint { return sha256.Sum256([]byte(body)) }

// about is a gate about a request of a run.
func about(k run.Key, body, id string, at time.Time) *run.Gate {
	return &run.Gate{
		ID: id, Run: k, Agent: "agt_one", User: "u-1", Policy: start().Policy, Rule: "refund", Reason: "It is much.",
		Kind: run.ActionGate, Fingerprint: request(body), Request: "POST /v1/messages", Model: "m", Cost: 1 << 60, Priced: true,
		Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(`{"usd": 1240.00}`)}, {Tool: "web_search", Hosted: true}},
		Channel:  "slack://#ops", Window: window, Status: run.GatePending, Opened: at, Expires: at.Add(window),
	}
}

// pausing is about, and pauses the run.
func pausing(k run.Key, body, id string, at time.Time) *run.Gate {
	x := about(k, body, id, at)
	x.Pauses = true
	return x
}

// ask opens a gate that withholds an answer, unless there is one.
func (g *gates) ask(x *run.Gate, answer string) (run.Gate, bool) {
	g.Helper()
	got, opened, err := g.store.OpenGate(context.Background(), x, []byte(answer))
	g.must("OpenGate", err)
	return got, opened
}

// opened opens a gate that is not there yet.
func (g *gates) opened(x *run.Gate) *run.Gate {
	g.Helper()
	got, opened := g.ask(x, "answer of "+x.ID)
	if !opened || got.ID != x.ID {
		g.Fatalf("OpenGate: gate %q, opened is %v; want %q to be opened", got.ID, opened, x.ID)
	}
	return x
}

func (g *gates) decide(id string, approve bool, at time.Time) (run.Gate, bool) {
	g.Helper()
	got, changed, err := g.store.DecideGate(context.Background(), id, &run.Verdict{Approve: approve, By: "ada", Comment: "she asked"}, at)
	g.must("DecideGate", err)
	return got, changed
}

// approved opens a gate and approves it at once.
func (g *gates) approved(x *run.Gate) {
	g.Helper()
	g.opened(x)
	if _, changed := g.decide(x.ID, true, x.Opened); !changed {
		g.Fatalf("DecideGate: gate %q cannot be approved", x.ID)
	}
}

func (g *gates) claim(id, claim string, at, until time.Time) (run.Gate, bool) {
	g.Helper()
	got, claimed, err := g.store.ClaimGate(context.Background(), id, claim, at, until)
	g.must("ClaimGate", err)
	return got, claimed
}

func (g *gates) renew(id, claim string, at, until time.Time) (run.Gate, bool) {
	g.Helper()
	got, renewed, err := g.store.RenewClaim(context.Background(), id, claim, at, until)
	g.must("RenewClaim", err)
	return got, renewed
}

func (g *gates) endClaim(id, claim string, used bool, at time.Time) (run.Gate, bool) {
	g.Helper()
	got, ended, err := g.store.EndClaim(context.Background(), id, claim, used, at)
	g.must("EndClaim", err)
	return got, ended
}

// used opens a gate, approves it and uses it up at once.
func (g *gates) used(x *run.Gate) {
	g.Helper()
	g.approved(x)
	g.claim(x.ID, "c", x.Opened, x.Opened.Add(time.Second))
	if _, ended := g.endClaim(x.ID, "c", true, x.Opened); !ended {
		g.Fatalf("EndClaim: gate %q cannot be used", x.ID)
	}
}

// gate returns the gate of that id.
func (g *gates) gate(id string, at time.Time) run.Gate {
	g.Helper()
	found, err := g.store.FindGates(context.Background(), []string{id}, at)
	g.must("FindGates", err)
	if len(found) != 1 {
		g.Fatalf("FindGates: %d gates with ID %q, want one", len(found), id)
	}
	return found[0]
}

func (g *gates) answer(id string) string {
	g.Helper()
	answer, err := g.store.GateAnswer(context.Background(), id)
	g.must("GateAnswer", err)
	return string(answer)
}

// meets checks which gate a request of a run meets: that of the id, and as what;
// none, if that is empty.
func (g *gates) meets(what string, k run.Key, body string, at time.Time, id string, own bool, status run.GateStatus) {
	g.Helper()
	got, gotOwn, err := g.store.MeetGate(context.Background(), k, request(body), at)
	if id == "" {
		if !errors.Is(err, run.ErrNoGate) {
			g.Errorf("%s: MeetGate returns gate %q, %s, and error %v; want run.ErrNoGate", what, got.ID, got.Status, err)
		}
		return
	}
	g.must("MeetGate", err)
	if got.ID != id || gotOwn != own || got.Status != status {
		g.Errorf("%s: gate %q is met, %s, own is %v; want %q, %s, %v", what, got.ID, got.Status, gotOwn, id, status, own)
	}
}

// stands checks what a gate is.
func (g *gates) stands(what, id string, at time.Time, want run.GateStatus) {
	g.Helper()
	if got := g.gate(id, at).Status; got != want {
		g.Errorf("%s: gate %q is %s, want it %s", what, id, got, want)
	}
}

// noGate checks that a method says run.ErrNoGate.
func (g *gates) noGate(method string, err error) {
	g.Helper()
	if !errors.Is(err, run.ErrNoGate) {
		g.Errorf("%s: error %v, want run.ErrNoGate", method, err)
	}
}

// state checks the state of a run, and whether it is Gated.
func (g *gates) state(what string, k run.Key, at time.Time, status run.Status, gated bool) {
	g.Helper()
	r := g.find(k, at)
	if r.Status != status || r.Gated != gated {
		g.Errorf("%s: run %q is %s, Gated is %v; want it %s, %v", what, r.ID, r.Status, r.Gated, status, gated)
	}
}

// list returns the ids of the gates that q asks for, in their order.
func (g *gates) list(q run.GateQuery, at time.Time) string {
	g.Helper()
	got, err := g.store.ListGates(context.Background(), &q, at)
	g.must("ListGates", err)
	ids := make([]string, len(got))
	for i := range got {
		ids[i] = got[i].ID
		if q.Status != "" && got[i].Status != q.Status {
			g.Errorf("ListGates: gate %q is %s, want those that are %s", got[i].ID, got[i].Status, q.Status)
		}
	}
	return fmt.Sprint(ids)
}

// reads checks that two gates say the same in every field.
func (g *gates) reads(what string, got, want run.Gate) {
	g.Helper()
	for _, x := range []*run.Gate{&got, &want} {
		x.Opened, x.Expires, x.Decided, x.Claimed, x.Used = x.Opened.UTC(), x.Expires.UTC(), x.Decided.UTC(), x.Claimed.UTC(), x.Used.UTC()
	}
	same(g.T, what, spell(got), spell(want))
}

// settled is a gate in each of the states that are not live.
func (g *gates) settled(k run.Key, body string) map[run.GateStatus]*run.Gate {
	g.Helper()
	all := map[run.GateStatus]*run.Gate{}
	for _, s := range []run.GateStatus{run.GateRejected, run.GateExpired, run.GateUsed} {
		all[s] = about(k, body+string(s), string(s), after(0))
	}
	g.opened(all[run.GateRejected])
	g.decide(string(run.GateRejected), false, after(0))
	all[run.GateExpired].Expires = after(time.Second)
	g.opened(all[run.GateExpired])
	g.used(all[run.GateUsed])
	return all
}
