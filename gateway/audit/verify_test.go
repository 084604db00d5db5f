package audit_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/audit"
)

const ops, web = "team:ops", "team:web"

// rewritten is a line with another text and the hash of that.
func rewritten(t *testing.T, line []byte, change func(e *audit.Entry)) []byte {
	e, err := audit.ParseLine(bytes.Clone(line))
	require.NoError(t, err)
	change(&e)
	e.Hash = e.Sum()
	text, err := e.AppendLine(nil)
	require.NoError(t, err)
	return text
}

// The first entry that is not as it was added is named, and what is wrong with it.
func TestVerifyLines(t *testing.T) {
	whole := lines(t, 6, ops, web) // of ops the lines 1, 3, …, of web the lines 2, 4, …
	all := entries(t, whole)
	head := func(i int) audit.Head { return audit.Head{Team: all[i].Team, Number: all[i].Number, Hash: all[i].Hash} }
	swap := func(l [][]byte, i, j int) [][]byte { l[i], l[j] = l[j], l[i]; return l }
	replace := func(l [][]byte, i int, old, with string) [][]byte {
		l[i] = bytes.Replace(l[i], []byte(old), []byte(with), 1)
		return l
	}
	for name, c := range map[string]struct {
		change func(l [][]byte) [][]byte
		check  audit.Check
		want   audit.BrokenError // with neither number nor line, all is well
		says   string
	}{
		"nothing":              {},
		"one with known heads": {check: audit.Check{Known: []audit.Head{head(3), head(11), head(10)}}},
		"nothing at all":       {change: func([][]byte) [][]byte { return nil }},
		"another text": {change: func(l [][]byte) [][]byte { return replace(l, 4, `gpt-4`, `gpt-5`) },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Changed}, says: `line 5, entry 3 of team "team:ops": it was changed`},
		"another id": {change: func(l [][]byte) [][]byte { return replace(l, 4, `step_3`, `step_4`) },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Changed}},
		"another team": {change: func(l [][]byte) [][]byte {
			return replace(l, 4, `"team":"team:ops","number"`, `"team":"team:web","number"`)
		},
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Changed}},
		"another number": {change: func(l [][]byte) [][]byte { return replace(l, 4, `"number":3`, `"number":4`) },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Changed}},
		"another number of the first": {change: func(l [][]byte) [][]byte { return replace(l, 0, `"number":1`, `"number":9`) },
			want: audit.BrokenError{Team: ops, Number: 1, Line: 1, Fault: audit.Changed}},
		"a text with the hash of it": {change: func(l [][]byte) [][]byte {
			l[4] = rewritten(t, l[4], func(e *audit.Entry) { e.Text = []byte(`{}`) })
			return l
		}, want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Changed}, says: "entry 4 does not follow on it"},
		"the first follows on another": {change: func(l [][]byte) [][]byte {
			l[0] = rewritten(t, l[0], func(e *audit.Entry) { e.Prev[0] = 1 })
			return l
		}, want: audit.BrokenError{Team: ops, Number: 1, Line: 1, Fault: audit.Changed}},
		"all written anew from one on": {change: func(l [][]byte) [][]byte {
			prev := all[2].Hash
			for i := 4; i < len(l); i += 2 {
				l[i] = rewritten(t, l[i], func(e *audit.Entry) {
					e.Text, e.Prev = []byte(`{}`), prev
					prev = e.Sum()
				})
			}
			return l
		}, check: audit.Check{Known: []audit.Head{head(8)}},
			want: audit.BrokenError{Team: ops, Number: 5, Line: 9, Fault: audit.Changed}, says: "is another one than was known"},
		"one deleted": {change: func(l [][]byte) [][]byte { return slices.Delete(l, 4, 5) },
			want: audit.BrokenError{Team: ops, Number: 3, Fault: audit.Missing}, says: `entry 3 of team "team:ops": it is missing: after the one before it comes entry 4`},
		"two deleted": {change: func(l [][]byte) [][]byte { return slices.Delete(l, 4, 6) },
			want: audit.BrokenError{Team: ops, Number: 3, Fault: audit.Missing}},
		"the first deleted": {change: func(l [][]byte) [][]byte { return l[1:] },
			want: audit.BrokenError{Team: ops, Number: 1, Fault: audit.Missing}},
		"swapped": {change: func(l [][]byte) [][]byte { return swap(l, 2, 6) },
			want: audit.BrokenError{Team: ops, Number: 4, Line: 3, Fault: audit.OutOfOrder}},
		"those of two teams swapped, next to each other": {change: func(l [][]byte) [][]byte { return swap(l, 4, 5) }},
		"doubled": {change: func(l [][]byte) [][]byte { return slices.Insert(l, 5, l[4]) },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 6, Fault: audit.Doubled}},
		"doubled later": {change: func(l [][]byte) [][]byte { return append(l, l[4]) },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 13, Fault: audit.Doubled}},
		"doubled before its place": {change: func(l [][]byte) [][]byte { return slices.Insert(l, 2, l[8]) },
			want: audit.BrokenError{Team: ops, Number: 5, Line: 3, Fault: audit.OutOfOrder}},
		"the tail cut off": {change: func(l [][]byte) [][]byte { return l[:8] }, check: audit.Check{Known: []audit.Head{head(11)}},
			want: audit.BrokenError{Team: web, Number: 5, Fault: audit.Missing}, says: "the trail is known to have gone on"},
		"all of a team cut off": {change: func(l [][]byte) [][]byte { return [][]byte{l[0], l[2]} }, check: audit.Check{Known: []audit.Head{head(11)}},
			want: audit.BrokenError{Team: web, Number: 1, Fault: audit.Missing}},
		"the tail cut off within a line": {change: func(l [][]byte) [][]byte { return append(l[:4], l[4][:50]) },
			want: audit.BrokenError{Line: 5, Fault: audit.Torn}},
		"the last line feed cut off": {change: func(l [][]byte) [][]byte { return append(l[:4], l[4][:len(l[4])-1]) },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Torn}},
		"a line of something else": {change: func(l [][]byte) [][]byte { l[4] = []byte("hello\n"); return l },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Unreadable}},
		"a blank more": {change: func(l [][]byte) [][]byte { return replace(l, 4, `,"id"`, `, "id"`) },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Unreadable}},
		"two lines broken into one": {change: func(l [][]byte) [][]byte { return replace(l, 4, "\n", " ") },
			want: audit.BrokenError{Team: ops, Number: 3, Line: 5, Fault: audit.Unreadable}},
		"a part of a trail": {change: func(l [][]byte) [][]byte { return l[4:] }, check: audit.Check{Partial: true}},
		"a part that goes on from what is known": {change: func(l [][]byte) [][]byte { return l[4:] },
			check: audit.Check{Partial: true, Known: []audit.Head{head(2), head(3)}}},
		"a part that goes on from something else": {change: func(l [][]byte) [][]byte {
			l[4] = rewritten(t, l[4], func(e *audit.Entry) { e.Prev[0]++ })
			return l[4:]
		}, check: audit.Check{Partial: true, Known: []audit.Head{head(2)}},
			want: audit.BrokenError{Team: ops, Number: 2, Fault: audit.Changed}},
		"the first two of a part swapped": {change: func(l [][]byte) [][]byte { return swap(l, 4, 6)[4:] }, check: audit.Check{Partial: true},
			want: audit.BrokenError{Team: ops, Number: 3, Line: 3, Fault: audit.OutOfOrder}},
	} {
		t.Run(name, func(t *testing.T) {
			l := slices.Clone(whole)
			for i := range l {
				l[i] = bytes.Clone(l[i])
			}
			if c.change != nil {
				l = c.change(l)
			}
			if c.want == (audit.BrokenError{}) {
				v, err := c.check.VerifyLines(join(l))
				require.NoError(t, err)
				assert.EqualValues(t, len(l), v.Entries)
				if len(l) > 0 {
					assert.Equal(t, []audit.Head{head(10), head(11)}, v.Heads)
				}
				return
			}
			b := broken(t, &c.check, l)
			assert.Equal(t, []any{c.want.Team, c.want.Number, c.want.Line, c.want.Fault}, []any{b.Team, b.Number, b.Line, b.Fault}, b.Error())
			assert.ErrorContains(t, b, c.says)
		})
	}
}

