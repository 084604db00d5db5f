package budget

import (
	"time"
)

// A Measure is what a rate counts.
type Measure string

// The measures.
const (
	Requests   Measure = "requests"
	InTokens   Measure = "tokens"     // input and output together
	Concurrent Measure = "concurrent" // calls at the same time
)

// A Take is what a call takes from one rate.
type Take struct {
	Owner
	Rate  string
	Of    Measure
	Need  int64 // not negative; of Concurrent always 1
	Limit int64 // within Window, or at the same time

	// Of Requests and InTokens. They are positive.
	Window time.Duration
	Burst  int64
}

// SlotWait is how long to wait for a slot before one asks again.
const SlotWait = time.Second
