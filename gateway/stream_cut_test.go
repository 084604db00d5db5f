package gateway_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/internal/recordings"
	"github.com/rungate/rungate/run"
)

// cut is a transport whose provider's answer comes in two reads, cut at a byte.
type cut struct {
	header http.Header
	answer []byte
	at     int
}

func (c *cut) RoundTrip(r *http.Request) (*http.Response, error) {
	io.Copy(io.Discard, r.Body)
	r.Body.Close()
	pieces := &pieces{c.answer[:c.at], c.answer[c.at:]}
	return &http.Response{StatusCode: 200, Header: c.header, ContentLength: -1, Body: io.NopCloser(pieces)}, nil
}

// pieces reads as the pieces it is made of.
type pieces [][]byte

func (p *pieces) Read(b []byte) (int, error) {
	for len(*p) > 0 && len((*p)[0]) == 0 {
		*p = (*p)[1:]
	}
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	(*p)[0] = (*p)[0][n:]
	return n, nil
}

// However the network cuts a recorded answer, the agent gets its bytes and the
// run is billed the same.
func TestStreamCutAnywhere(t *testing.T) {
	for _, name := range []string{
		"openai.chat/genai-genstream-maxtokens-0",
		"anthropic.messages/genai-genstream-maxtokens-0-2",
		"openai.responses/fantasy-multi-tool-streaming-0",
		"openai.chat/fantasy-simple-0",
		"anthropic.messages/fantasy-multi-tool-0",
	} {
		t.Run(name, func(t *testing.T) {
			rec := recording(t, name)
			rt := &cut{header: rec.ResponseHeader, answer: rec.Response}
			var got run.Step
			l := newLab(t, rt, func(cfg *gateway.Config) { cfg.Observer = &last{step: &got} })
			ctx := run.NewContext(context.Background(), run.Ref{Agent: "alice", ID: "r"})
			var want run.Step
			for at := range len(rec.Response) + 1 {
				if near := min(at, len(rec.Response)-at); near > 700 {
					continue // within a long one, it is all the same
				}
				rt.at = at
				r, err := http.NewRequestWithContext(ctx, http.MethodPost, rec.Path, bytes.NewReader(rec.Request))
				require.NoError(t, err)
				w := newSheet(t)
				l.Gateway.ServeHTTP(w, r)
				if !bytes.Equal(rec.Response, w.body.Bytes()) {
					require.Equal(t, string(rec.Response), w.body.String(), "cut at %d", at)
				}
				if at == 0 {
					want = got
					require.Empty(t, got.Error)
					require.False(t, got.Usage.Estimated)
					require.Positive(t, got.Usage.Input)
				}
				if fmt.Sprint(want.Usage) != fmt.Sprint(got.Usage) || want.Cost != got.Cost || got.Error != "" {
					require.Equal(t, want.Usage, got.Usage, "cut at %d", at)
					require.Equal(t, want.Cost, got.Cost, "cut at %d", at)
					require.Empty(t, got.Error, "cut at %d", at)
				}
			}
		})
	}
}

// last is an observer that keeps the last step.
type last struct {
	run.Unobserved
	step *run.Step
}

func (l *last) Step(_ context.Context, _ *run.Run, s *run.Step) { *l.step = *s }

// recording returns a recorded exchange.
func recording(t *testing.T, name string) recordings.Case {
	t.Helper()
	all, err := recordings.All()
	require.NoError(t, err)
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "there is no recording "+name)
	return recordings.Case{}
}
