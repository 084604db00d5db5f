package gateway_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/internal/sse"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/anthropic"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/run"
)

// Whatever a provider streams, under a policy that allows no tool what reaches the
// agent calls none.
func FuzzJudgedStream(f *testing.F) {
	for i := range apis {
		for _, calls := range [][]proposed{{look}, {look, largeRefund}, {shell, shell}} {
			call := apis[i].streaming(calls...)
			f.Add(i, call.text(), 100)
			f.Add(i, call.before+call.calls[0]+call.end, 1)
			f.Add(i, strings.TrimSuffix(call.text(), "\n"), 17)
		}
		f.Add(i, apis[i].text(), 50)
	}
	var rt inPieces
	rt.ResponseHeader = http.Header{"Content-Type": {"text/event-stream"}}
	engine, _ := policies(f, `{"name":"prod","tools":{"deny":["*"]}}`)
	l := newLab(f, &rt, engine)
	f.Fuzz(func(t *testing.T, of int, text string, size int) {
		if of < 0 || of >= len(apis) || size <= 0 || len(text)/size > 1000 {
			return
		}
		a := &apis[of]
		rt.pieces = nil
		for rest := []byte(text); len(rest) > 0; {
			n := min(size, len(rest))
			rt.pieces, rest = append(rt.pieces, rest[:n]), rest[n:]
		}
		ctx := run.NewContext(t.Context(), run.Ref{Agent: "alice", ID: "r"})
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.path, strings.NewReader(a.call))
		require.NoError(t, err)
		w := newSheet(t)
		l.Gateway.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			return
		}
		calls, open := heardCalls(t, a, w.body.Bytes())
		require.Empty(t, calls, "%q", w.body.String())
		require.False(t, open, "part of a call in %q", w.body.String())
	})
}

// heardCalls reads the calls in a stream as the agent has got it, and whether one
// is left open.
func heardCalls(t *testing.T, a *api, stream []byte) (all []provider.ToolCall, open bool) {
	t.Helper()
	var d provider.Dialect = openai.Dialect{}
	if a.name == "messages" {
		d = anthropic.Dialect{}
	}
	reader := d.Calls(&provider.Request{Endpoint: provider.Endpoint(a.name)})
	var s sse.Splitter
	require.NoError(t, s.Feed(append(bytes.Clone(stream), "\n\n"...)))
	for e, ok := s.Next(); ok; e, ok = s.Next() {
		var calls []provider.ToolCall
		var err error
		calls, open, err = reader.Event(e.Name, e.Data)
		require.NoError(t, err)
		all = append(all, calls...)
	}
	return all, open
}
