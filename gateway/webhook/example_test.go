package webhook_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/gateway/webhook"
	"github.com/rungate/rungate/run"
)

// A receiver without any library: it looks at the time and at the signatures, of
// which there are two while the secret is changed, before it reads the message.
func Example() {
	const secret = "correct horse battery staple"
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		timestamp := r.Header.Get("X-Rungate-Timestamp")
		sent, err := strconv.ParseInt(timestamp, 10, 64)
		if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
			http.Error(w, "too old", http.StatusBadRequest)
			return
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(timestamp + "."))
		mac.Write(body)
		want := "v1=" + hex.EncodeToString(mac.Sum(nil))
		signed := false
		for _, signature := range r.Header.Values("X-Rungate-Signature") {
			signed = signed || hmac.Equal([]byte(signature), []byte(want))
		}
		if !signed {
			http.Error(w, "not signed", http.StatusUnauthorized)
			return
		}
		var m struct {
			Event, ID string // the ID is the same if the event comes again
			Data      struct {
				GateID   string `json:"gate_id"`
				Proposed []struct {
					Tool string
					Args json.RawMessage
				} `json:"proposed_actions"`
			}
		}
		if err := json.Unmarshal(body, &m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Println(m.Event, m.Data.GateID, m.Data.Proposed[0].Tool, string(m.Data.Proposed[0].Args))
	}
	receiver := httptest.NewServer(http.HandlerFunc(receive))
	defer receiver.Close()

	endpoint := &webhook.Endpoint{URL: receiver.URL, Secret: secret, AllowPrivate: true} // it is on this machine
	d := notify.NewDispatcher(nil, nil, notify.Filter{Events: []string{"approval.*"}, Notifier: endpoint})

	// A gateway does this.
	ctx := context.Background()
	d.Event(ctx, &run.Event{Type: run.ApprovalPending, At: time.Now(), Gate: &run.Gate{
		ID: "gate_8xk2m", Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(`{"usd":1240}`)}},
	}})
	if err := d.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// approval.pending gate_8xk2m issue_refund {"usd":1240}
}
