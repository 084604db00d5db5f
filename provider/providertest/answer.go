package providertest

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
)

// A reading is what a meter makes of an answer.
type reading struct {
	Kinds []provider.EventKind
	Ended bool
	Usage provider.Usage
}

// small is the length in bytes up to which an answer is cut everywhere. A larger
// one is cut at random, so often that the pieces come to about readings bytes.
const (
	small    = 1_000
	readings = 200_000
)

// testStream checks that a streamed answer is read the same however it is cut.
func testStream(t *testing.T, d provider.Dialect, r *provider.Request, c Case) {
	read := func(pieces ...[]byte) reading {
		var got reading
		m := d.Meter(r)
		var split sse.Splitter
		for _, p := range pieces {
			_ = split.Feed(p)
			for {
				e, ok := split.Next()
				if !ok {
					break
				}
				got.Kinds = append(got.Kinds, event(m, e.Name, e.Data))
			}
		}
		got.Ended, got.Usage = m.Ended(), m.Usage()
		recycle(m)
		return got
	}
	want := read(c.Response)
	checkUsage(t, d, r, want.Usage)
	checkKinds(t, want)
	cuts(c, func(pieces ...[]byte) {
		if got := read(pieces...); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut after %d bytes: got %+v, want %+v", len(pieces[0]), got, want)
		}
	})
}

// testBody checks that a whole answer is read the same however it is cut.
func testBody(t *testing.T, d provider.Dialect, r *provider.Request, c Case) {
	read := func(pieces ...[]byte) reading {
		m := d.Meter(r)
		for _, p := range pieces {
			body(m, p)
		}
		defer recycle(m)
		return reading{Ended: m.Ended(), Usage: m.Usage()}
	}
	want := read(c.Response)
	checkUsage(t, d, r, want.Usage)
	if object := strings.HasPrefix(strings.TrimSpace(string(c.Response)), "{"); want.Ended != (object && json.Valid(c.Response)) {
		t.Errorf("Ended is %t", want.Ended)
	}
	cuts(c, func(pieces ...[]byte) {
		if got := read(pieces...); !reflect.DeepEqual(got, want) {
			t.Fatalf("cut after %d bytes: got %+v, want %+v", len(pieces[0]), got, want)
		}
		m := d.Meter(r)
		body(m, pieces[0])
		if m.Ended() && len(strings.TrimSpace(string(c.Response[len(pieces[0]):]))) > 0 {
			t.Fatalf("after %d bytes of %d it has Ended", len(pieces[0]), len(c.Response))
		}
		checkUsage(t, d, r, m.Usage())
		recycle(m)
	})
}

// recycle has the next meter be made of m, if that is possible: nothing of it may be left.
func recycle(m provider.Meter) {
	if r, ok := m.(provider.Recycler); ok {
		r.Recycle()
	}
}

// event hands m an event that is gone when it returns, since a meter is not to
// keep it.
func event(m provider.Meter, name, data []byte) provider.EventKind {
	name, data = append([]byte(nil), name...), append([]byte(nil), data...)
	kind := m.Event(name, data)
	spoil(name)
	spoil(data)
	return kind
}

func body(m provider.Meter, p []byte) {
	p = append([]byte(nil), p...)
	m.Body(p)
	spoil(p)
}

func spoil(b []byte) {
	for i := range b {
		b[i] = '!'
	}
}

// cuts calls f with the response of c in pieces: in two, cut everywhere if it is
// small, else here and there; and in many.
func cuts(c Case, f func(pieces ...[]byte)) {
	b := c.Response
	seed := fnv.New64a()
	seed.Write([]byte(c.Name))
	random := rand.New(rand.NewPCG(seed.Sum64(), 0))
	if len(b) <= small {
		for i := range len(b) + 1 {
			f(b[:i], b[i:])
		}
	} else {
		for range max(readings/len(b), 5) {
			i := random.IntN(len(b) + 1)
			f(b[:i], b[i:])
		}
	}
	var pieces [][]byte
	for rest := b; len(rest) > 0; {
		n := min(1+random.IntN(64), len(rest))
		pieces = append(pieces, rest[:n])
		rest = rest[n:]
	}
	if len(pieces) > 0 {
		f(pieces...)
	}
}

// checkUsage checks what holds for every usage.
func checkUsage(t *testing.T, _ provider.Dialect, r *provider.Request, u provider.Usage) {
	t.Helper()
	if r.Endpoint.Free() && !reflect.DeepEqual(u, provider.Usage{}) {
		t.Errorf("the endpoint is free, but consumed %+v", u)
	}
	all := append([]provider.Pass{{Tokens: u.Tokens}}, u.Passes...)
	for _, p := range all {
		for _, n := range []int64{p.Input, p.CacheRead, p.CacheWrite, p.CacheWrite1h, p.AudioInput, p.Output, p.AudioOutput, p.Reasoning} {
			if n < 0 {
				t.Errorf("a count is below 0: %+v", u)
			}
		}
		if min(p.ImageInput, p.ImageOutput) < 0 || p.ImageInput > p.Input || p.ImageOutput > p.Output {
			t.Errorf("there are more images than tokens: %+v", u)
		}
		if p.Reasoning > p.Output {
			t.Errorf("there is more reasoning than output: %+v", u)
		}
	}
	if u.Passes != nil {
		var sum provider.Tokens
		for _, p := range u.Passes {
			sum = sum.Plus(p.Tokens)
		}
		if sum != u.Tokens {
			t.Errorf("Tokens are %+v, but the passes sum up to %+v", u.Tokens, sum)
		}
	}
}

// checkKinds checks the order in which the kinds of events may come.
func checkKinds(t *testing.T, r reading) {
	t.Helper()
	content := false
	for i, kind := range r.Kinds {
		switch kind {
		case provider.EventContent:
			content = true
		case provider.EventLead:
			if content {
				t.Errorf("event %d leads in after there was content", i)
			}
		case provider.EventEnd:
			if !r.Ended {
				t.Errorf("event %d is the end, but the answer has not Ended", i)
			}
		}
	}
}
