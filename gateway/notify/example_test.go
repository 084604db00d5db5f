package notify_test

import (
	"context"
	"fmt"
	"log"

	"github.com/rungate/rungate/gateway/notify"
	"github.com/rungate/rungate/run"
)

// A program tells its users in its own way when an agent waits for them.
func ExampleDispatcher() {
	ask := notify.NotifierFunc(func(_ context.Context, e *run.Event) error {
		g := e.Gate
		fmt.Printf("%s wants to call %s with %s: %s\n", g.Agent, g.Proposed[0].Tool, g.Proposed[0].Args, g.Status)
		return nil
	})
	d := notify.NewDispatcher(nil, nil, notify.Filter{Events: []string{"approval.*"}, Notifier: ask})

	// A gateway does this.
	ctx := context.Background()
	d.Event(ctx, &run.Event{Type: run.RunStarted, Agent: "researcher"})
	d.Event(ctx, &run.Event{Type: run.ApprovalPending, Agent: "researcher", Gate: &run.Gate{
		Agent: "researcher", Status: run.GatePending, Proposed: []run.Proposal{{Tool: "issue_refund", Args: []byte(`{"usd":1240}`)}},
	}})

	if err := d.Close(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// researcher wants to call issue_refund with {"usd":1240}: pending
}
