package budget

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rungate/rungate/internal/ids"
)

// A Limiter holds calls to rates. Its methods are safe for concurrent use.
type Limiter struct {
	Rates Rates
	Lease time.Duration // 0 is DefaultLease
}

func (l *Limiter) lease() time.Duration {
	if l.Lease == 0 {
		return DefaultLease
	}
	return l.Lease
}

// A Permit is what was taken from rates for one call. It has to be given back by
// Correct or Release, whichever comes first; what comes later does nothing. The
// zero Permit, and one for a call without rates, holds nothing. A Permit is for
// one goroutine, except that Renew may be called beside the others; it must not
// be copied.
type Permit struct {
	l     *Limiter
	id    ID
	takes []Take
	rates []*Rate // of each take
	done  bool

	// Most calls have no more takes than this: no memory is taken for them.
	few struct {
		takes [4]Take
		rates [4]*Rate
		used  [4]int64
	}
}

// Take takes from all rates that apply to a subject, or from none, for a call of
// so many tokens, which are an estimate. It puts what was taken into p, which
// must be new. The rates must not change as long as p is held. The error is a
// *[RateLimitedError] if the call has to wait; any other means that the back end
// did not answer.
func (l *Limiter) Take(ctx context.Context, p *Permit, s *Subject, rates []Rate, tokens int64) error {
	n := 0
	for i := range rates {
		n += len(s.tags(rates[i].Per))
	}
	p.takes, p.rates = sized(p.few.takes[:0], n), sized(p.few.rates[:0], n)
	for i := range rates {
		p.add(s, &rates[i], tokens)
	}
	if len(p.takes) == 0 {
		return nil
	}
	id := ID(ids.New())
	short, ok, err := l.Rates.Take(ctx, id, p.takes, l.lease())
	if err != nil {
		// Whether it was taken is not known: give it back in any case.
		return errors.Join(err, l.Rates.Return(context.WithoutCancel(ctx), id, nil))
	}
	if !ok {
		return &RateLimitedError{Rate: *p.rates[short.Take], Owner: p.takes[short.Take].Owner, RetryAfter: short.After}
	}
	p.l, p.id = l, id
	return nil
}

// add adds a take for each owner that a rate has for the call.
func (p *Permit) add(s *Subject, r *Rate, tokens int64) {
	t := r.take(tokens)
	tags := s.tags(r.Per)
	for i, tag := range tags {
		var applies bool
		if t.Owner, applies = s.owner(r.Per, &s.Run, tag); applies && !slices.Contains(tags[:i], tag) {
			p.takes, p.rates = append(p.takes, t), append(p.rates, r)
		}
	}
}

// Held reports whether p holds anything that is still to be given back.
func (p *Permit) Held() bool { return p.l != nil && !p.done }

// Renew keeps the permit alive for another lease. The holder calls it before the
// lease ends, as long as the call lives.
func (p *Permit) Renew(ctx context.Context) error {
	if p.l == nil {
		return nil
	}
	return p.l.Rates.Extend(ctx, p.id, p.l.lease())
}

// Correct ends the permit of a call that has used so many tokens. If it fails,
// the permit is still held and Correct may be called again.
func (p *Permit) Correct(ctx context.Context, tokens int64) error {
	if !p.Held() {
		return nil
	}
	used := sized(p.few.used[:0], len(p.takes))
	for i := range p.takes {
		if t := &p.takes[i]; t.Of == InTokens {
			used = append(used, max(0, tokens))
		} else {
			used = append(used, t.Need)
		}
	}
	return p.end(ctx, used)
}

// Release gives back everything for a call that was not made: it does not count.
func (p *Permit) Release(ctx context.Context) error {
	if !p.Held() {
		return nil
	}
	return p.end(ctx, nil)
}

func (p *Permit) end(ctx context.Context, used []int64) error {
	err := p.l.Rates.Return(ctx, p.id, used)
	p.done = err == nil
	return err
}
