package gateway_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// Notifiers are told what the observer is told; one that fails is told again, and
// keeps nothing from the others and from the calls.
func TestNotifiers(t *testing.T) {
	a := of("chat")
	told, late := &events{}, &events{}
	gated(t, `{}`, sends(false, a.refunding(false, largeRefund)), func(t *testing.T, l *gateLab) {
		began := time.Now()
		pending(t, l.Post(a.path, a.declares(false)))
		l.Decide(true)
		require.Equal(t, 200, l.Post(a.path, a.declares(false)).StatusCode)
		assert.Zero(t, time.Since(began), "no call waits for a notifier")
		synctest.Wait()
		want := []run.EventType{run.RunStarted, run.ApprovalPending, run.ApprovalApproved}
		assert.Equal(t, want, l.Events.Types())
		assert.Equal(t, want, told.Types())
		assert.Empty(t, late.Types())
		pass(notify.FirstWait)
		synctest.Wait()
		assert.Equal(t, want, late.Types())
	}, func(cfg *gateway.Config) {
		failed := false
		cfg.Notifiers = []notify.Notifier{
			notify.NotifierFunc(func(ctx context.Context, e *run.Event) error {
				if !failed {
					failed = true
					return errors.New("busy")
				}
				late.Event(ctx, e)
				return nil
			}),
			notify.NotifierFunc(func(ctx context.Context, e *run.Event) error {
				told.Event(ctx, e)
				return nil
			}),
		}
	})
}

// Close waits until notifiers have been told what has happened, or its context is
// done.
func TestCloseWaitsForNotifiers(t *testing.T) {
	const busy = 10 * time.Second
	for _, tt := range []struct {
		name     string
		patience time.Duration
		told     bool
	}{
		{"long enough", time.Minute, true},
		{"too short", time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := of("chat")
			told := false
			inBubble(t, a.answer(), func(t *testing.T, l *lab) {
				l.Post(a.path, a.call)
				ctx, cancel := context.WithTimeout(t.Context(), tt.patience)
				defer cancel()
				err := l.Gateway.Close(ctx)
				assert.Equal(t, tt.told, err == nil, "%v", err)
				assert.Equal(t, tt.told, told)
			}, func(cfg *gateway.Config) {
				cfg.Notifiers = []notify.Notifier{notify.NotifierFunc(func(ctx context.Context, _ *run.Event) error {
					select {
					case <-time.After(busy):
						told = true
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				})}
			})
		})
	}
}

// checked is a Notifier that knows what is wrong with it.
type checked struct{ notify.NotifierFunc }

func (checked) Check() error { return errors.New("the URL is missing") }

func TestNotifiersAreChecked(t *testing.T) {
	_, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: openAIKey}},
		Policy:    policy.AllowAll,
		Notifiers: []notify.Notifier{nil, notify.Filter{Events: []string{"approval.*"}, Notifier: checked{}}},
	})
	assert.EqualError(t, err, "gateway: Config.Notifiers[0]: there is no notifier\ngateway: Config.Notifiers[1]: the URL is missing")
}
