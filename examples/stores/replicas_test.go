package stores

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/gateway/redisstore"
	"github.com/rungate/rungate/gateway/sqlstore"
	"github.com/rungate/rungate/internal/backends"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// A place is where gateways keep what they share.
type place struct {
	name string

	// open starts the servers, and returns what has a gateway use them, with
	// connections of its own as on another machine.
	open func(testing.TB) (join func(testing.TB, *gateway.Config))
}

var places = []place{
	{"SQLite", func(t testing.TB) func(testing.TB, *gateway.Config) {
		path := filepath.Join(t.TempDir(), "rungate.db")
		return func(t testing.TB, cfg *gateway.Config) {
			db, err := InFile(cfg, path)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, db.Close()) })
		}
	}},
	{"PostgreSQL", func(t testing.TB) func(testing.TB, *gateway.Config) {
		address := durablePostgres(t)
		return func(t testing.TB, cfg *gateway.Config) {
			db, err := InPostgres(cfg, address)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, db.Close()) })
		}
	}},
	{"Redis", func(t testing.TB) func(testing.TB, *gateway.Config) {
		address := everysecRedis(t)
		return func(t testing.TB, cfg *gateway.Config) {
			InRedis(cfg, dial(t, address))
		}
	}},
	{"Redis+PostgreSQL", func(t testing.TB) func(testing.TB, *gateway.Config) {
		address, redis := durablePostgres(t), everysecRedis(t)
		return func(t testing.TB, cfg *gateway.Config) {
			durable := open(t, sqlstore.OpenPostgres, address, sqlstore.Postgres)
			Share(cfg, durable, redisstore.New(dial(t, redis), redisstore.Options{}))
		}
	}},
}

// durablePostgres starts a PostgreSQL that waits for its disk, as it does unless told
// otherwise.
func durablePostgres(t testing.TB) (address string) {
	return backends.StartPostgres(t, backends.PostgresOptions{Durable: true}).Database(t)
}

// everysecRedis starts a Redis that writes down what it does once a second.
func everysecRedis(t testing.TB) (address string) {
	address = backends.StartRedis(t, backends.RedisOptions{}).Addr
	rdb := dial(t, address)
	require.NoError(t, rdb.ConfigSet(context.Background(), "appendfsync", "everysec").Err())
	require.NoError(t, rdb.ConfigSet(context.Background(), "appendonly", "yes").Err())
	return address
}

func dial(t testing.TB, address string) *redis.Client {
	rdb := redis.NewClient(&redis.Options{Addr: address, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

// newGateway returns a gateway under a policy, before a provider that answers at once.
func newGateway(t testing.TB, text string, change func(testing.TB, *gateway.Config)) *gateway.Gateway {
	t.Helper()
	p, err := policy.Parse([]byte(text))
	require.NoError(t, err)
	policies, err := policy.New(p)
	require.NoError(t, err)
	agents := &run.AgentTable{}
	for i, token := range tokens {
		require.NoError(t, agents.Add(run.Enrolment{Agent: run.Agent{ID: fmt.Sprint("agent ", i), Team: fmt.Sprint(i)}, Tokens: []run.Digest{run.DigestOf(token)}}))
	}
	cfg := gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-none"}},
		Agents:    agents,
		Policy:    policies,
		Transport: canned{},
		Limits:    gateway.Limits{StoreTimeout: 10 * time.Second}, // of a machine that does more than this
	}
	change(t, &cfg)
	gw, err := gateway.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, gw.Close(context.Background())) })
	return gw
}

// tokens are of an agent in each of several teams, which are called by their number.
var tokens = [8]provider.Secret{
	run.NewToken(), run.NewToken(), run.NewToken(), run.NewToken(),
	run.NewToken(), run.NewToken(), run.NewToken(), run.NewToken(),
}

// canned is a provider whose answers cost a thousandth of a dollar.
type canned struct{}

func (canned) RoundTrip(r *http.Request) (*http.Response, error) {
	const answer = `{"id":"c","object":"chat.completion","model":"gpt-4.1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":100,"completion_tokens":100,"total_tokens":200}}`
	r.Body.Close()
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(answer)), Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// call makes a call of a run of a team, and returns the status.
func call(gw http.Handler, team int, runID string) int {
	const body = `{"model":"gpt-4.1","max_tokens":100,"messages":[{"role":"user","content":"Say hello."}]}`
	r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+tokens[team].Reveal())
	r.Header.Set("X-Rungate-Run-Id", runID)
	w := httptest.NewRecorder()
	gw.ServeHTTP(w, r)
	return w.Code
}

