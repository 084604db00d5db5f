package notify

import (
	"encoding/json"
	"time"

	"github.com/rungate/rungate/run"
)

// A Message is an event as it is sent in JSON.
type Message struct {
	Event       run.EventType   `json:"event"`
	ID          string          `json:"id"`           // names the event, see run.Event.ID
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
//   - step.failed_over: the step that failed and why, the target that it was for
//     ("from") and the one that is tried next ("to");
//   - approval.*: the gate, what would happen if it is approved, and who decided.
//
// Money is a decimal string of dollars. Arguments of tools are JSON as the model
// wrote them, or a string where that is none. Where they are cut, since the event
// has more than [run.MaxArgs], "args_truncated" is true, and "args_bytes" how many they
// would be.
func MessageOf(e *run.Event) Message {
	return Message{Event: e.Type, ID: e.ID(), DeliveredAt: time.Now().UTC(), Data: dataOf(e)}
}
