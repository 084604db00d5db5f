package memstore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

const (
	window = 10 * time.Minute // of the gates
	lease  = time.Minute      // of claims
)

// A gateOp is something that happens to the newest gate of a run.
type gateOp struct {
	name  string
	store func(s *gateStore) outcome
	model func(m *gateModel) outcome
}

// An outcome is what came of it.
type outcome struct {
	gate   string
	status run.GateStatus
	done   bool // it was opened, is the request's own, or has changed
	swept  int  // how many gates Sweep tells of
	run    run.Status
	gated  bool
	err    error
}

var gateIDs = [...]string{"gate_0", "gate_1", "gate_2", "gate_3", "gate_4", "gate_5", "gate_6"}

var gateOps = []gateOp{
	{"open", (*gateStore).open, (*gateModel).open},
	{"meet", (*gateStore).meet, (*gateModel).meet},
	{"approve", func(s *gateStore) outcome { return s.decide(true) }, func(m *gateModel) outcome { return m.decide(run.GateApproved) }},
	{"reject", func(s *gateStore) outcome { return s.decide(false) }, func(m *gateModel) outcome { return m.decide(run.GateRejected) }},
	{"claim A", func(s *gateStore) outcome { return s.claim("A") }, func(m *gateModel) outcome { return m.claim("A") }},
	{"claim B", func(s *gateStore) outcome { return s.claim("B") }, func(m *gateModel) outcome { return m.claim("B") }},
	{"renew A", func(s *gateStore) outcome { return s.renew("A") }, func(m *gateModel) outcome { return m.renew("A") }},
	{"use A", func(s *gateStore) outcome { return s.end("A", true) }, func(m *gateModel) outcome { return m.end("A", true) }},
	{"use B", func(s *gateStore) outcome { return s.end("B", true) }, func(m *gateModel) outcome { return m.end("B", true) }},
	{"leave A", func(s *gateStore) outcome { return s.end("A", false) }, func(m *gateModel) outcome { return m.end("A", false) }},
	{"window passes", func(s *gateStore) outcome { return s.pass(window) }, func(m *gateModel) outcome { return m.pass(window) }},
	{"lease passes", func(s *gateStore) outcome { return s.pass(lease) }, func(m *gateModel) outcome { return m.pass(lease) }},
	{"complete", (*gateStore).complete, (*gateModel).complete},
	{"sweep", (*gateStore).sweep, (*gateModel).sweep},
}

// Whatever happens to a gate, in whatever order, the store does what a small model
// of it says, and no approval is used twice.
func TestGatesModel(t *testing.T) {
	length := 5
	if testing.Short() {
		length = 4
	}
	var ops []gateOp
	var all func()
	all = func() {
		if len(ops) == length {
			if !checkGates(t, ops) {
				t.FailNow()
			}
			return
		}
		for _, op := range gateOps {
			ops = append(ops, op)
			all()
			ops = ops[:len(ops)-1]
		}
	}
	all()
}

// checkGates lets the ops happen after a gate has been opened.
func checkGates(t *testing.T, ops []gateOp) bool {
	s, m := newGateStore(), &gateModel{}
	approved, used := 0, 0
	for i, op := range append([]gateOp{gateOps[0]}, ops...) {
		before := s.status()
		got, want := op.store(s), op.model(m)
		after := s.status()
		if got != want {
			var names []string
			for _, op := range ops[:i] {
				names = append(names, op.name)
			}
			t.Errorf("open, %s:\n got %+v\nwant %+v", strings.Join(names, ", "), got, want)
			return false
		}
		if op.name == "approve" && before == run.GatePending && after == run.GateApproved {
			approved++
		}
		if strings.HasPrefix(op.name, "use") && before != run.GateUsed && after == run.GateUsed {
			used++
		}
		if used > approved {
			t.Errorf("%d approvals were used %d times", approved, used)
			return false
		}
	}
	return true
}

// gateStore is the real thing.
type gateStore struct {
	*memstore.Store
	now time.Time
	n   int // of gates that were to be opened
	id  string
}

var gateOf = run.Key{Team: "team:a", ID: "r"}

func newGateStore() *gateStore {
	s := &gateStore{Store: memstore.New(memstore.Options{}), now: noon}
	_, err := s.Attach(context.Background(), &run.Attachment{Team: gateOf.Team, At: noon, ID: gateOf.ID, Start: &run.Run{IdleTimeout: -1}}, new(run.Run))
	if err != nil {
		panic(err) // of a store in memory
	}
	return s
}

func (s *gateStore) status() run.GateStatus {
	if found, _ := s.FindGates(context.Background(), []string{s.id}, s.now); len(found) == 1 {
		return found[0].Status
	}
	return ""
}

func said(g run.Gate, done bool, err error) outcome {
	if _, ok := errors.AsType[*run.StateError](err); ok {
		err = run.ErrNotFound // to compare it
	}
	return outcome{gate: g.ID, status: g.Status, done: done, err: err}
}

func (s *gateStore) open() outcome {
	s.n++
	g, opened, err := s.OpenGate(context.Background(), &run.Gate{
		ID: gateIDs[s.n], Run: gateOf, Fingerprint: sha256.Sum256(nil), Pauses: true,
		Window: window, Status: run.GatePending, Opened: s.now, Expires: s.now.Add(window),
	}, nil)
	if err == nil {
		s.id = g.ID
	}
	return said(g, opened, err)
}

func (s *gateStore) meet() outcome {
	return said(s.MeetGate(context.Background(), gateOf, sha256.Sum256(nil), s.now))
}

