package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

// However large the contents are that a trail is owed: what is kept of them in memory is
// bounded.
func TestWhatATrailIsOwedIsBoundedInBytes(t *testing.T) {
	const size = 7 << 20
	d := newDiary(t)
	inBubble(t, whole(claudeAnswer), func(t *testing.T, l *lab) {
		body := strings.Replace(claudeCall, `{`, fmt.Sprintf(`{"metadata":{"user_id":"%s"},`, strings.Repeat("x", size)), 1)
		d.Fail("call.")
		for range 9 {
			require.Equal(t, 200, l.Post("/v1/messages", body).StatusCode)
		}
		assert.NotContains(t, l.Logged(), "too many wait")
		require.Equal(t, 200, l.Post("/v1/messages", body).StatusCode)
		assert.Contains(t, l.Logged(), "audit entry lost; too many wait")
		d.Fail("")
	}, d.on, func(cfg *gateway.Config) {
		cfg.Policy = mustSet(t, `{"name":"p","on_store_error":"allow"}`)
		cfg.Capture = gateway.Capture{Bytes: 8 << 20, Redact: all}
	})
}
