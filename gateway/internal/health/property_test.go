package health_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway/internal/health"
	"github.com/rungate/rungate/provider"
)

// Whatever happens in whatever order: while a target is left out, the time until it is
// tried again does not come nearer; there is one probe at a time; only what is told by
// a probe closes it; and it is never left out for longer than two minutes.
func TestWhatHoldsAlways(t *testing.T) {
	faults := append([]provider.Fault{provider.Rejected}, provider.Faults[:]...)
	for seed := range uint64(300) {
		inBubble(t, func(t *testing.T, m *health.Monitor) {
			random := rand.New(rand.NewPCG(seed, 1))
			type attempt struct {
				health.Attempt
				probe bool
			}
			var under []attempt
			probing, began := false, time.Time{} // a probe that has not lapsed
			state := func() (s health.State) {
				if all := m.Targets(); len(all) > 0 {
					s = all[0]
				}
				return s
			}
			for range 200 {
				before := state()
				told := false // by a probe, that the target serves or not
				switch random.IntN(3) {
				case 0:
					time.Sleep(time.Duration(random.Int64N(int64(20 * time.Second))))
				case 1:
					open := m.Open(claude)
					a := attempt{Attempt: m.Begin(claude)}
					now := state()
					a.probe = !open && now.Probing
					if a.probe {
						require.False(t, probing && time.Since(began) < time.Minute, "seed %d: a second probe", seed)
						probing, began = true, time.Now()
						require.True(t, m.Open(claude), "seed %d: others are kept off", seed)
					}
					under = append(under, a)
				case 2:
					if len(under) == 0 {
						continue
					}
					i := random.IntN(len(under))
					a := &under[i]
					told = a.probe
					switch random.IntN(6) {
					case 0:
						a.Dropped()
					case 1, 2:
						a.Served(time.Duration(random.IntN(1000)))
					default:
						a.Failed(faults[random.IntN(len(faults))], time.Duration(random.Int64N(int64(2*time.Minute)))*time.Duration(random.IntN(2)))
					}
					probing = state().Probing
					under[i] = under[len(under)-1]
					under = under[:len(under)-1]
				}
				after := state()
				if !before.Until.IsZero() && !told {
					require.False(t, after.Until.Before(before.Until), "seed %d: sooner than was said", seed)
				}
				require.LessOrEqual(t, time.Until(after.Until), 2*time.Minute, "seed %d", seed)
				require.Equal(t, m.Open(claude), !after.Until.IsZero() && (after.Probing || time.Now().Before(after.Until)), "seed %d", seed)
				require.LessOrEqual(t, after.Failures, after.Attempts)
			}
			time.Sleep(2 * time.Minute)
			require.False(t, m.Open(claude), "seed %d", seed)
			serve(m)
			require.Zero(t, state().Until, "seed %d", seed)
		})
	}
}
