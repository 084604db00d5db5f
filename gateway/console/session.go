package console

import (
	"crypto/rand"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// mostSessions is how many of one operator may go on at once. One more ends the
// one that would end first.
const mostSessions = 100

// sessions are who is signed in. Like tokens, what browsers are given is kept as
// its digest only. The zero value is ready for use.
type sessions struct {
	mu  sync.Mutex
	all map[run.Digest]session
}

type session struct {
	operator string
	token    run.Digest
	ends     time.Time
}

// begin returns what is given to the browser of a new session.
func (s *sessions) begin(operator string, token provider.Secret, at time.Time) string {
	given := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[run.Digest]session{}
	}
	s.makeRoom(operator, at)
	s.all[run.DigestOf(provider.Secret(given))] = session{operator, run.DigestOf(token), at.Add(SessionTime)}
	return given
}

// makeRoom drops sessions that have ended, and one of the operator's where there
// are too many. The caller holds mu.
func (s *sessions) makeRoom(operator string, at time.Time) {
	var first run.Digest
	n := 0
	for d, x := range s.all {
		switch {
		case !at.Before(x.ends):
			delete(s.all, d)
		case x.operator == operator:
			if n++; n == 1 || x.ends.Before(s.all[first].ends) {
				first = d
			}
		}
	}
	if n >= mostSessions {
		delete(s.all, first)
	}
}

// token returns the digest of the token by which a session has begun that has not
// ended.
func (s *sessions) token(given string, at time.Time) (run.Digest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.all[run.DigestOf(provider.Secret(given))]
	return x.token, ok && at.Before(x.ends)
}

func (s *sessions) end(given string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, run.DigestOf(provider.Secret(given)))
}

// An address may send guessesAtOnce wrong tokens, and then one more every
// guessEvery.
const (
	guessesAtOnce = 10
	guessEvery    = 10 * time.Second
	mostGuessers  = 1000
)

// guesses count wrong tokens by the address that they come from. Where there are
// too many addresses, all are forgotten: tokens are far too long to be guessed,
// this only keeps it quiet. The zero value is ready for use.
type guesses struct {
	mu   sync.Mutex
	from map[string]*rate.Limiter
}

// another counts a wrong token, and reports whether it is within the limits.
func (g *guesses) another(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.from[address] == nil {
		if g.from == nil || len(g.from) >= mostGuessers {
			g.from = map[string]*rate.Limiter{}
		}
		g.from[address] = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
	}
	return g.from[address].Allow()
}
