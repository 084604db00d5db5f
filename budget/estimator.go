package budget

import (
	"hash/maphash"
	"math"
	"strings"
	"sync/atomic"
)

// The bounds of what an Estimator learns.
const (
	minFactor    = 0.5
	maxFactor    = 2
	claudeFactor = 1.35 // to begin with: its tokens are shorter
	learning     = 1.0 / 16
)

// An Estimator learns from real usage by how much estimates of input are off,
// for each team, and model of each provider: a factor from 0.5 to 2. It begins with 1.35
// for Claude and 1 for all others, and each call moves it by a sixteenth of the
// way to its own. Its methods are safe for concurrent use.
//
// It remembers at most 1,024 models: where two fall into the same place, the one
// that was learnt of last. What it says is a better estimate, and no bound:
// strict budgets have no use for it.
type Estimator struct {
	seed   maphash.Seed
	places [1024]atomic.Pointer[learnt]
}

type learnt struct {
	team, provider, model string
	factor                atomic.Uint64 // the bits of a float64
}

// NewEstimator returns an Estimator that has learnt nothing.
func NewEstimator() *Estimator { return &Estimator{seed: maphash.MakeSeed()} }

// Input returns the estimate with what was learnt of the model.
func (e *Estimator) Input(team, provider, model string, estimate int64) int64 {
	var f float64
	if l := e.place(team, provider, model).Load(); l.is(team, provider, model) {
		f = math.Float64frombits(l.factor.Load())
	} else {
		f = firstFactor(model)
	}
	if n := math.Ceil(float64(max(0, estimate)) * f); n < math.MaxInt64 {
		return int64(n)
	}
	return math.MaxInt64
}

// Learn takes account of a call that was settled: its estimate, without what
// Input made of it, and the input that the provider reported. A call without
// either teaches nothing.
func (e *Estimator) Learn(team, provider, model string, estimate, reported int64) {
	if estimate <= 0 || reported <= 0 || len(model) > maxName {
		return
	}
	place := e.place(team, provider, model)
	l := place.Load()
	if !l.is(team, provider, model) {
		// The copies let go of the request that the names may be parts of.
		l = &learnt{team: strings.Clone(team), provider: strings.Clone(provider), model: strings.Clone(model)}
		l.factor.Store(math.Float64bits(firstFactor(model)))
		place.Store(l)
	}
	real := min(max(float64(reported)/float64(estimate), minFactor), maxFactor)
	for {
		old := l.factor.Load()
		f := math.Float64frombits(old)
		if l.factor.CompareAndSwap(old, math.Float64bits(f+(real-f)*learning)) {
			return
		}
	}
}

func (e *Estimator) place(team, provider, model string) *atomic.Pointer[learnt] {
	h := maphash.String(e.seed, model) + 3*maphash.String(e.seed, provider) + 5*maphash.String(e.seed, team)
	return &e.places[h%uint64(len(e.places))]
}

func (l *learnt) is(team, provider, model string) bool {
	return l != nil && l.model == model && l.provider == provider && l.team == team
}

func firstFactor(model string) float64 {
	if strings.Contains(model, "claude") {
		return claudeFactor
	}
	return 1
}
