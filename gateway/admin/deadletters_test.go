package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/internal/outbox"
	"github.com/rungate/rungate/run"
)

// receiver is a notifier of approvals that may be away.
type receiver struct {
	name string
	away bool
	told []string // IDs of gates
}

func (r *receiver) String() string { return r.name }

func (r *receiver) Wants(t run.EventType) bool { return t == run.ApprovalPending }

func (r *receiver) Notify(_ context.Context, e *run.Event) error {
	if r.away {
		return errors.New(r.name + " is away")
	}
	r.told = append(r.told, e.Gate.ID)
	return nil
}

// What a notifier could not be told is listed, and sent again to that notifier.
func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slack, hook := &receiver{name: "slack"}, &receiver{name: "hook", away: true}
		d := newDesk(t, func(c *gateway.Config) { c.Notifiers = []notify.Notifier{slack, hook} })
		assert.JSONEq(t, `{"dead_letters":[]}`, d.Do("GET", "/v1/webhooks/dead-letters", "").Body)
		g := d.Open(d.Run("nightly"), refund("a"))
		time.Sleep(2*notify.LastWait - notify.FirstWait) // all waits
		synctest.Wait()
		died := time.Now()
		time.Sleep(time.Hour)

		r := d.Do("GET", "/v1/webhooks/dead-letters", "")
		require.Equal(t, 200, r.Code, r.Body)
		letters := r.JSON["dead_letters"].([]any)
		require.Len(t, letters, 1)
		id := letters[0].(map[string]any)["id"].(string)
		assert.Equal(t, map[string]any{
			"id": id, "event": "approval.pending", "team": "team:ops", "run_id": "nightly",
			"notifier": "hook", "tries": 10., "error": "hook is away", "since": died.UTC().Format(time.RFC3339Nano),
		}, letters[0])

		hook.away = false
		r = d.Do("POST", "/v1/webhooks/dead-letters/"+id+"/resend", "")
		assert.Equal(t, 200, r.Code)
		assert.Equal(t, map[string]any{"id": id}, r.JSON)
		synctest.Wait()
		assert.Equal(t, []string{g.ID}, hook.told)
		assert.Equal(t, []string{g.ID}, slack.told, "who has got it does not get it again")
		assert.JSONEq(t, `{"dead_letters":[]}`, d.Do("GET", "/v1/webhooks/dead-letters", "").Body)
		d.Refused(d.Do("POST", "/v1/webhooks/dead-letters/"+id+"/resend", ""), 404, "dead_letter_not_found")
	})
}

// What cannot be sent again stays a dead letter.
func TestResendRefused(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(d *desk)
		code    string
	}{
		"too much waits": {func(d *desk) {
			r := d.Run("other")
			for range notify.MaxQueued {
				e := run.Event{Type: run.ApprovalPending, At: time.Now(), Run: r, Gate: &run.Gate{ID: "gate_other"}}
				d.Gateway.Notifications().Event(context.Background(), &e)
			}
		}, "overloaded"},
		"the gateway closes": {func(d *desk) { require.NoError(d.t, d.Gateway.Close(context.Background())) }, "shutting_down"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hook := &receiver{name: "hook", away: true}
				d := newDesk(t, func(c *gateway.Config) { c.Notifiers = []notify.Notifier{hook} })
				d.Open(d.Run("nightly"), refund("a"))
				time.Sleep(2 * notify.LastWait)
				letters, err := d.Gateway.Notifications().DeadLetters(t.Context())
				require.NoError(t, err)
				id := letters[0].ID
				c.happens(d)
				d.Refused(d.Do("POST", "/v1/webhooks/dead-letters/"+id+"/resend", ""), 503, c.code)
				assert.Contains(t, d.Do("GET", "/v1/webhooks/dead-letters", "").Body, id)
			})
		})
	}
}

// What another gateway could not deliver is listed here and sent again by whoever is
// asked to.
func TestDeadLettersOfOtherGateways(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &sharedOutbox{Memory: outbox.NewMemory(slog.New(slog.DiscardHandler))}
		d := newDesk(t, func(c *gateway.Config) { c.Outbox = o })
		other := notify.NewDispatcher(o, nil, &receiver{name: "hook", away: true})
		e := &run.Event{Type: run.ApprovalPending, At: time.Now(), Run: run.Run{Key: run.Key{Team: "team:ops", ID: "nightly"}}, Gate: &run.Gate{ID: "gate_1"}}
		o.Add(e, time.Now())
		time.Sleep(time.Hour)
		require.NoError(t, other.Close(t.Context()))

		r := d.Do("GET", "/v1/webhooks/dead-letters", "")
		require.Equal(t, 200, r.Code, r.Body)
		require.Len(t, r.JSON["dead_letters"], 1)
		letter := r.JSON["dead_letters"].([]any)[0].(map[string]any)
		assert.Equal(t, e.ID(), letter["id"])
		assert.Equal(t, "hook", letter["notifier"])

		o.away = true
		d.Refused(d.Do("GET", "/v1/webhooks/dead-letters", ""), 503, "store_unavailable")
		d.Refused(d.Do("POST", "/v1/webhooks/dead-letters/"+e.ID()+"/resend", ""), 503, "store_unavailable")
		o.away = false
		require.Equal(t, 200, d.Do("POST", "/v1/webhooks/dead-letters/"+e.ID()+"/resend", "").Code)
		hook := &receiver{name: "hook"}
		notify.NewDispatcher(o, nil, hook)
		synctest.Wait()
		assert.Equal(t, []string{"gate_1"}, hook.told)
	})
}

// A sharedOutbox may be away.
type sharedOutbox struct {
	*outbox.Memory
	away bool
}

func (o *sharedOutbox) DeadMessages(ctx context.Context, n int) ([]run.DeadMessage, error) {
	if o.away {
		return nil, errAway
	}
	return o.Memory.DeadMessages(ctx, n)
}

func (o *sharedOutbox) ReviveMessages(ctx context.Context, event string, at time.Time) error {
	if o.away {
		return errAway
	}
	return o.Memory.ReviveMessages(ctx, event, at)
}
