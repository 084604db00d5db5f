package sqlstore

// ledger implements budget.Ledger.
type ledger struct {
	*database
	o Options
}
