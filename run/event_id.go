package run

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// ID names the event. It is made of what tells the event from others, so that it
// is the same however often, by whomever and by way of which [Outbox] the event is
// told, and receivers know it again. Its time counts in milliseconds, which every
// journal keeps. Of a BudgetAlert neither that counts nor the call that raised it.
func (e *Event) ID() string {
	h := sha256.New()
	fmt.Fprintf(h, "%q", e.Type)
	if e.Alert == nil {
		fmt.Fprintf(h, " %d %q %q %q", e.At.UnixMilli(), e.Run.Team, e.Run.ID, e.Agent)
	}
	switch {
	case e.Gate != nil:
		fmt.Fprintf(h, " %q", e.Gate.ID)
	case e.Alert != nil:
		a := &e.Alert.Account
		fmt.Fprintf(h, " %q %q %q %d %q %d %d %d", a.Scope, a.Team, a.ID, a.Since, a.Budget, a.Unit, a.Window, a.Slot)
		fmt.Fprintf(h, " %q %d %v", e.Alert.Budget.Name, e.Alert.Budget.Limit, e.Alert.At)
	case e.Exhausted != nil:
		fmt.Fprintf(h, " %q %q", e.Exhausted.Budget.Name, e.Exhausted.Owner.ID)
	case e.Finding != nil:
		f := e.Finding
		args := sha256.Sum256(f.Args[:min(MaxArgs, len(f.Args))])
		fmt.Fprintf(h, " %q %q %q %q %x %q %d", f.Rule, f.Field, f.Requested, f.Tool, args, f.Reason, f.Repeated)
	case e.FailedOver != nil:
		fmt.Fprintf(h, " %q", e.FailedOver.Step)
	case e.Raised != nil:
		fmt.Fprintf(h, " %q %d", e.Raised.Rule, e.Raised.Limit)
	}
	return "evt_" + hex.EncodeToString(h.Sum(nil)[:16])
}
