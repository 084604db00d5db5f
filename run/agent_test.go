package run_test

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

func TestNewToken(t *testing.T) {
	seen := map[provider.Secret]bool{}
	letters := map[rune]int{}
	const n = 1000
	for range n {
		token := run.NewToken()
		random, ok := strings.CutPrefix(token.Reveal(), run.TokenPrefix)
		require.True(t, ok, "it begins with %s", run.TokenPrefix)
		require.Regexp(t, `^[a-z2-7]+$`, random)
		require.GreaterOrEqual(t, len(random)*5, 160, "random bits")
		require.False(t, seen[token], "tokens are all different")
		seen[token] = true
		for _, c := range random {
			letters[c]++
		}
		assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", token, token, token, token), random)
	}
	// Each of 32 letters is as likely: about 1,200 times, give or take 34.
	require.Len(t, letters, 32)
	for c, times := range letters {
		assert.InDelta(t, n*38/32, times, 6*math.Sqrt(n*38/32), "letter %c", c)
	}
}

func TestDigestOf(t *testing.T) {
	for _, n := range []int{0, 1, 45, 127, 128, 129, 10_000} {
		token := strings.Repeat("x", n)
		assert.Equal(t, run.Digest(sha256.Sum256([]byte(token))), run.DigestOf(provider.Secret(token)), "%d bytes", n)
	}
	a, b := strings.Repeat("x", 200)+"a", strings.Repeat("x", 200)+"b"
	assert.NotEqual(t, run.DigestOf(provider.Secret(a)), run.DigestOf(provider.Secret(b)), "the whole token counts, not how it begins")
}

func TestTeamKey(t *testing.T) {
	agents := []run.Agent{
		{ID: "a"}, {ID: "b"},
		{ID: "a", Team: "a"}, {ID: "a", Team: "b"}, {ID: "a", Team: "agent:a"}, {ID: "team:a"},
	}
	seen := map[string]bool{}
	for i := range agents {
		seen[agents[i].TeamKey()] = true
	}
	assert.Len(t, seen, len(agents), "each is a team of its own")
	one, two := run.Agent{ID: "a", Team: "ops"}, run.Agent{ID: "b", Team: "ops"}
	assert.Equal(t, one.TeamKey(), two.TeamKey())
	assert.Equal(t, "team:ops", one.TeamKey())
	assert.Equal(t, "agent:a", agents[0].TeamKey())
}

func TestMayUse(t *testing.T) {
	a := run.Agent{Policy: "prod/v4", MayChoose: []string{"test/*", "lab"}}
	for policy, want := range map[string]bool{
		"prod/v4": true, "test/v1": true, "test/a/b": true, "test/": true, "lab": true,
		"prod/v5": false, "prod": false, "test": false, "lab/1": false, "": false,
	} {
		assert.Equal(t, want, a.MayUse(policy), "%q", policy)
	}
	assert.True(t, (&run.Agent{}).MayUse(""), "the default, for an agent that has no other")
	assert.False(t, (&run.Agent{}).MayUse("prod/v4"))
	assert.True(t, (&run.Agent{MayChoose: []string{"*"}}).MayUse("prod/v4"))
}

func enrol(id string, tokens ...string) run.Enrolment {
	e := run.Enrolment{Agent: run.Agent{ID: id}}
	for _, t := range tokens {
		e.Tokens = append(e.Tokens, run.DigestOf(provider.Secret(t)))
	}
	return e
}

// known says which of some tokens and ids a table knows.
func known(t *testing.T, table *run.AgentTable, names ...string) string {
	t.Helper()
	var found []string
	for _, n := range names {
		a, err := table.ByToken(t.Context(), run.DigestOf(provider.Secret(n)))
		if err == nil {
			found = append(found, n+" is of "+a.ID)
		} else {
			require.ErrorIs(t, err, run.ErrUnknownAgent)
			require.Nil(t, a)
		}
		a, err = table.ByID(t.Context(), n)
		if err == nil {
			require.Equal(t, n, a.ID)
			found = append(found, n)
		} else {
			require.ErrorIs(t, err, run.ErrUnknownAgent)
			require.Nil(t, a)
		}
	}
	return strings.Join(found, ", ")
}

