// Package redisstore keeps a gateway's runs, gates, events, accounts and rates in
// Redis or Valkey, alone or as a cluster, so that several gateways share them. Each
// method is one script, which happens as a whole or not at all.
//
// # The client
//
// It is the caller's, made with ContextTimeoutEnabled: without that, it does not obey
// the deadlines of contexts, and a call waits for its own time-outs. It does not read
// from replicas, which may not know yet what was written. Redis needs version 6.2 or
// later, and maxmemory-policy noeviction: what it evicts is lost.
//
// # Slots
//
// The keys of a team have one hash tag, so that they are in one slot of a cluster:
// its runs with their steps, its gates, its events. A script names only the prefix of
// that slot, and finds the other keys by itself. So while a slot is moved to another
// node, calls of its teams fail or find too little: stop the gateways for that.
// That a replica takes a node's place is no matter.
//
// What is not of one team has keys of its own: a list of the teams and the
// subscribers, and for each gate a pointer to its team, so that it is found by its ID.
// A process adds a team to that list before it starts a run of it, and again ten
// minutes later: that is one round trip more, or two where there are subscribers. All
// other calls of Attach, RenewCall and Detach are one. A gate that is named by its ID
// alone takes two.
//
// What is about all teams asks one after the other: Sweep, ListGates without a team,
// Subscribe and the outbox. ListGates puts the answers together, so that a gate in it
// is as it was at some moment of that.
//
// # Bounds
//
// [Options] say how many runs, steps and live gates of a team are kept. Of one run
// 100 kinds of refusals are told apart, and 1,000 gates are remembered that are not
// live, or 1 MiB of their arguments. Of a team's events 100,000 wait for one
// subscriber, and 1,000 that are dead are remembered: what has no room is dead, too.
// A sweep drops what is no longer kept; it has to be made by one gateway at least, and
// any number may. It drops the accounts of a run with the run, and charges what was
// reserved by those who have died. What an ended run has, and its accounts, is dropped
// by Redis itself after more than twice ClosedRuns, if nobody sweeps: its gates stay
// until somebody does.
//
// # What is lost with Redis
//
// Redis loses what it has not written down or sent on: with appendfsync everysec, the
// last second when it crashes, and what a replica has not got when that takes over.
// Calls in flight and reservations that are lost so are free again, and what they
// have cost in that second is not counted. With appendfsync always and one node,
// nothing is lost that was answered.
package redisstore
