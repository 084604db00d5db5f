package roundtrip_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// The run of a call is said by its context, or by its headers.
func TestRef(t *testing.T) {
	ops := func(id string) run.Key { return run.Key{Team: "team:ops", ID: id} }
	both(t, []property{
		{"by the context", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			ctx := run.NewContext(t.Context(), run.Ref{Agent: "alice", ID: "nightly", User: "u1", Tags: []string{"a", "b"}, Policy: "spare"})
			resp, err := s.rt.RoundTrip(s.Request(ctx, "/v1/chat/completions", chatCall))
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, "nightly", resp.Header.Get("X-Rungate-Run-Id"))
			r, err := s.Gateway.Runs().Find(t.Context(), ops("nightly"))
			require.NoError(t, err)
			assert.Equal(t, "alice", r.Agent)
			assert.Equal(t, "u1", r.User)
			assert.Equal(t, []string{"a", "b"}, r.Tags)
			assert.Equal(t, "spare", r.Policy.Name)
		}},
		{"a new run", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			for _, want := range []string{"nightly", "nightly.2", "nightly.3"} {
				ctx := run.NewContext(t.Context(), run.Ref{Agent: "alice", ID: "nightly", NewRun: true})
				resp, err := s.rt.RoundTrip(s.Request(ctx, "/v1/chat/completions", chatCall))
				require.NoError(t, err)
				resp.Body.Close()
				assert.Equal(t, want, resp.Header.Get("X-Rungate-Run-Id"))
			}
		}},
		{"by headers, which win", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			ctx := run.NewContext(t.Context(), run.Ref{Agent: "alice", ID: "nightly", User: "u1", NewRun: true, Tags: []string{"a"}, Policy: "spare"})
			for range 2 {
				req := s.Request(ctx, "/v1/chat/completions", chatCall)
				req.Header.Set("X-Rungate-Run-Id", "daily")
				req.Header.Set("X-Rungate-New-Run", "false")
				req.Header.Set("X-Rungate-Tags", "c,d")
				resp, err := s.rt.RoundTrip(req)
				require.NoError(t, err)
				resp.Body.Close()
				assert.Equal(t, "daily", resp.Header.Get("X-Rungate-Run-Id"))
			}
			r, err := s.Gateway.Runs().Find(t.Context(), ops("daily"))
			require.NoError(t, err)
			assert.Equal(t, "u1", r.User, "what the headers do not say, the context does")
			assert.Equal(t, []string{"c", "d"}, r.Tags)
			assert.Equal(t, "spare", r.Policy.Name)
		}},
		{"malformed", func(t *testing.T, serve serve) {
			s := serve(func(http.ResponseWriter, *http.Request) { assert.Fail(t, "forwarded") })
			for _, ref := range []run.Ref{{ID: strings.Repeat("x", 257)}, {User: "a\r\nb"}, {Tags: []string{"a,b"}}} {
				ref.Agent = "alice"
				resp, err := s.rt.RoundTrip(s.Request(run.NewContext(t.Context(), ref), "/v1/chat/completions", chatCall))
				if _, local := s.rt.(*roundtrip.Remote); local {
					var malformed *run.DirectiveError
					assert.ErrorAs(t, err, &malformed)
					continue
				}
				require.NoError(t, err)
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				assert.Equal(t, 400, resp.StatusCode)
				assert.Contains(t, string(body), `"code":"invalid_directive"`)
			}
		}},
		{"a header that is malformed, beside a context that is not", func(t *testing.T, serve serve) {
			s := serve(whole(chatAnswer))
			req := s.Request(alice(t.Context(), "r"), "/v1/chat/completions", chatCall)
			req.Header.Set("X-Rungate-New-Run", "perhaps")
			resp, err := s.rt.RoundTrip(req)
			require.NoError(t, err)
			resp.Body.Close()
			assert.Equal(t, 400, resp.StatusCode)
			assert.Same(t, req, resp.Request)
		}},
	})
	t.Run("without either it is the default agent's automatic run", func(t *testing.T) {
		s := inProcess(t, whole(chatAnswer))
		var ids []string
		for range 2 {
			resp, err := s.rt.RoundTrip(s.Request(t.Context(), "/v1/chat/completions", chatCall))
			require.NoError(t, err)
			resp.Body.Close()
			ids = append(ids, resp.Header.Get("X-Rungate-Run-Id"))
		}
		assert.Equal(t, ids[0], ids[1])
		r, err := s.Gateway.Runs().Find(t.Context(), run.Key{Team: "agent:" + run.DefaultAgent, ID: ids[0]})
		require.NoError(t, err)
		assert.EqualValues(t, 2, r.Steps)
	})
	t.Run("a context that names no agent is the default agent's", func(t *testing.T) {
		s := inProcess(t, whole(chatAnswer))
		resp, err := s.rt.RoundTrip(s.Request(run.NewContext(t.Context(), run.Ref{ID: "r"}), "/v1/chat/completions", chatCall))
		require.NoError(t, err)
		resp.Body.Close()
		_, err = s.Gateway.Runs().Find(t.Context(), run.Key{Team: "agent:" + run.DefaultAgent, ID: "r"})
		assert.NoError(t, err)
	})
	t.Run("an agent that is not known", func(t *testing.T) {
		s := inProcess(t, whole(chatAnswer))
		resp, err := s.rt.RoundTrip(s.Request(run.NewContext(t.Context(), run.Ref{Agent: "mallory"}), "/v1/chat/completions", chatCall))
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, 401, resp.StatusCode)
	})
}
