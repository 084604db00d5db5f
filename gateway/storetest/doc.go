// Package storetest checks that a store keeps its word. What [run.Journal],
// [run.GateJournal] and [budget.Ledger] promise in their comments is here a test,
// sentence by sentence, for any implementation. One call checks all three:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Store { return open(t) })
//	}
//
// A back end of only some of them has [RunJournal], [RunGates], which needs the
// runs as well, and [RunLedger]. One that is a [run.Outbox] as well has [RunOutbox]
// beside these, or [RunOutboxes] if it is made of two, and one that is an
// [audit.Trail] has [RunTrail].
//
// Run it with -race as well. It works against a store across a network: it
// waits for nothing but the ends of leases of a few milliseconds, it compares
// times to the second, and it cares about no other clock than the one that the
// interface names.
package storetest
