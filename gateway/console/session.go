package console

import (
	"crypto/rand"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// mostSessions is how many may be signed in at once. One more ends the session
// that would end first.
const mostSessions = 1000

// sessions are who is signed in. Like tokens, what browsers are given is kept as
// its digest only. The zero value is ready for use.
type sessions struct {
	mu  sync.Mutex
	all map[run.Digest]session
}

type session struct {
	token run.Digest
	ends  time.Time
}

// begin returns what is given to the browser of a new session.
func (s *sessions) begin(token provider.Secret, at time.Time) string {
	given := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[run.Digest]session{}
	}
	if len(s.all) >= mostSessions {
		var first run.Digest
		for d, x := range s.all {
			if ends := s.all[first].ends; ends.IsZero() || x.ends.Before(ends) {
				first = d
			}
		}
		delete(s.all, first)
	}
	s.all[run.DigestOf(provider.Secret(given))] = session{run.DigestOf(token), at.Add(SessionTime)}
	return given
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

// may reports whether tokens from an address are looked at.
func (g *guesses) may(address string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.from[address]
	return l == nil || l.Tokens() >= 1
}

// wrong counts a wrong token.
func (g *guesses) wrong(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.from[address] == nil {
		if g.from == nil || len(g.from) >= mostGuessers {
			g.from = map[string]*rate.Limiter{}
		}
		g.from[address] = rate.NewLimiter(rate.Every(guessEvery), guessesAtOnce)
	}
	g.from[address].Allow()
}
