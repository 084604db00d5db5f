// Package notify tells people and programs beside the agents what happens: that
// a gate is to be decided, a budget is exceeded, a run has started. A [Notifier]
// is told one event at a time; the [Dispatcher] is a [run.Observer] that hands
// events to notifiers, tries again what could not be delivered, and keeps what
// never could. A [MessageOf] an event is what is sent of it over a wire.
//
// Package webhook has the notifiers that send messages to an address.
package notify
