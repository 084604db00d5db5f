// Package redisstore keeps a gateway's runs, gates, accounts and rates in Redis or
// Valkey, so that several gateways share them.
package redisstore

import "github.com/redis/go-redis/v9"

// A Store is a run.Journal, a run.GateJournal, a run.Outbox and a budget.Ledger in
// Redis. It is safe for concurrent use.
type Store struct {
	ledger
	journal
}

// New returns a store in a Redis, a Redis Cluster, or what else rdb is a client of,
// which stays the caller's.
func New(rdb redis.UniversalClient, o Options) *Store {
	o = o.withDefaults()
	return &Store{ledger{rdb, o}, journal{rdb, o}}
}

// Options say where and for how long a Store keeps what it has. The zero Options
// are the defaults.
type Options struct {
	Prefix string // of all keys; empty is DefaultPrefix
}

// DefaultPrefix begins the keys of a Store.
const DefaultPrefix = "rungate:"

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	return o
}
