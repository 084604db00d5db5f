package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// An entry is there before what it is about: the provider finds that its call is
// allowed, the agent that its refusal, its answer and its gate are written down.
func TestAuditComesFirst(t *testing.T) {
	for _, a := range apis {
		for _, streamed := range []bool{false, true} {
			t.Run(a.name+map[bool]string{false: "/whole", true: "/stream"}[streamed], func(t *testing.T) {
				d := newDiary(t)
				last := func() string { all := d.Types(); return all[len(all)-1] }
				calls := []proposed{smallRefund}
				gated(t, `{}`, func(w http.ResponseWriter, r *http.Request) {
					assert.Equal(t, "call.allowed", last(), "when the provider is called")
					sends(streamed, a.refunding(streamed, calls...))(w, r)
				}, func(t *testing.T, l *gateLab) {
					watched := &watchedWriter{first: func() string { return strings.Join(d.Types(), " ") }}
					serve := func(body string) string {
						watched.reset()
						l.Gateway.ServeHTTP(watched, l.Request(context.Background(), a.path, body))
						return watched.seen
					}
					assert.True(t, strings.HasSuffix(serve(a.declares(streamed)), "call.allowed answer.allowed call.ended"), watched.seen)
					calls = []proposed{shell}
					assert.True(t, strings.HasSuffix(serve(a.declares(streamed)), "call.allowed answer.refused call.ended"), watched.seen)
					calls = []proposed{largeRefund}
					assert.True(t, strings.HasSuffix(serve(a.declares(streamed)), "call.allowed call.ended gate.opened"), watched.seen)
					l.Decide(true)
					assert.True(t, strings.HasSuffix(serve(a.declares(streamed)), "gate.approved gate.used"), watched.seen)
				}, d.on)
			})
		}
	}
}

// A watchedWriter looks when the agent gets the first byte.
type watchedWriter struct {
	header http.Header
	seen   string
	first  func() string
}

func (w *watchedWriter) reset()              { w.header, w.seen = http.Header{}, "" }
func (w *watchedWriter) Header() http.Header { return w.header }
func (w *watchedWriter) WriteHeader(int) {
	if w.seen == "" {
		w.seen = w.first()
	}
}
func (w *watchedWriter) Write(p []byte) (int, error) { w.WriteHeader(200); return len(p), nil }
func (w *watchedWriter) Flush()                      {}

// What cannot be written down does not happen: the call is refused as when the store
// is down, and goes through when the trail takes it again.
func TestAuditFails(t *testing.T) {
	for name, c := range map[string]struct {
		fails     string
		calls     []proposed
		document  string
		forwarded int64
		later     int // status, when the trail is back
	}{
		"that a run has started": {fails: "run.started", later: 200},
		"that a call is allowed": {fails: "call.allowed", later: 200},
		"that a call is refused": {fails: "call.refused", document: `{"name":"p","models":{"deny":["*"]}}`, later: 403},
		"that a run is blocked":  {fails: "run.blocked", document: `{"name":"p","rules":[{"name":"never","then":"block"}]}`, later: 403},
		"that an answer passes":  {fails: "answer.allowed", calls: []proposed{smallRefund}, forwarded: 1, later: 200},
		"that it does not":       {fails: "answer.refused", calls: []proposed{largeRefund}, forwarded: 1, later: 403},
	} {
		for _, a := range apis {
			t.Run(name+"/"+a.name, func(t *testing.T) {
				d := newDiary(t)
				document := judging
				if c.document != "" {
					document = c.document
				}
				var n atomic.Int64
				b := newRig(t, document, d.on)
				b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
					n.Add(1)
					whole(a.calling(append(c.calls, look)...))(w, r)
				})
				d.Fail(c.fails)
				for range 2 {
					n.Store(0)
					r := b.Post(a.path, a.whole(), nightly)
					assert.Equal(t, 503, r.StatusCode, r.Body)
					assert.Contains(t, r.Body, `"code":"store_unavailable"`)
					assert.Equal(t, "true", r.Header.Get("X-Should-Retry"))
					assert.NotContains(t, r.Body, errTrail.Error())
					assert.NotContains(t, r.Body, "issue_refund")
					assert.EqualValues(t, c.forwarded, n.Load())
				}
				d.Fail("")
				r := b.PostLater(a.path, a.whole(), nightly)
				assert.Equal(t, c.later, r.StatusCode, r.Body)
				types := strings.Join(d.Types(), " ")
				assert.Contains(t, types, c.fails)
				assert.Equal(t, 1, strings.Count(types, "run.started"), types)
			})
		}
	}
}

