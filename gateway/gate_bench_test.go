package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/run"
)

// lookedAt counts how often a store is asked about gates that are waited for.
type lookedAt struct {
	*memstore.Store
	n atomic.Int64
}

func (s *lookedAt) FindGates(ctx context.Context, ids []string, at time.Time) ([]run.Gate, error) {
	s.n.Add(1)
	return s.Store.FindGates(ctx, ids, at)
}

// cpu is the time that the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// BenchmarkWaiting has a thousand agents wait for approvals, each on a connection
// of its own, and tells what that takes: memory for each, CPU and looks at the
// store while nothing happens, and how long it is from a decision to the agent.
func BenchmarkWaiting(b *testing.B) {
	const agents, quiet = 1000, 2 * time.Second
	a := of("chat")
	answer := a.refunding(false, largeRefund)
	for b.Loop() {
		store := &lookedAt{Store: memstore.New(memstore.Options{})}
		g := newRig(b, approvingBy(`{"mode":"wait"}`), func(cfg *gateway.Config) { cfg.Store = store })
		g.Provider.Answer(whole(answer))
		host := strings.TrimPrefix(g.URL, "http://")
		before := inUse()
		conns := map[string]net.Conn{} // by run
		for i := range agents {
			id := fmt.Sprint("run", i)
			body := a.declares(false)
			c, err := net.Dial("tcp", host)
			require.NoError(b, err)
			defer c.Close()
			_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nX-Rungate-Run-Id: %s\r\nContent-Length: %d\r\n\r\n%s",
				a.path, host, g.Token, id, len(body), body)
			require.NoError(b, err)
			conns[id] = c
		}
		var gates []run.Gate
		for len(gates) < agents {
			var err error
			gates, err = g.Gateway.Gates().List(b.Context(), run.GateQuery{Status: run.GatePending, N: agents})
			require.NoError(b, err)
			runtime.Gosched()
		}
		runtime.GC() // twice, with the one of inUse, for what lies in pools
		b.ReportMetric(float64(inUse()-before)/agents/1024, "KB/agent")
		looks, used, since := store.n.Load(), cpu(b), time.Now()
		<-time.After(quiet)
		b.ReportMetric(float64(store.n.Load()-looks)/time.Since(since).Seconds(), "looks/s")
		b.ReportMetric(100*(cpu(b)-used).Seconds()/time.Since(since).Seconds(), "%CPU")

		delays := make([]time.Duration, 0, agents)
		for i := range gates {
			c := conns[gates[i].Run.ID]
			decided := time.Now()
			_, err := g.Gateway.Gates().Decide(b.Context(), gates[i].ID, run.Verdict{Approve: true, By: "carol"})
			require.NoError(b, err)
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			require.NoError(b, err)
			delays = append(delays, time.Since(decided))
			require.Equal(b, 200, resp.StatusCode)
			resp.Body.Close()
		}
		slices.Sort(delays)
		b.ReportMetric(delays[agents/2].Seconds()*1e3, "ms/decision")
		b.ReportMetric(delays[agents*99/100].Seconds()*1e3, "ms/decision-p99")
	}
}
