package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/run"
)

// An agent that does not take the answer that is delivered to it is given up.
func TestSlowToTakeADelivery(t *testing.T) {
	a := of("chat")
	large := a.calling(proposed{"issue_refund", `{"order":"` + strings.Repeat("x", 16<<20) + `","amount_usd":1240}`})
	for name, limit := range map[string]time.Duration{"given up": 100 * time.Millisecond, "in time": time.Minute} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t, approvingBy(`{}`), func(cfg *gateway.Config) { cfg.Limits.StreamIdleTimeout = limit })
			b.Provider.Answer(whole(large))
			require.Equal(t, 202, b.Post(a.path, a.declares(false), "X-Rungate-Run-Id: r").StatusCode)
			gates, err := b.Gateway.Gates().List(t.Context(), run.GateQuery{N: 1})
			require.NoError(t, err)
			_, err = b.Gateway.Gates().Decide(t.Context(), gates[0].ID, run.Verdict{Approve: true, By: "carol"})
			require.NoError(t, err)

			conn, err := net.Dial("tcp", strings.TrimPrefix(b.URL, "http://"))
			require.NoError(t, err)
			defer conn.Close()
			body := a.declares(false)
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nX-Rungate-Run-Id: r\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", a.path, b.Token, len(body), body)
			if limit == time.Minute {
				got, err := io.ReadAll(conn)
				require.NoError(t, err)
				assert.True(t, strings.HasSuffix(string(got), large))
				return
			}
			_, err = io.ReadFull(conn, make([]byte, 1)) // it has begun
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			require.NoError(t, b.Gateway.Close(ctx), "the call has ended")
			got, _ := io.ReadAll(conn)
			assert.Less(t, len(got), len(large))
		})
	}
}