// What has happened and could not be written is written before anything else is.
func TestAuditIsOwed(t *testing.T) {
	d := newDiary(t)
	b := newRig(t, "", d.on)
	b.Provider.Answer(whole(chatAnswer))
	d.Fail("call.ended")
	r := b.Post("/v1/chat/completions", chatCall, nightly)
	require.Equal(t, 200, r.StatusCode, "it is made and paid for")
	for range 3 {
		require.Equal(t, 503, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	}
	assert.Equal(t, []string{"run.started", "call.allowed"}, d.Types())
	d.Fail("")
	require.Equal(t, 200, b.PostLater("/v1/chat/completions", chatCall, nightly).StatusCode)
	assert.Equal(t, []string{"run.started", "call.allowed", "call.ended", "call.allowed", "call.ended"}, d.Types())
}

// An approval is not used as long as that cannot be written down, and not lost.
func TestAuditOfUseFails(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		for _, fails := range []string{"gate.opened", "gate.used"} {
			t.Run(fmt.Sprint(fails, streamed), func(t *testing.T) {
				d, a := newDiary(t), apis[1]
				answer := a.refunding(streamed, largeRefund)
				gated(t, `{}`, sends(streamed, answer), func(t *testing.T, l *gateLab) {
					body := a.declares(streamed)
					d.Fail(fails)
					if r := l.Post(a.path, body); fails == "gate.opened" {
						require.Equal(t, 503, r.StatusCode)
						require.Equal(t, 503, l.Post(a.path, body).StatusCode)
						d.Fail("")
						pass(10 * time.Second)
						pending(t, l.Post(a.path, body))
					}
					l.Decide(true)
					if fails == "gate.used" {
						r := l.Post(a.path, body)
						require.Equal(t, 503, r.StatusCode)
						assert.NotContains(t, r.Body, "issue_refund")
						assert.Equal(t, run.GateApproved, l.Gate().Status)
						d.Fail("")
						pass(10 * time.Second)
					}
					r := l.Post(a.path, body)
					require.Equal(t, 200, r.StatusCode)
					assert.Equal(t, answer, r.Body)
					want := []string{"run.started", "call.allowed", "call.ended", "gate.opened", "gate.approved", "gate.used"}
					if fails == "gate.used" { // the call that could not use it
						want = slices.Insert(want, 5, "call.refused")
					}
					assert.Equal(t, want, d.Types())
					assert.EqualValues(t, 1, l.forwarded.Load())
				}, d.on)
			})
		}
	}
}

