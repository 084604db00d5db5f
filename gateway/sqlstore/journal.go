package sqlstore

// journal implements run.Journal, run.GateJournal and run.Outbox.
type journal struct {
	*database
	o Options
}
