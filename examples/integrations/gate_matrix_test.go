package integrations

import (
	"slices"
	"time"

	"github.com/rungate/rungate/run"
)

// A gating is how a client waits for a person, and what becomes of that.
type gating struct {
	mode run.ApprovalMode
	ends ending
}

// An ending is what becomes of a gate while a client waits at it.
type ending string

const (
	approved  ending = "approved"
	rejected  ending = "rejected"
	expired   ending = "expired"
	undecided ending = "undecided"
)

// gateCodes are what the gateway calls its refusals.
var gateCodes = map[ending]string{
	rejected:  "approval_rejected",
	expired:   "approval_expired",
	undecided: "approval_pending",
}

// gateStates are in what state a gate is in the end.
var gateStates = map[ending]string{
	approved:  "used",
	rejected:  "rejected",
	expired:   "expired",
	undecided: "pending",
}

// gateColumns are those of the README's table. A client does the same in all
// gatings of one.
var gateColumns = []struct {
	title   string
	gatings []gating
}{
	{"`accepted`", []gating{{run.AcceptedMode, undecided}}},
	{"`wait`: approved", []gating{{run.WaitMode, approved}}},
	{"rejected, expired", []gating{{run.WaitMode, rejected}, {run.WaitMode, expired}}},
	{"`error`: approved", []gating{{run.ErrorMode, approved}}},
	{"rejected, expired", []gating{{run.ErrorMode, rejected}, {run.ErrorMode, expired}}},
	{"undecided", []gating{{run.ErrorMode, undecided}}},
}

// pause is what the gateway tells a client to wait between two attempts.
const pause = 5 * time.Second

// silence is how long the gateway keeps a stream waiting without a sign of life.
const silence = 20 * time.Second

// tries are the reactions at gates of a client that makes some attempts as long as
// it is told to. Unaware is what it raises where it takes a 202 for an answer.
func tries(attempts int, unaware, forbidden string) map[gating]reaction {
	no := reaction{attempts: 1, raises: forbidden}
	all := map[gating]reaction{
		{run.AcceptedMode, undecided}: {attempts: 1, raises: unaware},
		{run.WaitMode, approved}:      {attempts: 1},
		{run.WaitMode, rejected}:      no,
		{run.WaitMode, expired}:       no,
		{run.ErrorMode, undecided}:    {attempts: attempts, over: time.Duration(attempts-1) * pause, raises: forbidden},
	}
	if attempts > 1 {
		no = reaction{attempts: 2, over: pause, raises: forbidden}
		all[gating{run.ErrorMode, approved}] = reaction{attempts: 2, over: pause}
		all[gating{run.ErrorMode, rejected}] = no
		all[gating{run.ErrorMode, expired}] = no
	}
	return all
}

// The scenarios that are about gates.
const (
	streamedTool scenario = "streamed_tool"
	patient      scenario = "patient" // a tool call, asked for until there is one
)

var gatedSDK = []scenario{streamedTool, patient}

// plays reports whether the program of the client has a scenario.
func (c *client) plays(s scenario) bool {
	return slices.Contains(c.scenarios, s) || slices.Contains(c.gated, s)
}
