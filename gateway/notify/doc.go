// Package notify tells people and programs beside the agents what happens: that
// a gate is to be decided, a budget is exceeded, a run has started. A [Notifier]
// is told one event at a time; the [Dispatcher] takes events from a [run.Outbox], or
// as a [run.Observer] keeps them in memory, hands them to notifiers, tries again what
// could not be delivered, and knows what never could. A [MessageOf] an event is what
// is sent of it over a wire.
//
// Package webhook has the notifiers that send messages to an address.
package notify
