package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rungate/rungate/examples/store"
	"github.com/rungate/rungate/gateway"
	"github.com/rungate/rungate/gateway/memstore"
	"github.com/rungate/rungate/gateway/storetest"
	"github.com/rungate/rungate/internal/fake"
	"github.com/rungate/rungate/internal/inproc"
	"github.com/rungate/rungate/policy"
	"github.com/rungate/rungate/provider"
	"github.com/rungate/rungate/provider/openai"
	"github.com/rungate/rungate/roundtrip"
	"github.com/rungate/rungate/run"
)

// Whatever a store does, it keeps what a gateway relies on: runs, gates, accounts
// and rates. One call checks all of it.
func TestKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store {
		return store.New(memstore.New(memstore.Options{}), io.Discard)
	})
}

func TestAddsNoStepThatIsNotWritten(t *testing.T) {
	s := store.New(memstore.New(memstore.Options{}), full{})
	ctx, now := t.Context(), time.Now()
	var r run.Run
	_, err := s.Attach(ctx, &run.Attachment{Team: "t", At: now, Call: "s", Until: now.Add(time.Minute), ID: "r", Start: &run.Run{Agent: "a", IdleTimeout: time.Hour}}, &r)
	if err != nil {
		t.Fatal(err)
	}
	end := run.Detachment{Key: r.Key, Call: "s", At: now, Step: &run.Step{ID: "s"}}
	if err := s.Detach(ctx, &end, &r); !errors.Is(err, errFull) {
		t.Errorf("Detach: %v", err)
	}
	if r, err := s.Find(ctx, r.Key, now); err != nil || r.Steps != 0 || r.InFlight != 1 {
		t.Errorf("Find: %+v, %v", r, err)
	}
}

// full is a disk that is.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func Example() {
	var journal bytes.Buffer // a file, for instance
	gw, err := gateway.New(gateway.Config{
		Providers: []provider.Provider{&openai.Provider{APIKey: "sk-your-key"}},
		Policy:    policy.AllowAll,
		Store:     store.New(memstore.New(memstore.Options{}), &journal),
		Transport: &inproc.Transport{Handler: &fake.Provider{}}, // leave it out to reach the network
	})
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: roundtrip.New(gw)}
	ctx := run.NewContext(context.Background(), run.Ref{Agent: "researcher", ID: "nightly"})
	for _, model := range []string{"gpt-4.1", "gpt-4.1-mini"} {
		body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"Say hello."}]}`, model)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.openai.com/v1/chat/completions", strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := gw.Close(ctx); err != nil { // when it has returned, every call is recorded
		log.Fatal(err)
	}

	lines := json.NewDecoder(&journal)
	for lines.More() {
		var e store.Entry
		if err := lines.Decode(&e); err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Team, e.Run, e.Model, e.Status, "$"+e.CostUSD.String())
	}

	// Output:
	// agent:researcher nightly openai/gpt-4.1 200 $0.000228
	// agent:researcher nightly openai/gpt-4.1-mini 200 $0.0000456
}