// Whatever is done to one of ten thousand lines, that entry is named.
func TestVerifyNamesTheEntry(t *testing.T) {
	const n = 10_000
	whole := lines(t, n, ops)
	all := entries(t, whole)
	head := audit.Check{Known: []audit.Head{{Team: ops, Number: n, Hash: all[n-1].Hash}}}
	r := rand.New(rand.NewPCG(1, 2))
	rounds := 60
	if testing.Short() {
		rounds = 5
	}
	for range rounds {
		i := r.IntN(n)
		line := whole[i]
		named := func(l [][]byte, number int64, faults ...audit.Fault) {
			t.Helper()
			b := broken(t, &head, l)
			assert.Equal(t, ops, b.Team)
			assert.Equal(t, number, b.Number, b.Error())
			assert.Contains(t, faults, b.Fault)
			if b.Line > 0 && b.Fault != audit.Doubled {
				assert.EqualValues(t, i+1, b.Line)
			}
		}
		changed := bytes.Clone(line)
		at := r.IntN(len(changed))
		changed[at] ^= 1 << r.IntN(8)
		l := slices.Clone(whole)
		l[i] = changed
		named(l, int64(i+1), audit.Changed, audit.Unreadable, audit.Torn)

		named(slices.Delete(slices.Clone(whole), i, i+1), int64(i+1), audit.Missing)

		l = slices.Clone(whole)
		j := (i + 1) % n
		if j > i {
			l[i], l[j] = l[j], l[i]
			named(l, int64(j+1), audit.OutOfOrder)
		}
		named(slices.Insert(slices.Clone(whole), i, line), int64(i+1), audit.Doubled)
		named(whole[:i], int64(i+1), audit.Missing) // the tail
	}
}

