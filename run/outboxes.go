package run

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Outboxes are one Outbox, where the journal and the ledger are different back ends.
// What is in different ones of them has no order. While one does not answer, the
// messages of the others are taken.
type Outboxes []Outbox

// Subscribe implements Outbox. Those that answer keep the events, whatever others do.
func (os Outboxes) Subscribe(ctx context.Context, name string, types []EventType, at, until time.Time) error {
	var failed error
	for _, o := range os {
		failed = errors.Join(failed, o.Subscribe(ctx, name, types, at, until))
	}
	return failed
}

// TakeMessages implements Outbox. There is an error only where there are no messages.
func (os Outboxes) TakeMessages(ctx context.Context, name string, n int, at, until time.Time) ([]Message, error) {
	if len(os) == 0 {
		return nil, nil
	}
	var all []Message
	var failed error
	first := rand.IntN(len(os)) // so that none has to wait until another is empty
	for k := range os {
		i := (first + k) % len(os)
		if len(all) == n {
			break
		}
		got, err := os[i].TakeMessages(ctx, name, n-len(all), at, until)
		failed = errors.Join(failed, err)
		for _, m := range got {
			m.ID = prefix(i) + m.ID
			all = append(all, m)
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	return nil, failed
}

// EndMessage implements Outbox.
func (os Outboxes) EndMessage(ctx context.Context, m *Message, o *Outcome) error {
	for i := range os {
		if id, ok := strings.CutPrefix(m.ID, prefix(i)); ok {
			own := *m
			own.ID = id
			return os[i].EndMessage(ctx, &own, o)
		}
	}
	return nil // there is no such message
}

// prefix begins the IDs of the messages of an outbox.
func prefix(i int) string { return strconv.Itoa(i) + ":" }

// DeadMessages implements Outbox.
func (os Outboxes) DeadMessages(ctx context.Context, n int) ([]DeadMessage, error) {
	var all []DeadMessage
	for i, o := range os {
		dead, err := o.DeadMessages(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, m := range dead {
			m.ID = prefix(i) + m.ID
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b DeadMessage) int { return b.At.Compare(a.At) })
	return all[:min(n, len(all))], nil
}

// ReviveMessages implements Outbox.
func (os Outboxes) ReviveMessages(ctx context.Context, event string, at time.Time) error {
	var failed error
	known := false
	for _, o := range os {
		err := o.ReviveMessages(ctx, event, at)
		if known = known || err == nil; err != nil && !errors.Is(err, ErrNoMessage) {
			failed = errors.Join(failed, err)
		}
	}
	if failed == nil && !known {
		return ErrNoMessage
	}
	return failed
}
