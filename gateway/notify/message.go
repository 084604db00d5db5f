package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/rungate/rungate/run"
)

// A Message is an event as it is sent in JSON.
type Message struct {
	Event       run.EventType   `json:"event"`
	ID          string          `json:"id"`           // names the event, see EventID
	DeliveredAt time.Time       `json:"delivered_at"` // when this attempt to deliver it was made
	Data        json.RawMessage `json:"data"`         // an object with what there is to say, by type
}

// MessageOf returns the message of an event as it is sent now. Its data says
// when it happened ("at"), in which run ("run_id", which is unique in its
// "team"), of which agent and under which policy, and then:
//
//   - run.*: how the run stands, and what blocked it;
//   - budget.*: the rule, its limit, and what is spent of it;
//   - limit.raised: the rule, and its new limit as [run.Raised] has it;
//   - policy.*, rule.alert and loop.detected: what was found;
//   - approval.*: the gate, what would happen if it is approved, and who decided.
//
// Money is a decimal string of dollars. Arguments of tools are JSON as the model
// wrote them, or a string where that is none.
func MessageOf(e *run.Event) Message {
	data := dataOf(e)
	return Message{Event: e.Type, ID: idOf(e, data), DeliveredAt: time.Now().UTC(), Data: data}
}

// EventID names an event. It is made of what the event says: the same event has
// the same, however often and by whomever it is delivered, so that receivers
// know it again.
func EventID(e *run.Event) string { return idOf(e, dataOf(e)) }

func idOf(e *run.Event, data []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d ", e.Type, e.At.UnixNano())
	h.Write(data)
	return "evt_" + hex.EncodeToString(h.Sum(nil)[:16])
}
