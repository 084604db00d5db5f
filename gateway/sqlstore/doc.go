// Package sqlstore keeps a gateway's runs, gates, accounts, rates and audit trail in
// PostgreSQL or SQLite.
//
// # Concurrency and the disk
//
// What a method has changed is on the disk when it returns. SQLite has one writer at a
// time: all methods that write wait for one another's turn on the disk. In PostgreSQL
// many write at once, and one turn on the disk is for all who wait for it; but who
// changes something has it locked until that is over. So one after the other come
//
//   - Reserve, Renew and Settle that share an account or a rate: a budget of the
//     team, the user or the key that makes all the calls. Two such turns of each
//     call have to fit in.
//   - Attach, RenewCall and Detach of calls of one run, or of runs that have the same
//     ancestor: a tree of runs is locked by its root.
//   - those that open a gate of one team, and those that start a run of one name.
//
// Calls of one team that have none of these in common do not wait for one another. Nor
// do they for its audit trail: an entry is on the disk before its effect, but is
// linked to the others a little later, as below.
//
// With a disk that takes 5 ms, what has one lock can be done 200 times a second: a
// budget that all calls share lets 100 of these pass. It is not the average that
// matters. Twelve that come to it at the same moment wait for up to 60 ms, and a
// gateway's Limits.StoreTimeout is 50: then it refuses calls for a while. Where that can
// happen, there are two ways out.
//
// synchronous_commit=off in the address (postgres://…/name?synchronous_commit=off) has
// nobody wait for the disk: the locks are held for as long as the server computes. A
// gateway that is killed loses nothing by that, nor does a server that is stopped in
// good order. A database server that crashes, or its machine, forgets what it has told
// last, up to three times its wal_writer_delay: 0.6 s, if that is not set otherwise.
// What is left is whole, as it was at one moment before. So forgotten can be
// reservations and what was spent, by which a budget may be passed; steps, decisions
// about gates, and runs that were just started; audit entries, of denials too, whose
// effect has happened, and such that were chained and exported, so that audit.Verify
// finds a trail cut off that is compared with a later head.
//
// Redis for the ledger, and for the journal where many calls belong to one tree of
// runs, with this store for what is to last: Redis does one thing after the other as
// well, but in microseconds. It is the choice where many gateways or some hundred
// agents share budgets or rates; it, too, forgets up to a second when it crashes,
// by its own settings. Audit entries are added here then, one Append each, and wait
// for the disk but not for one another.
//
// # What an audit trail proves
//
// Of entries up to one whose hash is known elsewhere, as an audit.Head, it proves that
// nobody has changed, moved, added or dropped any. Those after that can be changed by
// who may write to the database, gets past its triggers and computes all later
// hashes anew. Any other change is found by audit.Verify.
//
// In PostgreSQL that is so of entries that are chained. Each is about a second after it
// was added, by the process that has added it or, where that was killed within the
// second, by the next sweep of this store or whoever reads the trail next. Until then
// somebody like that can change, drop or reorder it, and no hash will tell. By holding
// the lock of a trail he can have its entries stay so for longer, but not unseen:
// sweeps fail then, and so does reading that trail. In SQLite an entry is chained as
// it is added.
package sqlstore