func (s *gateStore) decide(approve bool) outcome {
	return said(s.DecideGate(context.Background(), s.id, &run.Verdict{Approve: approve, By: "ada"}, s.now))
}

func (s *gateStore) claim(by string) outcome {
	return said(s.ClaimGate(context.Background(), s.id, by, s.now, s.now.Add(lease)))
}

func (s *gateStore) renew(by string) outcome {
	return said(s.RenewClaim(context.Background(), s.id, by, s.now, s.now.Add(lease)))
}

func (s *gateStore) end(by string, used bool) outcome {
	return said(s.EndClaim(context.Background(), s.id, by, used, s.now))
}

func (s *gateStore) pass(d time.Duration) outcome {
	s.now = s.now.Add(d)
	r, err := s.Find(context.Background(), gateOf, s.now)
	return outcome{status: s.status(), run: r.Status, gated: r.Gated, err: err}
}

func (s *gateStore) complete() outcome {
	r, changed, err := s.Complete(context.Background(), gateOf, run.ReasonByAgent, s.now)
	return outcome{status: s.status(), done: changed, run: r.Status, gated: r.Gated, err: err}
}

func (s *gateStore) sweep() outcome {
	swept, err := s.Sweep(context.Background(), s.now)
	return outcome{status: s.status(), swept: len(swept.Expired), err: err}
}

// gateModel is what a store should be: each gate remembers what happened to it,
// and what it is follows from that.
type gateModel struct {
	now    time.Duration
	n      int
	gates  []*modelGate
	closed bool
}

type modelGate struct {
	id       string
	ends     time.Duration
	verdict  run.GateStatus // pending while there is none
	holder   string         // of the claim, empty while there is none
	until    time.Duration  // which the claim lasts
	user     string         // who has used it
	closed   bool           // before it ended in another way
	met      bool           // as expired
	expected bool           // by a sweep, as expired
}

func (g *modelGate) status(now time.Duration) run.GateStatus {
	switch {
	case g.verdict == run.GateRejected:
		return run.GateRejected
	case g.user != "":
		return run.GateUsed
	case g.closed:
		return run.GateCancelled
	case now >= g.ends && (g.holder == "" || now >= g.until):
		return run.GateExpired
	}
	return g.verdict
}

func live(s run.GateStatus) bool { return s == run.GatePending || s == run.GateApproved }

func (m *gateModel) newest() *modelGate { return m.gates[len(m.gates)-1] }

func (m *gateModel) say(g *modelGate, done bool) outcome {
	return outcome{gate: g.id, status: g.status(m.now), done: done}
}

func (m *gateModel) open() outcome {
	m.n++
	if m.closed {
		return outcome{err: run.ErrNotFound}
	}
	if len(m.gates) > 0 && live(m.newest().status(m.now)) {
		return m.say(m.newest(), false)
	}
	m.gates = append(m.gates, &modelGate{id: gateIDs[m.n], ends: m.now + window, verdict: run.GatePending, expected: true})
	return m.say(m.newest(), true)
}

func (m *gateModel) meet() outcome {
	for i := len(m.gates) - 1; i >= 0; i-- {
		g := m.gates[i]
		if m.holds(g) {
			g.met = g.status(m.now) == run.GateExpired
			return m.say(g, true)
		}
	}
	return outcome{err: run.ErrNoGate}
}

// holds reports whether the request meets g.
func (m *gateModel) holds(g *modelGate) bool {
	s := g.status(m.now)
	return live(s) || s == run.GateRejected || s == run.GateExpired && !g.met
}

func (m *gateModel) decide(v run.GateStatus) outcome {
	g := m.newest()
	changed := g.status(m.now) == run.GatePending
	if changed {
		g.verdict, g.ends = v, m.now+window
	}
	return m.say(g, changed)
}

func (m *gateModel) claim(by string) outcome {
	g := m.newest()
	again := g.holder == by && m.now < g.until
	claimed := g.status(m.now) == run.GateApproved && (again || g.holder == "" || m.now >= g.until)
	if claimed && !again {
		g.holder, g.until = by, m.now+lease
	}
	return m.say(g, claimed)
}

func (m *gateModel) renew(by string) outcome {
	g := m.newest()
	renewed := g.status(m.now) == run.GateApproved && g.holder == by
	if renewed {
		g.until = m.now + lease
	}
	return m.say(g, renewed)
}

func (m *gateModel) end(by string, used bool) outcome {
	g := m.newest()
	ended := g.user == by
	if g.status(m.now) == run.GateApproved && g.holder == by {
		ended = true
		if used {
			g.user = by
		} else {
			g.holder = ""
		}
	}
	return m.say(g, ended)
}

func (m *gateModel) pass(d time.Duration) outcome {
	m.now += d
	return m.run()
}

// run is what the run is, with its newest gate.
func (m *gateModel) run() outcome {
	o := outcome{status: m.newest().status(m.now), run: run.Open}
	for _, g := range m.gates {
		o.gated = o.gated || m.holds(g)
		if g.status(m.now) == run.GatePending {
			o.run = run.Paused
		}
	}
	if m.closed {
		o.run = run.Completed
	}
	return o
}

func (m *gateModel) complete() outcome {
	for _, g := range m.gates {
		g.closed = g.closed || live(g.status(m.now))
	}
	changed := !m.closed
	m.closed = true
	o := m.run()
	o.done = changed
	return o
}

func (m *gateModel) sweep() outcome {
	o := outcome{status: m.newest().status(m.now)}
	for _, g := range m.gates {
		if g.expected && g.status(m.now) == run.GateExpired {
			g.expected = false
			o.swept++
		}
	}
	return o
}
