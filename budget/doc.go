// Package budget knows money, prices and limits. A [Budget] limits what may be
// spent, in dollars or in tokens, by a run, an agent or whatever else its
// [Scope] says; a [Keeper] reserves room in it before a call and settles the
// reservation with what the call really cost; a [Ledger] is where the accounts
// are kept. A [Rate] limits how fast calls may follow each other, or how many
// there may be at once; the same Keeper holds calls to it, in the same transaction.
//
// Amounts are integers: picodollars ([Money]) or tokens.
package budget