// Two gateways that share a store are one to agents: a run goes on in either, its
// budget is spent together and to the cent, and an alert comes once.
func TestTwoGatewaysAreOne(t *testing.T) {
	const text = `{"name":"p","budgets":[{"name":"b","per":"run","limit_usd":"0.0100","alert_at":[0.5]}]}`
	for _, at := range places {
		t.Run(at.name, func(t *testing.T) {
			join := at.open(t)
			var alerts atomic.Int64
			count := notify.NotifierFunc(func(context.Context, *run.Event) error { alerts.Add(1); return nil })
			var gateways []*gateway.Gateway
			for range 2 {
				gateways = append(gateways, newGateway(t, text, func(t testing.TB, cfg *gateway.Config) {
					join(t, cfg)
					cfg.Notifiers = []notify.Notifier{notify.Filter{Events: []string{"budget.alert"}, Notifier: count}}
				}))
			}
			require.Eventually(t, func() bool { return gateways[0].Ready(t.Context()) == nil && gateways[1].Ready(t.Context()) == nil }, 30*time.Second, 10*time.Millisecond)
			passed := 0
			for i := range 20 {
				if status := call(gateways[i%2], 0, "nightly"); status == 200 {
					passed++
				} else {
					assert.Equal(t, 402, status)
				}
			}
			assert.Equal(t, 10, passed, "calls of $0.001")
			require.Eventually(t, func() bool { return alerts.Load() > 0 }, 30*time.Second, 10*time.Millisecond)
			r, err := gateways[1].Runs().Find(t.Context(), run.Key{Team: (&run.Agent{Team: "0"}).TeamKey(), ID: "nightly"})
			require.NoError(t, err)
			assert.EqualValues(t, 10, r.Steps)
			for _, gw := range gateways {
				require.NoError(t, gw.Close(context.Background())) // which delivers what waits
			}
			assert.EqualValues(t, 1, alerts.Load())
		})
	}
}

// BenchmarkReplicas is a call through one gateway and through two, which share a store:
// one call after the other, and many at once. The policy has a budget for each run, one
// for the team, and a rate; where the store keeps an audit trail, there is one. All of
// it is on this machine, the servers too.
func BenchmarkReplicas(b *testing.B) {
	const text = `{"name":"bench","budgets":[{"name":"usd","per":"run","limit_usd":"9000000"},{"name":"daily","per":"team","limit_usd":"9000000","window":"day"}],
		"rate_limits":[{"name":"rpm","per":"run","requests":1000000000,"window":"1m","burst":1000000000}]}`
	memory := place{"memory", func(testing.TB) func(testing.TB, *gateway.Config) { return func(testing.TB, *gateway.Config) {} }}
	for _, at := range append([]place{memory}, places...) {
		b.Run("store="+at.name, func(b *testing.B) {
			join := at.open(b)
			var gateways []*gateway.Gateway
			for range 2 {
				gateways = append(gateways, newGateway(b, text, join))
			}
			require.Eventually(b, func() bool {
				return gateways[0].Ready(context.Background()) == nil && gateways[1].Ready(context.Background()) == nil
			}, 30*time.Second, 10*time.Millisecond)
			b.Run("one after the other", func(b *testing.B) {
				for b.Loop() {
					pass(b, gateways[0], 0, "serial")
				}
			})
			b.Run("at once/gateways=1", func(b *testing.B) { crowd(b, gateways[:1]) })
			if at.name != memory.name { // where two share nothing
				b.Run("at once/gateways=2", func(b *testing.B) { crowd(b, gateways) })
			}
		})
	}
}

// crowd has 32 agents of eight teams call at the same time, each in a run of its own,
// and reports how many calls there are in a second.
func crowd(b *testing.B, gateways []*gateway.Gateway) {
	var agents atomic.Int64
	b.SetParallelism(32 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		n := int(agents.Add(1))
		team, gw := n%len(tokens), gateways[n/len(tokens)%len(gateways)]
		for pb.Next() {
			pass(b, gw, team, fmt.Sprint("run ", n))
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func pass(b *testing.B, gw http.Handler, team int, runID string) {
	if status := call(gw, team, runID); status != http.StatusOK {
		b.Error("status", status)
	}
}
