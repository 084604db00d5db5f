// Package health knows how the targets of a gateway are: which of them serve, how soon
// they begin to answer, and which are left out for a while since they keep failing.
package health
