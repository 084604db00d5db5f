// Package budget knows money, prices and limits. A [Budget] limits what a run
// may spend, in dollars or in tokens; a [Keeper] reserves room in it before a
// call and settles the reservation with what the call really cost; a [Ledger]
// is where the accounts are kept.
//
// Amounts are integers: picodollars ([Money]) or tokens.
package budget
