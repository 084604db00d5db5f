// Package stores shows where gateways that share runs, budgets and gates keep them:
// in a file that processes of one machine share, in PostgreSQL, in Redis, or in both
// of these. The functions are short; what they put together is as good where it is
// written out.
//
// # In one of them
//
// Everything is in one place, and each step of a call is one transaction there: a
// call's reservation with its entry of the audit trail, where the store keeps one, and
// an event with the change that it tells of. SQLite loses nothing that it has
// confirmed. PostgreSQL loses nothing as long as synchronous_commit is on. Redis loses
// what it has not written down, see redisstore. While it is down, calls that need it
// are refused, or pass where their policy says so, and the gateways go on by
// themselves when it is back.
//
// # In two
//
// With [Share], budgets, rates and the reservations of calls are in Redis. Runs, their
// steps, gates and the audit trail are in the database. A call goes from one to the
// other, and there is no transaction over both. So it is made that each order in which
// it can break is a safe one:
//
//   - A call is in its run before it reserves. If the gateway dies in between, the run
//     has a call in flight until its lease ends.
//   - It reserves before the audit trail says that it is allowed, and that is there
//     before it is forwarded. If the gateway dies in between, or the database does not
//     answer, nothing was forwarded. The reservation is given back, or, where the
//     gateway has died, charged when its lease ends, as that of any call of which it is
//     not known how it went.
//   - It is settled in Redis before its step is added in the database. If the gateway
//     dies in between, the budget has the money, and the run lacks the step and its
//     cost.
//
// What one of the two does is as whole as ever: all budgets and rates of a call are
// taken or none, a gate and the state of its run change together, each alert is told
// once. Of one run, events of the database come in their order, and so do alerts of
// budgets, which are in Redis; between these there is none.
//
// # When Redis is lost
//
// While it is down, calls are refused with 503, or pass ungoverned where their policy
// has on_store_error: allow; then they are charged when it is back. What operators do,
// runs, gates and the audit trail go on.
//
// If what it had is gone, budgets are empty: whatever was spent counts as nothing, in
// windows as well as for ever, and rates are full. That holds for money, too: no limit
// in Redis survives the loss of Redis. Of the calls in flight nothing is known any more,
// so that what they cost is in no budget either.
// The database still has each run with its sums of tokens and cost, each step, and each
// line of the audit trail, from which an operator sees what was spent; the rule
// "spend_usd" of a policy goes by it as well. Nothing puts that back into budgets. Go
// on in one of these ways:
//
//   - Restore Redis from its last snapshot or append-only file. What was spent after it
//     is not counted.
//   - Start with an empty one. Budgets of an hour or a day are right again in the next
//     window. Lower a limit that may not be exceeded, by what the database says was
//     spent, until its window ends.
//   - Where limits must outlive a lost Redis, keep everything in PostgreSQL, or run
//     Redis with appendonly yes and appendfsync always, and with replicas that WAIT or
//     a disk that you trust.
//
// Alerts that were not delivered yet are lost with it, and so is that one was told: a
// threshold that is passed again is told again.
//
// # When the database is lost
//
// While it is down, no call finds its run, and none is written down: 503, or ungoverned
// by policy. An ungoverned call has its lists and rules, and is charged in Redis and
// added to its run when the database is back. With an audit trail, a call passes only
// if its policy allows that it cannot be written. A gate that waits goes on to wait,
// and nobody decides it.
//
// If what it had is gone, so are runs, with the sums that limits of the run go by,
// gates with the answers that they withhold, events that were not delivered, and the
// audit trail but for what was exported. Budgets and rates in Redis hold as before; a
// run that is started anew under the same ID is another one, with budgets per run of
// its own. Restore the database from a backup: what is missing then is what happened
// after it. A trail that was restored is whole in itself, and audit verify with the
// heads that were kept says what it lacks.
package stores