// Calls that come at the same time are all written down; those of a trail that fails
// now and then are not made while it does.
func TestAuditCrowd(t *testing.T) {
	d := newDiary(t)
	var forwarded atomic.Int64
	b := newRig(t, `{"name":"p","models":{"deny":["no"]}}`, d.on)
	b.Provider.Answer(func(w http.ResponseWriter, r *http.Request) {
		forwarded.Add(1)
		whole(chatAnswer)(w, r)
	})
	var wg sync.WaitGroup
	var made, refused atomic.Int64
	for i := range 16 {
		wg.Go(func() {
			for j := range 25 {
				model := "gpt-4.1"
				if j%5 == 0 {
					model = "no"
				}
				r := b.Post("/v1/chat/completions", fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"%d %d"}]}`, model, i, j), fmt.Sprint("x-rungate-run-id: r", i%4))
				switch r.StatusCode {
				case 200:
					made.Add(1)
				case 403:
					refused.Add(1)
				default:
					assert.Equal(t, 503, r.StatusCode)
				}
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			d.Fail("call.")
			time.Sleep(time.Millisecond)
			d.Fail("")
			time.Sleep(5 * time.Millisecond)
		}
	})
	wg.Wait()
	require.Equal(t, 200, b.PostLater("/v1/chat/completions", chatCall, nightly).StatusCode, "which pays what is owed")
	count := map[string]int64{}
	for _, e := range d.All() {
		count[e.Members["type"].(string)]++
		if e.Members["code"] == "policy_violation" {
			count["denied"]++
		}
	}
	assert.Equal(t, forwarded.Load(), count["call.allowed"])
	assert.Equal(t, forwarded.Load(), count["call.ended"])
	assert.Equal(t, made.Load()+1, count["call.allowed"])
	assert.Equal(t, refused.Load(), count["denied"], "the others are for want of a trail")
	assert.EqualValues(t, 5, count["run.started"])
}

// A trail that hangs is given up like a store that does.
func TestAuditHangs(t *testing.T) {
	d := newDiary(t)
	a := apis[0]
	gated(t, `{}`, ofProvider(a.calling(look)), func(t *testing.T, l *gateLab) {
		require.Equal(t, 200, l.Post(a.path, a.declares(false)).StatusCode)
		d.Hang(true)
		for range 3 {
			began := time.Now()
			require.Equal(t, 503, l.Post(a.path, a.declares(false)).StatusCode)
			assert.LessOrEqual(t, time.Since(began), 500*time.Millisecond)
		}
		require.Error(t, l.Gateway.Ready(t.Context()))
		assert.EqualValues(t, 1, l.forwarded.Load())
		d.Hang(false)
		pass(10 * time.Second)
		require.NoError(t, l.Gateway.Ready(t.Context()))
		require.Equal(t, 200, l.Post(a.path, a.declares(false)).StatusCode)
	}, d.on)
}

// Where the policy lets calls pass that cannot be decided about, it lets those pass
// that cannot be written down; that is done later, and says so.
func TestAuditOfUngovernedCalls(t *testing.T) {
	d := newDiary(t)
	b := newRig(t, `{"name":"p","models":{"deny":["no"]},"on_store_error":"allow"}`, d.on)
	b.Provider.Answer(whole(chatAnswer))
	d.Fail("call.")
	require.Equal(t, 200, b.Post("/v1/chat/completions", chatCall, nightly).StatusCode)
	require.Equal(t, 403, b.Post("/v1/chat/completions", strings.Replace(chatCall, "gpt-4.1", "no", 1), nightly).StatusCode, "what is refused is refused all the same")
	assert.Equal(t, []string{"run.started"}, d.Types())
	d.Fail("")
	require.Eventually(t, func() bool {
		b.Post("/v1/chat/completions", chatCall, nightly)
		return len(d.All()) > 4
	}, 20*time.Second, 50*time.Millisecond)
	all := d.All()
	for i, want := range []string{"run.started", "call.allowed", "call.ended", "call.refused"} {
		assert.Equal(t, want, all[i].Members["type"])
		assert.Equal(t, i > 0, all[i].Members["ungoverned"] == true, want)
	}
}

// Without a trail nothing is written, and a Config that asks for contents is refused.
func TestCaptureNeedsATrail(t *testing.T) {
	_, err := gateway.New(gateway.Config{Capture: gateway.Capture{Bytes: 10}})
	require.Error(t, err)
	assert.ErrorContains(t, err, "gateway: Config.Capture: there is no Trail to keep anything in")
	assert.ErrorContains(t, err, "gateway: Config.Capture.Redact: is nil; one that returns what it is given keeps everything")
	_, err = gateway.New(gateway.Config{Capture: gateway.Capture{Bytes: -1}})
	assert.ErrorContains(t, err, "gateway: Config.Capture.Bytes: is negative")
	_, err = gateway.New(gateway.Config{Capture: gateway.Capture{Bytes: 1 << 30}})
	assert.ErrorContains(t, err, "gateway: Config.Capture.Bytes: is more than 8388608")
}
