package gateway_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the audit trail is owed when the gateway has to end is not lost without a trace:
// the log has it, as it has the amounts that the store could not be told.
func TestWhatTheTrailIsOwedInTheEndIsLogged(t *testing.T) {
	d := newDiary(t)
	inBubble(t, whole(claudeAnswer), func(t *testing.T, l *lab) {
		d.Fail("call.ended")
		require.Equal(t, 200, l.Post("/v1/messages", claudeCall).StatusCode)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.Error(t, l.Gateway.Close(ctx))
		assert.Contains(t, l.Logged(), `input_tokens`)
		d.Fail("")
	}, d.on)
}