// No byte of a trail can be another one, nor be gone, nor be there twice.
func TestVerifySeesEveryByte(t *testing.T) {
	whole := lines(t, 4, ops)
	starts := []int{0}
	for _, l := range whole {
		starts = append(starts, starts[len(starts)-1]+len(l))
	}
	text := bytes.Join(whole, nil)
	named := func(changed []byte, at int, what string) {
		_, err := new(audit.Check).VerifyLines(bytes.NewReader(changed))
		var b *audit.BrokenError
		require.ErrorAs(t, err, &b, "%s at %d", what, at)
		want := 0
		for starts[want+1] <= at {
			want++
		}
		assert.EqualValues(t, want+1, b.Line, "%s at %d: %v", what, at, err)
		assert.EqualValues(t, want+1, b.Number, "%s at %d: %v", what, at, err)
	}
	for at := range text {
		for bit := range 8 {
			changed := bytes.Clone(text)
			changed[at] ^= 1 << bit
			named(changed, at, fmt.Sprint("bit ", bit))
		}
		for _, c := range []byte("\n \"0aA\\") {
			if text[at] != c {
				changed := bytes.Clone(text)
				changed[at] = c
				named(changed, at, fmt.Sprintf("%q", c))
			}
		}
		named(slices.Delete(bytes.Clone(text), at, at+1), at, "deleted")
	}
}

// A trail is verified like its export.
func TestVerifyTrail(t *testing.T) {
	l, _ := newLog(t)
	fill(t, l, 1200, ops, web)
	head, err := l.Head(ctx, ops)
	require.NoError(t, err)
	known := audit.Head{Team: ops, Number: head.Number, Hash: head.Hash}
	v, err := (&audit.Check{Known: []audit.Head{known, {Team: "team:other", Number: 7}}}).Verify(ctx, l, ops)
	require.NoError(t, err)
	assert.Equal(t, audit.Verified{Entries: 1200, Heads: []audit.Head{known}}, v)

	known.Number++
	_, err = (&audit.Check{Known: []audit.Head{known}}).Verify(ctx, l, ops)
	var b *audit.BrokenError
	require.ErrorAs(t, err, &b)
	assert.EqualValues(t, 1201, b.Number)

	v, err = new(audit.Check).Verify(ctx, l, "team:nobody")
	require.NoError(t, err)
	assert.Empty(t, v)
}
