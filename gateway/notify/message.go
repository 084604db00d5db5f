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
// wrote them, or a string where that is none. Where they are cut, since the event
// has more than [MaxArgs], "args_truncated" is true, and "args_bytes" how many they
// would be.
func MessageOf(e *run.Event) Message {
	return Message{Event: e.Type, ID: EventID(e), DeliveredAt: time.Now().UTC(), Data: dataOf(e)}
}

// EventID names an event. It is made of what tells the event from others, so that
// it is the same however often and by whomever the event is delivered, and
// receivers know it again.
func EventID(e *run.Event) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %d %q %q %q", e.Type, e.At.UnixNano(), e.Run.Team, e.Run.ID, e.Agent)
	switch {
	case e.Gate != nil:
		fmt.Fprintf(h, " %q", e.Gate.ID)
	case e.Alert != nil:
		fmt.Fprintf(h, " %q %v %q", e.Alert.Budget.Name, e.Alert.At, e.Alert.Account.ID)
	case e.Exhausted != nil:
		fmt.Fprintf(h, " %q %q", e.Exhausted.Budget.Name, e.Exhausted.Owner.ID)
	case e.Finding != nil:
		f := e.Finding
		fmt.Fprintf(h, " %q %q %q %q %q", f.Rule, f.Field, f.Requested, f.Tool, f.Reason)
	case e.Raised != nil:
		fmt.Fprintf(h, " %q %d", e.Raised.Rule, e.Raised.Limit)
	}
	return "evt_" + hex.EncodeToString(h.Sum(nil)[:16])
}
