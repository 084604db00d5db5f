// Package webhook has notifiers that send messages to an address: [Endpoint],
// whose messages are signed and meant for programs, and [Slack], whose messages
// are meant for people.
package webhook
