package gateway_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
)

func TestBodyThatDoesNotCome(t *testing.T) {
	limit := func(c *gateway.Config) { c.Limits.BodyTimeout = 400 * time.Millisecond }
	body := func(rest string) (io.Reader, io.Closer) {
		from, to := io.Pipe()
		go func() {
			io.WriteString(to, `{"model":"gpt-4o-mini","messages":[`)
			if rest != "" {
				io.WriteString(to, rest)
				to.Close()
			}
		}()
		return from, to
	}
	send := func(t *testing.T, b *rig, rest string) *http.Response {
		from, end := body(rest)
		t.Cleanup(func() { end.Close() })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		t.Cleanup(cancel)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL+"/v1/chat/completions", from)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+b.Token)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	read := func(t *testing.T, resp *http.Response) *reply {
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return &reply{Response: resp, Body: string(text)}
	}
	t.Run("is given up", func(t *testing.T) {
		b := newRig(t, "", limit)
		e := b.Refused(read(t, send(t, b, "")), http.StatusBadRequest, "invalid_request")
		require.Equal(t, "Rungate: the body did not come to its end within 400ms.", e["message"])
	})
	t.Run("and one that has come is answered, however long that takes", func(t *testing.T) {
		b := newRig(t, "", limit)
		late := make(chan struct{})
		b.Provider.Answer(func(w http.ResponseWriter, _ *http.Request) {
			<-late
			io.WriteString(w, chatAnswer)
		})
		time.AfterFunc(600*time.Millisecond, func() { close(late) })
		require.Equal(t, chatAnswer, read(t, send(t, b, "]}")).Body)
	})
}