func TestAgentTable(t *testing.T) {
	var table run.AgentTable
	assert.Empty(t, known(t, &table, "a", "", "rg_agt_1"), "the zero table is empty")

	expires := time.Now().Add(time.Hour)
	first := enrol("a", "rg_agt_1", "rg_agt_2")
	first.Agent = run.Agent{ID: "a", Team: "ops", Policy: "p", MayChoose: []string{"q/*"}, Expires: expires}
	require.NoError(t, table.Replace(first, enrol("b", "rg_agt_3"), enrol("c")))
	assert.Equal(t, "a, b, c, rg_agt_1 is of a, rg_agt_2 is of a, rg_agt_3 is of b",
		known(t, &table, "a", "b", "c", "d", "rg_agt_1", "rg_agt_2", "rg_agt_3", "rg_agt_4", "rg_agt_"))
	a, err := table.ByID(t.Context(), "a")
	require.NoError(t, err)
	same, err := table.ByToken(t.Context(), run.DigestOf("rg_agt_2"))
	require.NoError(t, err)
	assert.Same(t, a, same)
	assert.Equal(t, "team:ops", a.TeamKey())
	assert.Equal(t, "p", a.Policy)
	assert.Equal(t, expires, a.Expires)

	require.NoError(t, table.Add(enrol("d", "rg_agt_4")))
	assert.Equal(t, "a, d, rg_agt_4 is of d", known(t, &table, "a", "d", "rg_agt_4"))

	require.NoError(t, table.Replace(enrol("b", "rg_agt_1")))
	assert.Equal(t, "b, rg_agt_1 is of b", known(t, &table, "a", "b", "c", "d", "rg_agt_1", "rg_agt_2", "rg_agt_3", "rg_agt_4"),
		"what is revoked is unknown at once")
	require.NoError(t, table.Replace())
	assert.Empty(t, known(t, &table, "b", "rg_agt_1"))
	require.NoError(t, table.Add(enrol("a")))
	assert.Equal(t, "a", known(t, &table, "a"))
}

func TestAgentTableRefuses(t *testing.T) {
	tests := []struct {
		name   string
		agents []run.Enrolment
		want   string
	}{
		{"no id", []run.Enrolment{enrol("x"), enrol("")}, `agents[1]: id: it is empty`},
		{"an id that is used twice", []run.Enrolment{enrol("x"), enrol("y"), enrol("x")}, `agents[2]: id: "x" is used twice`},
		{"a token that two agents have", []run.Enrolment{enrol("x", "1"), enrol("y", "2", "1")}, `agents[1]: token: agents "x" and "y" have the same one`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var table run.AgentTable
			require.NoError(t, table.Replace(enrol("old", "rg_agt_1")))
			assert.EqualError(t, table.Replace(tt.agents...), tt.want)
			assert.Equal(t, "old, rg_agt_1 is of old", known(t, &table, "old", "rg_agt_1", "x", "y"), "nothing has changed")
		})
	}
	t.Run("what Add would make twice", func(t *testing.T) {
		var table run.AgentTable
		require.NoError(t, table.Add(enrol("old", "rg_agt_1")))
		assert.EqualError(t, table.Add(enrol("")), "id: it is empty")
		assert.EqualError(t, table.Add(enrol("old")), `id: "old" is used twice`)
		assert.EqualError(t, table.Add(enrol("new", "2", "rg_agt_1")), `token: agents "old" and "new" have the same one`)
		assert.Equal(t, "old, rg_agt_1 is of old", known(t, &table, "old", "rg_agt_1", "new", "2"), "nothing has changed")
	})
}

func TestAgentTableKeepsItsOwn(t *testing.T) {
	var table run.AgentTable
	e := enrol("a", "rg_agt_1")
	require.NoError(t, table.Add(e))
	e.ID, e.Tokens[0] = "x", run.Digest{}
	assert.Equal(t, "a, rg_agt_1 is of a", known(t, &table, "a", "x", "rg_agt_1"))
}

// A copy of an agent that moves to another team belongs to that.
func TestTeamKeyOfACopy(t *testing.T) {
	var table run.AgentTable
	e := enrol("a")
	e.Team = "ops"
	require.NoError(t, table.Add(e))
	a, err := table.ByID(t.Context(), "a")
	require.NoError(t, err)
	moved := *a
	moved.Team = "lab"
	assert.Equal(t, "team:lab", moved.TeamKey())
	assert.Equal(t, "team:ops", a.TeamKey())
}

func TestAgentTableManyAtOnce(t *testing.T) {
	var table run.AgentTable
	var wg sync.WaitGroup
	const n = 50
	for i := range n {
		wg.Go(func() {
			id, token := fmt.Sprint("a", i), fmt.Sprint("rg_agt_", i)
			assert.NoError(t, table.Add(enrol(id, token)))
			a, err := table.ByToken(t.Context(), run.DigestOf(provider.Secret(token)))
			if assert.NoError(t, err, "an agent is there once Add has returned") {
				assert.Equal(t, id, a.ID)
			}
		})
	}
	wg.Wait()
	for i := range n {
		_, err := table.ByID(t.Context(), fmt.Sprint("a", i))
		assert.NoError(t, err)
	}
}

func BenchmarkByToken(b *testing.B) {
	var table run.AgentTable
	token := run.NewToken()
	if err := table.Add(enrol("a", token.Reveal())); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.ByToken(b.Context(), run.DigestOf(token)); err != nil {
			b.Fatal(err)
		}
	}
}
