package memstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/run"
)

// ordinary is the n-th step of a run, as most are.
func ordinary(n int) run.Step {
	return run.Step{
		ID: fmt.Sprintf("step_%032x", n), Agent: "alice", Start: noon.Add(time.Duration(n)), Duration: time.Second,
		Endpoint: provider.Chat, Provider: "openai", Asked: "gpt-4o", Model: "gpt-4o", Status: 200,
		Usage: provider.Usage{Model: "gpt-4o-2024-08-06", Tokens: provider.Tokens{Input: int64(n), Output: 5}}, Cost: 7, PriceList: "p",
	}
}

// A step comes out as it went in, whatever it is in that it differs from others.
func TestStepsAreKeptWhole(t *testing.T) {
	var all []run.Step
	add := func(change func(*run.Step)) {
		s := ordinary(len(all))
		change(&s)
		all = append(all, s)
	}
	var each func(path []int, of reflect.Type)
	each = func(path []int, of reflect.Type) {
		for i := range of.NumField() {
			at := append(path[:len(path):len(path)], i)
			f := of.Field(i)
			if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[time.Time]() {
				each(at, f.Type)
				continue
			}
			add(func(s *run.Step) {
				switch v := reflect.ValueOf(s).Elem().FieldByIndex(at).Addr().Interface().(type) {
				case *bool:
					*v = !*v
				case *time.Time:
					*v = noon.AddDate(100, 0, 0)
				case *[]provider.Pass:
					*v = []provider.Pass{{Model: "x"}}
				default:
					if e := reflect.ValueOf(v).Elem(); e.Kind() == reflect.String {
						e.SetString("other")
					} else {
						e.SetInt(-1 << 62)
					}
				}
			})
			add(func(*run.Step) {})
		}
	}
	each(nil, reflect.TypeFor[run.Step]())
	for _, id := range []string{"s1", "", "STEP_" + fmt.Sprintf("%032x", 1), fmt.Sprintf("step_%032X", 171), fmt.Sprintf("%032x", 1), fmt.Sprintf("step_%031xg", 1), "stép_\xff"} {
		add(func(s *run.Step) { s.ID = id })
	}
	for _, start := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<40, 0), time.Now(), noon.In(time.FixedZone("X", 3600))} {
		add(func(s *run.Step) { s.Start = start })
	}
	d := newDiary(t, memstore.Options{})
	for i := range all {
		d.open("r", noon, false)
		d.end("r", noon, &all[i])
	}
	assertSteps(t, all, d)
}

// Whatever steps there are, the newest are kept, as they were added.
func TestNewestStepsAreKept(t *testing.T) {
	const keep = 40
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		d := newDiary(t, memstore.Options{Steps: keep})
		var all []run.Step
		for n := range 300 {
			s := ordinary(n)
			s.Model = fmt.Sprint("m", rnd.IntN(1+rnd.IntN(30))) // some of few, some of many
			switch rnd.IntN(10) {
			case 0:
				s.ID = fmt.Sprint("s", n)
			case 1:
				s.First = "step_0"
			}
			d.open("r", noon, false)
			d.end("r", noon, &s)
			all = append(all, s)
			if rnd.IntN(20) == 0 {
				assertSteps(t, all[max(0, len(all)-keep):], d)
			}
		}
	}
}

// assertSteps checks what steps of the run are remembered.
func assertSteps(t *testing.T, want []run.Step, d diary) {
	t.Helper()
	got, err := d.Steps(context.Background(), key("r"), 0, len(want)+1)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range want {
		assert.True(t, want[i].Start.Equal(got[i].Start), "%v and %v", want[i].Start, got[i].Start)
		assert.Equal(t, want[i].Start.Location(), got[i].Start.Location())
		got[i].Start = want[i].Start
		assert.Equal(t, want[i], got[i])
	}
}
