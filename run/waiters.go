package run

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lookEvery is how often a journal is asked about the gates that are waited for,
// since they may be decided by another process.
const lookEvery = time.Second

// waiters are who waits for gates to change. There is one look at the journal for
// all of them.
type waiters struct {
	mu    sync.Mutex
	on    map[string][]*waiter // by the gate's ID
	timer *time.Timer          // of the next look; nil when the last one found that nobody waits
}

type waiter struct {
	found   GateStatus // as it was
	claimed time.Time  // likewise
	changed chan struct{}
}

// add notes that g is waited for to become another than it is.
func (ws *waiters) add(g *Gate, look func()) *waiter {
	w := &waiter{found: g.Status, claimed: g.Claimed, changed: make(chan struct{})}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.on == nil {
		ws.on = map[string][]*waiter{}
	}
	ws.on[g.ID] = append(ws.on[g.ID], w)
	if ws.timer == nil {
		ws.timer = time.AfterFunc(lookEvery, look)
	}
	return w
}

func (ws *waiters) remove(id string, w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.keep(id, slices.DeleteFunc(ws.on[id], func(x *waiter) bool { return x == w }))
}

// wake lets those go on that wait for g to become another than they have found it.
func (ws *waiters) wake(g *Gate) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.keep(g.ID, slices.DeleteFunc(ws.on[g.ID], func(w *waiter) bool {
		changed := w.found != g.Status || !w.claimed.Equal(g.Claimed)
		if changed {
			close(w.changed)
		}
		return changed
	}))
}

// keep notes who still waits for a gate.
func (ws *waiters) keep(id string, left []*waiter) {
	if len(left) == 0 {
		delete(ws.on, id)
		return
	}
	ws.on[id] = left
}

// look asks j about all gates that are waited for, and once more after a while.
func (ws *waiters) look(j GateJournal) {
	ws.mu.Lock()
	ids := make([]string, 0, len(ws.on))
	for id := range ws.on {
		ids = append(ids, id)
	}
	ws.mu.Unlock()
	if len(ids) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), 10*lookEvery)
		defer cancel()
		found, err := j.FindGates(ctx, ids, time.Now())
		if err == nil { // else the next look may bring more
			for i := range found {
				ws.wake(&found[i])
			}
		}
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.on) == 0 {
		ws.timer = nil
	} else {
		ws.timer.Reset(lookEvery)
	}
}
