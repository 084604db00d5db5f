// Package guard stands between a gateway and a store that may be slow, or away: each
// verb has a deadline, what may be a lost reply is asked for once more, and a store
// that has failed several times in a row is left alone for a while.
//
// A verb is asked for again only where that cannot do a thing twice:
//
//	Attach, RenewCall, Detach      by the name of the call
//	Repeat                         a turn by the name of the call; of what is announced, the
//	                               outbox is told once, but an Observer that did not learn of
//	                               the first reply is not told
//	Complete, Block, Lift, Raise   by the state of the run: the second time nothing changes,
//	                               and as above for an Observer
//	Find, Steps, Refusals          change nothing
//	OpenGate                       by the ID of the gate
//	MeetGate                       that a gate has expired is said once: if that is lost, the
//	                               request is taken for a new one, and opens another gate
//	DecideGate                     by the verdict and the time that the gate has then
//	ClaimGate, RenewClaim,         by the claim
//	EndClaim
//	GateAnswer, FindGates,         change nothing
//	ListGates
//	Reserve, Renew, Settle         by the ID of the reservation; the balances of a settlement
//	                               are not known if the first reply was lost
//	Balances, Forget               change nothing, or nothing more
//	Append                         by the ID of the record
//	Entries, Head, Teams           change nothing
//
// Sweep is not asked for again: what it returns is known to it once. The next one goes
// on where it was. It has much to do, and may take as long as its caller has time.
package guard
